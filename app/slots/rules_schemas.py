"""Request and response bodies of booking rules."""

from datetime import date
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.times import LocalDate, WallTime
from app.sites.schemas import Capacity, Site


class AffectedVisitors(BaseModel):
    """The number of visitors that a change affects."""

    affected_visitors: int = Field(
        description="Upcoming pending visits if the name, address or time zone changes. "
        "Otherwise the seats taken from today on that no longer fit the "
        "rules, on a closed day or hour or above the capacity. They stay booked"
    )


class ChangedSite(AffectedVisitors, Site):
    """A changed site."""

    outside_tag: ClassVar = frozenset({"affected_visitors", "warnings"})

    warnings: list[str] = Field(
        [], description="What else to change: settings that name the site by its former name"
    )


class SlotCapacityCreate(BaseModel):
    """The capacity of an hour; `visit_time` is any time in it."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"visit_date": "2026-11-24", "visit_time": "14:00", "capacity": 5}
        },
    )

    visit_date: LocalDate
    visit_time: WallTime
    capacity: Capacity


class SlotCapacity(BaseModel):
    """An hour with its own capacity; date and time are local to the site."""

    id: UUID
    visit_date: date
    visit_time: WallTime = Field(description="Start of the hour")
    capacity: int
    booked: int
    affected_visitors: int = Field(
        description="Taken seats above the capacity, unless the day is over; they stay booked"
    )


class SlotCapacityQuery(BaseModel):
    """Filters of slot capacities."""

    visit_date_from: LocalDate | None = Field(None, description="First day, inclusive")
    visit_date_to: LocalDate | None = Field(None, description="Last day, inclusive")
