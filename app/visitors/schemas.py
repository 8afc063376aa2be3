from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, Self, TypeVar, get_type_hints
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.config import JsonDict

from app.core.text import (
    LEFT_OUT,
    Email,
    Notes,
    OptionalEmail,
    OptionalLine,
    Phone,
    RequiredLine,
    SearchText,
)
from app.core.times import LocalDate, WallTime
from app.visitors import models
from app.visitors.exported import Exported
from app.visitors.models import Purpose, VisitorCategory, VisitorStatus, VisitorType

M = TypeVar("M", bound=BaseModel)

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


HOST_ID = (
    "The host's account. It takes precedence over `host_name` and `host_email`; null in a "
    "change clears all three. An address of an account sets `host_id` and `host_name`"
)

# All fields are set, since FastAPI removes nulls from examples.
VISIT: JsonDict = {
    "id": "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11",
    **EXAMPLE,
    "department": "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c12",
    "department_name": "Research",
    "site": "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c13",
    "site_name": "Berlin",
    "host_id": "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c14",
    "booked_by": "Front Desk",
    "status": "completed",
    "qr_code": "V1" + "A" * 40,
    "checked_in_at": "2026-11-23T08:52:07Z",
    "checked_out_at": "2026-11-23T10:31:40Z",
    "checked_out_automatically": False,
    "notes": "Comes by bicycle",
    "is_rescheduled": True,
    "original_visit_date": "2026-11-20",
    "original_visit_time": "14:00",
    "created_at": "2026-11-18T16:20:00Z",
    "updated_at": "2026-11-23T10:31:40Z",
}


def each_left_out(fields: type[BaseModel]) -> Callable[[type[M]], type[M]]:
    """Add the fields of another model to a model of a change, all of them optional."""
    hints = get_type_hints(fields, include_extras=True)
    optional: dict[str, Any] = {name: (hints[name], LEFT_OUT) for name in fields.model_fields}

    def decorate(change: type[M]) -> type[M]:
        return create_model(
            change.__name__,
            __base__=change,
            __module__=change.__module__,
            __doc__=change.__doc__,
            **optional,
        )

    return decorate


class Reschedule(BaseModel):
    """A new time for a visit, local to its site."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"visit_date": "2026-11-24", "visit_time": "14:00"}},
    )

    visit_date: LocalDate
    visit_time: WallTime


class PersonFields(BaseModel):
    name: RequiredLine
    email: Email
    phone: Phone = Field(None, description="3 to 32 digits, `+ - ( ) .` and spaces")
    company: OptionalLine = None
    visitor_type: VisitorType = VisitorType.PROFESSIONAL
    visitor_category: VisitorCategory = VisitorCategory.INDUSTRY
    purpose: Purpose = Purpose.OTHER


class PlaceFields(BaseModel):
    department: UUID | None = None
    site: UUID | None = Field(
        None, description="Default: the caller's only site, else the default site"
    )


class HostFields(BaseModel):
    host_id: UUID | None = Field(None, description=HOST_ID)
    host_name: OptionalLine = None
    host_email: OptionalEmail = None


class NotesField(BaseModel):
    notes: Notes = None


# Pydantic orders fields from the last base to the first.
class VisitorFacts(NotesField, HostFields, PlaceFields, PersonFields):
    """The facts of a visitor, without the time of the visit."""

    model_config = ConfigDict(extra="forbid")


OWN_FIELDS = {*PersonFields.model_fields, *NotesField.model_fields}
HOST_FIELDS = tuple(HostFields.model_fields)
MOVES = ("site", *Reschedule.model_fields)
"""Fields whose change is a reschedule."""


class VisitorDetails(Reschedule, VisitorFacts):
    """All fields of a visitor. Hosts register visitors for themselves."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})

    def changes(self) -> dict[str, Any]:
        """Return all fields, `host_id` only if it was sent."""
        left_out = {"host_id"} - self.model_fields_set
        return self.model_dump(exclude=left_out)


class _EveryField(NotesField, HostFields, Reschedule, PlaceFields, PersonFields):
    site: UUID


