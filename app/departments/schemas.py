"""Request and response bodies of departments."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.http.etags import Tagged
from app.core.text import LEFT_OUT, RequiredLine, TextOrEmpty


class DepartmentCreate(BaseModel):
    """A department; its name is unique regardless of case."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"name": "Research", "description": "Second floor"}},
    )

    name: RequiredLine
    description: TextOrEmpty = ""


class DepartmentUpdate(BaseModel):
    """The fields to change."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"description": "Third floor"}},
    )

    name: RequiredLine = LEFT_OUT
    description: TextOrEmpty = LEFT_OUT

    def changes(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)


class Department(Tagged, BaseModel):
    """A department."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str = Field(examples=["Research"])
    description: str
    created_at: datetime
    updated_at: datetime
