"""Convert between local times and instants, across DST changes."""

from datetime import UTC, date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

MOMENTS = 2048  # cached: the slots of a site over some weeks
ZONES = 1024  # cached: all there are


@lru_cache(maxsize=1)
def timezone_names() -> frozenset[str]:
    return frozenset(available_timezones())


@lru_cache(ZONES)
def zone_of(name: str) -> ZoneInfo:
    """Return a time zone, from `tzdata` only (see `app/__init__.py`)."""
    return ZoneInfo(name)


# The slots of a day are converted again and again.
@lru_cache(MOMENTS)
def instant_of(day: date, wall_time: time, timezone: str) -> datetime | None:
    """Return the instant of a local time in UTC, or None if the clocks skip it.

    A time that occurs twice means its first occurrence.
    """
    zone = zone_of(timezone)
    wall = datetime.combine(day, wall_time)
    try:
        instant = wall.replace(tzinfo=zone).astimezone(UTC)
        back = instant.astimezone(zone).replace(tzinfo=None)
    except OverflowError:  # the first and last day of the calendar
        return None
    return instant if back == wall else None


@lru_cache(MOMENTS)
def start_of(day: date, wall_time: time, timezone: str) -> datetime:
    """Return the instant of a local time in UTC; of two occurrences the first.

    A time that the clocks skip has the offset from before the change.
    """
    return datetime.combine(day, wall_time, ZoneInfo(timezone)).astimezone(UTC)


def local_now(now: datetime, timezone: str) -> datetime:
    return now.astimezone(zone_of(timezone))
