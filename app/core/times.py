"""Dates (`YYYY-MM-DD`), wall-clock times (`HH:MM`) and instants of the API."""

import re
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, PlainSerializer, WithJsonSchema

ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _only_a_date(value: Any) -> Any:
    # Pydantic also accepts date-times at midnight and numbers.
    is_date = isinstance(value, date) and not isinstance(value, datetime)
    if not is_date and not (isinstance(value, str) and ISO_DATE.fullmatch(value)):
        raise ValueError("must be a date like 2026-11-23")
    return value


LocalDate = Annotated[date, BeforeValidator(_only_a_date)]


def _in_utc(value: datetime) -> datetime:
    # Other years have instants that do not exist in every time zone.
    if not 1900 <= value.year < 9999:
        raise ValueError("must be between the years 1900 and 9998")
    return value.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]


def _read(value: Any) -> Any:
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or not _is_hh_mm(value):
        raise ValueError("must be a time like 09:30")
    return time(int(value[:2]), int(value[3:]))


def _is_hh_mm(value: str) -> bool:
    digits = value[:2] + value[3:]
    shape = len(value) == 5 and value[2] == ":" and digits.isascii() and digits.isdigit()
    return shape and int(value[:2]) < 24 and int(value[3:]) < 60


def _write(value: time) -> str:
    return f"{value:%H:%M}"


WallTime = Annotated[
    time,
    BeforeValidator(_read),
    PlainSerializer(_write, return_type=str, when_used="json"),
    WithJsonSchema(
        {"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d$", "examples": ["09:30"]}
    ),
]
