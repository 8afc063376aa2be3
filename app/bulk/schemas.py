from collections.abc import Sequence
from datetime import date
from typing import Any, Self
from uuid import UUID

from fastapi import UploadFile
from pydantic import BaseModel, ConfigDict, Field

from app.bulk.leftovers import Leftover
from app.bulk.planning import Ready
from app.bulk.workbook import VisitorList
from app.core.text import OptionalEmail, OptionalLine
from app.core.times import LocalDate, WallTime
from app.sites.models import Site
from app.visitors.group_models import Group
from app.visitors.models import Purpose, Visitor
from app.visitors.schemas import GroupName, VisitorDetails


class BulkUpload(BaseModel):
    """A workbook, and the values for rows without their own."""

    model_config = ConfigDict(extra="forbid")

    file: UploadFile = Field(
        description="The completed template (.xlsx), which states the size limits. Name, e-mail,"
        " phone, company, type and category are required in each row",
        json_schema_extra={"format": "binary"},
    )
    purpose: Purpose | None = None
    visit_date: LocalDate | None = None
    visit_time: WallTime | None = None
    host_name: OptionalLine = None
    host_email: OptionalEmail = None
    department: UUID | None = None
    site: UUID | None = Field(
        None, description="Default: the caller's only site, else the default site"
    )

    group_name: OptionalLine = Field(
        None, description="Name of a new group of these visitors, who must come to one site"
    )

    def common(self) -> dict[str, Any]:
        """Return the values of rows without their own."""
        return self.model_dump(exclude={"file", "group_name"})


class Choices(BaseModel):
    """Options for reading an upload."""

    dry_run: bool = Field(False, description="Check everything without saving")
    include_hidden: bool = Field(False, description="Include visitors in hidden rows")
    ignore_columns: bool = Field(False, description="Ignore unknown columns")


class IgnoredSheet(BaseModel):
    """A sheet that was not read: it is hidden, or has no list or no visitors."""

    sheet: str = Field(examples=["Hosts"])
    reason: Leftover


class IgnoredColumn(BaseModel):
    """A column that was not read, by header or letter, or a hidden one that was."""

    column: str = Field(examples=["Badge"])
    reason: Leftover


class IgnoredRow(BaseModel):
    """A non-empty row without a visitor."""

    row: int = Field(examples=[7])
    reason: Leftover


class WhatWasRead(BaseModel):
    """The sheet that was read, and the parts that were not."""

    sheet: str = Field(description="The sheet that was read", examples=["Visitors"])
    ignored: list[IgnoredSheet | IgnoredColumn | IgnoredRow] = Field(
        description="Parts that were not read. Sheets: `hidden`, `no_list`, `no_visitors`,"
        " `too_many_sheets`. Columns: `empty`, `of_export`, `unknown` (with `ignore_columns`);"
        " `hidden_but_read` was read. Rows: `above_header`, `example`, `no_visitor`;"
        " `further_rows` means this row and those below"
    )


class CreatedRow(BaseModel):
    """A row and its visitor; a dry run has no id and code."""

    row: int = Field(description="Row number in the spreadsheet")
    id: UUID | None
    name: str
    email: str
    qr_code: str | None
    site: UUID
    site_name: str
    visit_date: date
    visit_time: WallTime


class BulkUploadResult(WhatWasRead):
    """The visitors that an upload registered, or would register."""

    created: list[CreatedRow]
    total: int
    group: GroupName | None = Field(
        description="The new group; null without `group_name` and in a dry run"
    )

    @classmethod
    def made(
        cls, found: VisitorList, rows: Sequence[tuple[int, Visitor]], group: Group | None
    ) -> Self:
        created = [
            CreatedRow(
                id=visitor.id, qr_code=visitor.qr_code, **_shown(number, visitor.site, visitor)
            )
            for number, visitor in rows
        ]
        name = GroupName.model_validate(group) if group else None
        return cls(created=created, total=len(created), group=name, **found.members())

    @classmethod
    def planned(cls, found: VisitorList, rows: Sequence[Ready]) -> Self:
        created = [
            CreatedRow(id=None, qr_code=None, **_shown(row.number, row.site, row.form))
            for row in rows
        ]
        return cls(created=created, total=len(created), group=None, **found.members())


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
