"""The desk is read every few seconds: its cards are one statement, and all else is another."""

from dataclasses import dataclass, fields
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Select,
    String,
    Time,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    true,
    tuple_,
    type_coerce,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB, TSQUERY, TSVECTOR, aggregate_order_by
from sqlalchemy.orm import aliased
from sqlalchemy.types import TypeEngine

from app.audit.models import VISITOR, AuditEntry
from app.auth.caller import Caller
from app.core.db.database import ReadSession
from app.core.db.prepared import PLANNED_ANEW, Query
from app.core.db.rollout import Rollout
from app.desk.moments import Moment
from app.desk.schemas import MOST_CARDS, MOST_FOUND, AttentionKind
from app.devices.models import Device
from app.musters.models import Muster, MusterStatus
from app.notifications.models import Notification
from app.scans.models import Scan
from app.sites.models import Site
from app.slots.models import Slot
from app.visitors.cards import NEEDS, DeskAction
from app.visitors.list_statements import NARROWS
from app.visitors.models import Presence, Visitor, VisitorStatus
from app.visitors.undo import undone_within
from app.visitors.undo_offer import UNDO_FACTS, SlotState, UndoFacts


@dataclass(frozen=True, slots=True)
class Visit:
    """The facts of a card, in the order of the columns."""

    id: UUID
    name: str
    company: str | None
    host_name: str | None
    visit_date: date
    visit_time: time
    duration_minutes: int
    status: VisitorStatus
    is_away: bool
    checked_in_at: datetime | None
    has_lost_host: bool
    """The host has no account, or none that is active."""
    undo: UndoFacts | None
    """None without a right to undo, and where nothing can be."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure, or something that needs attention; the columns that a `part` lacks are None."""

    part: str
    id: UUID | None
    name: str | None
    visit_date: date | None
    visit_time: time | None
    duration_minutes: int | None
    number: int | None


def _is(status: VisitorStatus) -> ColumnElement[bool]:
    """Compare with a constant, which meets the condition of an index."""
    return type_coerce(Visitor.status, String) == literal_column(f"'{status}'")


_LOST_HOST = or_(
    Visitor.host_closed,
    and_(
        Visitor.host_id.is_(None), func.coalesce(Visitor.host_name, Visitor.host_email).is_not(None)
    ),
)
_AT_SITE = Visitor.site_id == bindparam("site", type_=Uuid())


def _state(*which: ColumnElement[bool]) -> ColumnElement[Any]:
    """Return a slot as `SlotState`."""
    names = (field.name for field in fields(SlotState))
    pairs = (
        part for name in names for part in (literal_column(f"'{name}'"), Slot.__table__.c[name])
    )
    found = select(func.jsonb_build_object(*pairs)).where(*which)
    return found.correlate(Visitor, AuditEntry).scalar_subquery()


def _acts(since: ColumnElement[datetime]) -> ColumnElement[Any]:
    """Return the acts on a visit that may still be undone, as a list of `PastAct`."""
    before = AuditEntry.details["before"].astext
    former = _state(
        Slot.site_id == Visitor.site_id,
        Slot.visit_date == cast(func.left(before, 10), Date),
        Slot.hour == cast(func.substr(before, 12, 2), Integer),
    )
    act = func.jsonb_build_object(
        *(literal_column("'id'"), AuditEntry.id, literal_column("'action'"), AuditEntry.action),
        *(literal_column("'actor_id'"), AuditEntry.actor_id),
        *(literal_column("'created_at'"), AuditEntry.created_at),
        *(literal_column("'details'"), AuditEntry.details),
        *(literal_column("'slot'"), case((AuditEntry.details.has_key("was"), former))),
    )
    return (
        select(
            func.coalesce(func.jsonb_agg(aggregate_order_by(act, AuditEntry.id)), cast("[]", JSONB))
        )
        .where(
            AuditEntry.subject_id == Visitor.id,
            AuditEntry.subject_type == literal_column(f"'{VISITOR}'"),
            AuditEntry.created_at >= since,
        )
        .correlate(Visitor)
        .scalar_subquery()
    )


def _undo() -> ColumnElement[Any]:
    """Return `UndoFacts` as text, for callers who may undo, once no update is under way."""
    since = bindparam("acts_since", type_=DateTime(timezone=True))
    other = aliased(Visitor)
    again = exists().where(
        other.slot_id == Visitor.slot_id,
        other.self_registration_key == Visitor.self_registration_key,
        type_coerce(other.status, String).in_(
            [literal_column("'pending'"), literal_column("'verified'")]
        ),
        other.id != Visitor.id,
    )
    found = func.jsonb_build_object(
        *(literal_column("'is_self_registered'"), Visitor.is_self_registered),
        *(literal_column("'has_registered_again'"), again),
        *(literal_column("'slot'"), _state(Slot.id == Visitor.slot_id)),
        *(literal_column("'acts'"), _acts(since)),
    )
    is_possible = and_(
        bindparam("with_undo", type_=Boolean()),
        ~exists().where(Rollout.finished_at.is_(None)),
        Visitor.anonymised_at.is_(None),
        Visitor.updated_at >= since,  # no act is newer than the row that it has changed
        ~_is(VisitorStatus.PENDING),
    )
    return cast(case((is_possible, found)), String).label("undo")


