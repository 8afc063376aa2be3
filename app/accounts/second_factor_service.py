"""Set up, renew, remove and reset second factors."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.audit.repository import KnownActor
from app.auth.caller import Caller
from app.auth.errors import EnrolmentNotStarted, InvalidCode, NoSecondFactor
from app.auth.event_repository import AccountEventRepository
from app.auth.factor_codes import (
    new_recovery_codes,
    new_totp_secret,
    recovery_hash,
    used_step,
    without_spaces,
)
from app.auth.factor_limits import FactorLimits
from app.auth.factor_mails import FactorMails
from app.auth.factor_models import FactorMethod, TotpFactor
from app.auth.factor_repository import (
    RecoveryCodeRepository,
    TotpRepository,
    drop_factors,
    held_factors,
)
from app.auth.models import AccountAction
from app.auth.repository import AuthSessionRepository
from app.core.db.database import WriteSession
from app.core.db.rollout import require_finished
from app.core.errors import NotAuthenticated, NotFound
from app.core.security.encryption import Encryption, UnreadableSecret
from app.notifications.payloads import FactorChange
from app.users.models import User
from app.users.repository import UserRepository

NOBODY = UUID(int=0)
# How long an app can be confirmed.
PENDING_FOR = timedelta(hours=1)


class OwnFactors:
    """The second factors of the caller, whose account is locked by each use case."""

    def __init__(
        self, unit: WriteSession, caller: Caller, mails: FactorMails, now: datetime
    ) -> None:
        self.unit = unit
        self.now = now
        self.user_id = caller.id or NOBODY  # the guards let people in alone
        self._session_id = caller.session_id or NOBODY
        self._mails = mails
        self._audit_log = AccountEventRepository(unit, now)

    async def lock_owner(self) -> User:
        """Lock the account; raise `NotAuthenticated` if it or the session was ended meanwhile.

        Else a request that overlaps with a reset would add a factor that survives it.
        """
        user = await UserRepository(self.unit).lock_active(self.user_id)
        sessions = AuthSessionRepository(self.unit)
        if user is None or await sessions.lock_live(self._session_id, self.now) is None:
            raise NotAuthenticated
        return user

    async def end_sessions_without_factor(self, user: User) -> None:
        """End the other sessions of an account that gets its first factor.

        A password alone began them, and anyone who knows it could go on as if they had the factor.
        """
        if not (await held_factors(self.unit, user.id)).methods:
            sessions, own = AuthSessionRepository(self.unit), self._session_id
            await sessions.revoke_all(user.id, self.now, but=own, without_factor=True)

    def tell(self, user: User, action: AccountAction, change: FactorChange, **details: Any) -> None:
        """Record a change and mail it to the owner."""
        self._audit_log.record(action, user.id, by=user.id, **details)
        self._mails.tell(self.unit, user, change, self.now)

    async def drop_useless_codes(self, user: User) -> None:
        """Delete the recovery codes with the last factor that they could replace."""
        if not (await held_factors(self.unit, user.id)).methods:
            await RecoveryCodeRepository(self.unit).drop(user.id)

    async def new_codes(self, user: User) -> list[str]:
        """Return new recovery codes in place of all earlier ones."""
        codes = new_recovery_codes()
        hashes = [recovery_hash(code) for code in codes]
        await RecoveryCodeRepository(self.unit).replace(user.id, hashes, self.now)
        return codes


@dataclass(frozen=True, slots=True)
class TotpService:
    """The authenticator app of the caller, and the recovery codes."""

    own: OwnFactors
    totp_secrets: Encryption
    limits: FactorLimits

    async def start(self) -> tuple[User, str]:
        """Return the secret of an app that counts once it is confirmed; raise `UpdateUnderWay`.

        An app that is in use stays so until then.
        """
        await require_finished(self.own.unit)
        user, factors = await self.own.lock_owner(), TotpRepository(self.own.unit)
        await factors.drop(user.id, confirmed=False)
        secret = new_totp_secret()
        factors.add(
            TotpFactor(
                user_id=user.id,
                is_confirmed=False,
                secret=self.totp_secrets.encrypt(secret),
                created_at=self.own.now,
            )
        )
        return user, secret

    async def confirm(self, code: str) -> list[str]:
        """Take the app into use and return the recovery codes.

        Raise `EnrolmentNotStarted`, `InvalidCode` or `UpdateUnderWay`.
        """
        guess = await self.limits.count(self.own.user_id)
        await require_finished(self.own.unit)
        user, factors = await self.own.lock_owner(), TotpRepository(self.own.unit)
        pending = await factors.of(user.id, confirmed=False)
        if pending is None or pending.created_at <= self.own.now - PENDING_FOR:
            raise EnrolmentNotStarted
        step = used_step(self._secret(pending), without_spaces(code), None, self.own.now)
        if step is None:
            raise InvalidCode
        await self.own.end_sessions_without_factor(user)
        await factors.drop(user.id, confirmed=True)
        pending.is_confirmed, pending.last_step = True, step
        told = {"factor": FactorMethod.TOTP.value}
        self.own.tell(user, AccountAction.SECOND_FACTOR_ADDED, FactorChange.APP_ADDED, **told)
        codes = await self.own.new_codes(user)
        await self.limits.give_back(guess)
        return codes

    def _secret(self, factor: TotpFactor) -> str:
        try:
            return self.totp_secrets.decrypt(factor.secret)
        except UnreadableSecret:
            raise EnrolmentNotStarted from None

    async def remove(self) -> None:
        """Remove the app; raise `NotFound`."""
        user, factors = await self.own.lock_owner(), TotpRepository(self.own.unit)
        await factors.drop(user.id, confirmed=False)
        if not await factors.drop(user.id, confirmed=True):
            raise NotFound
        await self.own.drop_useless_codes(user)
        told = {"factor": FactorMethod.TOTP.value}
        self.own.tell(user, AccountAction.SECOND_FACTOR_REMOVED, FactorChange.APP_REMOVED, **told)

    async def renew_codes(self) -> list[str]:
        """Return ten new recovery codes; raise `NoSecondFactor`."""
        user = await self.own.lock_owner()
        if not (await held_factors(self.own.unit, user.id)).methods:
            raise NoSecondFactor
        codes = await self.own.new_codes(user)
        change = FactorChange.RECOVERY_CODES_RENEWED
        self.own.tell(user, AccountAction.RECOVERY_CODES_RENEWED, change)
        return codes


async def reset_factors(
    unit: WriteSession,
    user: User,
    mails: FactorMails,
    now: datetime,
    *,
    by: UUID | KnownActor | None,
) -> bool:
    """Remove all second factors of a locked account; return whether it had one.

    Its sessions end, too: whoever added a factor may have begun them.
    """
    held = await held_factors(unit, user.id)
    await drop_factors(unit, user.id)
    if not held.methods:
        return False
    await AuthSessionRepository(unit).revoke_all(user.id, now)
    told = {"factors": [method.value for method in held.methods]}
    audit_log = AccountEventRepository(unit, now)
    audit_log.record(AccountAction.SECOND_FACTOR_RESET, user.id, by=by, **told)
    mails.tell(unit, user, FactorChange.RESET, now)
    return True
