"""Reads lists without a request."""

from datetime import date, datetime, time
from typing import Any

from app.bulk.rows import ReadRows, read_rows
from app.bulk.workbook import read_list
from tests.bulk.files import HEADER

COMMON: dict[str, Any] = {"visit_date": date(2026, 11, 23), "visit_time": time(10), "site": None}
MIDNIGHT = datetime(2026, 11, 24)  # noqa: DTZ001 - spreadsheets know no zones
MORNING = MIDNIGHT.replace(hour=9, minute=30)
WHEN = [*HEADER, "Visit Date", "Visit Time"]


def read(data: bytes, max_rows: int = 20, **common: Any) -> ReadRows:
    return read_rows(read_list(data, max_rows), COMMON | common)


def told(read_: ReadRows) -> list[tuple[int, str, str]]:
    return [(fault.row, fault.column, fault.code) for fault in read_.faults]


def only(read_: ReadRows) -> Any:
    """Return the registration of the one row."""
    assert not read_.faults
    (candidate,) = read_.candidates
    return candidate.visitor
