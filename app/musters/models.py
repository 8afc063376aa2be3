from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.models import Entity, words
from app.core.db.personal import personal

NOBODY = "Anonymised visitor"


class MusterKind(StrEnum):
    """Whether a muster is an exercise."""

    DRILL = "drill"
    REAL = "real"


class MusterStatus(StrEnum):
    """The status of a muster; an ended one can be reopened."""

    OPEN = "open"
    ENDED = "ended"


class Confidence(StrEnum):
    """Why a person is on the roster.

    `unconfirmed` means that the stay was closed automatically, or that the entry was not permitted;
    a warden `added` people by hand.
    """

    INSIDE = "inside"
    AWAY = "away"
    UNCONFIRMED = "unconfirmed"
    ADDED = "added"


class MarkState(StrEnum):
    """What is known about a person."""

    UNKNOWN = "unknown"
    SAFE = "safe"
    NEEDS_HELP = "needs_help"
    MISSING = "missing"
    LEFT_EARLIER = "left_earlier"


ALARMS = frozenset({MarkState.NEEDS_HELP, MarkState.MISSING})
"""The states that only a mark lifts whose maker has seen them."""
UNACCOUNTED = frozenset({MarkState.UNKNOWN, MarkState.MISSING})


class Muster(Entity):
    """An evacuation of a site, or its drill.

    A drill that was turned into a real one is real since `real_since`.
    """

    __tablename__ = "musters"
    __table_args__ = (
        Index("uq_musters_open", "site_id", unique=True, postgresql_where=text("status = 'open'")),
        Index("ix_musters_created_at_id", "created_at", "id"),
        Index("ix_musters_site_created", "site_id", "created_at", "id"),
    )

    site_id: Mapped[UUID] = mapped_column(ForeignKey("sites.id"))
    kind: Mapped[MusterKind] = mapped_column(words(MusterKind))
    status: Mapped[MusterStatus] = mapped_column(words(MusterStatus))
    note: Mapped[str | None] = mapped_column(String(2000), info=personal())
    started_at: Mapped[datetime]
    started_by: Mapped[str] = mapped_column(String(401))
    real_since: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    anonymised_at: Mapped[datetime | None]


class MusterEntry(Entity):
    """A person on the roster, with the state that the marks give.

    The visitor has the name, so that erasing it there is enough; only people who were `added` have
    one here. `visitor_id` is no foreign key, since its check would lock every visitor while the
    site is locked, and `muster_id` is none, since thousands of checks would be a third of a start
    and musters are never deleted. `alarms` are the marks to be lifted, and `revision` increases
    with each state that is stored.
    """

    __tablename__ = "muster_entries"
    __table_args__ = (
        Index("ix_muster_entries_visitor_id", "visitor_id"),
        UniqueConstraint("muster_id", "visitor_id"),
    )

    muster_id: Mapped[UUID]
    visitor_id: Mapped[UUID | None]
    name: Mapped[str | None] = mapped_column(String(200), info=personal(NOBODY))
    company: Mapped[str | None] = mapped_column(String(200), info=personal())
    note: Mapped[str | None] = mapped_column(String(2000), info=personal())
    gate: Mapped[str | None] = mapped_column(String(200))
    in_at: Mapped[datetime | None]
    confidence: Mapped[Confidence] = mapped_column(words(Confidence))
    state: Mapped[MarkState] = mapped_column(
        words(MarkState), default=MarkState.UNKNOWN, server_default=MarkState.UNKNOWN
    )
    marked_at: Mapped[datetime | None]
    marked_by: Mapped[str | None] = mapped_column(String(401))
    marked_note: Mapped[str | None] = mapped_column(String(2000), info=personal())
    alarms: Mapped[list[UUID]] = mapped_column(
        ARRAY(Uuid), default=list, server_default=text("'{}'")
    )
    is_exit: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    is_late: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    revision: Mapped[int] = mapped_column(default=0, server_default=text("0"))


class MusterLink(Entity):
    """A link for a warden without an account, of which only a hash is stored.

    It shows what its maker might see (`shows_phones`).
    """

    __tablename__ = "muster_links"
    __table_args__ = (UniqueConstraint("token_hash"),)

    muster_id: Mapped[UUID] = mapped_column(ForeignKey("musters.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    shows_phones: Mapped[bool]
    deleted_at: Mapped[datetime | None]


class MusterMark(Entity):
    """What somebody said of a person on the roster, or that they left by a gate (`is_exit`).

    A mark never changes. `visitor_id` is that of the entry. `mark_id` is made by the client,
    `body_hash` is of all that it sent, and `marked_at` is clamped. It `is_late` if it came after
    the end.
    """

    __tablename__ = "muster_marks"
    __table_args__ = (UniqueConstraint("muster_id", "mark_id"),)

    muster_id: Mapped[UUID]
    entry_id: Mapped[UUID] = mapped_column(
        ForeignKey("muster_entries.id", ondelete="CASCADE"), index=True
    )
    visitor_id: Mapped[UUID | None] = mapped_column(index=True)
    mark_id: Mapped[UUID]
    body_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    state: Mapped[MarkState] = mapped_column(words(MarkState))
    marked_at: Mapped[datetime]
    marked_by: Mapped[str] = mapped_column(String(401))
    seen: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    note: Mapped[str | None] = mapped_column(String(2000), info=personal())
    is_exit: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    is_late: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
