"""The caller of a request."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.api_keys.repository import KnownKey
from app.core.db.scope import Scope
from app.devices.repository import KnownDevice
from app.users.roles import KEY_SCOPES, PEOPLE, CallerRole, Permission, Role, rights_of

__all__ = ["ANONYMOUS", "SYSTEM", "VISITOR", "Caller", "CallerRole"]


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller; `site_id` is the site of a device.

    `sites` are those of the account or key, None for all; an account also `acts_for` some hosts.
    `confirmed_at` is when a user last entered the password or a second factor. `has_factor` is
    whether a user has a second factor, or the directory has checked one for the session, and
    `by_directory` whether that session began there. `granted` are the permissions of an API key,
    and `maker_role` is the role of its maker.
    """

    role: CallerRole
    id: UUID | None
    name: str
    email: str | None = None
    site_id: UUID | None = None
    gate: str | None = None
    session_id: UUID | None = None
    confirmed_at: datetime | None = None
    has_factor: bool = False
    by_directory: bool = False
    sites: frozenset[UUID] | None = None
    acts_for: frozenset[UUID] = frozenset()
    granted: frozenset[Permission] | None = None
    maker_role: CallerRole | None = None

    @property
    def permissions(self) -> frozenset[Permission]:
        """Return what the caller may do within the scope."""
        return rights_of(self.role).permissions if self.granted is None else self.granted

    @property
    def manages(self) -> frozenset[Role]:
        """Return the roles whose accounts the caller manages, or a key sees like its maker."""
        return rights_of(self.maker_role or self.role).manages

    @property
    def account_id(self) -> UUID | None:
        """Return the id of the caller's account; None for keys, devices and others."""
        return self.id if self.role in PEOPLE else None

    @property
    def scope(self) -> Scope:
        """Return what the caller reaches: every query about visits and sites asks here."""
        rights = rights_of(self.role)
        if rights.has_own_visitors and self.id is not None:
            return Scope(hosts=self.acts_for | {self.id})
        return Scope(self.sites if rights.has_sites else None, besides=self.acts_for)

    @property
    def is_host(self) -> bool:
        """Return whether the caller sees only visitors of their own."""
        return self.role is CallerRole.HOST

    @property
    def is_guard(self) -> bool:
        """Return whether the caller sees the card of a visit instead of its record.

        So do keys that may not read visitors.
        """
        is_blind_key = self.is_key and Permission.VISITORS_READ not in self.permissions
        return self.role is CallerRole.GUARD or is_blind_key

    @property
    def is_key(self) -> bool:
        return self.role is CallerRole.KEY

    @property
    def is_kiosk(self) -> bool:
        return self.role is CallerRole.KIOSK

    @property
    def is_stranger(self) -> bool:
        return self.role is CallerRole.ANONYMOUS

    @property
    def is_trusted(self) -> bool:
        """Return whether the caller is a user or a key, who may see QR codes and addresses."""
        return self.is_key or self.role in PEOPLE

    @classmethod
    def device(cls, device: KnownDevice) -> "Caller":
        role = CallerRole(device.kind.value)
        return cls(role, device.id, device.name, site_id=device.site_id, gate=device.gate)

    @classmethod
    def key(cls, key: KnownKey) -> "Caller":
        """Return an API key as a caller, who may not do more than the maker may now.

        A maker who has become a host leaves it nothing: it books for all, but a host for few.
        """
        rights = rights_of(CallerRole(key.maker_role))
        own = frozenset() if rights.has_own_visitors else rights.permissions & KEY_SCOPES
        return cls(
            CallerRole.KEY,
            key.id,
            key.name,
            sites=_within(key.sites, key.maker_sites if rights.has_sites else None),
            granted=own.intersection(key.scopes),
            maker_role=CallerRole(key.maker_role),
        )


def _within(
    sites: Collection[UUID] | None, others: Collection[UUID] | None
) -> frozenset[UUID] | None:
    """Return the sites that are in both; None stands for every site."""
    if sites is None or others is None:
        named = others if sites is None else sites
        return None if named is None else frozenset(named)
    return frozenset(sites) & frozenset(others)


ANONYMOUS = Caller(CallerRole.ANONYMOUS, None, "anonymous")
# The audit log outlives the visitor's name.
VISITOR = Caller(CallerRole.VISITOR, None, "visitor")
SYSTEM = Caller(CallerRole.SYSTEM, None, "worker")
