"""Lists are read most often: rows are dictionaries, and SQL is cached by filters."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from functools import lru_cache
from operator import getitem
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Enum,
    Select,
    String,
    Uuid,
    all_,
    and_,
    any_,
    bindparam,
    case,
    cast,
    false,
    func,
    literal_column,
    or_,
    select,
    true,
    type_coerce,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY, TSVECTOR

from app.auth.caller import Caller
from app.core.db.database import ReadSession
from app.core.db.direct import Row
from app.core.db.prepared import PLANNED_ANEW, Query
from app.core.db.scope import Scope, limits
from app.core.http.pagination import Ordering, PageRequest, Place
from app.core.localtime import start_of
from app.departments.models import Department
from app.sites.models import Site
from app.visitors import schemas
from app.visitors.group_models import Group
from app.visitors.models import PRESENCE, Presence, Purpose, Visitor, VisitorStatus
from app.visitors.order_statements import ORDERINGS, VisitorOrdering

STATUS_OF = {Presence.AWAY: VisitorStatus.VERIFIED} | {p: s for s, p in PRESENCE.items()}
"""The status of a visit by presence."""

Record = dict[str, Any]
"""The fields of `schemas.Visitor` by name, with enums as text."""

SHAPES = 256  # cached combinations of filters, orderings and callers


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitorFilter:
    """Filters of a list; None does not filter."""

    status: tuple[VisitorStatus, ...] | None = None
    presence: tuple[Presence, ...] | None = None
    site: UUID | None = None
    department: UUID | None = None
    purpose: Purpose | None = None
    visit_date: date | None = None
    visit_date_from: date | None = None
    visit_date_to: date | None = None
    host_id: UUID | None = None
    host_email: str | None = None
    overdue: Sequence[UUID] | None = None
    not_overdue: Sequence[UUID] | None = None
    updated_since: datetime | None = None
    group: UUID | None = None
    q: str | None = None

    def values(self, scope: Scope) -> dict[str, Any]:
        """Return the filters of a list in scope, by the names in `NARROWS`."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        given["host_email"] = (self.host_email or "").strip().lower() or None
        given["q"] = (self.q or "").strip() or None
        given |= self._statuses() | self._whereabouts()
        del given["presence"]
        chosen = {name: value for name, value in given.items() if value is not None}
        return chosen | scope.parameters(at=self.site)

    def _statuses(self) -> dict[str, Any]:
        """Return one status as such, since only then it meets the condition of an index."""
        chosen = set(self.status or VisitorStatus)
        if self.presence is not None:
            chosen &= {STATUS_OF[presence] for presence in self.presence}
        if chosen == set(VisitorStatus):
            return {"status": None}
        if len(chosen) == 1:
            return {"status": chosen.pop()}
        return {"status": None, "statuses": sorted(chosen)}

    def _whereabouts(self) -> dict[str, Any]:
        """Return the filter that parts those who are inside and away, if one is sought alone."""
        sought = {Presence.INSIDE, Presence.AWAY} & set(self.presence or ())
        if sought == {Presence.INSIDE}:
            return {"is_away": False}
        return {"is_outside": True} if sought == {Presence.AWAY} else {}


def _q(*, are_spread: bool = False) -> ColumnElement[bool]:
    """Match a QR token, or beginnings of words.

    Only the most selective words query the index; IS TRUE keeps the full check out of it, and makes
    matches look rarer than they are. With `are_spread` CASE does, by which half of them pass: a
    list whose order spreads them is then read until a page is full.
    """
    q = bindparam("q", type_=String)
    by_index = _is_code_or_has(q, func.search_key(q, type_=TSQUERY))
    in_full = _is_code_or_has(q, func.search_query(q, type_=TSQUERY))
    checked = case((in_full, true()), else_=false()) if are_spread else in_full.is_(true())
    return and_(by_index, checked)


def _is_code_or_has(q: ColumnElement[str], words: ColumnElement[Any]) -> ColumnElement[bool]:
    return or_(Visitor.qr_code == q, cast(Visitor.search, TSVECTOR).bool_op("@@")(words))


NARROWS: dict[str, ColumnElement[bool]] = {
    "status": Visitor.status == bindparam("status"),
    "is_away": Visitor.is_away == bindparam("is_away"),
    "is_outside": or_(
        type_coerce(Visitor.status, String) != VisitorStatus.VERIFIED.value, Visitor.is_away
    )
    == bindparam("is_outside", type_=Boolean()),
    "statuses": type_coerce(Visitor.status, String)
    == any_(bindparam("statuses", type_=ARRAY(String))),
    "site": Visitor.site_id == bindparam("site"),
    "department": Visitor.department_id == bindparam("department"),
    "purpose": Visitor.purpose == bindparam("purpose"),
    "visit_date": Visitor.visit_date == bindparam("visit_date"),
    "visit_date_from": Visitor.visit_date >= bindparam("visit_date_from"),
    "visit_date_to": Visitor.visit_date <= bindparam("visit_date_to"),
    "host_id": Visitor.host_id == bindparam("host_id"),
    "host_email": func.lower(Visitor.host_email) == bindparam("host_email", type_=String),
    "overdue": Visitor.id == any_(bindparam("overdue", type_=ARRAY(Uuid))),
    "not_overdue": Visitor.id != all_(bindparam("not_overdue", type_=ARRAY(Uuid))),
    "updated_since": Visitor.updated_at >= bindparam("updated_since"),
    "group": Visitor.group_id == bindparam("group"),
    "q": _q(),
    **limits(Visitor.site_id, Visitor.host_id),
}
"""Conditions by filter, which is also the name of the parameter."""
_SPREAD = {"q": _q(are_spread=True)}


