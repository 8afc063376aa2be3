from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.auth.caller import Caller
from app.core.errors import Invalid, Problem
from app.core.text import account_key, is_same_mailbox
from app.users.models import Role, User
from app.users.repository import UserReader
from app.visitors.schemas import HOST_FIELDS, HostFields


@dataclass(frozen=True, slots=True)
class NamedHost:
    """The host of a visit; `id` is None without an account."""

    id: UUID | None
    name: str | None
    email: str | None

    @classmethod
    def of_account(cls, user: User) -> "NamedHost":
        return cls(user.id, user.name, user.email)

    def is_same_as(self, other: "NamedHost") -> bool:
        if self.id is not None and self.id == other.id:
            return True
        return _is_same_address(self.email, other.email)


NOBODY = NamedHost(None, None, None)


class NotYourVisit(Problem):
    status, code, title = 403, "not_your_visit", "The visit belongs to another host"


class UnknownHost(Invalid):
    """An unknown or closed account (422)."""

    def __init__(self) -> None:
        message = "Unknown host"
        super().__init__(
            message, errors=[{"field": "host_id", "code": "unknown", "message": message}]
        )


class HostRequired(Invalid):
    """A registration by a key without a host who can be written to (422)."""

    def __init__(self) -> None:
        message = "Name the host by host_id or host_email"
        super().__init__(
            message, errors=[{"field": "host_id", "code": "missing", "message": message}]
        )


def require_own(said: Mapping[str, Any], caller: Caller, present: NamedHost = NOBODY) -> None:
    """Raise `NotYourVisit` if a host names anyone but themselves or the current host."""
    known = (NamedHost(caller.id, caller.name, caller.email), present)
    id_, name, email = (said.get(field) for field in HOST_FIELDS)
    if id_ is not None:
        is_own = id_ in {host.id for host in known}
    elif email is not None:
        is_own = any(_is_same_address(email, host.email) for host in known)
    else:
        is_own = name is None or any(_is_same_name(name, host.name) for host in known)
    if not is_own:
        raise NotYourVisit("You cannot register visitors for another host or hand visits over")


def host_of_person(form: HostFields, caller: Caller, account: NamedHost | None) -> NamedHost:
    """Return the host named by a user or key, whose account is known; raise `UnknownHost`.

    A host registers for themselves and for hosts they act for; raise `NotYourVisit` otherwise. A
    key names a host who can be written to; raise `HostRequired` otherwise.
    """
    if caller.is_key and form.host_id is None and form.host_email is None:
        raise HostRequired
    if caller.is_host:
        if account is not None and account.id in caller.acts_for:
            return account
        require_own(form.model_dump(include=set(HOST_FIELDS)), caller)
        return NamedHost(caller.id, caller.name, caller.email)
    if form.host_id is not None and account is None:
        raise UnknownHost
    return account or NamedHost(None, form.host_name, form.host_email)


async def host_typed_by_visitor(users: UserReader, form: HostFields) -> NamedHost:
    """Return the host named by the visitor; raise `UnknownHost`.

    An address without an account is dropped silently, to reveal none.
    """
    if form.host_id is not None:
        host = await users.of_roles(form.host_id, {Role.HOST})
        if host is None or not host.is_active:
            raise UnknownHost
        return NamedHost.of_account(host)
    account = await users.by_address(form.host_email) if form.host_email is not None else None
    return NamedHost.of_account(account) if account else NamedHost(None, form.host_name, None)


async def resolve(
    users: UserReader, said: Mapping[str, Any], present: NamedHost, caller: Caller, site_id: UUID
) -> NamedHost:
    """Return the host after a change; raise `NotYourVisit` or `UnknownHost`.

    `said` has the `HOST_FIELDS` that were sent. A caller who only acts for a host at the site of
    the visit names those whom a host may name.
    """
    if caller.is_host or not caller.scope.has_site(site_id):
        named = await _represented(users, said, caller)
        if named is not None and named.id == caller.id != present.id:
            raise NotYourVisit("Delegates cannot take visits over, but can hand theirs to the host")
        if named is not None:
            return present if named.id == present.id else named
        require_own(said, caller, present)
        return present
    if said.get("host_id") is not None:
        return (
            present
            if said["host_id"] == present.id
            else await chosen(users, said["host_id"], caller)
        )
    if "host_id" in said and (present.id is not None or len(said) == 1):
        return NOBODY
    email = said.get("host_email", present.email)
    if email is None:
        return NamedHost(None, said.get("host_name", present.name), None)
    account = await users.by_address(email)
    if account is not None:
        return NamedHost.of_account(account)
    name = present.name if _is_same_address(email, present.email) else None
    return NamedHost(None, said.get("host_name", name), email)


async def _represented(
    users: UserReader, said: Mapping[str, Any], caller: Caller
) -> NamedHost | None:
    """Return the named host if it is the delegate who calls, or one they act for."""
    if not caller.acts_for:
        return None
    if said.get("host_id") is not None:
        account = await users.get(said["host_id"])
    else:
        account = await users.by_address(said.get("host_email") or "")
    if account is None or not account.is_active:
        return None
    is_known = account.id == caller.id or account.id in caller.acts_for
    return NamedHost.of_account(account) if is_known else None


async def chosen(users: UserReader, host_id: UUID, caller: Caller) -> NamedHost:
    """Return an active account as a host; raise `UnknownHost`.

    An account that works only out of scope is unknown.
    """
    account = await users.get(host_id)
    if account is None or not account.is_active or not caller.scope.meets(account.sites):
        raise UnknownHost
    return NamedHost.of_account(account)


def _is_same_address(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and is_same_mailbox(one, other)


def _is_same_name(one: str, other: str | None) -> bool:
    return other is not None and account_key(one) == account_key(other)
