"""Turns an identity of the directory into a session, or confirms one."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from app.auth.caller import Caller
from app.auth.directory_errors import ConfirmedElsewhere, InvalidDirectoryCode
from app.auth.directory_flow_service import Redeemed
from app.auth.directory_identity import Identity
from app.auth.directory_link_service import LINK, DirectoryAccounts, fault_of, link_to
from app.auth.directory_repository import DirectoryLinkReader
from app.auth.event_repository import AccountEventRepository
from app.auth.factor_models import SignInMethod
from app.auth.factor_repository import held_factors
from app.auth.models import AccountAction
from app.auth.repository import AuthSessionRepository, RefreshTokenRepository
from app.auth.service import issue
from app.auth.sign_in_service import SignedIn, SignIns
from app.core.db.database import WriteSession
from app.settings import Settings
from app.users.models import User
from app.users.repository import UserReader


@dataclass(frozen=True, slots=True)
class DirectorySignIns:
    """Completes sign-ins by directory."""

    sign_ins: SignIns
    settings: Settings
    now: datetime

    async def complete(self, redeemed: Redeemed) -> SignedIn:
        """Begin a session of the person, or confirm theirs.

        Raise `InvalidDirectoryCode`, or `SecondFactorRequired`: the account's own second factor
        links it, whatever the directory has checked.
        """
        identity = redeemed.identity
        if redeemed.session_id is not None:
            async with self.sign_ins.database.write() as unit:
                return await self._confirm(unit, identity, redeemed.session_id)
        user, is_linked = await self._account(identity)
        return await self.sign_ins.complete(
            user,
            SignInMethod.DIRECTORY,
            has_second_factor=is_linked and identity.has_second_factor,
            confirmed_at=self._confirmed_at(identity),
            context={} if is_linked else {LINK: link_to(identity)},
        )

    def _confirmed_at(self, identity: Identity) -> datetime | None:
        """Return when the person entered something: not now, where the directory knew them."""
        if identity.signed_in_at is None:
            return None
        return min(datetime.fromtimestamp(identity.signed_in_at, UTC), self.now)

    async def _account(self, identity: Identity) -> tuple[User, bool]:
        """Return the person's account, and whether it is linked to them.

        One that is made is linked; the role of a linked one follows their groups.
        """
        async with self.sign_ins.database.write() as unit:
            links, accounts = DirectoryLinkReader(unit), self._accounts(unit)
            user = await UserReader(unit).by_email(identity.email) if identity.email else None
            is_taken = user is not None and await links.is_linked(user.id)
            # Last, to see the link that a concurrent sign-in of the same person has made.
            linked = await links.user_of(identity.issuer, identity.subject)
            if linked is not None:
                self._require(identity, linked, is_theirs=True, is_taken=False)
                return await accounts.follow(linked, identity.groups), True
            if identity.email is None:
                raise InvalidDirectoryCode
            self._require(identity, user, is_theirs=False, is_taken=is_taken)
            if user is None or user.awaits_verification:
                return await accounts.create(identity, identity.email), True
            return user, False

    def _accounts(self, unit: WriteSession) -> DirectoryAccounts:
        return DirectoryAccounts(
            unit, self.settings.oidc_role_map, self.sign_ins.directory_mail, self.now
        )

    def _require(
        self, identity: Identity, user: User | None, *, is_theirs: bool, is_taken: bool
    ) -> None:
        """Raise `InvalidDirectoryCode` if what the callback found no longer holds."""
        domains: Collection[str] = self.settings.oidc_domains
        if fault_of(identity, user, is_theirs=is_theirs, is_taken=is_taken, domains=domains):
            raise InvalidDirectoryCode

    async def _confirm(self, unit: WriteSession, identity: Identity, session_id: UUID) -> SignedIn:
        """Confirm a session of the person, who has signed in at the directory anew."""
        user = await DirectoryLinkReader(unit).user_of(identity.issuer, identity.subject)
        session = await AuthSessionRepository(unit).lock_live(session_id, self.now)
        if user is None or session is None or session.user_id != user.id:
            raise InvalidDirectoryCode
        if (await held_factors(unit, user.id)).methods:  # set up since the confirmation began
            raise InvalidDirectoryCode
        session.confirmed_at = self.now
        await RefreshTokenRepository(unit).spend_all(session.id, self.now)
        AccountEventRepository(unit, self.now).record(
            AccountAction.SIGNED_IN, user.id, by=user.id, confirmed=True
        )
        return SignedIn(user, issue(unit, self.sign_ins.tokens, session, self.now))

    async def require_confirmable(self, caller: Caller) -> None:
        """Raise `ConfirmedElsewhere` if the account is not linked, or has a second factor."""
        if caller.id is None:
            raise ConfirmedElsewhere
        async with self.sign_ins.database.read() as session:
            is_linked = await DirectoryLinkReader(session).is_linked(caller.id)
            if not is_linked or (await held_factors(session, caller.id)).methods:
                raise ConfirmedElsewhere
