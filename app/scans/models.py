from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship

from app.core.db.models import Entity, words
from app.devices.models import Device
from app.visitors.models import Visitor


class ScanDirection(StrEnum):
    """The direction of a scan."""

    IN = "in"
    OUT = "out"


class ScanVerdict(StrEnum):
    """The result of a scan.

    `conflict` means that a gate opened although the visit did not permit it: one that was offline,
    or an exit in an emergency.
    """

    ADMITTED = "admitted"
    CHECKED_OUT = "checked_out"
    REFUSED = "refused"
    CONFLICT = "conflict"


class ScanMethod(StrEnum):
    """Where somebody passed: at a gate, by hand at the desk, or with everybody else."""

    GATE = "gate"
    DESK = "desk"
    BULK = "bulk"


OPENED = frozenset({ScanVerdict.ADMITTED, ScanVerdict.CHECKED_OUT})


class Scan(Entity):
    """A scan of a genuine QR token with its result.

    It has no personal data, so that erasing the visitor is enough. `created_at` is the time of
    receipt.
    """

    __tablename__ = "scans"
    __table_args__ = (
        Index(
            "uq_scans_caller_scan",
            "caller_id",
            "scan_id",
            unique=True,
            postgresql_where=text("scan_id IS NOT NULL"),
        ),
        Index("ix_scans_visitor_id", "visitor_id", "id"),
        Index("ix_scans_created_at_id", "created_at", "id"),
        Index("ix_scans_caller_created", "caller_id", "created_at", "id"),
        Index("ix_scans_site_created", "site_id", "created_at", "id"),
        Index(
            "ix_scans_conflicts", "created_at", "id", postgresql_where=text("verdict = 'conflict'")
        ),
    )

    visitor_id: Mapped[UUID | None] = mapped_column(ForeignKey("visitors.id", ondelete="SET NULL"))
    caller_id: Mapped[UUID]
    scan_id: Mapped[UUID | None]
    body_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    direction: Mapped[ScanDirection] = mapped_column(words(ScanDirection))
    gate: Mapped[str | None] = mapped_column(String(200))
    method: Mapped[ScanMethod] = mapped_column(
        words(ScanMethod), default=ScanMethod.GATE, server_default=ScanMethod.GATE.value
    )
    site_id: Mapped[UUID | None]
    scanned_at: Mapped[datetime | None]
    verdict: Mapped[ScanVerdict] = mapped_column(words(ScanVerdict))
    code: Mapped[str | None] = mapped_column(String(40))
    message: Mapped[str] = mapped_column(String(300))
    details: Mapped[dict[str, Any]]

    visitor: Mapped[Visitor | None] = relationship(lazy="raise", viewonly=True)
    # Users scan too, and devices can be deleted.
    device: Mapped[Device | None] = relationship(
        lazy="raise", viewonly=True, primaryjoin=lambda: foreign(Scan.caller_id) == Device.id
    )
