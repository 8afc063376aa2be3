from collections.abc import Callable, Collection
from datetime import date, datetime
from typing import Annotated, Any, Self, TypeVar, get_type_hints
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, create_model
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from app.auth.caller import Caller
from app.core.http.etags import Tagged
from app.core.languages import Language
from app.core.several import Several
from app.core.text import (
    LEFT_OUT,
    Email,
    Notes,
    OptionalEmail,
    OptionalLine,
    Phone,
    RequiredLine,
    SearchText,
    address_key,
)
from app.core.times import Instant, LocalDate, WallTime
from app.users.models import User
from app.users.roles import Permission
from app.visitors import models
from app.visitors.exported import Exported
from app.visitors.models import Presence, Purpose, VisitorCategory, VisitorStatus, VisitorType
from app.visitors.stay_models import InMethod, OutMethod

M = TypeVar("M", bound=BaseModel)
MOST_MINUTES, MOST_CO_HOSTS = 1_440, 5

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
    "duration_minutes": 90,
    "host_name": "Charles Babbage",
    "host_email": "charles@example.com",
    "language": "en",
    "co_hosts": [{"name": "Mary Somerville", "email": "mary@example.com"}],
}


EMAIL = (
    "Null or omitted: no mails are sent to the visitor. Required from anonymous callers and in "
    "uploads"
)
LANGUAGE = (
    "Language of the visitor's mails and pass, before that of the reader. Null: the site's language"
)
HOST_ID = (
    "The host's account. It takes precedence over `host_name` and `host_email`; null in a "
    "change clears all three. An address of an account sets `host_id` and `host_name`"
)

# A new visit, as Register answers.
VISIT: JsonDict = {
    "id": "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11",
    **EXAMPLE,
    "department": "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c12",
    "department_name": "Research",
    "site": "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c13",
    "site_name": "Berlin",
    "host_id": "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c14",
    "booked_by": "Front Desk",
    "ends_at": "2026-11-23T10:30:00Z",
    "group": {"id": "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c15", "name": "Board of trustees"},
    "status": "pending",
    "presence": "expected",
    "qr_code": "V1" + "A" * 40,
    "checked_in_at": None,
    "checked_out_at": None,
    "checked_out_automatically": False,
    "notes": "Comes by bicycle",
    "is_rescheduled": False,
    "original_visit_date": None,
    "original_visit_time": None,
    "created_at": "2026-11-18T16:20:00Z",
    "updated_at": "2026-11-18T16:20:00Z",
}


def each_left_out(
    fields: type[BaseModel], *, but: Collection[str] = ()
) -> Callable[[type[M]], type[M]]:
    """Add the fields of another model, `but` some, to a model; all of them are optional."""
    hints = get_type_hints(fields, include_extras=True)
    optional: dict[str, Any] = {
        name: (hints[name], LEFT_OUT) for name in fields.model_fields if name not in but
    }

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
    email: Email | None = Field(None, description=EMAIL)
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


class CoHost(BaseModel):
    """A further person who gets the mails of the host, and no access."""

    model_config = ConfigDict(extra="forbid")

    name: OptionalLine = None
    email: Email


def _each_once(co_hosts: list[CoHost] | None) -> list[CoHost]:
    """Return the co-hosts, none for None."""
    addresses = {address_key(one.email) for one in co_hosts or []}
    if len(addresses) < len(co_hosts or []):
        raise PydanticCustomError("repeated_co_host", "must name each address once")
    return co_hosts or []


class StayFields(BaseModel):
    """What only people and keys say of a visit, not visitors themselves."""

    duration_minutes: Annotated[int, Field(strict=True, ge=15, le=MOST_MINUTES)] | None = Field(
        None,
        description="Planned minutes until `ends_at`; null means the `visit_minutes` of the site. "
        "The seat is taken in the first hour alone",
    )
    co_hosts: Annotated[
        Annotated[list[CoHost], Field(max_length=MOST_CO_HOSTS)] | None, AfterValidator(_each_once)
    ] = Field(
        [],
        description="They get the mails of the host, and no access. The host's own address is "
        "ignored; null means none",
    )


