"""The statements of marks, each for any number of entries."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Update,
    Uuid,
    any_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from app.core.db.database import ReadSession, WriteSession
from app.core.db.direct import Row
from app.core.db.inserting import as_json, given_rows
from app.core.db.plain import stored_columns
from app.core.db.prepared import Command, Query
from app.core.ids import new_id
from app.musters.merging import Mark, Standing
from app.musters.models import (
    ALARMS,
    MarkState,
    MusterEntry,
    MusterMark,
)

STANDING = (
    *("id", "state", "marked_at", "marked_by", "marked_note"),
    *("alarms", "is_exit", "is_late"),
)
MARK = tuple(column.name for column in stored_columns(MusterMark))
_SAID = ("state", "marked_at", "marked_by", "seen", "note", "is_exit", "is_late")


def ids_given(name: str) -> ColumnElement[Any]:
    return any_(bindparam(name, type_=ARRAY(Uuid())))


def _storing() -> Command:
    given = given_rows(MusterMark, MARK, "marks")
    rows = select(*given.c)
    stored = insert(MusterMark).from_select(list(MARK), rows).on_conflict_do_nothing()
    return Command(stored.returning(MusterMark.mark_id))


def standing_changed() -> Update:
    given = given_rows(MusterEntry, STANDING, "entries")
    values: dict[str, Any] = {name: given.c[name] for name in STANDING if name != "id"}
    values["revision"] = MusterEntry.revision + 1
    return update(MusterEntry).where(MusterEntry.id == given.c["id"]).values(values)


_LOCK = Command(
    select(MusterEntry.id, MusterEntry.visitor_id)
    .where(
        MusterEntry.muster_id == bindparam("muster_id"), MusterEntry.id == ids_given("entry_ids")
    )
    .order_by(MusterEntry.id)
    .with_for_update(key_share=True)
)
_HASHES = Query(
    select(MusterMark.mark_id, MusterMark.body_hash).where(
        MusterMark.muster_id == bindparam("muster_id"), MusterMark.mark_id == ids_given("mark_ids")
    )
)


def _deciding() -> Query:
    """Find the marks of entries that can decide or lift an alarm, whatever marks are to come.

    Of those that are no alarm and have seen nothing, only the latest can.
    """
    stored = MusterMark.__table__.c
    is_alarm = stored.state.in_([literal_column(f"'{state.value}'") for state in sorted(ALARMS)])
    latest = func.row_number().over(
        partition_by=(stored.entry_id, is_alarm),
        order_by=(stored.marked_at.desc(), stored.mark_id.desc()),
    )
    columns = (stored.entry_id, stored.mark_id, *(stored[name] for name in _SAID))
    ranked = (
        select(*columns, (latest == 1).label("is_latest"), is_alarm.label("is_alarm"))
        .where(stored.entry_id == ids_given("entry_ids"))
        .subquery()
    )
    lifts = or_(func.cardinality(ranked.c.seen) > 0, ranked.c.is_exit)
    names = ("entry_id", "mark_id", *_SAID)
    found = select(*(ranked.c[name] for name in names))
    return Query(found.where(or_(ranked.c.is_alarm, ranked.c.is_latest, lifts)))


_DECIDING = _deciding()
_STORE, _CHANGE = _storing(), Command(standing_changed())


async def lock_entries(
    unit: WriteSession, muster_id: UUID, entry_ids: Collection[UUID]
) -> dict[UUID, UUID | None]:
    """Lock entries of a muster in the order of their ids; return their visitors."""
    rows = await unit.fetch(_LOCK, muster_id=muster_id, entry_ids=list(entry_ids))
    return {row[0]: row[1] for row in rows}


async def store_marks(unit: WriteSession, marks: Sequence[Mapping[str, Any]]) -> set[UUID]:
    """Store marks of locked entries, unless their ids are known; return the ids of new ones."""
    return {row[0] for row in await unit.fetch(_STORE, marks=as_json(marks))}


async def deciding_marks(
    session: ReadSession, entry_ids: Collection[UUID]
) -> dict[UUID, list[Mark]]:
    """Return the stored marks that can decide the states of entries."""
    found: dict[UUID, list[Mark]] = {id_: [] for id_ in entry_ids}
    for row in await session.fetch(_DECIDING, entry_ids=list(entry_ids)):
        found[row[0]].append(_mark(row))
    return found


def _mark(row: Row) -> Mark:
    _, id_, state, marked_at, by, seen, note, is_exit, is_late = row
    return Mark(id_, MarkState(state), marked_at, by, frozenset(seen), note, is_exit, is_late)


async def body_hashes(
    session: ReadSession, muster_id: UUID, mark_ids: Collection[UUID]
) -> dict[UUID, bytes]:
    """Return the hashes of stored marks by their ids."""
    rows = await session.fetch(_HASHES, muster_id=muster_id, mark_ids=list(mark_ids))
    return {row[0]: row[1] for row in rows}


async def save_standings(unit: WriteSession, standings: Mapping[UUID, Standing]) -> None:
    """Store what the marks of locked entries say."""
    if standings:
        rows = [standing_row(id_, standing) for id_, standing in standings.items()]
        await unit.run(_CHANGE, entries=as_json(rows))


def standing_row(entry_id: UUID, standing: Standing) -> dict[str, Any]:
    """Return the columns of an entry that its marks give."""
    mark = standing.mark
    return {
        "id": entry_id,
        "state": MarkState.UNKNOWN if mark is None else mark.state,
        "marked_at": mark and mark.marked_at,
        "marked_by": mark and mark.by,
        "marked_note": mark and mark.note,
        "alarms": list(standing.alarms),
        "is_exit": mark is not None and mark.is_exit,
        "is_late": mark is not None and mark.is_late,
    }


def mark_row(
    muster_id: UUID,
    entry_id: UUID,
    visitor_id: UUID | None,
    mark: Mark,
    now: datetime,
    body_hash: bytes = b"",
) -> dict[str, Any]:
    """Return the columns of a mark to be stored; one that no client sent has no hash."""
    return {
        "id": new_id(),
        "created_at": now,
        "muster_id": muster_id,
        "entry_id": entry_id,
        "visitor_id": visitor_id,
        "mark_id": mark.id,
        "body_hash": body_hash,
        "state": mark.state,
        "marked_at": mark.marked_at,
        "marked_by": mark.by,
        "seen": list(mark.seen),
        "note": mark.note,
        "is_exit": mark.is_exit,
        "is_late": mark.is_late,
    }
