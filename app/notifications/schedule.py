from datetime import datetime, timedelta

FIRST_PAUSES = (2, 10, 30, 120)
LONGEST_PAUSE = 3600
GIVE_UP_AFTER = timedelta(hours=24)
JITTER = 0.1


def pause_after(attempts: int, chance: float) -> timedelta:
    """Return the pause after this many failures; `chance` in [0, 1) varies it by a tenth."""
    if attempts <= len(FIRST_PAUSES):
        seconds = FIRST_PAUSES[attempts - 1]
    else:
        doubled = FIRST_PAUSES[-1] * 2 ** min(attempts - len(FIRST_PAUSES), 16)
        seconds = min(doubled, LONGEST_PAUSE)
    return timedelta(seconds=seconds * (1 + JITTER * (2 * chance - 1)))


def next_attempt(
    tries_began_at: datetime, attempts: int, now: datetime, chance: float
) -> datetime | None:
    """Return the time of the next attempt, or None after a day."""
    due = now + pause_after(attempts, chance)
    return due if due <= tries_began_at + GIVE_UP_AFTER else None
