"""Lists are read most often: rows are dictionaries, and SQL is cached by filters."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from functools import lru_cache
from operator import getitem
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Enum,
    Select,
    String,
    and_,
    bindparam,
    cast,
    func,
    or_,
    select,
    true,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR

from app.auth.caller import Caller
from app.core.db.database import ReadSession
from app.core.db.direct import Row
from app.core.db.prepared import Query
from app.core.db.scope import Scope, limits
from app.core.http.pagination import Ordering, PageRequest
from app.departments.models import Department
from app.sites.models import Site
from app.visitors import schemas
from app.visitors.models import Purpose, Visitor, VisitorStatus

Record = dict[str, Any]
"""The fields of `schemas.Visitor` by name, with enums as text."""

SHAPES = 256  # cached combinations of filters, orderings and callers

_CREATED = (Visitor.created_at, Visitor.id)
_VISIT = (Visitor.visit_date, Visitor.visit_time, Visitor.id)


class VisitorOrdering(StrEnum):
    """The order of a list of visitors; `-` means descending."""

    CREATED_AT = "created_at"
    LATEST_CREATED_AT = "-created_at"
    VISIT_DATE = "visit_date"
    LATEST_VISIT_DATE = "-visit_date"


_COLUMNS = {"created_at": _CREATED, "visit_date": _VISIT}
ORDERINGS: dict[VisitorOrdering, Ordering] = {
    ordering: Ordering(
        ordering.value, _COLUMNS[ordering.lstrip("-")], descending=ordering.startswith("-")
    )
    for ordering in VisitorOrdering
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitorFilter:
    """Filters of a list; None does not filter."""

    status: VisitorStatus | None = None
    site: UUID | None = None
    department: UUID | None = None
    purpose: Purpose | None = None
    visit_date: date | None = None
    visit_date_from: date | None = None
    visit_date_to: date | None = None
    host_id: UUID | None = None
    host_email: str | None = None
    q: str | None = None

    def values(self, scope: Scope) -> dict[str, Any]:
        """Return the filters of a list in scope, by the names in `NARROWS`."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        given["host_email"] = (self.host_email or "").strip().lower() or None
        given["q"] = (self.q or "").strip() or None
        chosen = {name: value for name, value in given.items() if value is not None}
        return chosen | scope.parameters(at=self.site)


def _q() -> ColumnElement[bool]:
    """Match a QR token, or beginnings of words.

    Only the most selective words query the index; `IS TRUE` keeps the full check out of it.
    Querying a word twice would spoil the planner's estimate.
    """
    q = bindparam("q", type_=String)
    by_index = _is_code_or_has(q, func.search_key(q, type_=TSQUERY))
    in_full = _is_code_or_has(q, func.search_query(q, type_=TSQUERY))
    return and_(by_index, in_full.is_(true()))


def _is_code_or_has(q: ColumnElement[str], words: ColumnElement[Any]) -> ColumnElement[bool]:
    return or_(Visitor.qr_code == q, cast(Visitor.search, TSVECTOR).bool_op("@@")(words))


NARROWS: dict[str, ColumnElement[bool]] = {
    "status": Visitor.status == bindparam("status"),
    "site": Visitor.site_id == bindparam("site"),
    "department": Visitor.department_id == bindparam("department"),
    "purpose": Visitor.purpose == bindparam("purpose"),
    "visit_date": Visitor.visit_date == bindparam("visit_date"),
    "visit_date_from": Visitor.visit_date >= bindparam("visit_date_from"),
    "visit_date_to": Visitor.visit_date <= bindparam("visit_date_to"),
    "host_id": Visitor.host_id == bindparam("host_id"),
    "host_email": func.lower(Visitor.host_email) == bindparam("host_email", type_=String),
    "q": _q(),
    **limits(Visitor.site_id, Visitor.host_id),
}
"""Conditions by filter, which is also the name of the parameter."""


def narrowed(statement: Select[Any], values: dict[str, Any]) -> Select[Any]:
    return statement.where(*(NARROWS[name] for name in values)).params(values)


_ELSEWHERE: dict[str, Any] = {
    "department": Visitor.department_id,
    "department_name": Department.name,
    "site": Visitor.site_id,
    "site_name": Site.name,
}


def _recorded(name: str) -> ColumnElement[Any]:
    column: ColumnElement[Any] = _ELSEWHERE[name] if name in _ELSEWHERE else getattr(Visitor, name)
    return type_coerce(column, String) if isinstance(column.type, Enum) else column


RECORD = {name: _recorded(name) for name in schemas.Visitor.model_fields}


@lru_cache(SHAPES)
def _listing(narrowing: tuple[str, ...], ordering: VisitorOrdering, *, continued: bool) -> Query:
    """Return the statement of a list; `continued` is for later pages.

    Searches excepted, it is planned without the limit: the planner wrongly assumes that matches are
    spread evenly.
    """
    order = ORDERINGS[ordering]
    conditions = [NARROWS[name] for name in narrowing]
    if continued:
        conditions.append(order.after())
    rows = bindparam("rows", type_=BigInteger)
    statement = (
        select(*(column.label(name) for name, column in RECORD.items()))
        .select_from(Visitor)
        .join(Site, Site.id == Visitor.site_id)
        .outerjoin(Department, Department.id == Visitor.department_id)
        .where(*conditions)
        .order_by(*order.clauses())
        .limit(rows if "q" in narrowing else select(rows).scalar_subquery())
    )
    return Query(statement, planned_anew=bool(narrowing))


@lru_cache(SHAPES)
def _total(narrowing: tuple[str, ...]) -> Query:
    statement = select(func.count(Visitor.id)).where(*(NARROWS[name] for name in narrowing))
    return Query(statement, planned_anew="q" in narrowing)


async def first_records(
    session: ReadSession, chosen: VisitorFilter, caller: Caller, rows: int
) -> list[Record]:
    values = chosen.values(caller.scope)
    statement = _listing(tuple(values), VisitorOrdering.LATEST_CREATED_AT, continued=False)
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
    statement = _listing(tuple(values), ordering, continued=page.cursor is not None)
    position = order.position(page.position(order))
    found = await session.fetch(statement, **values, **position, rows=page.limit + 1)
    items, next_cursor = page.cut(_records(found), order, getitem)
    return items, next_cursor, total


def _records(rows: Sequence[Row]) -> list[Record]:
    return [dict(zip(RECORD, row, strict=True)) for row in rows]
