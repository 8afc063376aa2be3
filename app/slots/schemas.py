"""How slots are offered."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, Field

from app.core.times import WallTime
from app.slots.rules import Reason


class SlotOut(BaseModel):
    """One hour of a site; `time` and `end_time` are the site's local time."""

    time: WallTime
    end_time: WallTime
    starts_at: datetime | None = Field(description="UTC; null for an hour that the clocks skip")
    capacity: int
    booked: int
    available: int
    bookable: bool
    reason: Reason | None


class AvailableSlotsOut(BaseModel):
    """Every slot of a day."""

    visit_date: date
    site: UUID
    timezone: str = Field(examples=["Europe/Berlin"])
    slots: list[SlotOut]


class SlotCheckOut(BaseModel):
    """Whether one time can be booked now."""

    visit_date: date
    visit_time: WallTime
    available: bool
    remaining: int
    reason: Reason | None
    message: str
