"""What staff does with accounts: superadmins with all, admins with those of hosts."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.accounts.service import AccountService
from app.auth.caller import Caller
from app.auth.models import AccountAction
from app.auth.permissions import PERMISSIONS, Permission
from app.auth.step_up import require_recent_sign_in
from app.core.errors import Forbidden, NotFound
from app.core.security.passwords import NO_PASSWORD, PasswordHasher
from app.core.text import account_key
from app.users.errors import LastSuperadmin
from app.users.models import Role, User
from app.users.schemas import UserCreate
from app.users.service import create_user

# What lets somebody else into an account, gives an account more to do, or opens and closes it.
GUARDED = ("email", "role", "is_active")


def managed_roles(caller: Caller) -> Collection[Role]:
    """The roles whose accounts a caller sees, changes and may give."""
    all_of_them = Permission.MANAGE_ALL_USERS in PERMISSIONS[caller.role]
    return tuple(Role) if all_of_them else (Role.HOST,)


@dataclass(frozen=True, slots=True)
class UserService:
    """Makes, changes and deletes accounts for a caller."""

    desk: AccountService
    caller: Caller

    async def create(self, body: UserCreate, hasher: PasswordHasher) -> User:
        """A new active account; raises `EmailTaken`. Without a password its owner is mailed."""
        self._require_managed(body.role)
        if body.role is not Role.HOST or body.password is not None:
            require_recent_sign_in(self.caller, self.desk.now)
        if body.password is not None:
            await self.desk.passwords.require_strong(body.password, body.email, field="password")
        user = await create_user(
            self.desk.users,
            hasher,
            **body.model_dump(exclude={"password"}),
            password=body.password or secrets.token_urlsafe(),
            now=self.desk.now,
        )
        await self.desk.users.adopt_visitors(user)
        self._record(AccountAction.CREATED, user.id, role=user.role.value)
        if body.password is None:
            await self.desk.invite(user)
        return user

    async def change(self, user_id: UUID, values: dict[str, Any]) -> tuple[User, int | None]:
        """Set fields; raise `EmailTaken`, `NameLooksTaken` and others.

        A new role counts from the next request on, since each reads the account; sessions go on.
        Visits that the account is to receive get its new name and address. Returned beside the
        account, where it was deactivated, is how many visits lie ahead of it.
        """
        self._require_managed(values.get("role", Role.HOST))
        is_named = bool(values.keys() & {"first_name", "last_name", "is_active"})
        if is_named:
            await self.desk.users.lock_names()
        stays = values.get("role", Role.SUPERADMIN) is Role.SUPERADMIN
        user = await self._locked(user_id, stays=stays and values.get("is_active", True))
        former = user.email
        if any(values.get(name, getattr(user, name)) != getattr(user, name) for name in GUARDED):
            require_recent_sign_in(self.caller, self.desk.now)
        for name, value in values.items():
            setattr(user, name, value)
        user.updated_at = self.desk.now
        if user.email != former:
            await self._readdress(user, former)
        if "is_active" in values:
            await self._open_or_close(user)
        self._record(AccountAction.UPDATED, user.id, **_told(values))
        await self.desk.users.save(user)
        if is_named and user.is_active:
            await self.desk.users.refuse_lookalike(user)
        if values.keys() & {"email", "first_name", "last_name"}:
            await self.desk.users.carry_to_visits(user)
        is_closed = values.get("is_active") is False
        return user, await self.desk.users.count_upcoming(user.id) if is_closed else None

    async def delete(self, user_id: UUID) -> int:
        """Delete an account with its sessions; raise `LastSuperadmin`.

        The visitors of a host stay, with name and address, but mails go to the reception from now
        on. Returned is how many visits lie ahead.
        """
        user = await self._locked(user_id, stays=False)
        require_recent_sign_in(self.caller, self.desk.now)
        upcoming = await self.desk.users.count_upcoming(user.id)
        await self.desk.users.close_visits(user)
        await self.desk.users.delete(user)
        self._record(AccountAction.DELETED, user_id)
        return upcoming

    def _record(self, action: AccountAction, account: UUID, **details: Any) -> None:
        self.desk.trail.record(action, account, by=self.caller.id, **details)

    def _require_managed(self, role: Role) -> None:
        if role not in managed_roles(self.caller):
            raise Forbidden(f"You can't make an account a {role.value}")

    async def _locked(self, user_id: UUID, *, stays: bool) -> User:
        """The account, locked after all superadmins; `stays` if it keeps their role and access."""
        roles = managed_roles(self.caller)
        superadmins: Sequence[UUID] = ()
        if Role.SUPERADMIN in roles:
            superadmins = await self.desk.users.lock_superadmins()
        user = await self.desk.users.lock_of_roles(user_id, roles)
        if user is None:
            raise NotFound
        if not stays and list(superadmins) == [user.id]:
            raise LastSuperadmin
        return user

    async def _open_or_close(self, user: User) -> None:
        if user.awaits_verification:
            # Staff has decided, whatever the owner proves: who asked for it must not get in.
            user.awaits_verification, user.password_hash = False, NO_PASSWORD
        if user.is_active:
            await self.desk.users.adopt_visitors(user)
        else:
            await self.desk.end_access(user)

    async def _readdress(self, user: User, former: str) -> None:
        """Links that were mailed to the former address end; both addresses are told."""
        await self.desk.users.drop_unproven_lookalike(user.email)
        user.email_key = account_key(user.email)
        await self.desk.users.save(user)
        await self.desk.links.drop_all(user.id)
        await self.desk.users.adopt_visitors(user)
        await self.desk.tell_of_new_address(user, former)


def _told(values: dict[str, Any]) -> dict[str, Any]:
    """What the trail keeps of a change: the names of fields, and what decides over access."""
    told: dict[str, Any] = {"fields": sorted(values)}
    return told | {name: values[name] for name in ("role", "is_active") if name in values}
