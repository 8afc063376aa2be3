"""A streamed CSV file (RFC 4180, UTF-8 with a BOM)."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from app.reports.columns import Column, Kind

# Without it, Excel reads the file in the machine's code page.
BYTE_ORDER_MARK = "\ufeff"
# Characters that begin a formula, also full-width (OWASP, CSV injection).
FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
# The same after a separator, where a spreadsheet may split cells.
WITHIN = re.compile('([,;\t\r\n][\\s"]*)(?=[=+\\-@\uff1d\uff0b\uff0d\uff20])')
CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class CsvFile:
    """A CSV file in parts: `head`, any number of `rows`, `tail`, then `close`."""

    extension = "csv"
    media_type = "text/csv; charset=utf-8"

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._fields = [FIELDS[column.kind] for column in columns]

    def head(self) -> bytes:
        return (BYTE_ORDER_MARK + _lines([[column.title for column in self._columns]])).encode()

    def rows(self, rows: Iterable[Sequence[Any]]) -> bytes:
        return _lines(
            [field(value) for field, value in zip(self._fields, row, strict=True)] for row in rows
        ).encode()

    def tail(self) -> bytes:
        return b""

    def close(self) -> None:
        """Do nothing."""


def _lines(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def _text(value: object) -> str:
    """Prefix a formula with an apostrophe, whatever the separator."""
    if value is None:
        return ""
    text = WITHIN.sub(r"\1'", CONTROLS.sub("", str(value)))
    return f"'{text}" if text.startswith(FORMULA) else text


def _date(value: date) -> str:
    return value.isoformat()


def _time(value: time) -> str:
    return f"{value:%H:%M}"


def _instant(value: datetime | None) -> str:
    return "" if value is None else f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _local(value: datetime | None) -> str:
    """Return an instant with its offset: an hour occurs twice when clocks are set back."""
    return "" if value is None else value.isoformat(timespec="seconds")


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


FIELDS: dict[Kind, Callable[[Any], str]] = {
    Kind.TEXT: _text,
    Kind.WORD: _text,
    Kind.DATE: _date,
    Kind.TIME: _time,
    Kind.NUMBER: _number,
    Kind.INSTANT: _instant,
    Kind.LOCAL: _local,
}
