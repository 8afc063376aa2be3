"""When a failed delivery is tried again, and when it is given up."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

FIRST_PAUSES = (5, 30, 120, 900, 3600, 4 * 3600)
LONGEST_PAUSE = 12 * 3600
GIVE_UP_AFTER = timedelta(days=3)
# The last attempt of the first failure is at three days, less what its first attempt took.
DISABLED_AFTER = GIVE_UP_AFTER - timedelta(hours=1)
JITTER = 0.1
# No receiver can put a delivery off for longer.
LONGEST_RETRY_AFTER = timedelta(hours=12)


def pause_after(tries: int, chance: float) -> timedelta:
    """Return the pause after this many failures; `chance` in [0, 1) varies it by a tenth."""
    seconds = FIRST_PAUSES[tries - 1] if tries <= len(FIRST_PAUSES) else LONGEST_PAUSE
    return timedelta(seconds=seconds * (1 + JITTER * (2 * chance - 1)))


def next_attempt(
    began_at: datetime, tries: int, now: datetime, chance: float, wish: timedelta | None = None
) -> datetime | None:
    """Return the time of the next attempt, or None after three days.

    The last one is when these end. `wish` is the pause that the receiver asks for.
    """
    end = began_at + GIVE_UP_AFTER
    if now >= end:
        return None
    return min(now + max(pause_after(tries, chance), wish or timedelta()), end)


def retry_after(header: str | None, now: datetime) -> timedelta | None:
    """Return the pause of a `Retry-After` (RFC 9110, section 10.2.3), at most twelve hours."""
    if header is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", header):
        wish = timedelta(seconds=int(header))
    else:
        try:
            until = parsedate_to_datetime(header)
        except (ValueError, OverflowError):  # a number may be too large
            return None
        wish = until.replace(tzinfo=until.tzinfo or UTC) - now
    return min(max(wish, timedelta()), LONGEST_RETRY_AFTER)
