"""What tests write, and read of the events."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

from app.audit.models import AuditAction
from app.audit.repository import KnownActor, record
from app.core.db.database import Database, WriteSession
from app.core.db.errors import OUTAGES
from app.core.ids import new_id
from app.events.filters import EventFilter
from app.events.kinds import EventType
from app.events.outbox import emit
from app.events.repository import EventReader, Found, ReadEvent

AT = datetime(2026, 11, 16, 8, 0, tzinfo=UTC)
DESK = KnownActor("Front Desk", "admin", new_id())
ALL = EventFilter()


def write_entry(unit: WriteSession, site: UUID | None = None) -> UUID:
    """Write an audit entry that makes an event; return the id of its subject."""
    subject = new_id()
    record(unit, AuditAction.MUSTER_STARTED, subject, DESK, AT, site=site)
    return subject


def write_pending(unit: WriteSession, site: UUID | None = None, host: UUID | None = None) -> UUID:
    """Write an event into the outbox; return the id of its subject."""
    subject = new_id()
    emit(unit, EventType.SLOT_FULL, "slot", subject, AT, site=site, host=host)
    return subject


async def read(
    database: Database, after: int = 0, chosen: EventFilter = ALL, at_most: int = 200
) -> Found:
    async with database.read() as session:
        return await EventReader(session).after(after, chosen, at_most)


class Follower:
    """A client that reads on from where it was."""

    def __init__(self, database: Database, at_most: int = 3) -> None:
        self.database, self.at_most = database, at_most
        self.after = 0
        self.events: list[ReadEvent] = []

    async def keep_on(self, done: asyncio.Event) -> None:
        """Read on until `done`, whatever happens to the database meanwhile."""
        while not done.is_set():
            with suppress(*OUTAGES):
                await self.follow()
            await asyncio.sleep(0.01)

    async def follow(self) -> Sequence[ReadEvent]:
        """Read until the head; return the events of all reads."""
        while True:
            found = await read(self.database, self.after, at_most=self.at_most)
            self.events += found.events
            self.after = found.next_after
            if self.after >= found.head:
                return self.events

    def assert_in_order(self) -> None:
        """Assert that each number came once, and after all smaller ones."""
        numbers = [event.seq for event in self.events]
        assert numbers == sorted(set(numbers))

    @property
    def subjects(self) -> list[UUID | None]:
        return [event.subject_id for event in self.events]
