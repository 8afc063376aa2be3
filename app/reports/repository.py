"""SQL of the figures and of the export."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Date,
    DateTime,
    Float,
    FromClause,
    Integer,
    Row,
    Select,
    String,
    Subquery,
    case,
    cast,
    extract,
    func,
    literal,
    select,
    true,
    tuple_,
    type_coerce,
    union_all,
)

from app.auth.caller import Caller
from app.core.database import ReadSession
from app.core.localtime import local_now
from app.core.pagination import Ordering
from app.departments.models import Department
from app.reports.calendar import CountedDays, Granularity, SiteDay, Span
from app.sites.models import Site
from app.visitors.listing import VisitorFilter, narrowed
from app.visitors.models import Visitor, VisitorStatus
from app.visitors.repository import visible_to

ARRIVED = (VisitorStatus.VERIFIED, VisitorStatus.COMPLETED)
COUNTED_BY = ("status", "purpose", "department_id", "visit_time", "visit_date")
TRENDS_BY = ("bucket", "hour", "site_id", "department_id")

AnyRow = Row[*tuple[Any, ...]]
Groups = dict[str | None, list[AnyRow]]

# In the order of `app/reports/columns.py`. Ids and words come as text: the detour over an object
# for each of a million cells would cost more than the cell.
EXPORTED = (
    cast(Visitor.id, String),
    Visitor.name,
    Visitor.email,
    Visitor.phone,
    Visitor.company,
    type_coerce(Visitor.purpose, String),
    Department.name,
    type_coerce(Visitor.visitor_type, String),
    type_coerce(Visitor.visitor_category, String),
    Visitor.host_name,
    Visitor.host_email,
    Site.name,
    Visitor.visit_date,
    Visitor.visit_time,
    type_coerce(Visitor.status, String),
    Visitor.checked_in_at,
    Visitor.checked_out_at,
    Visitor.created_at,
)


class ReportReader:
    """Counts visits, and reads them by the thousand."""

    def __init__(self, session: ReadSession) -> None:
        self.session = session

    async def site_days(self, site_id: UUID | None, now: datetime) -> list[SiteDay]:
        """Today on the calendar of one site, or of all for None; empty for an unknown one."""
        statement = select(Site.id, Site.name, Site.timezone).order_by(Site.id)
        if site_id is not None:
            statement = statement.where(Site.id == site_id)
        found = await self.session.rows(statement)
        return [SiteDay(id_, name, local_now(now, zone).date()) for id_, name, zone in found]

    async def dashboard(
        self, days: Sequence[CountedDays], site_id: UUID | None, caller: Caller
    ) -> Groups:
        """The counts of the chosen days, grouped by each of `COUNTED_BY` and (None) not at all.

        One statement, hence one snapshot: the counters of today and of the month are beside the
        counts, the same in every row. The group None always has its one row.
        """
        at_site = [] if site_id is None else [Visitor.site_id == site_id]
        mine = [*visible_to(caller), *at_site]
        chosen = _visits(days, [each.chosen for each in days], mine)
        counts = _grouping(chosen, COUNTED_BY, [func.count().label("visits")], "counts")
        today = _today(_visits(days, [each.today for each in days], mine))
        month = _month(_visits(days, [each.month for each in days], mine))
        counters = [today, month, _inside(mine)]
        source: FromClause = counts
        for counter in counters:
            source = source.join(counter, true())
        return await self._grouped(counts, source, COUNTED_BY, counters)

    async def trends(
        self, chosen: VisitorFilter, granularity: Granularity, caller: Caller
    ) -> Groups:
        """Figures of the visits that fit, grouped by each of `TRENDS_BY` and (None) over all."""
        visits = _outcomes(chosen.values(caller), granularity)
        figures = _grouping(visits, TRENDS_BY, _measures(visits), "figures")
        return await self._grouped(figures, figures, TRENDS_BY, [])

    async def _grouped(
        self, groups: CTE, source: FromClause, keys: Sequence[str], beside: Sequence[CTE]
    ) -> Groups:
        """Grouping sets with the departments' names, by the key that a row is grouped by."""
        columns = [*groups.c, *(one for table in beside for one in table.c)]
        found = await self.session.rows(
            select(*columns, Department.name.label("department_name")).select_from(
                source.outerjoin(Department, Department.id == groups.c.department_id)
            )
        )
        # GROUPING() has a bit for each key, the first one's the highest: 0 where it is grouped by.
        everything = (1 << len(keys)) - 1
        key_of = {everything ^ 1 << at: key for at, key in enumerate(reversed(keys))}
        grouped: Groups = {}
        for row in found:
            grouped.setdefault(key_of.get(row.level), []).append(row)
        return grouped

    def export(
        self, chosen: VisitorFilter, caller: Caller, ordering: Ordering, *, part: int
    ) -> AsyncGenerator[Sequence[AnyRow], None]:
        """The cells of `EXPORTED` for all visitors that fit, `part` rows at a time."""
        statement: Select[*tuple[Any, ...]] = (
            select(*EXPORTED)
            .select_from(Visitor)
            .join(Site, Site.id == Visitor.site_id)
            .outerjoin(Department, Department.id == Visitor.department_id)
            .order_by(*ordering.clauses())
        )
        return self.session.stream(narrowed(statement, chosen.values(caller)), part=part)


