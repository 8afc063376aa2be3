"""Uploads as they come in and are answered."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Self
from uuid import UUID

from fastapi import UploadFile
from pydantic import BaseModel, ConfigDict, Field

from app.bulk.leftovers import Leftover
from app.bulk.workbook import VisitorList
from app.core.text import OptionalEmail, OptionalLine
from app.core.times import LocalDate, WallTime
from app.sites.models import Site
from app.visitors.models import Purpose, Visitor
from app.visitors.schemas import VisitorDetails


class BulkUpload(BaseModel):
    """A workbook, and the values of every row that does not bring its own."""

    model_config = ConfigDict(extra="forbid")

    file: UploadFile = Field(
        description="The filled template (.xlsx), which says how large it may be. Name, e-mail,"
        " phone, company, type and category are needed in each row",
        json_schema_extra={"format": "binary"},
    )
    purpose: Purpose | None = None
    visit_date: LocalDate | None = None
    visit_time: WallTime | None = None
    host_name: OptionalLine = None
    host_email: OptionalEmail = None
    department: UUID | None = None
    site: UUID | None = Field(None, description="The default site where it is left out")

    def common(self) -> dict[str, Any]:
        """The values for all rows."""
        return self.model_dump(exclude={"file"})


class Choices(BaseModel):
    """How an upload is to be read."""

    dry_run: bool = Field(False, description="Check everything and write nothing")
    include_hidden: bool = Field(False, description="Take the visitors of hidden rows, too")
    ignore_columns: bool = Field(False, description="Pass over columns that are not known")


class IgnoredSheet(BaseModel):
    """A sheet that was not read: it is hidden, holds no list, or none with visitors."""

    sheet: str = Field(examples=["Hosts"])
    reason: Leftover


class IgnoredColumn(BaseModel):
    """A column that was not read, by its header or its letter; or a hidden one that was."""

    column: str = Field(examples=["Badge"])
    reason: Leftover


class IgnoredRow(BaseModel):
    """A row that holds something and no visitor."""

    row: int = Field(examples=[7])
    reason: Leftover


class WhatWasRead(BaseModel):
    """Nothing in a workbook is passed over in silence."""

    sheet: str = Field(description="The sheet that was read", examples=["Visitors"])
    ignored: list[IgnoredSheet | IgnoredColumn | IgnoredRow] = Field(
        description="What was not read, and why. A sheet: `hidden`, `no_list`, `no_visitors`,"
        " `too_many_sheets`. A column: `empty`, `of_export`, `unknown` (with `ignore_columns`);"
        " `hidden_but_read` is one that counts. A row: `above_header`, `example`, `no_visitor`;"
        " with `further_rows` it is that row and those below"
    )


class CreatedRow(BaseModel):
    """A row and the visitor that it became; of a dry run without id and code."""

    row: int = Field(description="As the spreadsheet counts: the header is row 1")
    id: UUID | None
    name: str
    email: str
    qr_code: str | None
    site: UUID
    site_name: str
    visit_date: date
    visit_time: WallTime


Planned = tuple[int, Site, VisitorDetails]
"""A row, its site and its registration."""


class BulkUploadResult(WhatWasRead):
    """What an upload has made, or would make."""

    created: list[CreatedRow]
    total: int

    @classmethod
    def made(cls, found: VisitorList, rows: Sequence[tuple[int, Visitor]]) -> Self:
        created = [
            CreatedRow(
                id=visitor.id, qr_code=visitor.qr_code, **_shown(number, visitor.site, visitor)
            )
            for number, visitor in rows
        ]
        return cls(created=created, total=len(created), **found.told())

    @classmethod
    def planned(cls, found: VisitorList, rows: Sequence[Planned]) -> Self:
        created = [CreatedRow(id=None, qr_code=None, **_shown(*row)) for row in rows]
        return cls(created=created, total=len(created), **found.told())


def _shown(number: int, site: Site, visitor: Visitor | VisitorDetails) -> dict[str, Any]:
    return {
        "row": number,
        "name": visitor.name,
        "email": visitor.email,
        "site": site.id,
        "site_name": site.name,
        "visit_date": visitor.visit_date,
        "visit_time": visitor.visit_time,
    }
