"""Who makes a request."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.devices.repository import KnownDevice


class CallerRole(StrEnum):
    """Every kind of caller: people by their role, devices by their kind, strangers, visitors by
    the link of their pass, the worker."""

    SUPERADMIN = "superadmin"
    ADMIN = "admin"
    HOST = "host"
    SCANNER = "scanner"
    KIOSK = "kiosk"
    ANONYMOUS = "anonymous"
    VISITOR = "visitor"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Caller:
    """A resolved caller. `site_id` is where a device stands; people belong to no site.

    `confirmed_at` is when a person last showed the password.
    """

    role: CallerRole
    id: UUID | None
    name: str
    email: str | None = None
    site_id: UUID | None = None
    gate: str | None = None
    session_id: UUID | None = None
    confirmed_at: datetime | None = None

    @property
    def is_host(self) -> bool:
        """Whether the caller sees only their own visitors."""
        return self.role is CallerRole.HOST

    @property
    def is_kiosk(self) -> bool:
        """Whether visitors type themselves, standing there."""
        return self.role is CallerRole.KIOSK

    @property
    def is_stranger(self) -> bool:
        """Whether nobody is known: visitors type themselves, anywhere."""
        return self.role is CallerRole.ANONYMOUS

    @property
    def is_person(self) -> bool:
        """Whether somebody has signed in, who may see codes and addresses."""
        return self.role in {CallerRole.SUPERADMIN, CallerRole.ADMIN, CallerRole.HOST}

    @classmethod
    def device(cls, device: KnownDevice) -> "Caller":
        role = CallerRole(device.kind.value)
        return cls(role, device.id, device.name, site_id=device.site_id, gate=device.gate)


ANONYMOUS = Caller(CallerRole.ANONYMOUS, None, "anonymous")
# Unnamed: the audit log outlives the personal data.
VISITOR = Caller(CallerRole.VISITOR, None, "visitor")
SYSTEM = Caller(CallerRole.SYSTEM, None, "worker")
