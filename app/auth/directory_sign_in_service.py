"""Turns an identity of the directory into a session, or confirms one."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.auth.caller import Caller
from app.auth.directory_errors import ConfirmedElsewhere, InvalidDirectoryCode
from app.auth.directory_flow_service import Redeemed
from app.auth.directory_identity import Identity
from app.auth.directory_link_service import DirectoryAccounts, DirectoryMail, fault_of
from app.auth.directory_repository import DirectoryLinkReader
from app.auth.event_repository import AccountEventRepository
from app.auth.models import AccountAction
from app.auth.repository import AuthSessionRepository
from app.auth.service import TokenPair, begin_session, issue
from app.core.db.database import Database, WriteSession
from app.core.security.tokens import SessionTokens
from app.settings import Settings
from app.users.models import User
from app.users.repository import UserReader


@dataclass(frozen=True, slots=True)
class SignedIn:
    """An account and the tokens of its session."""

    user: User
    tokens: TokenPair


@dataclass(frozen=True, slots=True)
class DirectorySignIns:
    """Completes sign-ins by directory."""

    database: Database
    tokens: SessionTokens
    settings: Settings
    mail: DirectoryMail
    now: datetime
    user_agent: str | None

    async def complete(self, redeemed: Redeemed) -> SignedIn:
        """Begin a session of the person, or confirm theirs; raise `InvalidDirectoryCode`."""
        identity = redeemed.identity
        if redeemed.session_id is not None:
            async with self.database.write() as unit:
                return await self._confirm(unit, identity, redeemed.session_id)
        user, is_linked = await self._account(identity)
        async with self.database.write() as unit:
            if not is_linked:
                await self._accounts(unit).link(user, identity.issuer, identity.subject)
            pair = await begin_session(
                unit, self.tokens, user, self.now, self.user_agent, by_directory=True
            )
        return SignedIn(user, pair)

    async def _account(self, identity: Identity) -> tuple[User, bool]:
        """Return the person's account, and whether it is linked to them.

        One that is made is linked; the role of a linked one follows their groups.
        """
        async with self.database.write() as unit:
            links, accounts = DirectoryLinkReader(unit), self._accounts(unit)
            linked = await links.user_of(identity.issuer, identity.subject)
            if linked is not None:
                self._require(identity, linked, is_theirs=True, is_taken=False)
                return await accounts.follow(linked, identity.groups), True
            if identity.email is None:
                raise InvalidDirectoryCode
            user = await UserReader(unit).by_email(identity.email)
            is_taken = user is not None and await links.is_linked(user.id)
            self._require(identity, user, is_theirs=False, is_taken=is_taken)
            if user is None or user.awaits_verification:
                return await accounts.create(identity, identity.email), True
            return user, False

    def _accounts(self, unit: WriteSession) -> DirectoryAccounts:
        return DirectoryAccounts(unit, self.settings.oidc_role_map, self.mail, self.now)

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
        session.confirmed_at = self.now
        AccountEventRepository(unit, self.now).record(
            AccountAction.SIGNED_IN, user.id, by=user.id, confirmed=True
        )
        return SignedIn(user, issue(unit, self.tokens, session, self.now))

    async def require_confirmable(self, caller: Caller) -> None:
        """Raise `ConfirmedElsewhere` unless the caller's account is linked."""
        async with self.database.read() as session:
            if caller.id is None or not await DirectoryLinkReader(session).is_linked(caller.id):
                raise ConfirmedElsewhere
