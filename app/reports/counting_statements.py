"""Stored counts plus the changes since; the few visits of hosts are counted directly."""

from collections.abc import Sequence
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CTE,
    Boolean,
    ColumnElement,
    Date,
    FromClause,
    Select,
    SmallInteger,
    String,
    TableValuedAlias,
    Uuid,
    bindparam,
    case,
    cast,
    column,
    delete,
    extract,
    func,
    literal,
    literal_column,
    select,
    true,
    type_coerce,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import InstrumentedAttribute

from app.auth.caller import Caller
from app.core.db.database import ReadSession, WriteSession
from app.core.db.prepared import Command, Query
from app.core.db.scope import Scope
from app.core.localtime import local_now
from app.departments.models import Department
from app.reports.calendar import CountedDays, SiteDay, Span, is_long, parts_of
from app.reports.models import VisitChange, VisitCount, VisitMonthCount
from app.sites.models import Site
from app.visitors.list_statements import NARROWS
from app.visitors.models import Visitor, VisitorStatus

DIMENSIONS = ("status", "purpose", "department", "hour")
# The parts of the dashboard and their dimensions; `by_day` and `by_month` count every status.
TODAY, MONTH, INSIDE = "today", "month", "inside"
BY_DAY, BY_MONTH = "by_day", "by_month"
PARTS = {
    **dict.fromkeys((TODAY, MONTH, BY_DAY, BY_MONTH), "status"),
    **{name: name for name in DIMENSIONS},
}
MONTH_LETTERS = len("2026-11")
NONE = ""  # stands for a missing value
# The days to count, by parameter: column and type.
SPAN: dict[str, tuple[str, Any]] = {
    "sites": ("site_id", Uuid),
    "parts": ("part", String),
    "dimensions": ("dimension", String),
    "firsts": ("first", Date),
    "lasts": ("last", Date),
    "wholes": ("is_whole", Boolean),  # whether the days are whole months
}

Figures = dict[str, dict[str, int]]
"""Counts by value for each of `PARTS`; `INSIDE` is counted under `NONE`."""


async def site_days(
    session: ReadSession, site_id: UUID | None, now: datetime, scope: Scope
) -> list[SiteDay]:
    """Return the local date of one site, or of all in scope for None.

    Empty if it is unknown.
    """
    values = {} if site_id is None else {"site": site_id}
    found = await session.fetch(_sites(one=site_id is not None), **values)
    return [
        SiteDay(id_, name, local_now(now, zone).date())
        for id_, name, zone in found
        if scope.has_site(id_)
    ]


async def figures(
    session: ReadSession, days: Sequence[CountedDays], site_id: UUID | None, caller: Caller
) -> tuple[Figures, dict[str, str]]:
    """Return the counts by each of `PARTS`, and department names by id.

    One statement is one snapshot.
    """
    spans = [row for each in days for row in _spans(each)]
    columns = [list(column_) for column_ in zip(*spans, strict=True)]
    values: dict[str, Any] = dict(zip(SPAN, columns, strict=True))
    scope = caller.scope.of_own_sites
    narrowing = scope.parameters(at=site_id)
    if site_id is not None:
        narrowing["site"] = site_id
    own = scope.hosts is not None
    if own:
        values |= {"first": min(values["firsts"]), "last": max(values["lasts"])}
    statement = _figures(tuple(narrowing), own=own)
    found: Figures = {part: {} for part in (*PARTS, INSIDE)}
    names: dict[str, str] = {}
    for part, value, visits, name in await session.fetch(statement, **values, **narrowing):
        found[part][value] = int(visits)
        if name is not None:
            names[value] = name
    return found, names


def _spans(each: CountedDays) -> list[tuple[UUID, str, str, date, date, bool]]:
    spans = {TODAY: each.today, MONTH: each.month}
    unused = BY_DAY if is_long(each.chosen) else BY_MONTH
    return [
        (site, part, dimension, span.first, span.last, is_whole)
        for site in each.sites
        for part, dimension in PARTS.items()
        if part != unused
        for span, is_whole in _divided(spans.get(part, each.chosen))
    ]


def _divided(span: Span) -> list[tuple[Span, bool]]:
    parts = parts_of(span)
    months = [] if parts.months is None else [(parts.months, True)]
    return [*((days, False) for days in parts.days), *months]


@cache
def _sites(*, one: bool) -> Query:
    statement = select(Site.id, Site.name, Site.timezone).order_by(Site.id)
    return Query(statement.where(Site.id == bindparam("site")) if one else statement)


@cache
def _figures(narrowing: tuple[str, ...], *, own: bool) -> Query:
    conditions = [NARROWS[name] for name in narrowing]
    spans = _span_rows()
    sums = [_one_by_one(spans, _own_visits(conditions))] if own else _of_all(spans)
    visits = union_all(*sums).subquery("visits")
    total = func.sum(visits.c.visits).label("visits")
    totals = select(visits.c.part, visits.c.value, total).group_by(visits.c.part, visits.c.value)
    counts = union_all(totals, _inside(conditions)).subquery("counts")
    is_department = (counts.c.part == "department") & (
        cast(Department.id, String) == counts.c.value
    )
    return Query(
        select(counts.c.part, counts.c.value, counts.c.visits, Department.name).select_from(
            counts.outerjoin(Department, is_department)
        )
    )


