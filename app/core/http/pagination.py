"""Keyset pagination: all pages cost the same, and no row is repeated or skipped."""

import base64
import binascii
import hmac
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from enum import Enum, auto
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, Field
from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    bindparam,
    func,
    select,
    tuple_,
)
from sqlalchemy.orm import InstrumentedAttribute

from app.core.db.database import ReadSession
from app.core.errors import InvalidCursor
from app.core.keys import KeyRing, mac

T = TypeVar("T")
Column = SQLColumnExpression[Any]
MAC_BYTES = 9
# Room for a name of 200 characters of four bytes, in base64.
MAX_CURSOR_LENGTH, MOST_ITEMS = 1200, 200


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    items: list[T]
    next_cursor: str | None = Field(description="The `cursor` of the next page, if there is one")
    total: int | None = Field(None, description="All matching items, if `include_total=true`")


class Place(Enum):
    """Where a page begins: at the start, after a row, or after one without a value."""

    START = auto()
    AMONG = auto()
    MISSING = auto()


@dataclass(frozen=True, slots=True)
class Ordering:
    """The columns of an index to sort by; the last one is unique.

    The first column is compared by `key`. If it `may_lack` a value, rows without one come last.
    """

    name: str
    columns: tuple[InstrumentedAttribute[Any], ...]
    descending: bool
    key: Callable[[Column], Column] | None = None
    may_lack: bool = False

    def clauses(self, rows: Mapping[str, Column] | None = None) -> list[Any]:
        """Return the order, of the table or of its columns by name in a subquery."""
        first, *others = self.within(rows)
        return [first.nulls_last() if self.may_lack else first, *others]

    def after(self) -> ColumnElement[bool]:
        row = tuple_(*self._keys(self.columns))
        given = [bindparam(name, type_=c.type) for name, c in self._parameters()]
        bound = tuple_(*self._keys(given))
        return row < bound if self.descending else row > bound

    def place(self, values: Sequence[Any]) -> Place:
        if not values:
            return Place.START
        return Place.MISSING if values[0] is None else Place.AMONG

    def stretches(self, place: Place) -> list[list[ColumnElement[bool]]]:
        """Return the conditions of what follows a place, by parts that are each `within` an index.

        Rows without a value are a part, since an index has them at one end in either direction.
        """
        continued = [self.after()] if place is Place.AMONG else []
        if not self.may_lack:
            return [continued]
        first, *_ = self._keys(self.columns)
        lacking = [first.is_(None), *self._after_lacking(place)]
        return [lacking] if place is Place.MISSING else [[first.is_not(None), *continued], lacking]

    def _after_lacking(self, place: Place) -> list[ColumnElement[bool]]:
        rest = replace(self, columns=self.columns[1:], key=None, may_lack=False)
        return [rest.after()] if place is Place.MISSING else []

    def within(self, rows: Mapping[str, Column] | None = None) -> list[Any]:
        """Return the order within one of the `stretches`."""
        columns = [c if rows is None else rows[c.key] for c in self.columns]
        return [c.desc() if self.descending else c.asc() for c in self._keys(columns)]

    def _keys(self, columns: Sequence[Column]) -> list[Column]:
        first, *others = columns
        return [self.key(first) if self.key else first, *others]

    def position(self, values: Sequence[Any]) -> dict[str, Any]:
        """Return the parameters of `after`; empty for the first page."""
        return dict(zip([name for name, _ in self._parameters()], values, strict=False))

    def _parameters(self) -> Iterator[tuple[str, InstrumentedAttribute[Any]]]:
        return ((f"after_{column.key}", column) for column in self.columns)


class CursorCodec:
    """Encodes and decodes signed cursors, each valid for one list."""

    def __init__(self, ring: KeyRing) -> None:
        self._keys = ring.keys("cursor")

    def encode(self, ordering: Ordering, values: Sequence[Any]) -> str:
        body = json.dumps(
            [_plain(value) for value in values], separators=(",", ":"), ensure_ascii=False
        ).encode()
        tag = mac(self._keys[0], ordering.name.encode() + b"\0" + body, MAC_BYTES)
        return self.encode_raw(tag + body)

    def decode(self, ordering: Ordering, cursor: str) -> list[Any]:
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise InvalidCursor from None
        tag, body = raw[:MAC_BYTES], raw[MAC_BYTES:]
        message = ordering.name.encode() + b"\0" + body
        if not any(hmac.compare_digest(tag, mac(k, message, MAC_BYTES)) for k in self._keys):
            raise InvalidCursor
        if self.encode_raw(tag + body) != cursor:  # base64 has unused bits
            raise InvalidCursor
        return [_parsed(c, v) for c, v in _paired(ordering, json.loads(body))]

    @staticmethod
    def encode_raw(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")


_PARSE: dict[type[Any], Callable[[Any], Any]] = {
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    time: time.fromisoformat,
    UUID: UUID,
    str: str,
    int: int,
}


def _paired(ordering: Ordering, values: list[Any]) -> list[tuple[Any, Any]]:
    return list(zip(ordering.columns, values, strict=True))


def _parsed(column: InstrumentedAttribute[Any], value: Any) -> Any:
    return None if value is None else _PARSE[column.type.python_type](value)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


@dataclass(frozen=True, slots=True)
class PageRequest:
    limit: int
    cursor: str | None
    include_total: bool
    codec: CursorCodec

    def position(self, ordering: Ordering) -> list[Any]:
        """Return the end of the previous page, empty for the first; raise `InvalidCursor`."""
        return [] if self.cursor is None else self.codec.decode(ordering, self.cursor)

    def cut(
        self, found: list[T], ordering: Ordering, value_of: Callable[[T, str], Any] = getattr
    ) -> tuple[list[T], str | None]:
        """Return the page and the next cursor, given up to `limit` + 1 rows."""
        if len(found) <= self.limit:
            return found, None
        rows = found[: self.limit]
        last = [value_of(rows[-1], column.key) for column in ordering.columns]
        return rows, self.codec.encode(ordering, last)


async def paginate(
    session: ReadSession, statement: Select[T], ordering: Ordering, page: PageRequest
) -> tuple[list[T], str | None, int | None]:
    """Return a page, the next cursor and, if asked for, the total."""
    total = None
    if page.include_total:
        counted = select(func.count()).select_from(statement.order_by(None).subquery())
        total = await session.scalar(counted)
    if position := page.position(ordering):
        statement = statement.where(ordering.after()).params(ordering.position(position))
    found = await session.scalars(statement.order_by(*ordering.clauses()).limit(page.limit + 1))
    rows, next_cursor = page.cut(list(found), ordering)
    return rows, next_cursor, total
