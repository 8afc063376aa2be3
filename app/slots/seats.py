"""Count the seats of a slot: all, or those for strangers. Pure."""

from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from app.sites.models import Site
from app.slots.models import Slot


class HeldSeat(NamedTuple):
    """A taken seat; a stranger's also counts against the share."""

    slot_id: UUID
    by_stranger: bool


@dataclass(frozen=True, slots=True)
class Seats:
    """The seats of a slot for a kind of caller."""

    capacity: int
    booked: int

    @property
    def left(self) -> int:
        return max(self.capacity - self.booked, 0)


def share_of(capacity: int, percent: int) -> int:
    """Return a percentage of the seats, rounded up."""
    return -(-capacity * percent // 100)


def seats_of(site: Site, slot: Slot | None, *, to_strangers: bool) -> Seats:
    """Return the seats of a slot, stored or not; for strangers, their share."""
    if slot is None:
        everybody, percent, taken = Seats(site.slot_capacity, 0), site.self_registration_share, 0
    else:
        everybody = Seats(slot.capacity, slot.booked)
        percent, taken = slot.self_share, slot.self_booked
    return strangers_among(everybody, percent, taken) if to_strangers else everybody


def strangers_among(everybody: Seats, percent: int, taken: int) -> Seats:
    """Return the share of strangers, at most the seats that are free."""
    share = Seats(share_of(everybody.capacity, percent), taken)
    return Seats(share.capacity, share.capacity - min(share.left, everybody.left))