@each_left_out(_EveryField)
class VisitorUpdate(BaseModel):
    """The fields to change. A new date, time or site is a reschedule."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"phone": "+49 30 123456", "notes": "Comes by bicycle"}},
    )

    def changes(self) -> dict[str, Any]:
        """Return the fields that were sent."""
        return self.model_dump(exclude_unset=True)


class Visitor(BaseModel):
    """A visitor; date and time are local to the site, and instants are UTC."""

    model_config = ConfigDict(json_schema_extra={"example": VISIT})

    id: Annotated[UUID, Exported(1, "ID", 38)]
    name: Annotated[str, Exported(2, "Name", 26)]
    email: Annotated[str, Exported(3, "Email", 30)]
    phone: Annotated[str | None, Exported(4, "Phone", 18)]
    company: Annotated[str | None, Exported(5, "Company", 26, repeats=True)]
    visitor_type: Annotated[VisitorType, Exported(8, "Visitor Type", 14, repeats=True)]
    visitor_category: Annotated[VisitorCategory, Exported(9, "Visitor Category", 18, repeats=True)]
    purpose: Annotated[Purpose, Exported(6, "Purpose", 18, repeats=True)]
    department: UUID | None
    department_name: Annotated[str | None, Exported(7, "Department", 20, repeats=True)]
    site: UUID
    site_name: Annotated[str, Exported(12, "Site", 20, repeats=True)]
    visit_date: Annotated[date, Exported(13, "Visit Date", 12)]
    visit_time: Annotated[WallTime, Exported(14, "Visit Time", 12)]
    host_id: UUID | None = Field(description="The host's account; null if there is none")
    host_name: Annotated[str | None, Exported(10, "Host Name", 24, repeats=True)]
    host_email: Annotated[str | None, Exported(11, "Host Email", 30, repeats=True)]
    booked_by: str | None = Field(
        description="Name of the person or device that registered the visitor; null for the host"
    )
    status: Annotated[VisitorStatus, Exported(15, "Status", 12, repeats=True)]
    qr_code: str | None = Field(description="The QR token; null for kiosks and anonymous callers")
    checked_in_at: Annotated[datetime | None, Exported(16, "Checked In At", 24)]
    checked_out_at: Annotated[datetime | None, Exported(17, "Checked Out At", 24)]
    checked_out_automatically: bool = Field(
        description="Checked out automatically, so that `checked_out_at` is an estimate"
    )
    notes: str | None
    is_rescheduled: bool
    original_visit_date: date | None
    original_visit_time: WallTime | None
    created_at: Annotated[datetime, Exported(18, "Created At", 24)]
    updated_at: datetime

    @classmethod
    def of(cls, visitor: models.Visitor) -> Self:
        department = visitor.department
        values = {name: getattr(visitor, name) for name in cls.model_fields if name in _PLAIN}
        return cls(
            **values,
            site=visitor.site_id,
            site_name=visitor.site.name,
            department=visitor.department_id,
            department_name=department.name if department else None,
        )


_PLAIN = set(Visitor.model_fields) - {
    "site",
    "site_name",
    "department",
    "department_name",
}


class DeskCard(BaseModel):
    """A visit as guards see it; the time is local to the site."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str = Field(examples=["Ada Lovelace"])
    company: str | None = Field(examples=["Analytical Engines Ltd"])
    host_name: str | None = Field(examples=["Charles Babbage"])
    visit_time: WallTime
    status: VisitorStatus
    checked_in_at: datetime | None

    @classmethod
    def of(cls, visitor: models.Visitor) -> Self:
        """Return the card of a row."""
        return cls.model_validate(visitor)


class VisitorQuery(BaseModel):
    """Filters of a list of visitors."""

    status: VisitorStatus | None = None
    site: UUID | None = None
    department: UUID | None = None
    purpose: Purpose | None = None
    visit_date: LocalDate | None = None
    visit_date_from: LocalDate | None = Field(None, description="First day, inclusive")
    visit_date_to: LocalDate | None = Field(None, description="Last day, inclusive")
    host_id: UUID | None = None
    host_email: SearchText | None = Field(None, description="The whole address, ignoring case")
    q: SearchText | None = Field(
        None,
        max_length=200,
        description="Beginnings of words of name, e-mail, company or phone, with or without "
        "accents (`jurgen` and `juergen` find Jürgen), or a QR token",
    )


class Host(BaseModel):
    """A host who receives visitors."""

    id: UUID
    name: str
    email: str | None = Field(description="Null for kiosks")
