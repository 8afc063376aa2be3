"""What of a workbook is not read, and why. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

# More rows than this are told as one: people look at none of them.
MAX_ROWS = 500


class Leftover(StrEnum):
    """Why something was not read, or, with a hidden column, that it was."""

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
    """A sheet, a column (its header, or its letter) or a row, and why it was not read."""

    reason: Leftover
    sheet: str | None = None
    column: str | None = None
    row: int | None = None

    def document(self) -> dict[str, Any]:
        """Return the one that is meant, and the reason."""
        meant = {"sheet": self.sheet, "column": self.column, "row": self.row}
        return {
            **{name: value for name, value in meant.items() if value is not None},
            "reason": self.reason.value,
        }


def documents(ignored: Iterable[Ignored]) -> list[dict[str, Any]]:
    return [each.document() for each in ignored]


def of_rows(rows: Sequence[Ignored]) -> list[Ignored]:
    """Return the rows, of very many the first ones and where the others begin."""
    if len(rows) <= MAX_ROWS:
        return list(rows)
    return [*rows[:MAX_ROWS], Ignored(Leftover.FURTHER_ROWS, row=rows[MAX_ROWS].row)]
