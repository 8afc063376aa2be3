"""The ledger of scans."""

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
    """Which way a visitor passes the gate."""

    IN = "in"
    OUT = "out"


class ScanVerdict(StrEnum):
    """Whether the gate opens, and as what.

    `conflict` is of gates that were offline: one has opened although the visit did not allow it.
    """

    ADMITTED = "admitted"
    CHECKED_OUT = "checked_out"
    REFUSED = "refused"
    CONFLICT = "conflict"


OPENED = frozenset({ScanVerdict.ADMITTED, ScanVerdict.CHECKED_OUT})


class Scan(Entity):
    """One scan of a genuine token, opened, refused, or kept as a conflict.

    It holds what was decided but no personal data: the answer to a repeat is made from it and the
    visitor, so that erasing the visitor erases all. `created_at` is when the scan was received.
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
    site_id: Mapped[UUID | None]
    scanned_at: Mapped[datetime | None]
    verdict: Mapped[ScanVerdict] = mapped_column(words(ScanVerdict))
    code: Mapped[str | None] = mapped_column(String(40))
    message: Mapped[str] = mapped_column(String(300))
    details: Mapped[dict[str, Any]]

    visitor: Mapped[Visitor | None] = relationship(lazy="raise", viewonly=True)
    # People scan, too, at the desk: what has scanned need not be a device, or not any more.
    device: Mapped[Device | None] = relationship(
        lazy="raise", viewonly=True, primaryjoin=lambda: foreign(Scan.caller_id) == Device.id
    )