_COLUMNS: tuple[Any, ...] = (
    *(Visitor.id, Visitor.name, Visitor.company, Visitor.host_name),
    *(Visitor.visit_date, Visitor.visit_time, Visitor.duration_minutes),
    *(type_coerce(Visitor.status, String), Visitor.is_away, Visitor.checked_in_at),
    func.coalesce(_LOST_HOST, false()).label("has_lost_host"),
    _undo(),
)
_START = tuple_(Visitor.visit_date, Visitor.visit_time)
_MINUTES = func.make_interval(*[literal_column("0")] * 5, cast(Visitor.duration_minutes, Integer))
_END = Visitor.visit_date + Visitor.visit_time + _MINUTES
_MOST: ColumnElement[int] = literal_column(str(MOST_CARDS + 1))
_INSIDE = and_(_is(VisitorStatus.VERIFIED), ~Visitor.is_away)


def _time(day: str, at: str) -> Any:
    return tuple_(bindparam(day, type_=Date()), bindparam(at, type_=Time()))


def _part(name: str, order: tuple[Any, ...], *which: ColumnElement[bool]) -> Select[Any]:
    found = select(literal_column(f"'{name}'").label("part"), *_COLUMNS).where(_AT_SITE, *which)
    return found.order_by(*order).limit(_MOST)


def _cards() -> Query:
    """Read the lists, each a row longer than it is shown."""
    awaited = (
        Visitor.visit_date.between(
            bindparam("first_day", type_=Date()), bindparam("last_day", type_=Date())
        ),
        or_(
            Visitor.visit_date >= bindparam("today", type_=Date()),
            _time("late_day", "late_time") < _START,
        ),
        _time("last_day", "last_time") >= _START,
        _is(VisitorStatus.PENDING),
    )
    parts = (
        _part("due", (Visitor.visit_date, Visitor.visit_time, Visitor.id), *awaited),
        _part("inside", (Visitor.checked_in_at.desc(), Visitor.id), _INSIDE),
        _part("overdue", (_END, Visitor.id), _INSIDE),
    )
    return Query(union_all(*(part.subquery().select() for part in parts)))


def _fact(part: ColumnElement[Any] | str, **values: Any) -> list[Any]:
    word = literal_column(f"'{part}'") if isinstance(part, str) else part
    columns: dict[str, TypeEngine[Any]] = {
        "id": Uuid(),
        "name": String(),
        "visit_date": Date(),
        "visit_time": Time(),
        "duration_minutes": BigInteger(),
        "number": BigInteger(),
    }
    return [
        cast(word, String).label("part"),
        *(
            cast(values[name] if name in values else null(), type_).label(name)
            for name, type_ in columns.items()
        ),
    ]


_VISITOR = {"id": Visitor.id, "name": Visitor.name}


def _failed() -> Select[Any]:
    """Return the visitors of open visits whose mail has failed."""
    return (
        select(*_fact(AttentionKind.MAIL_FAILED.value, **_VISITOR))
        .join(Notification, Notification.visitor_id == Visitor.id)
        .where(
            _AT_SITE,
            type_coerce(Notification.status, String) == literal_column("'failed'"),
            Notification.created_at >= bindparam("failed_since", type_=DateTime(timezone=True)),
            type_coerce(Visitor.status, String).in_(
                [literal_column("'pending'"), literal_column("'verified'")]
            ),
        )
        .order_by(Notification.created_at.desc())
    )


def _conflicts() -> Select[Any]:
    """Return the visitors of scans that a gate should not have let pass."""
    return (
        select(*_fact(AttentionKind.CONFLICT.value, **_VISITOR))
        .join(Scan, Scan.visitor_id == Visitor.id)
        .where(
            Scan.site_id == bindparam("site", type_=Uuid()),
            type_coerce(Scan.verdict, String) == literal_column("'conflict'"),
            Scan.created_at >= bindparam("conflicts_since", type_=DateTime(timezone=True)),
        )
        .order_by(Scan.created_at.desc())
    )


