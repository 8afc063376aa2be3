from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Date,
    DateTime,
    Float,
    Integer,
    String,
    Subquery,
    Uuid,
    case,
    cast,
    extract,
    func,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy import Row as SqlRow
from sqlalchemy.orm import InstrumentedAttribute

from app.auth.caller import Caller
from app.core.db.database import ReadSession
from app.core.db.direct import Row
from app.core.db.prepared import Query
from app.core.localtime import zone_of
from app.departments.models import Department
from app.reports.calendar import Granularity
from app.reports.columns import COLUMNS, Kind
from app.sites.models import Site
from app.users.models import User
from app.visitors import schemas
from app.visitors.exported import exported
from app.visitors.group_models import Group
from app.visitors.list_statements import NARROWS, RECORD, SHAPES, VisitorFilter, narrowed
from app.visitors.models import Visitor, VisitorStatus
from app.visitors.order_statements import ORDERINGS, VisitorOrdering

ARRIVED = (VisitorStatus.VERIFIED, VisitorStatus.COMPLETED)
TRENDS_BY = ("bucket", "hour", "site_id", "department_id")

AnyRow = SqlRow[*tuple[Any, ...]]
AnyColumn = ColumnElement[Any] | InstrumentedAttribute[Any]
Groups = dict[str | None, list[AnyRow]]


def _cell(field: str) -> AnyColumn:
    """Return a field as text if it is an id.

    Converting a million cells to objects and back would cost more than writing them.
    """
    column = EXPORTABLE[field]
    return cast(column, String) if isinstance(column.type, Uuid) else column


# What an export shows of other tables, and of a visit that its record does not.
EXPORTABLE: dict[str, AnyColumn] = {
    **RECORD,
    "host_phone": User.phone,
    "checked_in_gate": Visitor.checked_in_gate,
    "group_name": Group.name,
    "timezone": Site.timezone,
}
FIELDS = tuple(exported(schemas.ExportedVisitor))
ZONE = FIELDS.index("timezone")
INSTANTS = tuple(at for at, column in enumerate(COLUMNS) if column.kind is Kind.LOCAL)


def in_zone(row: Row) -> list[Any]:
    """Return the cells of an export with instants in its time zone."""
    cells, zone = list(row), zone_of(row[ZONE])
    for at in INSTANTS:
        if cells[at] is not None:
            cells[at] = cells[at].astimezone(zone)
    return cells


class ReportReader:
    def __init__(self, session: ReadSession) -> None:
        self.session = session

    async def trends(
        self, chosen: VisitorFilter, granularity: Granularity, caller: Caller
    ) -> Groups:
        """Return the measures of visits by each of `TRENDS_BY`, and in total (None)."""
        visits = _outcomes(chosen.values(caller.scope.of_own_sites), granularity)
        figures = _grouping(visits, TRENDS_BY, _measures(visits), "figures")
        return await self._grouped(figures, TRENDS_BY)

    async def _grouped(self, groups: CTE, keys: Sequence[str]) -> Groups:
        """Run grouping sets; return rows by the key they are grouped by."""
        found = await self.session.rows(
            select(*groups.c, Department.name.label("department_name")).select_from(
                groups.outerjoin(Department, Department.id == groups.c.department_id)
            )
        )
        # GROUPING() has one bit per key, highest first: 0 if the row is grouped by it.
        everything = (1 << len(keys)) - 1
        key_of = {everything ^ 1 << at: key for at, key in enumerate(reversed(keys))}
        grouped: Groups = {}
        for row in found:
            grouped.setdefault(key_of.get(row.level), []).append(row)
        return grouped

    async def export(
        self,
        chosen: VisitorFilter,
        caller: Caller,
        ordering: VisitorOrdering,
        *,
        part: int,
        utc: bool = False,
    ) -> AsyncGenerator[Sequence[Sequence[Any]], None]:
        """Yield the cells of matching visitors, `part` rows at a time.

        Instants are in the time of the site, or in UTC.
        """
        values = chosen.values(caller.scope)
        statement = _export(tuple(values), ordering, utc=utc)
        async with aclosing(self.session.stream(statement, part=part, **values)) as parts:
            async for rows in parts:
                yield [in_zone(row) for row in rows]


@lru_cache(SHAPES)
def _export(narrowing: tuple[str, ...], ordering: VisitorOrdering, *, utc: bool) -> Query:
    cells = {field: _cell(field) for field in FIELDS}
    if utc:
        cells["timezone"] = literal_column("'UTC'", String)
    return Query(
        select(*cells.values())
        .select_from(Visitor)
        .join(Site, Site.id == Visitor.site_id)
        .outerjoin(Department, Department.id == Visitor.department_id)
        .outerjoin(User, User.id == Visitor.host_id)
        .outerjoin(Group, Group.id == Visitor.group_id)
        .where(*(NARROWS[name] for name in narrowing))
        .order_by(*ORDERINGS[ordering].clauses())
    )


def _grouping(
    visits: Subquery, keys: Sequence[str], measures: Sequence[ColumnElement[Any]], name: str
) -> CTE:
    """Return the measures of visits by each key and in total, marked by `level`."""
    columns = [visits.c[key] for key in keys]
    level = func.grouping(*columns, type_=Integer).label("level")
    sets = func.grouping_sets(tuple_(), *(tuple_(one) for one in columns))
    return select(level, *columns, *measures).group_by(sets).cte(name)


# -- trends -----------------------------------------------------------------------------------


def _outcomes(values: dict[str, Any], granularity: Granularity) -> Subquery:
    # A date must be cast: date_trunc would use the session's time zone.
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
