"""The statements of rosters, each for any number of people."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    DateTime,
    FromClause,
    Select,
    SQLColumnExpression,
    String,
    Uuid,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
    true,
    type_coerce,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert

from app.core.db.database import ReadSession, WriteSession
from app.core.db.direct import Row
from app.core.db.inserting import as_json, given_rows, insertion
from app.core.db.prepared import Command, Query
from app.musters.mark_statements import (
    MARK,
    deciding_marks,
    ids_given,
    mark_row,
    standing_changed,
    standing_row,
)
from app.musters.models import (
    NOBODY,
    Confidence,
    Muster,
    MusterEntry,
    MusterMark,
)
from app.musters.passages import Followed, Passage, Rostered
from app.users.models import User
from app.visitors.models import Visitor
from app.visitors.stay_models import Stay
from app.visitors.stay_repository import newest_stay

Record = dict[str, Any]
"""The fields of `schemas.MusterEntry` by name, with words as text."""

UNCONFIRMED_FOR = timedelta(hours=12)


def _word(column: Any) -> ColumnElement[str]:
    return type_coerce(column, String)


# -- the roster ------------------------------------------------------------------------------------


def _filling() -> Command:
    """Put everybody on a roster who is inside or away, or of whom nobody saw that they left.

    A stay that a process of the previous release began is not stored.
    """
    newest = newest_stay(Visitor.id)
    confidence = case(
        (Visitor.status != literal_column("'verified'"), Confidence.UNCONFIRMED.value),
        (Visitor.is_away, Confidence.AWAY.value),
        else_=Confidence.INSIDE.value,
    )
    values: dict[str, Any] = {
        "id": func.gen_random_uuid(),
        "created_at": bindparam("now", type_=DateTime(timezone=True)),
        "muster_id": bindparam("muster_id", type_=Uuid()),
        "visitor_id": Visitor.id,
        "gate": case((newest.c.id.is_(None), Visitor.checked_in_gate), else_=newest.c.in_gate),
        "in_at": func.coalesce(newest.c.in_at, Visitor.checked_in_at),
        "confidence": confidence,
    }
    here = select(*values.values()).select_from(Visitor).outerjoin(newest, true())
    here = here.where(Visitor.site_id == bindparam("site_id"))
    closed_since = bindparam("closed_since", type_=DateTime(timezone=True))
    is_closed = and_(
        Visitor.status == literal_column("'completed'"),
        Visitor.checked_out_automatically,
        Visitor.id.in_(
            select(Stay.visitor_id).where(
                Stay.site_id == bindparam("site_id"), Stay.out_at > closed_since
            )
        ),
    )
    # Each part has an index of its own.
    people = union_all(
        here.where(Visitor.status == literal_column("'verified'")), here.where(is_closed)
    )
    filled = insert(MusterEntry).from_select(list(values), people, include_defaults=False)
    return Command(filled.on_conflict_do_nothing())


_COLUMNS: dict[str, SQLColumnExpression[Any]] = {
    "id": MusterEntry.id,
    "visitor_id": Visitor.id,
    "name": func.coalesce(Visitor.name, MusterEntry.name, NOBODY),
    "company": func.coalesce(Visitor.company, MusterEntry.company),
    "host_name": Visitor.host_name,
    "host_phone": case((bindparam("with_phones"), User.phone)),
    "gate": MusterEntry.gate,
    "in_at": MusterEntry.in_at,
    "confidence": _word(MusterEntry.confidence),
    "state": _word(MusterEntry.state),
    "marked_at": MusterEntry.marked_at,
    "marked_by": MusterEntry.marked_by,
    "note": func.coalesce(MusterEntry.marked_note, MusterEntry.note),
    "alarms": MusterEntry.alarms,
    "is_late": MusterEntry.is_late,
}


def _reading(*which: ColumnElement[bool]) -> Query:
    found: Select[*tuple[Any, ...]] = (
        select(*(column.label(name) for name, column in _COLUMNS.items()))
        .select_from(MusterEntry)
        .outerjoin(Visitor, Visitor.id == MusterEntry.visitor_id)
        .outerjoin(User, User.id == Visitor.host_id)
        .where(MusterEntry.muster_id == bindparam("muster_id"), *which)
    )
    return Query(found.order_by(literal_column("name"), MusterEntry.id))


_COUNTS = Query(
    select(MusterEntry.muster_id, _word(MusterEntry.state), func.count())
    .where(MusterEntry.muster_id == ids_given("muster_ids"))
    .group_by(MusterEntry.muster_id, MusterEntry.state)
)
_FILL = _filling()
_READ, _READ_ONE = _reading(), _reading(MusterEntry.id == bindparam("entry_id"))


async def fill_roster(unit: WriteSession, muster_id: UUID, site_id: UUID, now: datetime) -> int:
    """Add those who are known to be inside, or may be; return how many."""
    since = now - UNCONFIRMED_FOR
    return await unit.run(_FILL, muster_id=muster_id, site_id=site_id, closed_since=since, now=now)


async def roster(
    session: ReadSession, muster_id: UUID, *, with_phones: bool, entry_id: UUID | None = None
) -> list[Record]:
    """Return the entries of a muster by name, or one of them."""
    chosen = {} if entry_id is None else {"entry_id": entry_id}
    statement = _READ if entry_id is None else _READ_ONE
    rows = await session.fetch(statement, muster_id=muster_id, with_phones=with_phones, **chosen)
    return [dict(zip(_COLUMNS, row, strict=True)) for row in rows]


async def states(session: ReadSession, muster_ids: Collection[UUID]) -> dict[UUID, dict[str, int]]:
    """Return the number of people in each state, by muster."""
    found: dict[UUID, dict[str, int]] = {id_: {} for id_ in muster_ids}
    for muster_id, state, number in await session.fetch(_COUNTS, muster_ids=list(muster_ids)):
        found[muster_id][state] = number
    return found


def _passing() -> Query:
    ended_at = bindparam("ended_at", type_=DateTime(timezone=True))
    is_new = or_(Stay.in_at > ended_at, Stay.created_at > ended_at)
    went = and_(
        Stay.out_method != literal_column("'automatic'"), or_(is_new, Stay.out_at > ended_at)
    )
    return Query(
        select(
            Stay.visitor_id,
            case((is_new, Stay.in_at)),
            case((went, Stay.out_at)),
            Stay.in_gate,
        )
        .join(MusterEntry, MusterEntry.visitor_id == Stay.visitor_id)
        .where(MusterEntry.muster_id == bindparam("muster_id"), or_(is_new, went))
    )


_PASSED = _passing()


async def passed_since(
    session: ReadSession, muster: Muster, ended_at: datetime, by: str
) -> list[Passage]:
    """Return the passages of people on a roster that happened, or became known, after its end."""
    rows = await session.fetch(_PASSED, muster_id=muster.id, ended_at=ended_at)
    return [
        Passage(visitor_id, muster.site_id, is_entry=is_entry, at=at, gate=gate, by=by)
        for visitor_id, in_at, out_at, gate in rows
        for is_entry, at in ((True, in_at), (False, out_at))
        if at is not None
    ]


# -- marks -----------------------------------------------------------------------------------------


_LEFT = Query(
    select(MusterEntry.visitor_id, MusterEntry.marked_at).where(
        MusterEntry.muster_id == bindparam("muster_id"),
        MusterEntry.visitor_id.is_not(None),
        MusterEntry.state == literal_column("'left_earlier'"),
        ~MusterEntry.is_exit,
    )
)


async def left_by_wardens(session: ReadSession, muster_id: UUID) -> dict[UUID, datetime]:
    """Return the visitors of whom a warden knows that they had left, with the times of marks."""
    return {row[0]: row[1] for row in await session.fetch(_LEFT, muster_id=muster_id)}


# -- those who pass a gate -------------------------------------------------------------------------

NEW_ENTRY = ("id", "created_at", "muster_id", "visitor_id", "gate", "in_at", "confidence")


def entry_held(*when: CTE) -> CTE:
    """Return the CTE that locks an entry, unless its state has changed since it was read."""
    return (
        select(MusterEntry.id)
        .where(
            MusterEntry.id == bindparam("entry_id"),
            MusterEntry.revision == bindparam("entry_revision"),
            *(exists(select(part)) for part in when),
        )
        .with_for_update(key_share=True)
        .cte("entry")
    )


def entry_marked(*when: FromClause) -> tuple[CTE, CTE]:
    """Return the CTEs that store marks and what they say of a locked entry."""
    stored = insertion(MusterMark, MARK, "marks", when=when).cte("mark")
    return stored, standing_changed().where(*(exists(select(part)) for part in when)).cte(
        "standing"
    )


def entry_added(*when: FromClause) -> CTE:
    """Return the CTE that adds a visitor to a roster, unless they are on it."""
    added = select(*given_rows(MusterEntry, NEW_ENTRY, "entries").c)
    for part in when:
        added = added.where(exists(select(part)))
    stored = insert(MusterEntry).from_select(list(NEW_ENTRY), added, include_defaults=False)
    return stored.on_conflict_do_nothing().cte("added")


def _rostered(*, locked: bool) -> Select[*tuple[Any, ...]]:
    found: Select[*tuple[Any, ...]] = (
        select(MusterEntry.visitor_id, MusterEntry.id, MusterEntry.revision)
        .where(
            MusterEntry.muster_id == bindparam("muster_id"),
            MusterEntry.visitor_id == ids_given("visitor_ids"),
        )
        .order_by(MusterEntry.id)
    )
    return found.with_for_update(key_share=True) if locked else found


_ROSTERED, _LOCK_ROSTERED = Query(_rostered(locked=False)), Command(_rostered(locked=True))
_ADD = Command(select(literal_column("1")).add_cte(entry_added()))


async def add_entries(unit: WriteSession, entries: Sequence[Record]) -> None:
    """Add visitors to rosters, unless they are on them."""
    await unit.run(_ADD, entries=as_json(entries))


async def find_rostered(session: ReadSession, muster_id: UUID, visitor_id: UUID) -> Rostered | None:
    """Return a visitor on a roster, with marks that are not older than the entry."""
    rows = await session.fetch(_ROSTERED, muster_id=muster_id, visitor_ids=[visitor_id])
    return (await _with_marks(session, rows)).get(visitor_id)


async def lock_rostered(
    unit: WriteSession, muster_id: UUID, visitor_ids: Collection[UUID]
) -> dict[UUID, Rostered]:
    """Lock the entries of visitors in the order of their ids; return them by visitor."""
    rows = await unit.fetch(_LOCK_ROSTERED, muster_id=muster_id, visitor_ids=list(visitor_ids))
    return await _with_marks(unit, rows)


async def _with_marks(session: ReadSession, rows: Sequence[Row]) -> dict[UUID, Rostered]:
    found = {visitor_id: Rostered(id_, revision) for visitor_id, id_, revision in rows}
    if found:
        marks = await deciding_marks(session, [each.entry_id for each in found.values()])
        for each in found.values():
            each.marks = marks[each.entry_id]
    return found


def followed_values(followed: Followed, now: datetime) -> dict[str, Any]:
    """Return the parameters of `entry_added`, or of `entry_held` and `entry_marked`."""
    if followed.added is not None:
        return {"entries": as_json([followed.added])}
    if followed.known is None:
        return {}
    known = followed.known
    return {
        "entry_id": known.entry_id,
        "entry_revision": known.revision,
        "marks": as_json(mark_rows(followed, now)),
        "entries": as_json([standing_row(known.entry_id, followed.standing)]),
    }


def mark_rows(followed: Followed, now: datetime) -> list[Record]:
    """Return the marks that passages of a visitor make."""
    if followed.entry_id is None:
        return []
    place = followed.muster_id, followed.entry_id, followed.visitor_id
    return [mark_row(*place, mark, now) for mark in followed.marks]
