"""SQL of second factors and of sign-ins that wait for one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, func, or_, select

from app.auth.errors import PasskeyKnown
from app.auth.factor_models import (
    FactorMethod,
    Passkey,
    PasskeyChallenge,
    RecoveryCode,
    SignInTicket,
    TotpFactor,
)
from app.core.db.database import ReadSession, WriteSession
from app.core.db.repository import ReadRepository, Repository, refusals
from app.users.models import User


@dataclass(frozen=True, slots=True)
class HeldFactors:
    """The second factors of an account."""

    totp: bool
    passkeys: int
    recovery_codes: int

    @property
    def methods(self) -> list[FactorMethod]:
        """Return how a sign-in can be completed; none if it needs no second factor.

        Recovery codes alone are none: they replace a factor.
        """
        if not (self.totp or self.passkeys):
            return []
        held = {
            FactorMethod.TOTP: self.totp,
            FactorMethod.PASSKEY: self.passkeys,
            FactorMethod.RECOVERY_CODE: self.recovery_codes,
        }
        return [method for method, number in held.items() if number]


def has_factor(user_id: Any) -> ColumnElement[bool]:
    """Return the condition under which an account has a second factor."""
    return or_(
        exists().where(TotpFactor.user_id == user_id, TotpFactor.is_confirmed),
        exists().where(Passkey.user_id == user_id),
    )


async def held_factors(session: ReadSession, user_id: UUID) -> HeldFactors:
    """Return the second factors of an account, with one statement."""
    found = await user_and_factors(session, user_id)
    return found[1] if found else HeldFactors(totp=False, passkeys=0, recovery_codes=0)


async def user_and_factors(session: ReadSession, user_id: UUID) -> tuple[User, HeldFactors] | None:
    """Return an account and its second factors, with one statement."""
    own_totp = exists().where(TotpFactor.user_id == User.id, TotpFactor.is_confirmed)
    passkeys, codes = (
        select(func.count()).where(table.user_id == User.id).scalar_subquery()
        for table in (Passkey, RecoveryCode)
    )
    found = await session.rows(select(User, own_totp, passkeys, codes).where(User.id == user_id))
    row = found.first()
    if row is None:
        return None
    user, *numbers = row
    return user, HeldFactors(*numbers)


async def drop_factors(unit: WriteSession, user_id: UUID) -> None:
    """Delete all second factors of a locked account, and what was begun with them."""
    for table in (TotpFactor, Passkey, RecoveryCode, PasskeyChallenge, SignInTicket):
        await unit.write(delete(table).where(table.user_id == user_id))


class TotpRepository(Repository[TotpFactor]):
    model = TotpFactor

    async def of(self, user_id: UUID, *, confirmed: bool) -> TotpFactor | None:
        """Lock the account's app: the one in use, or the one that is not confirmed yet."""
        return await self.lock(
            TotpFactor.user_id == user_id, TotpFactor.is_confirmed.is_(confirmed)
        )

    async def drop(self, user_id: UUID, *, confirmed: bool) -> bool:
        """Delete the app; return whether there was one."""
        which = (TotpFactor.user_id == user_id, TotpFactor.is_confirmed.is_(confirmed))
        return bool((await self.unit.write(delete(TotpFactor).where(*which))).rowcount)

    async def purge(self, before: datetime, *, at_most: int) -> int:
        """Delete apps that were not confirmed since `before`; return how many."""
        old = ~TotpFactor.is_confirmed, TotpFactor.created_at <= before
        return await _purge(self.unit, TotpFactor, at_most, *old)


class RecoveryCodeRepository(Repository[RecoveryCode]):
    model = RecoveryCode

    async def replace(self, user_id: UUID, hashes: Collection[bytes], now: datetime) -> None:
        """Store new codes of a locked account in place of all earlier ones."""
        await self.drop(user_id)
        self.add_all(
            RecoveryCode(user_id=user_id, code_hash=hashed, created_at=now) for hashed in hashes
        )

    async def use_up(self, user_id: UUID, hashed: bytes) -> bool:
        """Delete a code; return whether it existed. Of concurrent requests one sees that it did."""
        which = (RecoveryCode.user_id == user_id, RecoveryCode.code_hash == hashed)
        return bool((await self.unit.write(delete(RecoveryCode).where(*which))).rowcount)

    async def drop(self, user_id: UUID) -> None:
        await self.unit.write(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))