class OtherFields(BaseModel):
    notes: Notes = None
    language: Language | None = Field(None, description=LANGUAGE)


# Pydantic orders fields from the last base to the first.
class VisitorFacts(OtherFields, HostFields, PlaceFields, PersonFields):
    """The facts of a visitor, without the time of the visit."""

    model_config = ConfigDict(extra="forbid")


class StaffForm(StayFields, VisitorFacts):
    """The facts that people and keys know of a visitor."""


OWN_FIELDS = {*PersonFields.model_fields, *OtherFields.model_fields}
HOST_FIELDS = tuple(HostFields.model_fields)
STAY_FIELDS = frozenset(StayFields.model_fields)
MOVES = ("site", *Reschedule.model_fields)
"""Fields whose change is a reschedule."""
KEPT_BY_PUT = frozenset({"host_id", "email", "language", *STAY_FIELDS})
"""Fields that a PUT without them does not change."""


class VisitorDetails(Reschedule, StaffForm):
    """All fields of a visitor. Hosts register visitors for themselves."""

    model_config = ConfigDict(json_schema_extra={"example": EXAMPLE})

    def changes(self) -> dict[str, Any]:
        """Return all fields, those in `KEPT_BY_PUT` only if they were sent."""
        return self.model_dump(exclude=set(KEPT_BY_PUT - self.model_fields_set))


class _EveryField(OtherFields, StayFields, HostFields, Reschedule, PlaceFields, PersonFields):
    site: UUID


@each_left_out(_EveryField)
class VisitorUpdate(BaseModel):
    """The fields to change. A new date, time or site is a reschedule."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"phone": "+49 30 123456", "notes": "Comes by bicycle"}},
    )

    def changes(self) -> dict[str, Any]:
        """Return the fields that were sent, each as a whole."""
        return self.model_dump(include=self.model_fields_set)


class GroupName(BaseModel):
    """The group of a visitor."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str


class Visitor(Tagged, BaseModel):
    """A visitor; date and time are local to the site, and instants are UTC."""

    model_config = ConfigDict(json_schema_extra={"example": VISIT})

    id: Annotated[UUID, Exported(1, "ID", 38)]
    name: Annotated[str, Exported(2, "Name", 26)]
    email: Annotated[str | None, Exported(3, "Email", 30)] = Field(
        description="Null if the visitor has none, who is sent no mails then. **Changed**: it was"
        " never null"
    )
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
    duration_minutes: Annotated[int, Exported(23, "Duration", 12)]
    ends_at: datetime = Field(description="Planned end, also that of the calendar entry")
    host_id: UUID | None = Field(description="The host's account; null if there is none")
    host_name: Annotated[str | None, Exported(10, "Host Name", 24, repeats=True)]
    host_email: Annotated[str | None, Exported(11, "Host Email", 30, repeats=True)]
    co_hosts: list[CoHost]
    booked_by: str | None = Field(
        description="Name of the person or device that registered the visitor; null for the host"
    )
    group: GroupName | None = Field(
        description="The group with which the visitor was registered; null without one"
    )
    status: Annotated[VisitorStatus, Exported(15, "Status", 12, repeats=True)]
    presence: Annotated[Presence | None, Exported(22, "Presence", 12, repeats=True)] = Field(
        description="Where the visitor is: `away` is outside between two stays; null if cancelled"
    )
    qr_code: str | None = Field(description="The QR token; null for kiosks and anonymous callers")
    checked_in_at: Annotated[datetime | None, Exported(16, "Checked In At", 24)] = Field(
        description="The first entry"
    )
    checked_out_at: Annotated[datetime | None, Exported(17, "Checked Out At", 24)] = Field(
        description="The last exit; null while the visitor is inside"
    )
    checked_out_automatically: bool = Field(
        description="Checked out automatically, so that `checked_out_at` is an estimate"
    )
    notes: str | None
    language: Language | None = Field(description=LANGUAGE)
    is_rescheduled: bool
    original_visit_date: date | None
    original_visit_time: WallTime | None
    created_at: Annotated[datetime, Exported(18, "Created At", 24)]
    updated_at: datetime

    @classmethod
    def of(cls, visitor: models.Visitor) -> Self:
        department = visitor.department
        held = vars(visitor)  # the ORM's descriptors are slow, but know what is not set
        values = {name: held[name] if name in held else getattr(visitor, name) for name in _PLAIN}
        return cls(
            **values,
            site=visitor.site_id,
            site_name=visitor.site.name,
            department=visitor.department_id,
            department_name=department.name if department else None,
            group=GroupName.model_validate(visitor.group) if visitor.group else None,
        )


