"""Account management, within the rights in `rights.py`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.accounts.delegate_repository import DelegateReader
from app.accounts.rights import (
    NEW_ROLES,
    managed_roles,
    require_change,
    require_deletion,
    require_managed,
    sites_of,
)
from app.accounts.service import AccountService
from app.auth.caller import Caller
from app.auth.models import AccountAction
from app.auth.step_up import require_recent_sign_in
from app.core.db.database import ReadSession
from app.core.db.rollout import require_finished
from app.core.errors import BeyondYourRights, Forbidden, NotFound
from app.core.security.passwords import NO_PASSWORD
from app.core.text import account_key
from app.users.errors import LastSuperadmin
from app.users.models import Role, User
from app.users.repository import UserReader
from app.users.roles import ROLES
from app.users.schemas import UserCreate
from app.users.service import add_user

# Fields that grant access or permissions.
GUARDED = ("email", "role", "is_active", "sites")
RIGHTS = ("role", "sites")


async def managed_account(session: ReadSession, caller: Caller, user_id: UUID) -> User:
    """Return an account that the caller manages; raise `NotFound`."""
    user = await UserReader(session).of_roles(user_id, managed_roles(caller), caller.scope)
    if user is None:
        raise NotFound
    return user


@dataclass(frozen=True, slots=True)
class UserService:
    service: AccountService
    caller: Caller
    directory_required: bool

    async def create(self, body: UserCreate) -> User:
        """Create an active account; raise `EmailTaken`.

        Mail its user a link, unless no password would sign the account in.
        """
        self._sites_of_new(body)
        if body.role is not Role.HOST:
            require_recent_sign_in(self.caller, self.service.now)
        sites = self._sites_of_new(body)
        await self._require_readable(body.role, sites)
        user = await add_user(
            self.service.users,
            **body.model_dump(exclude={"sites"}),
            sites=sites,
            password_hash=NO_PASSWORD,
            now=self.service.now,
        )
        await self.service.users.adopt_visitors(user, self.caller, self.service.now)
        self._record(AccountAction.CREATED, user.id, role=user.role.value, **_sites(user))
        if not self.directory_required or user.role is Role.SUPERADMIN:
            await self.service.invite(user)
        return user

    async def change(self, user_id: UUID, values: dict[str, Any]) -> tuple[User, int | None]:
        """Change an account and its upcoming visits; return it and, if deactivated, their number.

        Raise `EmailTaken`, `NameLooksTaken` and others.
        """
        if "role" in values:
            require_managed(self.caller, values["role"])
        is_named = bool(values.keys() & {"first_name", "last_name", "is_active"})
        if is_named:
            await self.service.users.lock_names()
        stays = values.get("role", Role.SUPERADMIN) is Role.SUPERADMIN
        user = await self._locked(user_id, stays=stays and values.get("is_active", True))
        former = user.email
        values = await self._permitted(user, values)
        _assign(user, values)
        user.updated_at = self.service.now
        await self.service.users.save(user)
        if user.email != former:
            await self._readdress(user, former)
        if "is_active" in values:
            await self._open_or_close(user)
        self._record(AccountAction.UPDATED, user.id, **_told(values), **_sites(user, values))
        await self.service.users.save(user)
        if is_named and user.is_active:
            await self.service.users.refuse_lookalike(user)
        if values.keys() & {"email", "first_name", "last_name"}:
            await self.service.users.carry_to_visits(user, self.caller)
        is_closed, scope = values.get("is_active") is False, self.caller.scope
        return user, await self.service.users.count_upcoming(user.id, scope) if is_closed else None

    async def delete(self, user_id: UUID) -> int:
        """Delete an account; return its number of upcoming visits.

        Raise `LastSuperadmin` or `BeyondYourRights`.
        """
        user = await self._locked(user_id, stays=False)
        require_deletion(self.caller, user)
        require_recent_sign_in(self.caller, self.service.now)
        upcoming = await self.service.users.count_upcoming(user.id, self.caller.scope)
        await self.service.users.leave_visits(user, self.caller, self.service.now)
        await self.service.users.delete(user)
        self._record(AccountAction.DELETED, user_id)
        return upcoming

    async def _permitted(self, user: User, values: dict[str, Any]) -> dict[str, Any]:
        """Return the changes, with the sites that go with them, if the caller may make them."""
        require_change(self.caller, user, values)
        if "email" in values:
            await self._require_own_reach(user, values["email"])
        role = values.get("role", user.role)
        if "sites" in values or role is not user.role:
            values = values | {"sites": sites_of(self.caller, role, values)}
            await self._require_readable(role, values["sites"])
        if any(values.get(name, getattr(user, name)) != getattr(user, name) for name in GUARDED):
            require_recent_sign_in(self.caller, self.service.now)
        return values

    async def _require_own_reach(self, user: User, email: str) -> None:
        """Raise `BeyondYourRights` where a new address would give visits at other sites."""
        scope, users = self.caller.scope, self.service.users
        if scope.sites is None or email == user.email:
            return
        if await DelegateReader(users.unit).is_delegate(user.id):
            raise BeyondYourRights("The account acts for a host, who belongs to every site")
        if await users.has_open_visits_beyond(user.id, scope):
            raise BeyondYourRights("The account has visits at other sites, which would follow")

    def _record(self, action: AccountAction, account: UUID, **details: Any) -> None:
        self.service.audit_log.record(action, account, by=self.caller.id, **details)

    def _sites_of_new(self, body: UserCreate) -> list[UUID] | None:
        require_managed(self.caller, body.role)
        return sites_of(self.caller, body.role, body.model_dump(exclude_unset=True))

    async def _require_readable(self, role: Role, sites: Collection[UUID] | None) -> None:
        """Raise `UpdateUnderWay` for what the previous release cannot read, or does not heed."""
        if role in NEW_ROLES or sites is not None:
            await require_finished(self.service.unit)

    async def _locked(self, user_id: UUID, *, stays: bool) -> User:
        """Lock all superadmins, then the account; `stays` if it keeps its role and access."""
        roles = managed_roles(self.caller)
        superadmins: Sequence[UUID] = ()
        if Role.SUPERADMIN in roles:
            superadmins = await self.service.users.lock_superadmins()
            if self.caller.id not in superadmins:  # demoted since the request began
                raise Forbidden
        user = await self.service.users.lock_of_roles(user_id, roles, self.caller.scope)
        if user is None:
            raise NotFound
        if not stays and list(superadmins) == [user.id]:
            raise LastSuperadmin
        return user

    async def _open_or_close(self, user: User) -> None:
        if user.awaits_verification:
            # Staff need no verification, and the requester must not get in.
            user.awaits_verification, user.password_hash = False, NO_PASSWORD
        if user.is_active:
            await self.service.users.adopt_visitors(user, self.caller, self.service.now)
        else:
            await self.service.end_access(user)

    async def _readdress(self, user: User, former: str) -> None:
        await self.service.users.drop_unproven_lookalike(user.email)
        user.email_key = account_key(user.email)
        await self.service.users.save(user)
        await self.service.links.drop_all(user.id)
        await self.service.users.adopt_visitors(user, self.caller, self.service.now)
        await self.service.tell_of_new_address(user, former)


def _assign(user: User, values: dict[str, Any]) -> None:
    """Set fields; what staff set no longer follows the groups of the directory."""
    if any(values.get(name, getattr(user, name)) != getattr(user, name) for name in RIGHTS):
        user.role_from_directory = False
    for name, value in values.items():
        setattr(user, name, value)


def _told(values: dict[str, Any]) -> dict[str, Any]:
    """Return the details to record: names of fields, and access-related values."""
    told: dict[str, Any] = {"fields": sorted(values)}
    return told | {name: values[name] for name in ("role", "is_active") if name in values}


def _sites(user: User, values: Collection[str] = ("sites",)) -> dict[str, Any]:
    """Return what the event records of the account's sites, if they were given."""
    if "sites" not in values or (user.sites is None and not ROLES[user.role].has_sites):
        return {}
    return {"sites": None if user.sites is None else [str(site) for site in user.sites]}
