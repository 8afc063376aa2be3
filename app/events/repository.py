"""SQL of the events: their numbers, what is read after one, erasing and deletion."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    DateTime,
    String,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    column,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    table,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, Insert, insert

from app.audit.chain_repository import entry_waits
from app.audit.models import VISITOR, AuditEntry
from app.core.db.database import ReadSession, WriteSession
from app.core.db.direct import Row
from app.core.db.inserting import as_json, given_rows
from app.core.db.leases import Lease
from app.core.db.prepared import Command, Query
from app.core.db.scope import limits
from app.events.filters import EventFilter
from app.events.kinds import EventType
from app.events.models import Event, EventLog, PendingEvent
from app.events.outbox import OUTBOX_COLUMNS

WINDOW = 10_000
"""Numbers that one read looks through for events that pass the filter."""

THE_LOG = 1
# Above the features that own it: read where the writer of an event did not know it.
_visitors = table(
    "visitors",
    column("id", Uuid()),
    column("version", BigInteger()),
    column("anonymised_at", DateTime(timezone=True)),
)
_events, _pending, _log = Event.__table__, PendingEvent.__table__, EventLog.__table__

_LOOK = Query(
    select(
        or_(entry_waits(), exists(select(_pending.c.id))),
        Lease.holder,
        func.extract("epoch", Lease.until - func.clock_timestamp()),
    )
    .select_from(select(literal(1).label("one")).subquery())
    .outerjoin(Lease, Lease.name == bindparam("name", type_=String()))
)


async def look(session: ReadSession, lease: str) -> tuple[bool, UUID | None, float]:
    """Return whether something waits, who holds the lease, and for how many more seconds."""
    row = await session.row(_LOOK, name=lease)
    if row is None:
        raise LookupError("the query always has one row")
    return bool(row[0]), row[1], float(row[2] or 0)


# -- reading ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReadEvent:
    """An event as it is read; `site_id` and `host_id` are those of its moment."""

    seq: int
    id: UUID
    type: str
    created_at: datetime
    site_id: UUID | None
    host_id: UUID | None
    subject_type: str
    subject_id: UUID | None
    subject_version: int | None
    actor_kind: str
    actor_id: UUID | None
    request_id: str | None
    fields: Any


@dataclass(frozen=True, slots=True)
class Found:
    """Events after a number, in order.

    `next_after` is where to go on, past events that do not pass the filter; `head` is the number
    of the newest event, and `cut_through` that of the newest that was deleted.
    """

    events: Sequence[ReadEvent]
    next_after: int
    head: int
    cut_through: int


_READ = tuple(_events.c[name] for name in ReadEvent.__slots__)
_SHAPES = 64  # cached combinations of filters and scopes


@lru_cache(_SHAPES)
def _page(shape: frozenset[str]) -> Query:
    """Return the query; one statement, so that log and events are of one instant.

    Without an event it has one row, of the log alone.
    """
    log = (
        select(func.coalesce(_log.c.head, 0).label("head"), _cut_through().label("cut"))
        .select_from(select(literal(1).label("one")).subquery("asked"))
        .outerjoin(_log, true())
        .subquery("log")
    )
    asked = func.greatest(bindparam("after", type_=BigInteger()), log.c.cut)
    after = func.least(asked, log.c.head)
    end = func.least(log.c.head, after + WINDOW)
    narrows: Mapping[str, ColumnElement[bool]] = {
        "types": _events.c.type == any_(bindparam("types", type_=ARRAY(String()))),
        "site": _events.c.site_id == bindparam("site", type_=Uuid()),
        **limits(_events.c.site_id, _events.c.host_id),
    }
    found = (
        select(*_READ)
        .where(_events.c.seq > after, _events.c.seq <= end, *(narrows[n] for n in sorted(shape)))
        .order_by(_events.c.seq)
        .limit(bindparam("at_most", type_=BigInteger()))
        .lateral("found")
    )
    return Query(
        select(log.c.head, log.c.cut, end, *found.c)
        .select_from(log.outerjoin(found, true()))
        .order_by(found.c.seq)
    )


def _cut_through() -> ColumnElement[int]:
    return func.coalesce(_log.c.cut_through, 0)


_HEAD = Query(select(_log.c.head, _log.c.cut_through))


class EventReader:
    """Queries the events."""

    def __init__(self, session: ReadSession) -> None:
        self.session = session

    async def after(self, seq: int, chosen: EventFilter, at_most: int) -> Found:
        """Return the events after a number that pass the filter, in order.

        From before the oldest event it begins there. It looks through `WINDOW` numbers, so that
        there may be none although `next_after` is not the `head` yet.
        """
        values = chosen.parameters()
        rows = await self.session.fetch(
            _page(frozenset(values)), after=seq, at_most=at_most, **values
        )
        head, cut_through, end = rows[0][:3]
        events = [_read(row) for row in rows if row[3] is not None]
        next_after = events[-1].seq if len(events) == at_most else end
        return Found(events, next_after, head, cut_through)

    async def head(self) -> int:
        """Return the number of the newest event, 0 if there never was one."""
        row = await self.session.row(_HEAD)
        return row[0] if row else 0

    async def waiting_since(self) -> datetime | None:
        """Return the instant of the oldest event that waits for its number in the outbox."""
        return await self.session.scalar(
            select(PendingEvent.created_at).order_by(PendingEvent.id).limit(1)
        )


def _read(row: Row) -> ReadEvent:
    return ReadEvent(*row[3:])


# -- writing ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Numbered:
    """How many events got a number, and how many of these came from the outbox."""

    events: int
    moved: int


def _numbering() -> Command:
    """Return the statement that moves the outbox and stores given events, with their numbers."""
    waiting = (
        select(_pending.c.id)
        .order_by(_pending.c.id)
        .limit(bindparam("at_most", type_=BigInteger()))
        .with_for_update(skip_locked=True)
        .cte("waiting")
    )
    columns = [_pending.c[name] for name in OUTBOX_COLUMNS]
    moved = (
        delete(PendingEvent).where(_pending.c.id.in_(select(waiting.c.id))).returning(*columns)
    ).cte("moved")
    given = given_rows(PendingEvent, OUTBOX_COLUMNS, "rows")
    found = union_all(select(moved), select(*given.c)).cte("found")
    many = select(func.count()).select_from(found).scalar_subquery()
    log = _counted(many)
    stored = _stored(found, log, many).returning(_events.c.seq).cte("stored")
    count = select(func.count()).select_from(stored).scalar_subquery()
    out_of_box = select(func.count()).select_from(moved).scalar_subquery()
    return Command(select(count, out_of_box))


def _counted(many: ColumnElement[int]) -> CTE:
    """Raise the head by so many; the row stays locked until the commit."""
    through = bindparam("through", type_=BigInteger())
    statement = insert(EventLog).values(id=THE_LOG, head=many, entries_through=through)
    given = statement.excluded
    raised = {
        "head": _log.c.head + given.head,
        "entries_through": func.greatest(_log.c.entries_through, given.entries_through),
    }
    return (
        statement.on_conflict_do_update(index_elements=[EventLog.id], set_=raised)
        .returning(_log.c.head)
        .cte("log")
    )


def _stored(found: CTE, log: CTE, many: ColumnElement[int]) -> Insert:
    """Insert the events, numbered by their ids, which sort by time."""
    is_of_visitor = found.c.subject_type == VISITOR
    is_erased = or_(_visitors.c.id.is_(None), _visitors.c.anonymised_at.is_not(None))
    is_erasing = found.c.type == EventType.VISIT_ERASED.value
    version = func.coalesce(found.c.subject_version, _visitors.c.version)
    # An event that is stored after its visitor was erased is without what the client wrote.
    given = func.nullif(found.c.request_id, "-")
    request_id = case((and_(is_of_visitor, is_erased, ~is_erasing), None), else_=given)
    values: dict[str, ColumnElement[Any]] = {name: found.c[name] for name in OUTBOX_COLUMNS} | {
        "seq": log.c.head - many + func.row_number().over(order_by=found.c.id),
        "sequenced_at": bindparam("now", type_=DateTime(timezone=True)),
        "subject_version": version,
        "request_id": request_id,
    }
    of_visit = and_(is_of_visitor, _visitors.c.id == found.c.subject_id)
    rows = (
        select(*values.values()).select_from(found).join(log, true()).outerjoin(_visitors, of_visit)
    )
    return insert(Event).from_select([*values], rows)


_NUMBERING = _numbering()


class EventRepository(EventReader):
    """Changes the events."""

    def __init__(self, unit: WriteSession) -> None:
        super().__init__(unit)
        self.unit = unit

    async def number(
        self, rows: Sequence[Mapping[str, Any]], now: datetime, at_most: int, *, through: int
    ) -> Numbered:
        """Give numbers to events and to up to `at_most` of the outbox, under the lease.

        The events are those of audit entries up to the number `through`.
        """
        done = await self.unit.row(
            _NUMBERING, rows=as_json(rows), now=now, at_most=at_most, through=through
        )
        if done is None:
            raise LookupError("the statement always has one row")
        return Numbered(*done)

    async def oldest(self, at_most: int) -> Sequence[tuple[int, datetime]]:
        """Return number and time of the oldest events, in order."""
        found = await self.unit.rows(
            select(Event.seq, Event.sequenced_at).order_by(Event.seq).limit(at_most)
        )
        return [(seq, at) for seq, at in found]

    async def cut_through(self, seq: int) -> None:
        """Delete the events up to a number, which stays known when none is left."""
        await self.unit.write(delete(Event).where(Event.seq <= seq))
        # Last, since the sequencer waits for this row.
        await self.unit.write(
            update(EventLog).where(EventLog.cut_through < seq).values(cut_through=seq)
        )

    async def erase_of(self, subject_ids: Collection[UUID]) -> None:
        """Erase what clients wrote into the events of erased visitors: the ids of requests.

        The entries are locked first: the sequencer holds them until their events are stored.
        """
        waiting = and_(AuditEntry.subject_type == VISITOR, AuditEntry.seq.is_(None))
        await self.unit.rows(
            select(AuditEntry.id)
            .where(AuditEntry.subject_id.in_(subject_ids), waiting)
            .order_by(AuditEntry.id)
            .with_for_update()
        )
        for model in (PendingEvent, Event):
            await self.unit.write(
                update(model)
                .where(model.subject_id.in_(subject_ids), model.request_id.is_not(None))
                .values(request_id=None)
                .execution_options(synchronize_session=False)
            )
