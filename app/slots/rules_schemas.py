"""What changes the rules of booking, as it comes in and goes out."""

from datetime import date
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.times import LocalDate, WallTime
from app.sites.schemas import Capacity, Site


class AffectedVisitors(BaseModel):
    """How many visitors a change of a site concerns."""

    affected_visitors: int = Field(
        description="Where name, address or time zone change, the pending visits ahead. Else the "
        "seats taken from today on that the rules would not give any more: in an hour or on a day "
        "that is closed, or above the capacity. They stay booked"
    )


class ChangedSite(AffectedVisitors, Site):
    """A changed site, and how many visitors the change concerns."""


class SlotCapacityCreate(BaseModel):
    """The capacity of one hour; any time within the hour names it."""

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
    """An hour with a capacity of its own; date and time are local to the site."""

    id: UUID
    visit_date: date
    visit_time: WallTime = Field(description="When the hour begins")
    capacity: int
    booked: int
    affected_visitors: int = Field(
        description="Seats taken above the capacity, unless the day is over; they stay booked"
    )


class SlotCapacityQuery(BaseModel):
    """Query parameters that narrow a list of slot capacities."""

    visit_date_from: LocalDate | None = Field(None, description="The first day, included")
    visit_date_to: LocalDate | None = Field(None, description="The last day, included")
