"""Uploads as they come in and are answered."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Self
from uuid import UUID

from fastapi import UploadFile
from pydantic import BaseModel, ConfigDict, Field

from app.core.text import OptionalEmail, OptionalLine
from app.core.times import LocalDate, WallTime
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


class CreatedRow(BaseModel):
    """A row and the visitor that it became; of a dry run without id and code."""

    row: int = Field(description="As the spreadsheet counts: the header is row 1")
    id: UUID | None
    name: str
    email: str
    qr_code: str | None
    visit_date: date
    visit_time: WallTime


class BulkUploadResult(BaseModel):
    """What an upload has made, or would make."""

    created: list[CreatedRow]
    total: int

    @classmethod
    def made(cls, rows: Sequence[tuple[int, Visitor]]) -> Self:
        created = [
            CreatedRow(id=visitor.id, qr_code=visitor.qr_code, **_shown(number, visitor))
            for number, visitor in rows
        ]
        return cls(created=created, total=len(created))

    @classmethod
    def planned(cls, rows: Sequence[tuple[int, VisitorDetails]]) -> Self:
        created = [
            CreatedRow(id=None, qr_code=None, **_shown(number, visitor)) for number, visitor in rows
        ]
        return cls(created=created, total=len(created))


def _shown(number: int, visitor: Visitor | VisitorDetails) -> dict[str, Any]:
    return {
        "row": number,
        "name": visitor.name,
        "email": visitor.email,
        "visit_date": visitor.visit_date,
        "visit_time": visitor.visit_time,
    }