def _span_rows() -> TableValuedAlias:
    given = [bindparam(name, type_=ARRAY(kind)) for name, (_, kind) in SPAN.items()]
    columns = [column(name, kind) for name, kind in SPAN.values()]
    return func.unnest(*given).table_valued(*columns).render_derived(name="spans")


def _of_all(spans: TableValuedAlias) -> list[Select[Any]]:
    """Return the queries of stored counts and changes.

    Spans are summed one at a time: PostgreSQL would misestimate a join of all.
    """
    months = _sums(spans, VisitMonthCount, VisitMonthCount.month, spans.c.is_whole)
    days = _sums(spans, VisitCount, VisitCount.visit_date, ~spans.c.is_whole)
    return [days, months, _one_by_one(spans, VisitChange.__table__)]


def _sums(
    spans: TableValuedAlias,
    count: type[VisitCount | VisitMonthCount],
    begins: InstrumentedAttribute[date],
    is_meant: ColumnElement[bool],
) -> Select[Any]:
    sums = (
        select(_by(spans, begins, count.value), func.sum(count.visits).label("visits"))
        .where(
            is_meant,
            count.site_id == spans.c.site_id,
            count.dimension == spans.c.dimension,
            begins.between(spans.c.first, spans.c.last),
        )
        .group_by(literal_column("1"))
        .lateral("sums")
    )
    return select(spans.c.part, sums.c.value, sums.c.visits).join_from(spans, sums, true())


def _one_by_one(spans: TableValuedAlias, visits: FromClause) -> Select[Any]:
    """Return visits, or their changes, as counts of one each."""
    value = _value_of(visits, spans.c.dimension)
    return select(spans.c.part, _by(spans, visits.c.visit_date, value), visits.c.visits).join_from(
        spans,
        visits,
        (visits.c.site_id == spans.c.site_id)
        & visits.c.visit_date.between(spans.c.first, spans.c.last),
    )


def _by(spans: TableValuedAlias, day: Any, value: Any) -> Any:
    spelt = cast(day, String)
    return case(
        (spans.c.part == BY_DAY, spelt),
        (spans.c.part == BY_MONTH, func.left(spelt, MONTH_LETTERS)),
        else_=value,
    ).label("value")


def _value_of(visits: FromClause, dimension: Any) -> Any:
    values = {
        "status": visits.c.status,
        "purpose": visits.c.purpose,
        "department": func.coalesce(cast(visits.c.department_id, String), NONE),
        "hour": cast(visits.c.hour, String),
    }
    return case(values, value=dimension)


def _own_visits(conditions: Sequence[ColumnElement[bool]]) -> CTE:
    return (
        select(
            Visitor.site_id,
            Visitor.visit_date,
            cast(extract("hour", Visitor.visit_time), SmallInteger).label("hour"),
            type_coerce(Visitor.status, String).label("status"),
            type_coerce(Visitor.purpose, String).label("purpose"),
            Visitor.department_id,
            literal_column("1").label("visits"),
        )
        .where(
            *conditions,
            Visitor.visit_date.between(bindparam("first"), bindparam("last")),
        )
        .cte("own")
        .prefix_with("MATERIALIZED")
    )


def _inside(conditions: Sequence[ColumnElement[bool]]) -> Select[Any, Any, Any]:
    # A constant: a parameter could not use the partial index.
    verified = literal_column(f"'{VisitorStatus.VERIFIED}'", String)
    return select(
        literal_column(f"'{INSIDE}'"), literal_column(f"'{NONE}'"), func.count(Visitor.id)
    ).where(type_coerce(Visitor.status, String) == verified, ~Visitor.is_away, *conditions)


# -- in the background ------------------------------------------------------------------------

CHANGES_AT_ONCE = 5_000


@cache
def _fold() -> Command:
    some = select(VisitChange.id).order_by(VisitChange.id).limit(bindparam("at_most"))
    taken = (
        delete(VisitChange)
        .where(VisitChange.id.in_(some.with_for_update(skip_locked=True)))
        .returning(*VisitChange.__table__.c)
        .cte("taken")
    )
    dimensions = func.unnest(literal(list(DIMENSIONS), ARRAY(String))).column_valued("dimension")
    summed = (
        select(
            taken.c.site_id,
            dimensions,
            taken.c.visit_date,
            _value_of(taken, dimensions).label("value"),
            func.sum(taken.c.visits).label("visits"),
        )
        .group_by(literal_column("1, 2, 3, 4"))
        .having(func.sum(taken.c.visits) != 0)
        .order_by(literal_column("1, 2, 3, 4"))  # avoids deadlocks
    )
    keys = [VisitCount.site_id, VisitCount.dimension, VisitCount.visit_date, VisitCount.value]
    folded = insert(VisitCount).from_select([*(key.key for key in keys), "visits"], summed)
    more = VisitCount.visits + folded.excluded.visits
    return Command(folded.on_conflict_do_update(index_elements=keys, set_={"visits": more}))


async def fold_changes(unit: WriteSession) -> int:
    """Move the oldest changes into the counts; return how many counts changed.

    Changes locked by another transaction are skipped.
    """
    return await unit.run(_fold(), at_most=CHANGES_AT_ONCE)
