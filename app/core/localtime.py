"""Convert a site's local date and time to an instant and back, safely across DST changes."""

from datetime import UTC, date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

MOMENTS = 2048  # cached: the hours of a site over some weeks
ZONES = 1024  # cached: all there are; Python itself caches eight


@lru_cache(maxsize=1)
def timezone_names() -> frozenset[str]:
    """Return the IANA time zone names that a site may use."""
    return frozenset(available_timezones())


@lru_cache(ZONES)
def zone_of(name: str) -> ZoneInfo:
    """Return a time zone from the package `tzdata` only (see `app/__init__.py`)."""
    return ZoneInfo(name)


# The slots of a day are converted again and again, each of them twice.
@lru_cache(MOMENTS)
def instant_of(day: date, wall_time: time, timezone: str) -> datetime | None:
    """Return the UTC instant of a local time, or None if the clocks skip it.

    A time that occurs twice (autumn change) means its first occurrence.
    """
    zone = zone_of(timezone)
    wall = datetime.combine(day, wall_time)
    try:
        instant = wall.replace(tzinfo=zone).astimezone(UTC)
        back = instant.astimezone(zone).replace(tzinfo=None)
    except OverflowError:  # the first and last day of the calendar have no instant in every zone
        return None
    return instant if back == wall else None


@lru_cache(MOMENTS)
def start_of(day: date, wall_time: time, timezone: str) -> datetime:
    """Return the UTC instant of a local time; of two occurrences the first.

    A time that the clocks skip is computed with the offset before the change.
    """
    return datetime.combine(day, wall_time, ZoneInfo(timezone)).astimezone(UTC)


def local_now(now: datetime, timezone: str) -> datetime:
    """Return the current local time at a site, aware of its zone."""
    return now.astimezone(zone_of(timezone))
