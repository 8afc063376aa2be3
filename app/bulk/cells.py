import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from app.bulk.number_formats import digits_shown
from app.bulk.parts import RawCell, unescaped
from app.core.text import visible

CALENDAR_1900, CALENDAR_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001 - no zone
SECONDS_OF_DAY = 86_400
FORMATS = 256  # cached: more than a usual workbook has
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::00)?", re.ASCII)
GERMAN_DATE = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
NO_BREAK_SPACES = str.maketrans(dict.fromkeys("\u00a0\u2007\u202f", " "))

Value = str | int | float | bool | date | time | datetime


@dataclass(frozen=True, slots=True)
class Cell:
    """A non-empty cell; the `value` of a formula is ignored."""

    value: Value
    number_format: str = "General"
    formula: str | None = None
    is_error: bool = False

    @property
    def text(self) -> str:
        """Return the text in one line; 5.0 reads as `5`."""
        value = self.value
        if isinstance(value, str):
            return _one_line(value)
        if isinstance(value, bool):
            return str(value).upper()
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        if isinstance(value, time):
            return _clock(value)
        return str(value)

    @property
    def phone(self) -> str:
        """Return the digits as displayed by a format of zeros."""
        value = self.value
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            return self.text
        return digits_shown(value, self.number_format) or self.text

    @property
    def is_blank(self) -> bool:
        """Return whether the cell is empty, other than by a formula."""
        return self.formula is None and self.shows_nothing

    @property
    def shows_nothing(self) -> bool:
        """Return whether the cell looks empty."""
        return self.text == ""

    def day(self) -> str | None:
        """Return `YYYY-MM-DD`, or None if it is not a date or has a time."""
        value = self.value
        if isinstance(value, datetime):
            return value.date().isoformat() if value.time() == time(0) else None
        if isinstance(value, date):
            return value.isoformat()
        return self.text if ISO_DATE.fullmatch(self.text) else None

    def german_day(self) -> str | None:
        """Return the text `DD.MM.YYYY` as `YYYY-MM-DD`."""
        found = GERMAN_DATE.fullmatch(self.text) if isinstance(self.value, str) else None
        return f"{found[3]}-{found[2]:0>2}-{found[1]:0>2}" if found else None

    def clock_time(self) -> str | None:
        """Return `HH:MM`, or None if it is not a time in whole minutes."""
        value = self.value.time() if isinstance(self.value, datetime) else self.value
        if isinstance(value, time):
            return _clock(value) if value.second == 0 else None
        found = CLOCK.fullmatch(self.text) if isinstance(value, str) else None
        return f"{found[1]:0>2}:{found[2]}" if found else None


def _one_line(text: str) -> str:
    if text.isascii() and text.isprintable():  # almost always
        return text.strip()
    lines = visible(text.translate(NO_BREAK_SPACES)).splitlines()
    return " ".join(line for part in lines if (line := part.strip()))


def _clock(value: time) -> str:
    return f"{value:%H:%M:%S}" if value.second else f"{value:%H:%M}"


def cell_of(raw: RawCell, texts: dict[int, str], number_format: str, calendar: datetime) -> Cell:
    value = _value(raw, texts, number_format, calendar)
    return Cell(value, number_format, raw.formula, is_error=raw.kind == "e")


def _value(raw: RawCell, texts: dict[int, str], number_format: str, calendar: datetime) -> Value:
    if raw.kind == "s":
        return texts.get(int(raw.text), "") if _is_index(raw.text) else ""
    if raw.kind == "b":
        return raw.text == "1"
    if raw.kind == "d":
        return _iso(raw.text)
    if raw.kind == "n":
        return _number(raw.text, number_format, calendar)
    return unescaped(raw.text)


def _is_index(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 7


def wanted_string(raw: RawCell) -> int | None:
    """Return the index of the cell's shared string."""
    return int(raw.text) if raw.kind == "s" and _is_index(raw.text) else None


def _iso(text: str) -> Value:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return text


@lru_cache(FORMATS)
def _is_date_format(number_format: str) -> bool:
    from openpyxl.styles.numbers import is_date_format  # also loads Pillow

    return is_date_format(number_format)


def _number(text: str, number_format: str, calendar: datetime) -> Value:
    try:
        number = float(text)
        whole = int(text) if text.lstrip("-").isdecimal() else number
    except (ValueError, OverflowError):
        return text
    if not _is_date_format(number_format):
        return whole
    try:
        return _moment(number, calendar)
    except (ValueError, OverflowError):
        return whole


def _moment(number: float, calendar: datetime) -> date | time | datetime:
    """Return a date, a time or both, rounded since fractions are inexact."""
    days, seconds = divmod(round(number * SECONDS_OF_DAY), SECONDS_OF_DAY)
    moment = calendar + timedelta(days=days, seconds=seconds)
    if days == 0:
        return moment.time()
    return moment if seconds else moment.date()
