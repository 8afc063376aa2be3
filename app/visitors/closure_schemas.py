"""Closed days as they come in and go out."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from app.core.text import Line
from app.core.times import LocalDate


class ClosureCreate(BaseModel):
    """A day, on the site's calendar, whose shift is closed: past midnight where it goes on."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"date": "2026-12-24", "reason": "Christmas Eve"}},
    )

    date: LocalDate
    reason: Line = ""
    cancel_visits: StrictBool = Field(
        default=False,
        description="Cancel every pending visit of the shift, as one by one: with mails to "
        "visitors and hosts",
    )


class Closure(BaseModel):
    """A day on which a site is closed."""

    id: UUID
    date: date
    reason: str
    affected_visitors: int = Field(
        description="Visitors booked in the shift of that day, unless it is over; they stay booked"
    )
    created_at: datetime


class NewClosure(Closure):
    """A closure that was just made."""

    cancelled_visits: int = Field(description="Visits cancelled with it", examples=[0])


class ClosureQuery(BaseModel):
    """Query parameters that narrow a list of closures."""

    date_from: LocalDate | None = Field(None, description="The first day, included")
    date_to: LocalDate | None = Field(None, description="The last day, included")
