"""The caller of a request."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.devices.repository import KnownDevice
from app.users.models import Role


class CallerRole(StrEnum):
    """The kind of a caller: a user's role, a device's kind, anonymous, pass holder, or worker."""

    SUPERADMIN = "superadmin"
    ADMIN = "admin"
    RECEPTIONIST = "receptionist"
    GUARD = "guard"
    HOST = "host"
    SCANNER = "scanner"
    KIOSK = "kiosk"
    ANONYMOUS = "anonymous"
    VISITOR = "visitor"
    SYSTEM = "system"


_PEOPLE = frozenset(map(str, Role))


@dataclass(frozen=True, slots=True)
class Caller:
    """A resolved caller; `site_id` is the site of a device.

    `confirmed_at` is when a user last entered the password or a second factor. `has_factor` is
    whether a user has a second factor, or the directory has checked one for the session, and
    `by_directory` whether that session began there.
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

    @property
    def is_host(self) -> bool:
        """Return whether the caller sees only their own visitors."""
        return self.role is CallerRole.HOST

    @property
    def is_guard(self) -> bool:
        """Return whether the caller sees the card of a visit instead of its record."""
        return self.role is CallerRole.GUARD

    @property
    def is_kiosk(self) -> bool:
        """Return whether the caller is a kiosk, at which visitors register themselves."""
        return self.role is CallerRole.KIOSK

    @property
    def is_stranger(self) -> bool:
        """Return whether the caller is anonymous, such as a self-registering visitor."""
        return self.role is CallerRole.ANONYMOUS

    @property
    def is_person(self) -> bool:
        """Return whether the caller is a signed-in user, who may see QR codes and addresses."""
        return self.role in _PEOPLE

    @classmethod
    def device(cls, device: KnownDevice) -> "Caller":
        role = CallerRole(device.kind.value)
        return cls(role, device.id, device.name, site_id=device.site_id, gate=device.gate)


ANONYMOUS = Caller(CallerRole.ANONYMOUS, None, "anonymous")
# Without a name, since the audit log outlives the personal data.
VISITOR = Caller(CallerRole.VISITOR, None, "visitor")
SYSTEM = Caller(CallerRole.SYSTEM, None, "worker")
