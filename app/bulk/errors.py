from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel, Field

from app.bulk.faults import RowFault, Unreadable, UnreadableWorkbook
from app.bulk.schemas import WhatWasRead
from app.bulk.workbook import VisitorList
from app.core.errors import Problem
from app.core.times import WallTime
from app.slots.errors import SlotFull

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class FullHour(BaseModel):
    """An hour with fewer free seats than the workbook needs."""

    site: UUID
    site_name: str = Field(examples=["Berlin"])
    visit_date: date
    visit_time: WallTime
    wanted: int = Field(description="Number of visitors in the workbook", examples=[12])
    free: int = Field(description="Free seats", examples=[7])


class HoursFull(SlotFull):
    """Some hours are full: the members describe the first, `slots` lists all."""

    class Members(FullHour, SlotFull.Members, WhatWasRead):
        slots: list[FullHour] = Field(description="All hours that are full")


class InvalidRows(Problem):
    status, code, title = 422, "invalid_rows", "Some rows are invalid"

    class Members(WhatWasRead):
        errors: list[RowFault] = Field(description="The errors of all rows")

    def __init__(
        self, faults: Sequence[RowFault], found: VisitorList, marked: bytes | None = None
    ) -> None:
        self.faults = faults
        self.marked = marked
        rows = len({fault.row for fault in faults})
        super().__init__(
            f"{_counted(len(faults), 'fault')} in {_counted(rows, 'row')}: nobody was registered",
            errors=[asdict(fault) for fault in faults],
            **found.members(),
        )

    def response(self) -> Response:  # type: ignore[override] # the one problem that may not be JSON
        if self.marked is None:
            return super().response()
        disposition = 'attachment; filename="visitors-to-correct.xlsx"'
        headers = {"Content-Disposition": disposition}
        return Response(self.marked, self.status, headers, XLSX)


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


class InvalidWorkbook(Problem):
    status, code, title = 422, Unreadable.DAMAGED.value, "The file is not a readable workbook"


class PasswordProtected(Problem):
    status, code, title = 422, Unreadable.PROTECTED.value, "The workbook is password-protected"


class OldExcelFormat(Problem):
    status, code, title = 422, Unreadable.OLD_FORMAT.value, "The workbook is in the old .xls format"


class WorkbookTooComplex(Problem):
    status, code, title = 422, Unreadable.TOO_COMPLEX.value, "The workbook is too complex"


class UnsafeWorkbook(Problem):
    status, code, title = 422, Unreadable.UNSAFE.value, "The workbook is not safe to open"


class NoVisitorList(Problem):
    status, code, title = 422, Unreadable.NO_LIST.value, "The workbook has no list of visitors"


class SeveralVisitorLists(Problem):
    status, code, title = 422, Unreadable.SEVERAL_LISTS.value, "Several sheets contain a list"

    class Members(BaseModel):
        sheets: list[str] = Field(
            description="The sheets that contain one", examples=[["Monday", "Tuesday"]]
        )


class HiddenVisitors(Problem):
    status, code, title = 422, Unreadable.HIDDEN_ROWS.value, "Hidden rows contain visitors"

    class Members(WhatWasRead):
        rows: list[int] = Field(
            description="The hidden rows that contain a visitor", examples=[[3, 9]]
        )


class UnknownListColumns(Problem):
    status, code, title = 422, Unreadable.UNKNOWN_COLUMN.value, "Some columns are unknown"

    class Members(WhatWasRead):
        columns: list[str] = Field(
            description="The headers of the columns; their letters if they have none",
            examples=[["Badge", "K"]],
        )


UNREADABLE: dict[Unreadable, type[Problem]] = {
    Unreadable.DAMAGED: InvalidWorkbook,
    Unreadable.PROTECTED: PasswordProtected,
    Unreadable.OLD_FORMAT: OldExcelFormat,
    Unreadable.TOO_COMPLEX: WorkbookTooComplex,
    Unreadable.UNSAFE: UnsafeWorkbook,
    Unreadable.NO_LIST: NoVisitorList,
    Unreadable.SEVERAL_LISTS: SeveralVisitorLists,
    Unreadable.HIDDEN_ROWS: HiddenVisitors,
    Unreadable.UNKNOWN_COLUMN: UnknownListColumns,
}


def problem_of(verdict: UnreadableWorkbook) -> Problem:
    return UNREADABLE[verdict.reason](verdict.message, **verdict.members())