_PLAIN = set(Visitor.model_fields) - {
    "group",
    "site",
    "site_name",
    "department",
    "department_name",
}


class ExportedVisitor(Visitor):
    """A visitor with what only an export shows; its values are in `app/reports/repository.py`."""

    host_phone: Annotated[str | None, Exported(19, "Host Phone", 18, repeats=True)]
    checked_in_gate: Annotated[str | None, Exported(20, "Gate", 18, repeats=True)]
    group_name: Annotated[str | None, Exported(21, "Group", 24, repeats=True)]
    timezone: Annotated[str, Exported(24, "Time Zone", 20, repeats=True)]


class Stay(BaseModel):
    """A time on site."""

    model_config = ConfigDict(from_attributes=True)

    in_at: datetime
    out_at: datetime | None = Field(description="Null while the visitor is inside")
    in_method: InMethod
    out_method: OutMethod | None = Field(
        description="`automatic`: nobody saw the exit; null while the visitor is inside"
    )


class VisitorQuery(BaseModel):
    """Filters of a list of visitors."""

    status: Annotated[tuple[VisitorStatus, ...], Several(VisitorStatus)] | None = Field(
        None, description="One or several, separated by commas: `pending,verified`"
    )
    presence: Annotated[tuple[Presence, ...], Several(Presence)] | None = Field(
        None, description="One or several, separated by commas: `inside,away`"
    )
    site: UUID | None = None
    department: UUID | None = None
    purpose: Purpose | None = None
    visit_date: LocalDate | None = None
    visit_date_from: LocalDate | None = Field(None, description="First day, inclusive")
    visit_date_to: LocalDate | None = Field(None, description="Last day, inclusive")
    host_id: UUID | None = None
    host_email: SearchText | None = Field(None, description="The whole address, ignoring case")
    overdue: bool | None = Field(
        None, description="Whether a visitor is still inside 15 minutes after `ends_at`"
    )
    updated_since: Instant | None = Field(
        None, description="Changed at this instant or later, by `updated_at`"
    )
    group: UUID | None = None
    q: SearchText | None = Field(
        None,
        max_length=200,
        description="Beginnings of words of name, e-mail, company or phone, with or without "
        "accents (`jurgen` and `juergen` find Jürgen), or a QR token",
    )


class HostQuery(BaseModel):
    """A search of hosts while a name is typed."""

    q: SearchText | None = Field(
        None,
        max_length=200,
        description="Beginnings of words of name or e-mail, with or without accents",
    )
    limit: int | None = Field(None, ge=1, le=200, description="Default: all hosts")


class Host(BaseModel):
    """A host who receives visitors."""

    id: UUID
    name: str
    email: str | None = Field(description="Null for kiosks")
    phone: str | None = Field(description="Null for hosts and kiosks", examples=["+49 30 123456"])

    @classmethod
    def shown_to(cls, caller: Caller, user: User) -> Self:
        """Return what a caller may see of a host."""
        email = user.email if caller.is_trusted else None
        phone = user.phone if Permission.DESK_READ in caller.permissions else None
        return cls(id=user.id, name=user.name, email=email, phone=phone)
