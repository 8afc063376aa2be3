"""Request and response bodies of sites."""

from datetime import datetime, time
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool, StringConstraints
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from app.core.http.etags import Tagged
from app.core.languages import Language
from app.core.localtime import timezone_names
from app.core.text import (
    LEFT_OUT,
    OptionalBriefLine,
    OptionalEmail,
    Phone,
    RequiredLine,
    TextOrEmpty,
)
from app.core.times import WallTime
from app.sites.models import ReEntry

EXAMPLE: JsonDict = {
    "name": "Berlin",
    "address": "Hauptstraße 1, 10115 Berlin",
    "timezone": "Europe/Berlin",
    "opens_at": "09:00",
    "closes_at": "17:00",
    "open_weekdays": [1, 2, 3, 4, 5],
    "slot_capacity": 20,
    "booking_lead_minutes": 30,
    "booking_horizon_days": 90,
    "early_arrival_minutes": 120,
    "late_arrival_minutes": 180,
    "auto_check_out_hours": 14,
    "visit_minutes": 60,
    "re_entry": "none",
    "self_registration": False,
    "self_registration_share": 50,
    "language": "de",
    "reception_email": "reception@example.com",
    "contact_phone": "+49 30 123456",
    "contact_email": "visits@example.com",
    "brand_name": "Analytical Engines",
    "brand_color": "#0b6378",
}
# A PUT without them leaves them unchanged.
KEPT_IF_OMITTED = frozenset(
    {
        "late_arrival_minutes",
        "auto_check_out_hours",
        "visit_minutes",
        "re_entry",
        "self_registration_share",
        "reception_email",
        "contact_phone",
        "contact_email",
        "brand_name",
        "brand_color",
    }
)


def _known_timezone(value: str) -> str:
    if value not in timezone_names():
        raise PydanticCustomError("unknown_timezone", "must be an IANA name like Europe/Berlin")
    return value


def _once_each(days: list[int]) -> list[int]:
    if len(set(days)) < len(days):
        raise PydanticCustomError("repeated_weekday", "must name each day once")
    return sorted(days)


def _at(hour: int) -> Any:
    # Pydantic documents defaults with seconds.
    return Field(time(hour), json_schema_extra={"default": f"{hour:02}:00"})


def _count(at_most: int) -> Any:
    return Field(strict=True, ge=0, le=at_most)


Timezone = Annotated[str, Field(max_length=64), AfterValidator(_known_timezone)]
Weekday = Annotated[int, Field(strict=True, ge=1, le=7)]
Weekdays = Annotated[
    list[Weekday],
    Field(max_length=7, description="ISO 8601: 1 is Monday, 7 is Sunday"),
    AfterValidator(_once_each),
]
ClosingTime = Annotated[
    WallTime,
    Field(
        description="If not later than `opens_at`, it is on the next day. "
        "`00:00` is the end of the day"
    ),
]
Capacity = Annotated[int, _count(10_000)]
LeadMinutes = Annotated[int, _count(43_200)]
HorizonDays = Annotated[int, _count(730)]
SiteLanguage = Annotated[
    Language,
    Field(
        description="Language of mails, and of passes unless the reader's language is supported; "
        "a visitor's own `language` comes before both"
    ),
]
EarlyMinutes = Annotated[int, _count(1_440)]
ReceptionEmail = Annotated[
    OptionalEmail,
    Field(description="Receives arrival mails if the host has no address"),
]
ContactPhone = Annotated[
    Phone,
    Field(description="Shown to visitors; 3 to 32 digits, `+ - ( ) .` and spaces"),
]
ContactEmail = Annotated[OptionalEmail, Field(description="Shown to visitors")]
BrandName = Annotated[
    OptionalBriefLine,
    Field(
        description="Stands in headings of mails and passes in place of the site's name",
    ),
]
BrandColor = Annotated[
    Annotated[str, StringConstraints(pattern=r"^#[0-9A-Fa-f]{6}$", to_lower=True)] | None,
    Field(
        description="Behind headings of mails and passes, as `#rrggbb`; the text on it is black or "
        "white, whichever has more contrast"
    ),
]
LateMinutes = Annotated[
    int,
    Field(
        strict=True,
        ge=0,
        le=1_440,
        description="Minutes after its start for which a visit is admitted, even past midnight",
    ),
]
AutoCheckOutHours = Annotated[
    int,
    Field(
        strict=True,
        ge=1,
        le=72,
        description="Hours after check-in until a visit without check-out is closed",
    ),
]
VisitMinutes = Annotated[
    int,
    Field(
        strict=True,
        ge=15,
        le=1_440,
        description="Planned minutes of a visit that is registered without a duration; a change "
        "leaves booked visits as they are",
    ),
]

