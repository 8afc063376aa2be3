"""A site's wall clock: local date and time to the instant and back, safe across DST changes."""

from datetime import UTC, date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

MOMENTS = 2048  # whose instants are remembered: some weeks of the hours of a site
ZONES = 1024  # all that there are; Python by itself remembers eight


@lru_cache(maxsize=1)
def timezone_names() -> frozenset[str]:
    """The IANA names that a site may bear."""
    return frozenset(available_timezones())


@lru_cache(ZONES)
def zone_of(name: str) -> ZoneInfo:
    """The rules of a zone, from the package `tzdata` alone (see `app/__init__.py`)."""
    return ZoneInfo(name)


# A day of slots is asked for again and again, and for each of them twice.
@lru_cache(MOMENTS)
def instant_of(day: date, wall_time: time, timezone: str) -> datetime | None:
    """The UTC instant of a wall-clock time, or None where the clocks skip it.

    A time that comes twice (the autumn change) means its first occurrence.
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
    """Return the UTC instant of a wall-clock time, the first one of a time that comes twice.

    A time that the clocks skip is reckoned as if they had not been put forward yet.
    """
    return datetime.combine(day, wall_time, ZoneInfo(timezone)).astimezone(UTC)


def local_now(now: datetime, timezone: str) -> datetime:
    """What the clock on the site's wall shows, aware of its zone."""
    return now.astimezone(zone_of(timezone))
