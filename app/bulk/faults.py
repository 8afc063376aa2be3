from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from app.bulk.leftovers import Ignored, documents


@dataclass(frozen=True, slots=True)
class RowFault:
    """An error; `row` is the number in the spreadsheet, `column` the header.

    `column` is empty for errors of a whole row or list.
    """

    row: int
    column: str
    code: str
    message: str


class Unreadable(StrEnum):
    DAMAGED = "invalid_workbook"
    PROTECTED = "password_protected"
    OLD_FORMAT = "old_excel_format"
    TOO_COMPLEX = "workbook_too_complex"
    UNSAFE = "unsafe_workbook"
    NO_LIST = "no_visitor_list"
    SEVERAL_LISTS = "several_lists"
    HIDDEN_ROWS = "hidden_rows"
    UNKNOWN_COLUMN = "unknown_column"


class UnreadableWorkbook(Exception):  # noqa: N818 - a verdict, not a failure of ours
    """The file has no list of visitors, or is unsafe to open."""

    reason: ClassVar[Unreadable]
    message: str

    def members(self) -> dict[str, Any]:
        """Return the additional members of the problem."""
        return {}


class NotAWorkbook(UnreadableWorkbook):
    reason = Unreadable.DAMAGED
    message = "This is not an Excel workbook (.xlsx). Save a CSV or other list as .xlsx first."


class Damaged(UnreadableWorkbook):
    reason = Unreadable.DAMAGED
    message = (
        "The file is damaged and cannot be read. Open it in Excel or LibreOffice, save it again as"
        " .xlsx and upload that."
    )


class Protected(UnreadableWorkbook):
    reason = Unreadable.PROTECTED
    message = "The file is password-protected. Save it without a password and upload that."


class OldFormat(UnreadableWorkbook):
    reason = Unreadable.OLD_FORMAT
    message = "This is the old Excel format (.xls). Save it as .xlsx and upload that."


class TooComplex(UnreadableWorkbook):
    reason = Unreadable.TOO_COMPLEX
    message = (
        "The file contains far more than a list of visitors. Copy the rows into a new template and"
        " upload that."
    )


class Unsafe(UnreadableWorkbook):
    reason = Unreadable.UNSAFE
    message = (
        "The file contains definitions that no list of visitors needs; it was not opened."
        " Copy the rows into a new template and upload that."
    )


class NoList(UnreadableWorkbook):
    reason = Unreadable.NO_LIST
    message = (
        "No sheet has the template's columns in its first ten rows: Name, Email,"
        " Phone, Company/Organization, Visitor Type, Visitor Category."
    )


class SeveralLists(UnreadableWorkbook):
    reason = Unreadable.SEVERAL_LISTS

    def __init__(self, sheets: Sequence[str]) -> None:
        self.sheets = list(sheets)
        named = enumerated([f"“{name[:60]}”" for name in sheets])
        self.message = (
            f"The sheets {named} all contain a list of visitors; only one is allowed: put all"
            " rows into one sheet, or delete or hide the others."
        )

    def members(self) -> dict[str, Any]:
        return {"sheets": self.sheets}


class HiddenRows(UnreadableWorkbook):
    reason = Unreadable.HIDDEN_ROWS

    def __init__(self, sheet: str, rows: Sequence[int], ignored: Sequence[Ignored]) -> None:
        self.sheet, self.rows, self.ignored = sheet, list(rows), ignored
        subject = (
            "Row {} is hidden and contains a visitor"
            if len(rows) == 1
            else ("Rows {} are hidden and contain visitors")
        )
        self.message = (
            f"{subject.format(enumerated([str(row) for row in rows]))}: show or delete hidden rows"
            " (a filter may hide them), or upload with include_hidden=true."
        )

    def members(self) -> dict[str, Any]:
        return {"sheet": self.sheet, "rows": self.rows, "ignored": documents(self.ignored)}


class UnknownColumns(UnreadableWorkbook):
    reason = Unreadable.UNKNOWN_COLUMN

    def __init__(
        self,
        sheet: str,
        columns: Mapping[str, str | None],
        ignored: Sequence[Ignored],
    ) -> None:
        """Map each unknown column to the known one that was probably meant."""
        self.sheet, self.columns, self.ignored = sheet, list(columns), ignored
        named = enumerated([_with_guess(name, meant) for name, meant in columns.items()])
        subject = "The column {} is" if len(columns) == 1 else "The columns {} are"
        self.message = (
            f"{subject.format(named)} unknown and not empty: correct the header, delete"
            " it, or upload with ignore_columns=true."
        )

    def members(self) -> dict[str, Any]:
        return {"sheet": self.sheet, "columns": self.columns, "ignored": documents(self.ignored)}


def _with_guess(name: str, meant: str | None) -> str:
    return f"“{name}” (did you mean {meant}?)" if meant else f"“{name}”"


def enumerated(things: Sequence[str], most: int = 10) -> str:
    """Return `a, b and c`; of more than `most` only their number is given."""
    shown, left = list(things[:most]), len(things) - most
    if left > 0:
        shown.append(f"{left} more")
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))
