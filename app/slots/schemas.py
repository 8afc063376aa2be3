"""How slots are offered."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, Field

from app.core.times import WallTime
from app.slots.rules import SlotReason


class Slot(BaseModel):
    """One hour of a site; `time` and `end_time` are the site's local time."""

    time: WallTime
    end_time: WallTime
    starts_at: datetime | None = Field(description="UTC; null for an hour that the clocks skip")
    capacity: int
    booked: int
    available: int
    bookable: bool
    reason: SlotReason | None


class AvailableSlots(BaseModel):
    """Every slot of a day."""

    visit_date: date
    site: UUID
    timezone: str = Field(examples=["Europe/Berlin"])
    slots: list[Slot]


class SlotCheck(BaseModel):
    """Whether one time can be booked now."""

    visit_date: date
    visit_time: WallTime
    available: bool
    remaining: int = Field(examples=[0])
    reason: SlotReason | None
    message: str = Field(examples=["All places of this hour are taken"])
