"""Cells of a worksheet (ECMA-376 part 1, 18.3.1.4), without their optional addresses."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any
from xml.sax.saxutils import escape

from app.reports.columns import Kind

# Indexes in `STYLES` (workbook_parts.py).
HEADER, TEXT, DATE, TIME, INSTANT, LOCAL = 1, 2, 3, 4, 5, 6

EMPTY = "<c/>"
REMEMBERED = 4_096

# Characters not allowed in XML, and CR, which parsers turn into a line feed.
_REFUSED = "\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff"
REFUSED = re.compile(f"[{_REFUSED}]")
# Excel decodes _x0041_ in text unless its underscore is escaped.
LOOKS_ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
SPECIAL = re.compile(f"[&<>{_REFUSED}]|_x")

# Excel's day 60 is 29 February 1900, which did not exist.
DAY_ZERO = date(1899, 12, 30).toordinal()
MIDNIGHT_ZERO = datetime(1899, 12, 30, tzinfo=UTC)
DAY_SECONDS = 86_400


def cell_maker(kind: Kind) -> Callable[[Any], str]:
    """Return a function that makes the cells of a column, with a cache for one file."""
    maker = MAKERS[kind]
    return lru_cache(REMEMBERED)(maker) if kind in OFTEN_THE_SAME else maker


def text_cell(value: object, style: int = TEXT) -> str:
    """Return an inline string, which is never a formula."""
    if value is None or value == "":
        return EMPTY
    text = plain(str(value))
    space = "" if text == text.strip() else ' xml:space="preserve"'
    return f'<c s="{style}" t="inlineStr"><is><t{space}>{text}</t></is></c>'


def plain(text: str) -> str:
    """Escape text for XML, without characters that Excel refuses."""
    if not SPECIAL.search(text):
        return text
    return LOOKS_ESCAPED.sub("_x005F_", escape(REFUSED.sub("", text)))


def date_cell(value: date) -> str:
    return f'<c s="{DATE}"><v>{value.toordinal() - DAY_ZERO}</v></c>'


def time_cell(value: time) -> str:
    seconds = value.hour * 3600 + value.minute * 60 + value.second
    return f'<c s="{TIME}"><v>{seconds / DAY_SECONDS}</v></c>'


def number_cell(value: int | None) -> str:
    return EMPTY if value is None else f"<c><v>{value}</v></c>"


def instant_cell(value: datetime | None, style: int = INSTANT) -> str:
    """Return an instant in UTC, in whole seconds."""
    if value is None:
        return EMPTY
    passed = value - MIDNIGHT_ZERO
    return f'<c s="{style}"><v>{passed.days + passed.seconds / DAY_SECONDS}</v></c>'


def local_cell(value: datetime | None) -> str:
    """Return the time that clocks show at an instant in its zone, in whole seconds."""
    return instant_cell(value and value.replace(tzinfo=UTC), LOCAL)


MAKERS: dict[Kind, Callable[[Any], str]] = {
    Kind.TEXT: text_cell,
    Kind.WORD: text_cell,
    Kind.DATE: date_cell,
    Kind.TIME: time_cell,
    Kind.NUMBER: number_cell,
    Kind.INSTANT: instant_cell,
    Kind.LOCAL: local_cell,
}
OFTEN_THE_SAME = {Kind.WORD, Kind.DATE, Kind.TIME}
