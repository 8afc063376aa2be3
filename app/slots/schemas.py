"""Response bodies of slots."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, Field

from app.core.times import WallTime
from app.slots.rules import SlotReason


class Slot(BaseModel):
    """An hour of a site; `time` and `end_time` are local to the site."""

    time: WallTime
    end_time: WallTime
    starts_at: datetime | None = Field(description="UTC; null for an hour that the clocks skip")
    capacity: int
    booked: int
    available: int
    bookable: bool
    reason: SlotReason | None


class AvailableSlots(BaseModel):
    """All slots of a day."""

    visit_date: date
    site: UUID
    timezone: str = Field(examples=["Europe/Berlin"])
    slots: list[Slot]


class SlotCheck(BaseModel):
    """Whether a time can be booked now."""

    visit_date: date
    visit_time: WallTime
    available: bool
    remaining: int = Field(examples=[0])
    reason: SlotReason | None
    message: str = Field(examples=["All seats of this hour are taken"])