SiteReEntry = Annotated[
    ReEntry,
    Field(
        description="`same_day`: visitors who went out may come in again, until their arrival "
        "window or their visit ends. Who is away when this is changed still may"
    ),
]
SelfRegistrationShare = Annotated[
    int,
    Field(
        strict=True,
        ge=1,
        le=100,
        description="Maximum percentage of a slot, rounded up, for visitors who register "
        "themselves",
    ),
]


class SiteCreate(BaseModel):
    """A site; its name is unique, ignoring case."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": EXAMPLE})

    name: RequiredLine
    address: TextOrEmpty = ""
    timezone: Timezone = "UTC"
    opens_at: WallTime = _at(9)
    closes_at: ClosingTime = _at(17)
    open_weekdays: Weekdays = [1, 2, 3, 4, 5]
    slot_capacity: Capacity = 20
    booking_lead_minutes: LeadMinutes = 30
    booking_horizon_days: HorizonDays = 90
    early_arrival_minutes: EarlyMinutes = 120
    late_arrival_minutes: LateMinutes = 180
    auto_check_out_hours: AutoCheckOutHours = 14
    visit_minutes: VisitMinutes = 60
    re_entry: SiteReEntry = ReEntry.NONE
    self_registration: StrictBool = False
    self_registration_share: SelfRegistrationShare = 50
    language: SiteLanguage = Language.ENGLISH
    reception_email: ReceptionEmail = None
    contact_phone: ContactPhone = None
    contact_email: ContactEmail = None
    brand_name: BrandName = None
    brand_color: BrandColor = None
    is_default: StrictBool | None = Field(
        None,
        description="True makes this the default site; default: unchanged",
    )

    def values(self) -> dict[str, Any]:
        omitted = KEPT_IF_OMITTED - self.model_fields_set
        return self.model_dump(
            exclude=set(omitted if self.is_default is not None else omitted | {"is_default"})
        )


class SiteUpdate(BaseModel):
    """The fields to change."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"closes_at": "18:00", "slot_capacity": 25}},
    )

    name: RequiredLine = LEFT_OUT
    address: TextOrEmpty = LEFT_OUT
    timezone: Timezone = LEFT_OUT
    opens_at: WallTime = LEFT_OUT
    closes_at: ClosingTime = LEFT_OUT
    open_weekdays: Weekdays = LEFT_OUT
    slot_capacity: Capacity = LEFT_OUT
    booking_lead_minutes: LeadMinutes = LEFT_OUT
    booking_horizon_days: HorizonDays = LEFT_OUT
    early_arrival_minutes: EarlyMinutes = LEFT_OUT
    late_arrival_minutes: LateMinutes = LEFT_OUT
    auto_check_out_hours: AutoCheckOutHours = LEFT_OUT
    visit_minutes: VisitMinutes = LEFT_OUT
    re_entry: SiteReEntry = LEFT_OUT
    self_registration: StrictBool = LEFT_OUT
    self_registration_share: SelfRegistrationShare = LEFT_OUT
    language: SiteLanguage = LEFT_OUT
    reception_email: ReceptionEmail = LEFT_OUT
    contact_phone: ContactPhone = LEFT_OUT
    contact_email: ContactEmail = LEFT_OUT
    brand_name: BrandName = LEFT_OUT
    brand_color: BrandColor = LEFT_OUT
    is_default: StrictBool = LEFT_OUT

    def values(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)


class Site(Tagged, BaseModel):
    """A site with its opening rules, in local time."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str = Field(examples=["Berlin"])
    address: str
    timezone: str = Field(examples=["Europe/Berlin"])
    opens_at: WallTime
    closes_at: WallTime
    open_weekdays: list[int] = Field(examples=[[1, 2, 3, 4, 5]])
    slot_capacity: int = Field(examples=[20])
    booking_lead_minutes: int = Field(examples=[30])
    booking_horizon_days: int = Field(examples=[90])
    early_arrival_minutes: int = Field(examples=[120])
    late_arrival_minutes: int = Field(examples=[180])
    auto_check_out_hours: int = Field(examples=[14])
    visit_minutes: int = Field(examples=[60])
    re_entry: ReEntry
    self_registration: bool
    self_registration_share: int = Field(examples=[50])
    language: Language
    reception_email: str | None = Field(examples=["reception@example.com"])
    contact_phone: str | None = Field(examples=["+49 30 123456"])
    contact_email: str | None = Field(examples=["visits@example.com"])
    brand_name: str | None = Field(examples=["Analytical Engines"])
    brand_color: str | None = Field(examples=["#0b6378"])
    has_logo: bool = Field(description="Whether `logo/` has an image")
    is_default: bool
    created_at: datetime
    updated_at: datetime
