"""Count the seats of a slot: all, or those for strangers. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from uuid import UUID

from app.sites.models import Site
from app.slots.keys import SlotKey
from app.slots.models import Slot


class Counted(Protocol):
    """The counters of a slot."""

    @property
    def capacity(self) -> int: ...
    @property
    def booked(self) -> int: ...
    @property
    def self_share(self) -> int: ...
    @property
    def self_booked(self) -> int: ...


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


class Shortage(NamedTuple):
    """A slot with fewer free seats than are wanted."""

    key: SlotKey
    wanted: int
    free: int


def shortages(
    wanted: Mapping[SlotKey, int], slots: Iterable[Slot], sites: Mapping[UUID, Site]
) -> list[Shortage]:
    """Return the slots without enough free seats, in their order; unstored slots are empty."""
    free = {slot.key: slot.capacity - slot.booked for slot in slots}
    return [
        Shortage(key, number, max(left, 0))
        for key, number in sorted(wanted.items())
        if number > (left := free.get(key, sites[key.site_id].slot_capacity))
    ]


def share_of(capacity: int, percent: int) -> int:
    """Return a percentage of the seats, rounded up."""
    return -(-capacity * percent // 100)


def seats_of(site: Site, slot: Counted | None, *, to_strangers: bool) -> Seats:
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
