"""Gate scanners and kiosks."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.models import Entity, words


class DeviceKind(StrEnum):
    """A device's kind, which decides its permissions."""

    SCANNER = "scanner"
    KIOSK = "kiosk"


class Device(Entity):
    """A scanner at a gate or a kiosk, at one site.

    The previous key is valid until `previous_key_until`, for an uninterrupted change.
    `offline_at` is set while it has been silent for too long.
    """

    __tablename__ = "devices"

    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[DeviceKind] = mapped_column(words(DeviceKind))
    site_id: Mapped[UUID] = mapped_column(ForeignKey("sites.id"), index=True)
    gate: Mapped[str | None] = mapped_column(String(200))
    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    previous_key_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    previous_key_until: Mapped[datetime | None]
    last_seen_at: Mapped[datetime | None]
    offline_at: Mapped[datetime | None]