def _grouping(
    visits: Subquery, keys: Sequence[str], measures: Sequence[ColumnElement[Any]], name: str
) -> CTE:
    """The measures of visits by each key alone and of all together, told apart by `level`."""
    columns = [visits.c[key] for key in keys]
    level = func.grouping(*columns, type_=Integer).label("level")
    sets = func.grouping_sets(tuple_(), *(tuple_(one) for one in columns))
    return select(level, *columns, *measures).group_by(sets).cte(name)


# -- the dashboard ----------------------------------------------------------------------------


def _visits(
    days: Sequence[CountedDays], spans: Sequence[Span], mine: Sequence[ColumnElement[bool]]
) -> Subquery:
    """The visits of the spans, each at the sites that count it.

    The dates are constants of the statement and the sites left out where one group has them all:
    a join to a table of spans would be planned blindly, and read the whole table.
    """
    parts = [
        select(
            Visitor.status,
            Visitor.purpose,
            Visitor.department_id,
            Visitor.visit_time,
            Visitor.visit_date,
        ).where(
            Visitor.visit_date.between(span.first, span.last),
            *([Visitor.site_id.in_(each.sites)] if len(days) > 1 else []),
            *mine,
        )
        for each, span in zip(days, spans, strict=True)
    ]
    return (union_all(*parts) if len(parts) > 1 else parts[0]).subquery()


def _today(visits: Subquery) -> CTE:
    status = visits.c.status
    return select(
        func.count().filter(status != VisitorStatus.CANCELLED).label("today_total"),
        func.count().filter(status.in_(ARRIVED)).label("today_arrived"),
        func.count().filter(status == VisitorStatus.PENDING).label("today_pending"),
    ).cte("today")


def _month(visits: Subquery) -> CTE:
    live = func.count().filter(visits.c.status != VisitorStatus.CANCELLED)
    return select(live.label("month_total")).cte("month")


def _inside(mine: Sequence[ColumnElement[bool]]) -> CTE:
    # A constant and not a parameter: a plan made for every value could not use the partial index.
    verified = literal(VisitorStatus.VERIFIED, Visitor.status.type, literal_execute=True)
    return (
        select(func.count().label("inside"))
        .where(Visitor.status == verified, *mine)
        .cte("inside_now")
    )


# -- trends -----------------------------------------------------------------------------------


def _outcomes(values: dict[str, Any], granularity: Granularity) -> Subquery:
    # Cast first: of a date alone, date_trunc makes an instant in the session's time zone.
    bucket = func.date_trunc(granularity.value, cast(Visitor.visit_date, DateTime()))
    stay = extract("epoch", Visitor.checked_out_at - Visitor.checked_in_at) / 60.0
    visits = select(
        cast(bucket, Date).label("bucket"),
        cast(func.date_part("hour", Visitor.visit_time), Integer).label("hour"),
        Visitor.site_id,
        Visitor.department_id,
        Visitor.status,
        case((~Visitor.checked_out_automatically, stay)).label("stay"),
    )
    return narrowed(visits, values).subquery("visits")


def _measures(visits: Subquery) -> list[ColumnElement[Any]]:
    status = visits.c.status
    return [
        func.count().label("total"),
        func.count().filter(status.in_(ARRIVED)).label("arrived"),
        func.count().filter(status == VisitorStatus.CANCELLED).label("cancelled"),
        func.count().filter(status == VisitorStatus.EXPIRED).label("expired"),
        cast(func.avg(visits.c.stay), Float).label("stay_minutes"),
    ]
