"""Who makes a request."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from app.devices.models import Device
from app.users.models import Role


class CallerRole(StrEnum):
    """Every kind of caller: people by their role, devices by their kind, strangers, the worker."""

    SUPERADMIN = "superadmin"
    ADMIN = "admin"
    HOST = "host"
    SCANNER = "scanner"
    KIOSK = "kiosk"
    ANONYMOUS = "anonymous"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Caller:
    """A resolved caller. `site_id` is where a device stands; people belong to no site."""

    role: CallerRole
    id: UUID | None
    name: str
    email: str | None = None
    site_id: UUID | None = None
    gate: str | None = None
    session_id: UUID | None = None

    @property
    def is_host(self) -> bool:
        """Whether the caller sees only their own visitors."""
        return self.role is CallerRole.HOST

    @property
    def is_kiosk(self) -> bool:
        """Whether visitors type themselves, standing there."""
        return self.role is CallerRole.KIOSK

    @property
    def is_person(self) -> bool:
        """Whether somebody has signed in, who may see codes and addresses."""
        return self.role in {CallerRole.SUPERADMIN, CallerRole.ADMIN, CallerRole.HOST}

    @classmethod
    def person(cls, user_id: UUID, role: Role, name: str, email: str, session_id: UUID) -> "Caller":
        return cls(CallerRole(role.value), user_id, name, email, session_id=session_id)

    @classmethod
    def device(cls, device: Device) -> "Caller":
        role = CallerRole(device.kind.value)
        return cls(role, device.id, device.name, site_id=device.site_id, gate=device.gate)


ANONYMOUS = Caller(CallerRole.ANONYMOUS, None, "anonymous")
SYSTEM = Caller(CallerRole.SYSTEM, None, "worker")