class PasskeyReader(ReadRepository[Passkey]):
    model = Passkey

    async def of(self, user_id: UUID) -> Sequence[Passkey]:
        """Return the account's passkeys, oldest first."""
        found = await self.session.scalars(
            self.statement().where(Passkey.user_id == user_id).order_by(Passkey.id)
        )
        return found.all()

    async def owner(self, credential_id: bytes) -> UUID | None:
        """Return the account of a passkey if it can sign in."""
        return await self.session.scalar(
            select(User.id)
            .join(Passkey, Passkey.user_id == User.id)
            .where(Passkey.credential_id == credential_id, User.is_active)
        )


class PasskeyRepository(PasskeyReader, Repository[Passkey]):
    async def lock_own(self, user_id: UUID, passkey_id: UUID) -> Passkey | None:
        return await self.lock(Passkey.id == passkey_id, Passkey.user_id == user_id)

    async def lock_credential(self, user_id: UUID, credential_id: bytes) -> Passkey | None:
        return await self.lock(Passkey.user_id == user_id, Passkey.credential_id == credential_id)

    async def save(self, passkey: Passkey) -> None:
        """Store a new passkey; raise `PasskeyKnown`."""
        self.add(passkey)
        with refusals({"uq_passkeys_credential_id": PasskeyKnown}):
            await self.unit.flush()


class ChallengeRepository(Repository[PasskeyChallenge]):
    model = PasskeyChallenge

    async def store(
        self, hashed: bytes, user_id: UUID | None, now: datetime, *, until: datetime
    ) -> None:
        self.add(
            PasskeyChallenge(
                challenge_hash=hashed, user_id=user_id, created_at=now, expires_at=until
            )
        )

    async def use_up(self, hashed: bytes, user_id: UUID | None, now: datetime) -> bool:
        """Delete a challenge; return whether it was valid for this purpose.

        Of concurrent requests one sees that it was.
        """
        used = delete(PasskeyChallenge).where(PasskeyChallenge.challenge_hash == hashed)
        returned = used.returning(PasskeyChallenge.user_id, PasskeyChallenge.expires_at)
        found = (await self.unit.returning(returned)).mappings().first()
        return found is not None and found["user_id"] == user_id and found["expires_at"] > now

    async def purge(self, now: datetime, *, at_most: int) -> int:
        """Delete expired challenges; return how many."""
        return await _purge(
            self.unit, PasskeyChallenge, at_most, PasskeyChallenge.expires_at <= now
        )


class TicketReader(ReadRepository[SignInTicket]):
    model = SignInTicket

    async def owner(self, hashed: bytes, now: datetime) -> UUID | None:
        """Return the account of a valid ticket."""
        return await self.session.scalar(select(SignInTicket.user_id).where(*_live(hashed, now)))


class TicketRepository(TicketReader, Repository[SignInTicket]):
    async def lock_live(self, hashed: bytes, now: datetime) -> SignInTicket | None:
        return await self.lock(*_live(hashed, now))

    async def drop_all(self, user_id: UUID) -> None:
        await self.unit.write(delete(SignInTicket).where(SignInTicket.user_id == user_id))

    async def purge(self, now: datetime, *, at_most: int) -> int:
        """Delete expired tickets; return how many."""
        return await _purge(self.unit, SignInTicket, at_most, SignInTicket.expires_at <= now)


def _live(hashed: bytes, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return SignInTicket.ticket_hash == hashed, SignInTicket.expires_at > now


async def _purge(
    unit: WriteSession,
    table: type[TotpFactor | PasskeyChallenge | SignInTicket],
    at_most: int,
    *which: ColumnElement[bool],
) -> int:
    old = select(table.id).where(*which).limit(at_most).with_for_update(skip_locked=True)
    return (await unit.write(delete(table).where(table.id.in_(old)))).rowcount