def _silent() -> Select[Any]:
    """Return the devices that have not been seen for a while."""
    return (
        select(*_fact(AttentionKind.DEVICE_OFFLINE.value, id=Device.id, name=Device.name))
        .where(
            Device.site_id == bindparam("site", type_=Uuid()),
            Device.last_seen_at < bindparam("silent_since", type_=DateTime(timezone=True)),
        )
        .order_by(Device.name)
    )


def _facts() -> Query:
    """Read figures and what needs attention.

    The planned ends are counted by their times, since their instants are computed in Python.
    """
    of_day = (
        select(*_fact(type_coerce(Visitor.status, String), number=func.count()))
        .where(_AT_SITE, Visitor.visit_date == bindparam("day", type_=Date()))
        .group_by(Visitor.status)
    )
    times = ("visit_date", "visit_time", "duration_minutes")
    by_time = {name: getattr(Visitor, name) for name in times}
    whereabouts = case(
        (Visitor.is_away, literal_column(f"'{Presence.AWAY}'")),
        else_=literal_column(f"'{Presence.INSIDE}'"),
    )
    present = (
        select(*_fact(whereabouts, number=func.count(), **by_time))
        .where(_AT_SITE, _is(VisitorStatus.VERIFIED))
        .group_by(Visitor.is_away, *by_time.values())
    )
    urgent = (
        part.limit(_MOST).subquery().select() for part in (_failed(), _silent(), _conflicts())
    )
    return Query(union_all(of_day, present, *urgent))


def _found(*which: ColumnElement[bool]) -> Query:
    of_today = or_(
        Visitor.visit_date == bindparam("today", type_=Date()), _is(VisitorStatus.VERIFIED)
    )
    found = select(literal_column("'found'"), *_COLUMNS).where(_AT_SITE, of_today, *which)
    ordered = found.order_by(Visitor.visit_date, Visitor.visit_time, Visitor.name, Visitor.id)
    return Query(ordered.where(PLANNED_ANEW).limit(literal_column(str(MOST_FOUND))))


def _named() -> ColumnElement[bool]:
    """Match beginnings of words of name and company."""
    words = func.search_words(Visitor.name, literal(""), Visitor.company, literal(""))
    query = func.search_query(bindparam("q", type_=String), type_=TSQUERY)
    return cast(func.array_to_tsvector(words), TSVECTOR).bool_op("@@")(query)


_FIELDS = tuple(field.name for field in fields(Visit))
_CARDS, _FACTS = _cards(), _facts()
_SEARCH, _SEARCH_NAMES = _found(NARROWS["q"]), _found(NARROWS["q"], _named())


async def site_of_desk(
    session: ReadSession, caller: Caller, site_id: UUID | None
) -> list[tuple[Site, Muster | None]]:
    """Return the named site in scope, or up to two sites if none is named; with open musters."""
    is_open = and_(Muster.site_id == Site.id, Muster.status == MusterStatus.OPEN)
    named = true() if site_id is None else Site.id == site_id
    found = await session.rows(
        select(Site, Muster)
        .outerjoin(Muster, is_open)
        .where(named, *caller.scope.of_own_sites.of_sites(Site.id))
        .limit(2)
    )
    return [(site, muster) for site, muster in found]


async def cards(session: ReadSession, moment: Moment, caller: Caller) -> dict[str, list[Visit]]:
    """Return the visits by list: `due`, `inside`, and candidates of `overdue`."""
    found: dict[str, list[Visit]] = {"due": [], "inside": [], "overdue": []}
    for part, *values in await session.fetch(_CARDS, **moment.bounds(), **_acting(moment, caller)):
        found[part].append(_visit(*values))
    return found


async def facts(session: ReadSession, moment: Moment) -> list[Fact]:
    return [Fact(*row) for row in await session.fetch(_FACTS, **moment.attention())]


async def search(session: ReadSession, moment: Moment, q: str, caller: Caller) -> list[Visit]:
    """Return visits of today, and those who are present; guards find no address or phone."""
    statement = _SEARCH_NAMES if caller.is_guard else _SEARCH
    rows = await session.fetch(
        statement, site=moment.site.id, today=moment.today, q=q, **_acting(moment, caller)
    )
    return [_visit(*values) for _, *values in rows]


def _acting(moment: Moment, caller: Caller) -> dict[str, Any]:
    may_undo = bool(NEEDS[DeskAction.UNDO] & caller.permissions)
    return {"with_undo": may_undo, "acts_since": moment.now - undone_within(caller)}


def _visit(*values: Any) -> Visit:
    given = dict(zip(_FIELDS, values, strict=True))
    undo = UNDO_FACTS.validate_json(given["undo"]) if given["undo"] else None
    return Visit(**given | {"status": VisitorStatus(given["status"]), "undo": undo})
