"""The slot of a time, and its length. Pure."""

from datetime import date, time
from typing import NamedTuple
from uuid import UUID


class SlotKey(NamedTuple):
    """A slot; keys sort in the order of locking."""

    site_id: UUID
    visit_date: date
    hour: int

    @classmethod
    def of(cls, site_id: UUID, day: date, at: time) -> "SlotKey":
        """Return the slot of a local date and time."""
        return cls(site_id, day, at.hour)

    @property
    def begins(self) -> time:
        return time(self.hour)


def begins_from(at: time) -> list[time]:
    """Return the starts of a day's slots from the one at `at` on."""
    return [time(hour) for hour in range(at.hour, 24)]


def end_of(begins: time) -> time:
    """Return the end of a slot; midnight for the last of a day."""
    return time((begins.hour + 1) % 24)
