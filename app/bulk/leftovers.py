from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MAX_ROWS = 500


class Leftover(StrEnum):
    """The reason why a part was not read; with `hidden_but_read` it was."""

    HIDDEN = "hidden"
    NO_LIST = "no_list"
    NO_VISITORS = "no_visitors"
    TOO_MANY_SHEETS = "too_many_sheets"
    HIDDEN_BUT_READ = "hidden_but_read"
    EMPTY = "empty"
    OF_EXPORT = "of_export"
    UNKNOWN = "unknown"
    ABOVE_HEADER = "above_header"
    EXAMPLE = "example"
    NO_VISITOR = "no_visitor"
    FURTHER_ROWS = "further_rows"


@dataclass(frozen=True, slots=True)
class Ignored:
    """A sheet, column (header or letter) or row that was not read."""

    reason: Leftover
    sheet: str | None = None
    column: str | None = None
    row: int | None = None

    def document(self) -> dict[str, Any]:
        meant = {"sheet": self.sheet, "column": self.column, "row": self.row}
        return {
            **{name: value for name, value in meant.items() if value is not None},
            "reason": self.reason.value,
        }


def documents(ignored: Iterable[Ignored]) -> list[dict[str, Any]]:
    return [each.document() for each in ignored]


def of_rows(rows: Sequence[Ignored]) -> list[Ignored]:
    """Return the first `MAX_ROWS` ignored rows, and where the rest begins."""
    if len(rows) <= MAX_ROWS:
        return list(rows)
    return [*rows[:MAX_ROWS], Ignored(Leftover.FURTHER_ROWS, row=rows[MAX_ROWS].row)]
