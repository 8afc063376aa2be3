"""Lists of visitors: what narrows and sorts them, and their SQL.

A list is the read that is asked for most. Its rows are plain, named as the fields of a record, and
its SQL is written once for every combination of filters that occurs.
"""

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
from sqlalchemy.orm import InstrumentedAttribute

from app.auth.caller import Caller
from app.core.db.database import ReadSession
from app.core.db.direct import Row
from app.core.db.prepared import Query
from app.core.http.pagination import Ordering, PageRequest
from app.departments.models import Department
from app.sites.models import Site
from app.visitors.models import Purpose, Visitor, VisitorStatus

Record = dict[str, Any]
"""A visitor as it goes out: the fields of `schemas.Visitor` by name, words as text."""

SHAPES = 256  # combinations of filters, orderings and kinds of caller whose SQL is kept

_CREATED = (Visitor.created_at, Visitor.id)
_VISIT = (Visitor.visit_date, Visitor.visit_time, Visitor.id)


class VisitorOrdering(StrEnum):
    """How a list of visitors is sorted; with `-` the latest comes first."""

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
    """What a list is narrowed to; None narrows nothing."""

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

    def values(self, caller: Caller) -> dict[str, Any]:
        """What narrows the list of a caller, by the names in `NARROWS`. Hosts see their own."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        given["host_email"] = (self.host_email or "").strip().lower() or None
        given["q"] = (self.q or "").strip() or None
        given["host"] = caller.id if caller.is_host else None
        return {name: value for name, value in given.items() if value is not None}


def _q() -> ColumnElement[bool]:
    """Every word of `q` begins a word of name, e-mail, company or phone; or `q` is the QR code.

    The words are cut by the same function of the database that cut those of the column. Being
    immutable it is worked out before the statement is planned, so that the planner knows from its
    statistics how many are meant. The index is asked by the words that tell people apart, and all
    of them are held against what it finds (`IS TRUE` keeps it from being asked by those as well).
    Of a word that is in no statistics the planner thinks one visitor in 200, and would go through
    the whole list for somebody who is not there; asked twice, it thinks 200 times fewer.
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
    "host": Visitor.host_id == bindparam("host"),
}
"""What each filter means; its parameter has its name."""


def narrowed(statement: Select[Any], values: dict[str, Any]) -> Select[Any]:
    """A statement about the visitors of a list, its parameters filled in."""
    return statement.where(*(NARROWS[name] for name in values)).params(values)


def _words(column: InstrumentedAttribute[Any]) -> ColumnElement[str]:
    return type_coerce(column, String)


RECORD: dict[str, Any] = {
    "id": Visitor.id,
    "name": Visitor.name,
    "email": Visitor.email,
    "phone": Visitor.phone,
    "company": Visitor.company,
    "visitor_type": _words(Visitor.visitor_type),
    "visitor_category": _words(Visitor.visitor_category),
    "purpose": _words(Visitor.purpose),
    "department": Visitor.department_id,
    "department_name": Department.name,
    "site": Visitor.site_id,
    "site_name": Site.name,
    "visit_date": Visitor.visit_date,
    "visit_time": Visitor.visit_time,
    "host_id": Visitor.host_id,
    "host_name": Visitor.host_name,
    "host_email": Visitor.host_email,
    "status": _words(Visitor.status),
    "qr_code": Visitor.qr_code,
    "checked_in_at": Visitor.checked_in_at,
    "checked_out_at": Visitor.checked_out_at,
    "checked_out_automatically": Visitor.checked_out_automatically,
    "notes": Visitor.notes,
    "is_rescheduled": Visitor.is_rescheduled,
    "original_visit_date": Visitor.original_visit_date,
    "original_visit_time": Visitor.original_visit_time,
    "created_at": Visitor.created_at,
    "updated_at": Visitor.updated_at,
}


@lru_cache(SHAPES)
def _listing(narrowing: tuple[str, ...], ordering: VisitorOrdering, *, continued: bool) -> Query:
    """The list that these filters narrow; a later page where it is `continued`.

    PostgreSQL is to plan it for its values, and but for a search not to know how few rows are
    wanted: it then expects a tenth of all, and goes through the list only where a filter leaves
    many. Who it thinks to find soon, evenly spread, may be far down: those of one day.
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
    """The visitors registered last, newest first."""
    values = chosen.values(caller)
    statement = _listing(tuple(values), VisitorOrdering.LATEST_CREATED_AT, continued=False)
    return _records(await session.fetch(statement, **values, rows=rows))


async def page_of_records(
    session: ReadSession,
    chosen: VisitorFilter,
    caller: Caller,
    ordering: VisitorOrdering,
    page: PageRequest,
) -> tuple[list[Record], str | None, int | None]:
    """One page of a list: its visitors, the cursor of the next one, the total where asked."""
    values = chosen.values(caller)
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
