from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.models import Entity, words


class InMethod(StrEnum):
    """How a visitor came in."""

    GATE = "gate"
    DESK = "desk"


class OutMethod(StrEnum):
    """How a visitor went out; `automatic` means that nobody saw it."""

    GATE = "gate"
    DESK = "desk"
    BULK = "bulk"
    AUTOMATIC = "automatic"
    MUSTER = "muster"


class Stay(Entity):
    """The time of a visitor on site, from an entry to an exit; `out_at` is null while inside.

    Stays of a visitor never overlap. A first stay from before this table has the visitor's id. One
    that an undo opened again counts from `reopened_at`. From `overdue_at` on it is known to be
    overdue.
    """

    __tablename__ = "stays"
    __table_args__ = (
        CheckConstraint("out_at >= in_at", name="order"),
        CheckConstraint("(out_at IS NULL) = (out_method IS NULL)", name="ended"),
        Index("uq_stays_open", "visitor_id", unique=True, postgresql_where=text("out_at IS NULL")),
        Index("ix_stays_visitor_id_in_at", "visitor_id", "in_at", "id"),
        Index("ix_stays_site_id_out_at", "site_id", "out_at"),
    )

    visitor_id: Mapped[UUID] = mapped_column(ForeignKey("visitors.id", ondelete="CASCADE"))
    # Without a foreign key, which would wait for changes of the site.
    site_id: Mapped[UUID]
    in_at: Mapped[datetime]
    in_gate: Mapped[str | None] = mapped_column(String(200))
    in_method: Mapped[InMethod] = mapped_column(words(InMethod))
    out_at: Mapped[datetime | None]
    out_method: Mapped[OutMethod | None] = mapped_column(words(OutMethod))
    reopened_at: Mapped[datetime | None]
    overdue_at: Mapped[datetime | None]

    @property
    def counts_from(self) -> datetime:
        """Return the instant from which an automatic check-out counts."""
        return self.reopened_at or self.in_at
