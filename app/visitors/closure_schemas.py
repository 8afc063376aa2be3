from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from app.core.text import Line
from app.core.times import LocalDate


class ClosureCreate(BaseModel):
    """A day to close. A shift past midnight is closed to its end."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"date": "2026-12-24", "reason": "Christmas Eve"}},
    )

    date: LocalDate
    reason: Line = ""
    cancel_visits: StrictBool = Field(
        default=False,
        description="Cancel all pending visits of the shift, with mails to visitors and hosts",
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
    """A new closure."""

    cancelled_visits: int = Field(description="Visits cancelled with the closure", examples=[0])


class ClosureQuery(BaseModel):
    """Filters of a list of closures."""

    date_from: LocalDate | None = Field(None, description="First day, inclusive")
    date_to: LocalDate | None = Field(None, description="Last day, inclusive")
