"""The ledger of scans."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.models import Entity, words


class Direction(StrEnum):
    """Which way a visitor passes the gate."""

    IN = "in"
    OUT = "out"


class Verdict(StrEnum):
    """Whether the gate opens, and as what."""

    ADMITTED = "admitted"
    CHECKED_OUT = "checked_out"
    REFUSED = "refused"


class Scan(Entity):
    """One scan of a genuine token, opened or refused.

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
        Index("ix_scans_created_at", "created_at", postgresql_using="brin"),
    )

    visitor_id: Mapped[UUID | None] = mapped_column(ForeignKey("visitors.id", ondelete="SET NULL"))
    caller_id: Mapped[UUID]
    scan_id: Mapped[UUID | None]
    body_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    direction: Mapped[Direction] = mapped_column(words(Direction))
    gate: Mapped[str | None] = mapped_column(String(200))
    site_id: Mapped[UUID | None]
    scanned_at: Mapped[datetime | None]
    verdict: Mapped[Verdict] = mapped_column(words(Verdict))
    code: Mapped[str | None] = mapped_column(String(40))
    message: Mapped[str] = mapped_column(String(300))
    details: Mapped[dict[str, Any]]
