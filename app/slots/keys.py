"""Which slot a time is in: all that knows how long a slot is. Pure."""

from datetime import date, time
from typing import NamedTuple
from uuid import UUID


class SlotKey(NamedTuple):
    """A slot of a site; keys sort in the order in which slots are locked."""

    site_id: UUID
    visit_date: date
    hour: int

    @classmethod
    def of(cls, site_id: UUID, day: date, at: time) -> "SlotKey":
        """Return the slot of a site that a local date and time are in."""
        return cls(site_id, day, at.hour)

    @property
    def begins(self) -> time:
        """Return the local time at which the slot begins."""
        return time(self.hour)


def begins_from(at: time) -> list[time]:
    """Return when the slots of a day begin, from the one that a time is in."""
    return [time(hour) for hour in range(at.hour, 24)]


def end_of(begins: time) -> time:
    """Return when a slot ends that begins at a time; midnight for the last one of a day."""
    return time((begins.hour + 1) % 24)
