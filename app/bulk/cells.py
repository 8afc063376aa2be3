"""The value of a cell, and how it reads as text, date or time. Pure."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from openpyxl.styles.numbers import is_date_format

from app.bulk.number_formats import digits_shown
from app.bulk.parts import RawCell, unescaped
from app.core.text import visible

CALENDAR_1900, CALENDAR_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001 - no zone
SECONDS_OF_DAY = 86_400
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::00)?", re.ASCII)
GERMAN_DATE = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
NO_BREAK_SPACES = str.maketrans(dict.fromkeys("\u00a0\u2007\u202f", " "))

Value = str | int | float | bool | date | time | datetime


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that holds something. A formula is never worked out: `value` is not looked at then."""

    value: Value
    number_format: str = "General"
    formula: str | None = None
    is_error: bool = False

    @property
    def text(self) -> str:
        """What the cell says in one line, without what nobody can see; numbers without a needless
        decimal point."""
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
        """What the cell shows where it holds a number in a format of zeros."""
        value = self.value
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            return self.text
        return digits_shown(value, self.number_format) or self.text

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing in it; a formula that shows nothing is something."""
        return self.formula is None and self.shows_nothing

    @property
    def shows_nothing(self) -> bool:
        """Whether nobody sees anything in it; of a formula, the result that the file has kept."""
        return self.text == ""

    def day(self) -> str | None:
        """`YYYY-MM-DD`, or None where the cell is no date, or one with a time of the day."""
        value = self.value
        if isinstance(value, datetime):
            return value.date().isoformat() if value.time() == time(0) else None
        if isinstance(value, date):
            return value.isoformat()
        return self.text if ISO_DATE.fullmatch(self.text) else None

    def german_day(self) -> str | None:
        """`YYYY-MM-DD`, where the cell is the text `DD.MM.YYYY`."""
        found = GERMAN_DATE.fullmatch(self.text) if isinstance(self.value, str) else None
        return f"{found[3]}-{found[2]:0>2}-{found[1]:0>2}" if found else None

    def clock_time(self) -> str | None:
        """`HH:MM`, or None where the cell is no time of the day in whole minutes."""
        value = self.value.time() if isinstance(self.value, datetime) else self.value
        if isinstance(value, time):
            return _clock(value) if value.second == 0 else None
        found = CLOCK.fullmatch(self.text) if isinstance(value, str) else None
        return f"{found[1]:0>2}:{found[2]}" if found else None


def _one_line(text: str) -> str:
    """Text without its line breaks: each, with the white space around it, is one space."""
    if text.isascii() and text.isprintable():  # as almost every cell is
        return text.strip()
    lines = visible(text.translate(NO_BREAK_SPACES)).splitlines()
    return " ".join(line for part in lines if (line := part.strip()))


def _clock(value: time) -> str:
    return f"{value:%H:%M:%S}" if value.second else f"{value:%H:%M}"


def cell_of(raw: RawCell, texts: dict[int, str], number_format: str, calendar: datetime) -> Cell:
    """The meaning of a cell as the file has it."""
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
    """The number of the shared string that a cell shows."""
    return int(raw.text) if raw.kind == "s" and _is_index(raw.text) else None


def _iso(text: str) -> Value:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return text


def _number(text: str, number_format: str, calendar: datetime) -> Value:
    try:
        number = float(text)
        whole = int(text) if text.lstrip("-").isdecimal() else number
    except (ValueError, OverflowError):
        return text
    if not is_date_format(number_format):
        return whole
    try:
        return _moment(number, calendar)
    except (ValueError, OverflowError):
        return whole


def _moment(number: float, calendar: datetime) -> date | time | datetime:
    """A date, a time or both, to the second: fractions of a day are never exact."""
    days, seconds = divmod(round(number * SECONDS_OF_DAY), SECONDS_OF_DAY)
    moment = calendar + timedelta(days=days, seconds=seconds)
    if days == 0:
        return moment.time()
    return moment if seconds else moment.date()
