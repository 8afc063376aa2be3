"""The registry of roles: what each may do, whose accounts it manages, and what limits it."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """The roles of people."""

    SUPERADMIN = "superadmin"
    ADMIN = "admin"
    RECEPTIONIST = "receptionist"
    GUARD = "guard"
    HOST = "host"


class CallerRole(StrEnum):
    """The kind of a caller: a user's role, an API key, a device's kind, and others."""

    SUPERADMIN = "superadmin"
    ADMIN = "admin"
    RECEPTIONIST = "receptionist"
    GUARD = "guard"
    HOST = "host"
    KEY = "key"
    SCANNER = "scanner"
    KIOSK = "kiosk"
    ANONYMOUS = "anonymous"
    VISITOR = "visitor"
    SYSTEM = "system"


class Permission(StrEnum):
    """Something that a caller may do, within the caller's scope."""

    VISITORS_READ = "visitors:read"
    VISITORS_WRITE = "visitors:write"
    VISITORS_CANCEL = "visitors:cancel"
    VISITORS_ERASE = "visitors:erase"
    VISITORS_EXPORT = "visitors:export"
    GATE_SCAN = "gate:scan"
    GATE_DESK = "gate:desk"
    DESK_READ = "desk:read"
    OVERRIDE = "override"
    GROUPS_WRITE = "groups:write"
    UPLOADS_WRITE = "uploads:write"
    DASHBOARD_READ = "dashboard:read"
    NOTIFICATIONS_READ = "notifications:read"
    NOTIFICATIONS_RETRY = "notifications:retry"
    MUSTERS_READ = "musters:read"
    MUSTERS_WRITE = "musters:write"
    SITES_READ = "sites:read"
    SITES_WRITE = "sites:write"
    SITES_CREATE = "sites:create"
    DEPARTMENTS_WRITE = "departments:write"
    DEVICES_READ = "devices:read"
    DEVICES_WRITE = "devices:write"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    SESSIONS_END = "sessions:end"
    KEYS_WRITE = "keys:write"
    WEBHOOKS_WRITE = "webhooks:write"
    EVENTS_READ = "events:read"
    AUDIT_READ = "audit:read"


@dataclass(frozen=True, slots=True)
class Rights:
    """What a role may do.

    It creates, changes and closes accounts of the roles that it `manages`. With `has_sites` the
    `sites` of the account limit it; with `has_own_visitors` it sees only visitors whose host it is.
    With `undoes_all` it also undoes what others did.
    """

    permissions: frozenset[Permission]
    manages: frozenset[Role] = frozenset()
    has_sites: bool = False
    has_own_visitors: bool = False
    undoes_all: bool = False


P = Permission
_EVERYTHING = frozenset(Permission)

ROLES: dict[Role, Rights] = {
    Role.SUPERADMIN: Rights(_EVERYTHING, manages=frozenset(Role), undoes_all=True),
    Role.ADMIN: Rights(
        _EVERYTHING - {P.SITES_CREATE},
        manages=frozenset({Role.HOST, Role.RECEPTIONIST, Role.GUARD}),
        has_sites=True,
        undoes_all=True,
    ),
    Role.RECEPTIONIST: Rights(
        frozenset(
            {
                *(P.VISITORS_READ, P.VISITORS_WRITE, P.VISITORS_CANCEL),
                *(P.GATE_SCAN, P.GATE_DESK, P.DESK_READ, P.OVERRIDE),
                *(P.GROUPS_WRITE, P.UPLOADS_WRITE, P.DASHBOARD_READ),
                *(P.NOTIFICATIONS_READ, P.NOTIFICATIONS_RETRY),
                *(P.MUSTERS_READ, P.MUSTERS_WRITE, P.SITES_READ, P.EVENTS_READ),
            }
        ),
        has_sites=True,
    ),
    Role.GUARD: Rights(
        frozenset({P.GATE_SCAN, P.GATE_DESK, P.DESK_READ, P.MUSTERS_READ, P.MUSTERS_WRITE}),
        has_sites=True,
    ),
    Role.HOST: Rights(
        frozenset(
            {
                *(P.VISITORS_READ, P.VISITORS_WRITE, P.VISITORS_CANCEL),
                *(P.VISITORS_ERASE, P.VISITORS_EXPORT, P.GROUPS_WRITE, P.UPLOADS_WRITE),
                *(P.DASHBOARD_READ, P.SITES_READ, P.EVENTS_READ),
            }
        ),
        has_own_visitors=True,
    ),
}
"""The roles of people: a role is one entry."""

# A program that is broken into must not be able to make itself accounts or other keys.
KEY_SCOPES = _EVERYTHING - {P.USERS_WRITE, P.SESSIONS_END, P.KEYS_WRITE, P.WEBHOOKS_WRITE}
"""The scopes that API keys can have; each has some of them."""

_NOBODY = Rights(frozenset())
# What a guard of a route opens to kiosks and strangers besides stands at that guard.
_OTHERS = {
    CallerRole.KEY: Rights(KEY_SCOPES, has_sites=True),
    CallerRole.SCANNER: Rights(frozenset({P.GATE_SCAN})),
}

PEOPLE = frozenset(CallerRole(role) for role in Role)
DEVICES = frozenset({CallerRole.SCANNER, CallerRole.KIOSK})
CALLERS = (
    *map(CallerRole, Role),
    CallerRole.KEY,
    *sorted(DEVICES, reverse=True),
    CallerRole.ANONYMOUS,
)
"""Everybody who sends requests, in the order of the documentation."""


def rights_of(role: CallerRole) -> Rights:
    """Return what callers with a role may do."""
    return ROLES[Role(role)] if role in PEOPLE else _OTHERS.get(role, _NOBODY)


def may_represent(role: CallerRole | Role) -> bool:
    """Return whether a role may act for a host: guards never see the record of a visit."""
    return P.VISITORS_READ in rights_of(CallerRole(role)).permissions


def manages_everybody(role: CallerRole) -> bool:
    """Return whether a role manages the accounts of all roles."""
    return rights_of(role).manages == frozenset(Role)
