"""Departments as they come in and go out."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.text import LEFT_OUT, RequiredLine, TextOrEmpty


class DepartmentCreate(BaseModel):
    """A department. Its name is unique without regard to case and to spaces at its ends."""

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
        """The fields that were sent, with their values."""
        return self.model_dump(exclude_unset=True)


class Department(BaseModel):
    """A department."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str = Field(examples=["Research"])
    description: str
    created_at: datetime
    updated_at: datetime
