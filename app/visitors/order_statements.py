"""The orders of the list of visitors."""

from enum import StrEnum
from typing import Any

from sqlalchemy import SQLColumnExpression, collate, func
from sqlalchemy.orm import InstrumentedAttribute

from app.core.http.pagination import Ordering
from app.visitors.models import SORTED_BY, Visitor


class VisitorOrdering(StrEnum):
    """The order of a list of visitors; `-` means descending.

    Names and companies are compared without case and accents; visitors without a company come last
    in either direction. Equal ones are ordered by id.
    """

    CREATED_AT = "created_at"
    LATEST_CREATED_AT = "-created_at"
    VISIT_DATE = "visit_date"
    LATEST_VISIT_DATE = "-visit_date"
    NAME = "name"
    LAST_NAME = "-name"
    COMPANY = "company"
    LAST_COMPANY = "-company"


def _sort_key(text: SQLColumnExpression[Any]) -> SQLColumnExpression[Any]:
    """Return what an index has of a text: see `SORTED_BY`."""
    return collate(func.left(func.search_fold(text), SORTED_BY), "C")


_COLUMNS: dict[str, tuple[InstrumentedAttribute[Any], ...]] = {
    "created_at": (Visitor.created_at, Visitor.id),
    "visit_date": (Visitor.visit_date, Visitor.visit_time, Visitor.id),
    "name": (Visitor.name, Visitor.id),
    "company": (Visitor.company, Visitor.id),
}
_TEXTS = ("name", "company")


def _ordering(ordering: VisitorOrdering) -> Ordering:
    by = ordering.lstrip("-")
    return Ordering(
        ordering.value,
        _COLUMNS[by],
        descending=ordering.startswith("-"),
        key=_sort_key if by in _TEXTS else None,
        may_lack=by == "company",
    )


ORDERINGS = {ordering: _ordering(ordering) for ordering in VisitorOrdering}
