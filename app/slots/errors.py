"""Why a seat was not given."""

from app.core.errors import Problem
from app.slots.rules import Reason


class SlotFull(Problem):
    """Carries `alternatives`, the next three free slots of the site."""

    status, code, title = 409, "slot_full", "This hour is full"


class SlotClosed(Problem):
    status, code, title = 422, "slot_closed", "The site is closed at that time"


class SlotInPast(Problem):
    status, code, title = 422, "slot_in_past", "That time has passed"


class SlotTooSoon(Problem):
    status, code, title = 422, "slot_too_soon", "That is too soon for a registration"


class SlotTooFar(Problem):
    status, code, title = 422, "slot_too_far", "That is too far ahead"


NEVER_BOOKABLE: dict[Reason, type[Problem]] = {
    Reason.CLOSED: SlotClosed,
    Reason.PAST: SlotInPast,
    Reason.TOO_SOON: SlotTooSoon,
    Reason.TOO_FAR: SlotTooFar,
}
BOOKING_PROBLEMS: tuple[type[Problem], ...] = (SlotFull, *NEVER_BOOKABLE.values())
