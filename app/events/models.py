from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, String, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.models import Base, Entity


class PendingEvent(Entity):
    """An event without a number, written by what causes it; the sequencer moves it to `events`.

    No id is a foreign key, because an event outlives what it names. `host_id` is the account of
    the host then, for the scope of readers.
    """

    __tablename__ = "event_outbox"

    type: Mapped[str] = mapped_column(String(40))
    site_id: Mapped[UUID | None]
    host_id: Mapped[UUID | None]
    subject_type: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[UUID | None]
    subject_version: Mapped[int | None]
    actor_kind: Mapped[str] = mapped_column(String(20))
    actor_id: Mapped[UUID | None]
    request_id: Mapped[str | None] = mapped_column(String(128))
    fields: Mapped[list[str]] = mapped_column(
        JSONB, default=list, server_default=text("'[]'::jsonb")
    )


class Event(Base):
    """An event that can be read; `seq` ascends in the order of commits of the sequencer."""

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_subject_id", "subject_id"),)

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[UUID] = mapped_column(unique=True)
    type: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[datetime]
    sequenced_at: Mapped[datetime]
    site_id: Mapped[UUID | None]
    host_id: Mapped[UUID | None]
    subject_type: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[UUID | None]
    subject_version: Mapped[int | None]
    actor_kind: Mapped[str] = mapped_column(String(20))
    actor_id: Mapped[UUID | None]
    request_id: Mapped[str | None] = mapped_column(String(128))
    fields: Mapped[list[str]] = mapped_column(JSONB)


class ShownChange(Entity):
    """A change of a record that open visits show, of which `visit.updated` is yet to be told.

    `column` is that of the visits with the id of the record, and `fields` are what they show.
    Visits up to `done_through` have been told.
    """

    __tablename__ = "shown_changes"

    column: Mapped[str] = mapped_column(String(40))
    record_id: Mapped[UUID]
    fields: Mapped[list[str]] = mapped_column(JSONB)
    actor_kind: Mapped[str] = mapped_column(String(20))
    actor_id: Mapped[UUID | None]
    request_id: Mapped[str | None] = mapped_column(String(128))
    done_through: Mapped[UUID | None]


class EventLog(Base):
    """The one row with the number of the newest event, and of the newest that was deleted.

    `entries_through` is the number of the newest audit entry whose event is there.
    """

    __tablename__ = "event_log"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    head: Mapped[int]
    cut_through: Mapped[int] = mapped_column(server_default=text("0"))
    entries_through: Mapped[int] = mapped_column(server_default=text("0"))
