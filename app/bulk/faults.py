"""What can be wrong with an uploaded workbook. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class RowFault:
    """One thing that is wrong: `row` counts as the spreadsheet does, `column` is the header.

    `column` is empty where the row or the list as a whole is meant.
    """

    row: int
    column: str
    code: str
    message: str


class Unreadable(StrEnum):
    """Why a file as a whole can't be read."""

    DAMAGED = "invalid_workbook"
    PROTECTED = "password_protected"
    OLD_FORMAT = "old_excel_format"
    TOO_COMPLEX = "workbook_too_complex"
    UNSAFE = "unsafe_workbook"
    NO_LIST = "no_visitor_list"


class UnreadableWorkbook(Exception):  # noqa: N818 - a verdict, not a failure of ours
    """The file is not a workbook with a list of visitors, or not one that is safe to open."""

    reason: ClassVar[Unreadable]
    message: ClassVar[str]


class NotAWorkbook(UnreadableWorkbook):
    reason = Unreadable.DAMAGED
    message = (
        "This is not an Excel workbook (.xlsx). A CSV or other list has to be saved as .xlsx first."
    )


class Damaged(UnreadableWorkbook):
    reason = Unreadable.DAMAGED
    message = (
        "The file is damaged and can't be read. Open it in Excel or LibreOffice, save it again as"
        " .xlsx and upload that."
    )


class Protected(UnreadableWorkbook):
    reason = Unreadable.PROTECTED
    message = "The file has a password. Save it without one and upload that."


class OldFormat(UnreadableWorkbook):
    reason = Unreadable.OLD_FORMAT
    message = "This is the old Excel format (.xls). Save it as .xlsx and upload that."


class TooComplex(UnreadableWorkbook):
    reason = Unreadable.TOO_COMPLEX
    message = (
        "The file holds far more than a list of visitors. Copy the rows into a fresh template and"
        " upload that."
    )


class Unsafe(UnreadableWorkbook):
    reason = Unreadable.UNSAFE
    message = (
        "The file holds definitions that no list of visitors needs, and is not opened for safety."
        " Copy the rows into a fresh template and upload that."
    )


class NoList(UnreadableWorkbook):
    reason = Unreadable.NO_LIST
    message = (
        "No sheet has the columns of the template in one of its first ten rows: Name, Email,"
        " Phone, Company/Organization, Visitor Type, Visitor Category."
    )
