"""Booking rules of a site. Pure."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Protocol

from app.core.localtime import instant_of, local_now
from app.slots.keys import begins_from, end_of

MIDNIGHT = time(0)
ONE_DAY = timedelta(days=1)

WallTime = tuple[date, time]


class SlotReason(StrEnum):
    FULL = "full"
    PAST = "past"
    TOO_SOON = "too_soon"
    TOO_FAR = "too_far"
    CLOSED = "closed"


class OpeningRules(Protocol):
    """The properties of a site that the rules need."""

    @property
    def timezone(self) -> str: ...
    @property
    def opens_at(self) -> time: ...
    @property
    def closes_at(self) -> time: ...
    @property
    def open_weekdays(self) -> list[int]: ...
    @property
    def booking_lead_minutes(self) -> int: ...
    @property
    def booking_horizon_days(self) -> int: ...


@dataclass(frozen=True, slots=True)
class SlotTime:
    """A slot of a day, in local time.

    `shift` is the day on which its shift begins; `starts_at` is None if the clocks skip the time.
    """

    begins: time
    ends: time
    starts_at: datetime | None
    shift: date


def shift_of(rules: OpeningRules, day: date, at: time) -> date:
    """Return the day whose opening hours and closures apply.

    A night belongs to the day before; 24 hours from closing time are one shift.
    """
    is_night = at < shift_ends(rules)
    return day - ONE_DAY if is_night and day > date.min else day


def shift_ends(rules: OpeningRules) -> time:
    """Return when a shift ends on the next day; midnight if it ends before."""
    return rules.closes_at if rules.closes_at <= rules.opens_at else MIDNIGHT


def shift_slots(rules: OpeningRules, day: date) -> list[WallTime]:
    """Return the starts of a shift's slots."""
    ends = shift_ends(rules)
    own = [(day, begins) for begins in begins_from(ends)]
    if ends == MIDNIGHT or day == date.max:
        return own
    # The last slot may be shared with the next shift.
    return own + [(day + ONE_DAY, begins) for begins in begins_from(MIDNIGHT) if begins < ends]


def shift_bounds(rules: OpeningRules, day: date) -> tuple[WallTime, WallTime]:
    """Return the start and the exclusive end of a day's shift."""
    ends = shift_ends(rules)
    return (day, ends), (day + ONE_DAY, ends) if day < date.max else (day, time.max)


def present_shift(rules: OpeningRules, now: datetime) -> date:
    local = local_now(now, rules.timezone)
    return shift_of(rules, local.date(), local.time())


def is_open_at(rules: OpeningRules, wall_time: time) -> bool:
    """Return whether a time is in the opening hours, `closes_at` excluded."""
    if wall_time < shift_ends(rules):
        return True
    return rules.opens_at <= wall_time and (
        rules.closes_at <= rules.opens_at or wall_time < rules.closes_at
    )


def is_open(rules: OpeningRules, day: date, at: time, closed: Collection[date]) -> bool:
    """Return whether a site is open; `closed` are closures of that day and the day before."""
    shift = shift_of(rules, day, at)
    return (
        shift.isoweekday() in rules.open_weekdays and shift not in closed and is_open_at(rules, at)
    )


def day_slots(rules: OpeningRules, day: date) -> Iterator[SlotTime]:
    """Yield the open slots of a day, those of the previous night first.

    The first and last slot may be shorter than an hour; a slot of two shifts is yielded twice.
    """
    for first, last in _openings(rules):
        for begins in begins_from(first):
            begin, end = max(begins, first), end_of(begins)
            if last != MIDNIGHT:
                if last <= begin:
                    break
                end = last if end == MIDNIGHT else min(end, last)
            starts_at = instant_of(day, begin, rules.timezone)
            yield SlotTime(begin, end, starts_at, shift_of(rules, day, begin))


def _openings(rules: OpeningRules) -> Iterator[tuple[time, time]]:
    """Yield the opening periods of a day; midnight is its start or end."""
    night = shift_ends(rules)
    if night != MIDNIGHT:
        yield MIDNIGHT, night
    yield rules.opens_at, MIDNIGHT if night != MIDNIGHT else rules.closes_at


def refusal(
    rules: OpeningRules,
    *,
    day: date,
    at: time,
    closed: Collection[date],
    now: datetime,
    walk_in: bool = False,
) -> SlotReason | None:
    """Return why a time cannot be booked regardless of capacity, or None.

    A walk-in may take the current slot, without lead time.
    """
    today = local_now(now, rules.timezone).date()
    if day < today:
        return SlotReason.PAST
    if day > _horizon(rules, today):
        return SlotReason.TOO_FAR
    starts_at = instant_of(day, at, rules.timezone)
    if starts_at is not None and starts_at < (present_slot(rules, now) if walk_in else now):
        return SlotReason.PAST
    if starts_at is None or not is_open(rules, day, at, closed):
        return SlotReason.CLOSED
    if not walk_in and starts_at < now + timedelta(minutes=rules.booking_lead_minutes):
        return SlotReason.TOO_SOON
    return None


def present_slot(rules: OpeningRules, now: datetime) -> datetime:
    local = local_now(now, rules.timezone)
    begins = begins_from(local.time())[0]
    # Of an hour that occurs twice, a time means the first.
    return local.replace(hour=begins.hour, minute=begins.minute, second=0, microsecond=0, fold=0)


def present_minute(rules: OpeningRules, now: datetime) -> WallTime:
    local = local_now(now, rules.timezone)
    return local.date(), local.time().replace(second=0, microsecond=0)


def last_bookable_day(rules: OpeningRules, now: datetime) -> date:
    return _horizon(rules, local_now(now, rules.timezone).date())


def _horizon(rules: OpeningRules, today: date) -> date:
    return today + timedelta(days=rules.booking_horizon_days)
