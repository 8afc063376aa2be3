"""The caller of a request."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.core.db.scope import Scope
from app.devices.repository import KnownDevice
from app.users.roles import PEOPLE, CallerRole, Permission, rights_of

__all__ = ["ANONYMOUS", "SYSTEM", "VISITOR", "Caller", "CallerRole"]


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller; `site_id` is the site of a device.

    `sites` are those of the account, None for all; it also `acts_for` some hosts. `confirmed_at` is
    when a user last entered the password or a second factor. `has_factor` is whether a user has a
    second factor, or the directory has checked one for the session, and `by_directory` whether that
    session began there.
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

    @property
    def permissions(self) -> frozenset[Permission]:
        """Return what the caller may do within the scope."""
        return rights_of(self.role).permissions

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
        """Return whether the caller sees the card of a visit instead of its record."""
        return self.role is CallerRole.GUARD

    @property
    def is_kiosk(self) -> bool:
        return self.role is CallerRole.KIOSK

    @property
    def is_stranger(self) -> bool:
        return self.role is CallerRole.ANONYMOUS

    @property
    def is_person(self) -> bool:
        """Return whether the caller is a user, who may see QR codes and addresses."""
        return self.role in PEOPLE

    @classmethod
    def device(cls, device: KnownDevice) -> "Caller":
        role = CallerRole(device.kind.value)
        return cls(role, device.id, device.name, site_id=device.site_id, gate=device.gate)


ANONYMOUS = Caller(CallerRole.ANONYMOUS, None, "anonymous")
# The audit log outlives the visitor's name.
VISITOR = Caller(CallerRole.VISITOR, None, "visitor")
SYSTEM = Caller(CallerRole.SYSTEM, None, "worker")
