"""Errors of bookings."""

from datetime import date

from pydantic import BaseModel, Field

from app.core.errors import Problem, VisitRefusal
from app.core.times import WallTime
from app.slots.rules import SlotReason


class FreeSlot(BaseModel):
    """A slot with free seats; date and time are local to the site."""

    visit_date: date
    visit_time: WallTime
    available: int = Field(description="Number of free seats", examples=[7])


class SlotFull(VisitRefusal):
    code, title = "slot_full", "This hour is full"
    overridable = True

    class Members(VisitRefusal.Members):
        alternatives: list[FreeSlot] = Field(
            max_length=3, description="The next three free slots of the site"
        )


class SlotClosed(VisitRefusal):
    status, code, title = 422, "slot_closed", "The site is closed at this time"
    overridable = True


class SlotInPast(Problem):
    status, code, title = 422, "slot_in_past", "This time has passed"


class SlotTooSoon(Problem):
    status, code, title = 422, "slot_too_soon", "This time is too soon for a registration"


class SlotTooFar(Problem):
    status, code, title = 422, "slot_too_far", "This time is too far ahead"


NEVER_BOOKABLE: dict[SlotReason, type[Problem]] = {
    SlotReason.CLOSED: SlotClosed,
    SlotReason.PAST: SlotInPast,
    SlotReason.TOO_SOON: SlotTooSoon,
    SlotReason.TOO_FAR: SlotTooFar,
}
BOOKING_PROBLEMS: tuple[type[Problem], ...] = (SlotFull, *NEVER_BOOKABLE.values())
