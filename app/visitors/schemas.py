"""Visitors as they come in and go out."""

from datetime import date, datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from app.core.text import Email, Notes, OptionalEmail, OptionalLine, Phone, RequiredLine, SearchText
from app.core.times import LocalDate, WallTime
from app.visitors.models import Purpose, Visitor, VisitorCategory, VisitorStatus, VisitorType

EXAMPLE: JsonDict = {
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "phone": "+49 (30) 123-456",
    "company": "Analytical Engines Ltd",
    "visitor_type": "professional",
    "visitor_category": "industry",
    "purpose": "business_meeting",
    "visit_date": "2026-11-23",
    "visit_time": "10:00",
    "host_name": "Charles Babbage",
    "host_email": "charles@example.com",
}


class RescheduleIn(BaseModel):
    """A new time for a visit, local to its site."""

    model_config = ConfigDict(
        extra="forbid",
        title="Reschedule",
        json_schema_extra={"example": {"visit_date": "2026-11-24", "visit_time": "14:00"}},
    )

    visit_date: LocalDate
    visit_time: WallTime


class VisitorFacts(BaseModel):
    """What is known of a visitor, the time of the visit aside."""

    model_config = ConfigDict(extra="forbid")

    name: RequiredLine
    email: Email
    phone: Phone = Field(None, description="3 to 32 digits, `+ - ( ) .` and spaces")
    company: OptionalLine = None
    visitor_type: VisitorType = VisitorType.PROFESSIONAL
    visitor_category: VisitorCategory = VisitorCategory.INDUSTRY
    purpose: Purpose = Purpose.OTHER
    department: UUID | None = None
    site: UUID | None = Field(None, description="The default site where it is left out")
    host_name: OptionalLine = None
    host_email: OptionalEmail = None
    notes: Notes = None


class VisitorIn(VisitorFacts, RescheduleIn):
    """A visitor as a whole. For a host, `host_name` and `host_email` are always their own."""

    model_config = ConfigDict(title="VisitorReplacement", json_schema_extra={"example": EXAMPLE})


NULLABLE = {"phone", "company", "department", "host_name", "host_email", "notes"}


class VisitorChangeIn(BaseModel):
    """The fields to change. A new date, time or site is a reschedule."""

    model_config = ConfigDict(
        extra="forbid",
        title="VisitorChange",
        json_schema_extra={"example": {"phone": "+49 30 123456", "notes": "Comes by bicycle"}},
    )

    name: RequiredLine | None = None
    email: Email | None = None
    phone: Phone = None
    company: OptionalLine = None
    visitor_type: VisitorType | None = None
    visitor_category: VisitorCategory | None = None
    purpose: Purpose | None = None
    department: UUID | None = None
    site: UUID | None = None
    visit_date: LocalDate | None = None
    visit_time: WallTime | None = None
    host_name: OptionalLine = None
    host_email: OptionalEmail = None
    notes: Notes = None

    @model_validator(mode="after")
    def _null_only_where_it_means_something(self) -> Self:
        for name in self.model_fields_set - NULLABLE:
            if getattr(self, name) is None:
                raise ValueError(f"{name} can't be null")
        return self

    def changes(self) -> dict[str, Any]:
        """The fields that were sent, with their values."""
        return self.model_dump(exclude_unset=True)


class VisitorOut(BaseModel):
    """A visitor. Date and time are local to the site; instants are UTC."""

    model_config = ConfigDict(title="Visitor")

    id: UUID
    name: str
    email: str
    phone: str | None
    company: str | None
    visitor_type: VisitorType
    visitor_category: VisitorCategory
    purpose: Purpose
    department: UUID | None
    department_name: str | None
    site: UUID
    site_name: str
    visit_date: date
    visit_time: WallTime
    host_name: str | None
    host_email: str | None
    status: VisitorStatus
    qr_code: str | None = Field(
        description="The token in the QR code; null for kiosks and without a sign-in"
    )
    checked_in_at: datetime | None
    checked_out_at: datetime | None
    checked_out_automatically: bool = Field(description="Closed by the end of the day")
    notes: str | None
    is_rescheduled: bool
    original_visit_date: date | None
    original_visit_time: WallTime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, visitor: Visitor) -> Self:
        """From a row whose site and department are loaded."""
        department = visitor.department
        values = {name: getattr(visitor, name) for name in cls.model_fields if name in _PLAIN}
        return cls(
            **values,
            site=visitor.site_id,
            site_name=visitor.site.name,
            department=visitor.department_id,
            department_name=department.name if department else None,
        )


_PLAIN = set(VisitorOut.model_fields) - {
    "site",
    "site_name",
    "department",
    "department_name",
}


class VisitorFilterIn(BaseModel):
    """Query parameters that narrow a list of visitors."""

    status: VisitorStatus | None = None
    site: UUID | None = None
    department: UUID | None = None
    purpose: Purpose | None = None
    visit_date: LocalDate | None = None
    visit_date_from: LocalDate | None = Field(None, description="The first day, included")
    visit_date_to: LocalDate | None = Field(None, description="The last day, included")
    host_email: SearchText | None = None
    q: SearchText | None = Field(
        None,
        max_length=200,
        description="The start of any word of name, e-mail, company or phone, or a QR code",
    )


class HostOut(BaseModel):
    """Somebody who receives visitors."""

    model_config = ConfigDict(title="Host")

    id: UUID
    name: str
    email: str | None = Field(description="null for kiosks")
