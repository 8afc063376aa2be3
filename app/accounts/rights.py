"""Whose accounts a caller may change, and what they may give away. Pure."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from app.auth.caller import Caller
from app.core.errors import BeyondYourRights
from app.users.errors import SitesNotForRole, SitesRequired
from app.users.models import Role, User
from app.users.roles import ROLES

# What the previous release cannot read.
NEW_ROLES = frozenset({Role.RECEPTIONIST, Role.GUARD})


def managed_roles(caller: Caller) -> Collection[Role]:
    """Return the roles whose accounts the caller manages."""
    return caller.manages


def require_managed(caller: Caller, role: Role) -> None:
    """Raise `BeyondYourRights` for a role that the caller may not give."""
    if role not in managed_roles(caller):
        raise BeyondYourRights(f"You do not have permission to give the role {role.value}")


def sites_of(caller: Caller, role: Role, sent: Mapping[str, Any]) -> list[UUID] | None:
    """Return the sites of an account that gets a role, None for all of them.

    `sent` has `sites` if the request has. Raise `SitesRequired`, `SitesNotForRole` or
    `BeyondYourRights`.
    """
    if not ROLES[role].has_sites:
        if "sites" in sent:
            raise SitesNotForRole
        return None
    if sent.get("sites", []) == []:
        raise SitesRequired
    if not caller.scope.has_sites(sent["sites"]):
        raise BeyondYourRights("You can give only sites of your own")
    return None if sent["sites"] is None else sorted(set(sent["sites"]))


def require_deletion(caller: Caller, user: User) -> None:
    """Raise `BeyondYourRights` for a host, unless the caller is at every site, too."""
    if caller.scope.sites is not None and user.role is Role.HOST:
        raise BeyondYourRights("Hosts belong to every site: an admin of some cannot delete them")


def require_change(caller: Caller, user: User, values: Mapping[str, Any]) -> None:
    """Raise `BeyondYourRights` if an account is at more sites than the caller.

    Hosts are at every site. Who could give them another address, or another address the role,
    would read their visitors everywhere.
    """
    role = values.get("role", user.role)
    is_moved = values.get("email", user.email) != user.email
    is_host = Role.HOST in {user.role, role}
    if caller.scope.sites is not None and is_host and (is_moved or role is not user.role):
        raise BeyondYourRights("Hosts belong to every site: an admin of some cannot change this")
