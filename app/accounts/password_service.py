"""Change passwords; no connection or lock is held during bcrypt."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from app.accounts.service import AccountService
from app.auth.caller import Caller
from app.auth.errors import InvalidLink
from app.auth.event_repository import record_alone
from app.auth.models import AccountAction, LinkPurpose
from app.auth.repository import AccountLinkReader, SignInNetworkReader
from app.auth.sign_in_limits import SignInLimits
from app.core.db.database import Database
from app.core.errors import Invalid, NotAuthenticated
from app.core.request_context import client_network
from app.core.security.passwords import PasswordHasher
from app.core.security.random_secrets import stored_hash
from app.notifications.stranger_mail_limits import StrangerMails
from app.users.models import User
from app.users.repository import UserReader


@dataclass(frozen=True, slots=True)
class PasswordChanger:
    service: AccountService
    database: Database
    hasher: PasswordHasher
    limits: SignInLimits

    async def change(self, caller: Caller, old: str, new: str) -> None:
        """Change the caller's password and end their other sessions; raise `Invalid`."""
        seen = await self._own(caller.id)
        await self._check_old(seen, old)
        await self.service.passwords.require_strong(new, seen.email, field="new_password")
        hashed = await self.hasher.hash(new, known=True)
        user = await self.service.users.lock_as_seen(seen)
        if user is None:
            raise NotAuthenticated("The account was changed in the meantime: sign in again")
        await self.service.set_password(user, hashed, but=caller.session_id)
        self.service.audit_log.record(AccountAction.PASSWORD_CHANGED, user.id, by=user.id)
        await self.service.tell_of_new_password(user)

    async def reset(self, token: str, new: str) -> None:
        """Set the password by a mailed link and end all sessions; raise `InvalidLink`.

        Clears failed sign-ins, so that an attacker's guesses do not lock out the user.
        """
        purpose = LinkPurpose.PASSWORD_RESET
        user = await self._set_by_link(purpose, token, new, field="new_password")
        self.service.audit_log.record(AccountAction.PASSWORD_RESET, user.id, by=user.id)
        await self.service.prove_address(user)
        await self.service.tell_of_new_password(user)
        await self._forgive(user)

    async def accept(self, token: str, password: str, names: Mapping[str, str]) -> None:
        """Set the first password by a mailed link and open the account.

        Raise `InvalidLink`, or `NameLooksTaken`, which leaves the link valid.
        """
        user = await self._set_by_link(LinkPurpose.INVITATION, token, password, field="password")
        for name, value in names.items():
            setattr(user, name, value)
        self.service.audit_log.record(AccountAction.PASSWORD_RESET, user.id, by=user.id)
        await self.service.prove_address(user)
        await self.service.users.refuse_lookalike(user)
        if names:
            await self.service.users.carry_to_visits(user, user)
        await self._forgive(user)

    async def _forgive(self, user: User) -> None:
        networks = await SignInNetworkReader(self.service.unit).networks(user.id, self.service.now)
        await self.limits.forgive(user.email, networks)

    async def _set_by_link(
        self, purpose: LinkPurpose, token: str, password: str, *, field: str
    ) -> User:
        hashed_token = stored_hash(token)
        seen = await self._owner(purpose, hashed_token)
        await self.service.passwords.require_strong(password, seen.email, field=field)
        hashed = await self.hasher.hash(password, known=True)
        await self.service.users.lock_names()  # it may open an account
        user = await self.service.users.lock_usable(seen.id)
        if user is None or not await self.service.links.use_up(
            user.id, hashed_token, self.service.now
        ):
            raise InvalidLink
        await self.service.set_password(user, hashed)
        return user

    async def _own(self, user_id: UUID | None) -> User:
        async with self.database.read() as session:
            user = await UserReader(session).get(user_id) if user_id else None
        if user is None:
            raise NotAuthenticated
        return user

    async def _check_old(self, user: User, old: str) -> None:
        now = self.service.now
        async with self.database.read() as session:
            known = await SignInNetworkReader(session).knows(user.id, client_network(), now)
        failures = await self.limits.admit(user.email, known=known)
        fits = await self.limits.fits(
            user.email, old, user.password_hash, known=known, failures=failures
        )
        if not fits:
            action = AccountAction.PASSWORD_CHANGE_FAILED
            await record_alone(self.database, now, action, user.id, by=user.id)
            raise Invalid.field("old_password", "wrong_password", "The current password is wrong")

    async def _owner(self, purpose: LinkPurpose, hashed_token: bytes) -> User:
        async with self.database.read() as session:
            user = await AccountLinkReader(session).owner(purpose, hashed_token, self.service.now)
        if user is None:
            raise InvalidLink
        return user


async def forgot(service: AccountService, strangers: StrangerMails, email: str) -> None:
    """Mail a link to the account of this address, unless it is closed."""
    user = await service.users.lock_by_email(email)
    if user is not None:
        await service.mail_way_in(user, strangers)
