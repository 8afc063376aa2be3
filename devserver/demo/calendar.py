"""Distribute demo visitors over days and hours."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate

PAST_DAYS, AHEAD_DAYS = 180, 60
WEEKDAYS = (0.8, 1.1, 1.15, 1.1, 0.7)  # Monday to Friday
HOURS = {9: 0.8, 10: 1.4, 11: 1.2, 12: 0.4, 13: 0.8, 14: 1.3, 15: 1.0, 16: 0.6}
# Days ahead after which bookings fall to a third.
FADING_DAYS = 20
USUAL_CAPACITY = 20


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour of a site, given by its index, and its number of visitors."""

    site: int
    day: date
    hour: int
    visitors: int


def hours_of(visitors: int, today: date, shares: Sequence[float]) -> list[Hour]:
    """Return the hours with visitors, by day; `shares` are those of the sites."""
    chance = random.Random(visitors)  # noqa: S311 - invents a calendar, guards nothing
    slots = [
        (site, day, hour, share * _weight(day, today) * weight * chance.uniform(0.6, 1.4))
        for day in _workdays(today)
        for site, share in enumerate(shares)
        for hour, weight in HOURS.items()
    ]
    total = sum(weight for *_, weight in slots)
    # Differences of rounded sums add up to all visitors.
    sums = [round(visitors * part / total) for part in accumulate(w for *_, w in slots)]
    counts = [here - before for before, here in zip([0, *sums], sums, strict=False)]
    return [
        Hour(site, day, hour, count)
        for (site, day, hour, _), count in zip(slots, counts, strict=True)
        if count
    ]


def capacity_for(hours: Sequence[Hour], site: int) -> int:
    """Return seats per hour for the site's fullest hour, rounded up."""
    fullest = max((hour.visitors for hour in hours if hour.site == site), default=0)
    return max(USUAL_CAPACITY, math.ceil(fullest / 5) * 5)


def _workdays(today: date) -> list[date]:
    days = (today + timedelta(days=days) for days in range(-PAST_DAYS, AHEAD_DAYS + 1))
    return [day for day in days if day.isoweekday() <= len(WEEKDAYS)]


def _weight(day: date, today: date) -> float:
    ahead = max(0, (day - today).days)
    return WEEKDAYS[day.weekday()] * math.exp(-ahead / FADING_DAYS)