def narrowed(statement: Select[Any], values: dict[str, Any]) -> Select[Any]:
    return statement.where(*(NARROWS[name] for name in values)).params(values)


# As `Visitor.presence` decides.
_PRESENCE = case(
    (
        and_(Visitor.status == VisitorStatus.VERIFIED, Visitor.is_away),
        Presence.AWAY.value,
    ),
    *((Visitor.status == status, presence.value) for status, presence in PRESENCE.items()),
)
_ELSEWHERE: dict[str, Any] = {
    "presence": _PRESENCE,
    "department": Visitor.department_id,
    "department_name": Department.name,
    "site": Visitor.site_id,
    "site_name": Site.name,
    "ends_at": Site.timezone,  # until `_records` computes it
    "group": Group.name,
}


def _recorded(name: str) -> ColumnElement[Any]:
    column: ColumnElement[Any] = _ELSEWHERE[name] if name in _ELSEWHERE else getattr(Visitor, name)
    return type_coerce(column, String) if isinstance(column.type, Enum) else column


RECORD = {name: _recorded(name) for name in schemas.Visitor.model_fields}
"""The columns of a record by field; of a group the name."""


@lru_cache(SHAPES)
def _listing(
    narrowing: tuple[str, ...], ordering: VisitorOrdering, place: Place, among: tuple[str, ...]
) -> Query:
    """Return the statement of a list from a place on, `among` visits of some statuses.

    Each status, and what lacks a value, is read by its own index as far as a page needs.
    """
    order = ORDERINGS[ordering]
    rows = bindparam("rows", type_=BigInteger)
    at_most = rows if "q" in narrowing or order.key else select(rows).scalar_subquery()
    # By name, matches stand together; of several sites, too many other rows would be read.
    are_spread = order.key is None and "scope_sites" not in narrowing
    narrows = NARROWS | _SPREAD if are_spread else NARROWS
    conditions = [narrows[name] for name in narrowing]
    if narrowing or among or order.key:
        conditions.append(PLANNED_ANEW)
    parts = [
        _records_of([*conditions, *of_status, *stretch])
        .order_by(*order.within())
        # Planned without the limit otherwise: the planner wrongly assumes that matches are spread
        # evenly, which they are by name, and in a search.
        .limit(at_most)
        for of_status in [[_is(status)] for status in among] or [[]]
        for stretch in order.stretches(place)
    ]
    return Query(_merged(parts, order).limit(rows) if parts[1:] else parts[0])


def _is(status: str) -> ColumnElement[bool]:
    """Compare with a constant, which meets the condition of an index."""
    return type_coerce(Visitor.status, String) == literal_column(f"'{VisitorStatus(status)}'")


def _records_of(conditions: Sequence[ColumnElement[bool]]) -> Select[Any]:
    return (
        select(*(column.label(name) for name, column in RECORD.items()), Visitor.group_id)
        .select_from(Visitor)
        .join(Site, Site.id == Visitor.site_id)
        .outerjoin(Department, Department.id == Visitor.department_id)
        .outerjoin(Group, Group.id == Visitor.group_id)
        .where(*conditions)
    )


def _merged(parts: Sequence[Select[Any]], order: Ordering) -> Select[Any]:
    found = union_all(*(part.subquery().select() for part in parts)).subquery()
    return select(*found.c).order_by(*order.clauses(dict(found.c)))


@lru_cache(SHAPES)
def _total(narrowing: tuple[str, ...]) -> Query:
    conditions = [NARROWS[name] for name in narrowing]
    if "q" in narrowing:
        conditions.append(PLANNED_ANEW)
    return Query(select(func.count(Visitor.id)).where(*conditions))


async def first_records(
    session: ReadSession, chosen: VisitorFilter, caller: Caller, rows: int
) -> list[Record]:
    values = chosen.values(caller.scope)
    statement = _listing(tuple(values), VisitorOrdering.LATEST_CREATED_AT, Place.START, ())
    return _records(await session.fetch(statement, **values, rows=rows))


async def page_of_records(
    session: ReadSession,
    chosen: VisitorFilter,
    caller: Caller,
    ordering: VisitorOrdering,
    page: PageRequest,
) -> tuple[list[Record], str | None, int | None]:
    """Return a page, the next cursor, and the total if requested."""
    values = chosen.values(caller.scope)
    order = ORDERINGS[ordering]
    total = None
    if page.include_total:
        [[total]] = await session.fetch(_total(tuple(values)), **values)
    position = page.position(order)
    # A search has found the few by its words.
    among = () if "q" in values else tuple(values.get("statuses", ()))
    narrowing = tuple(name for name in values if not among or name != "statuses")
    statement = _listing(narrowing, ordering, order.place(position), among)
    values |= order.position(position)
    found = await session.fetch(statement, **values, rows=page.limit + 1)
    items, next_cursor = page.cut(_records(found), order, getitem)
    return items, next_cursor, total


def _records(rows: Sequence[Row]) -> list[Record]:
    return [_record(row) for row in rows]


def _record(values: Row) -> Record:
    *columns, group_id = values
    record = dict(zip(RECORD, columns, strict=True))
    begins = start_of(record["visit_date"], record["visit_time"], record["ends_at"])
    record["ends_at"] = begins + timedelta(minutes=record["duration_minutes"])
    record["group"] = {"id": group_id, "name": record["group"]} if group_id else None
    return record
