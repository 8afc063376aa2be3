"""Validates rows with the rules of a single registration."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.bulk.columns import BY_FIELD, WORDS, RowDetails
from app.bulk.faults import RowFault
from app.bulk.workbook import ListRow, VisitorList
from app.core.languages import Language
from app.core.text import is_same_mailbox


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row to be registered; `visitor` is None if a field is invalid."""

    number: int
    name: str | None
    email: str | None
    day: date | None
    at: time | None
    site_name: str | None
    department_name: str | None
    date_in: Language | None
    """The language of the date format; None if every site accepts it."""
    visitor: RowDetails | None


@dataclass(frozen=True, slots=True)
class ReadRows:
    """A parsed upload; `common` are the values for all rows."""

    found: VisitorList
    common: dict[str, Any]
    candidates: list[Candidate]
    faults: list[RowFault]


def read_rows(found: VisitorList, common: dict[str, Any]) -> ReadRows:
    faults = list(found.faults)
    candidates = []
    for row in found.rows:
        candidate, more = _read(row, common, found.header.fields)
        candidates.append(candidate)
        faults.extend(more)
    return ReadRows(found, common, candidates, faults)


def _read(
    row: ListRow, common: dict[str, Any], present: set[str]
) -> tuple[Candidate, list[RowFault]]:
    values = _merged(row, common)
    try:
        visitor = RowDetails.model_validate(values)
    except ValidationError as error:
        faults = list(_faults(row, error, present))
        return _incomplete(row, values, {fault.column for fault in faults}), faults
    return _candidate(row, visitor, None if row.at_fault else visitor), []


def _candidate(row: ListRow, known: RowDetails, visitor: RowDetails | None) -> Candidate:
    return Candidate(
        row.number,
        known.name,
        known.email,
        known.visit_date,
        known.visit_time,
        known.site_name,
        known.department_name,
        row.date_in,
        visitor,
    )


def _merged(row: ListRow, common: dict[str, Any]) -> dict[str, Any]:
    """Combine a row with the common values; invalid values are not replaced."""
    values = {k: v for k, v in common.items() if v is not None and k not in row.at_fault}
    email = row.values.get("host_email")
    if email is not None and not is_same_mailbox(email, values.get("host_email") or ""):
        values.pop("host_name", None)  # it belongs to another host
    return values | row.values


def _incomplete(row: ListRow, values: dict[str, Any], wrong: set[str]) -> Candidate:
    sound = {name for name, column in BY_FIELD.items() if column.title not in wrong}
    known = {name: values.get(name) for name in sound}
    day, at = known.get("visit_date"), known.get("visit_time")
    return Candidate(
        row.number,
        known.get("name"),
        known.get("email"),
        date.fromisoformat(day) if isinstance(day, str) else day,
        time.fromisoformat(at) if isinstance(at, str) else at,
        known.get("site_name"),
        known.get("department_name"),
        row.date_in,
        None,
    )


def _faults(row: ListRow, error: ValidationError, present: set[str]) -> Iterator[RowFault]:
    reported = set(row.at_fault)
    for detail in error.errors(include_url=False, include_context=True):
        field = str(detail["loc"][0]) if detail["loc"] else ""
        column = BY_FIELD.get(field)
        if column is None or field in reported or (column.required and field not in present):
            continue
        reported.add(field)
        code, message = _translated(field, column.title, detail)
        yield RowFault(row.number, column.title, code, message)


def _translated(field: str, title: str, detail: ErrorDetails) -> tuple[str, str]:
    """Return the error code and a message for the author of the list."""
    kind, context = detail["type"], detail.get("ctx") or {}
    if kind == "missing":
        return "missing", f"{title} is missing in the row and in the values for all rows"
    if kind == "string_too_long":
        return "too_long", f"{title} is too long: at most {context['max_length']} characters"
    if field in WORDS:
        return "unknown_value", f"{title} must be one of: {', '.join(WORDS[field])}"
    if field in {"email", "host_email"}:
        return "invalid_email", f"{title} is not a valid e-mail address"
    if field == "phone":
        return (
            "invalid_phone",
            "A phone number must have 3 to 32 characters: digits, spaces and + - ( ) .",
        )
    if field in {"visit_date", "visit_time"}:
        return f"invalid_{field.removeprefix('visit_')}", f"{title} does not exist"
    reason = detail["msg"].removeprefix("Value error, ")
    return "invalid_text", f"{title} {reason}"
