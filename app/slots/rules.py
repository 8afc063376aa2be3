"""When a visit may be booked. Pure: the same rules for one request, a whole day and an upload."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from app.core.localtime import instant_of, local_now

MIDNIGHT = time(0)
ONE_DAY = timedelta(days=1)

SiteSlot = tuple[UUID, date, int]
"""A slot: the site, the day and the hour."""
SlotKey = tuple[date, int]
"""The day and the hour of a slot at a site that is known."""

WallTime = tuple[date, time]


class SlotReason(StrEnum):
    """Why a slot can't be booked."""

    FULL = "full"
    PAST = "past"
    TOO_SOON = "too_soon"
    TOO_FAR = "too_far"
    CLOSED = "closed"


class OpeningRules(Protocol):
    """What the rules need to know of a site."""

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
    """One hour of a day as it is offered: wall-clock bounds, and the instant it begins at.

    `shift` is the day on which the shift began that has it open. `starts_at` is None for an hour
    that the clocks skip.
    """

    hour: int
    begins: time
    ends: time
    starts_at: datetime | None
    shift: date


def shift_of(rules: OpeningRules, day: date, at: time) -> date:
    """Return the day whose opening hours and closure decide on a time.

    The night belongs to the day before; 24 hours from each closing time on are of one shift.
    """
    is_night = at < shift_ends(rules)
    return day - ONE_DAY if is_night and day > date.min else day


def shift_ends(rules: OpeningRules) -> time:
    """Return when the shift of a day ends on the next one; midnight where it does not reach it."""
    return rules.closes_at if rules.closes_at <= rules.opens_at else MIDNIGHT


def shift_hours(rules: OpeningRules, day: date) -> list[SlotKey]:
    """Return the slots in which a time may be that the shift of a day decides on."""
    ends = shift_ends(rules)
    own = [(day, hour) for hour in range(ends.hour, 24)]
    if ends == MIDNIGHT or day == date.max:
        return own
    nights = ends.hour + (ends.minute > 0)  # the last hour may be shared with the next shift
    return own + [(day + ONE_DAY, hour) for hour in range(nights)]


def shift_bounds(rules: OpeningRules, day: date) -> tuple[WallTime, WallTime]:
    """Return between which times, the second one excluded, the shift of a day decides."""
    ends = shift_ends(rules)
    return (day, ends), (day + ONE_DAY, ends) if day < date.max else (day, time.max)


def present_shift(rules: OpeningRules, now: datetime) -> date:
    """Return the day whose shift decides on this moment."""
    local = local_now(now, rules.timezone)
    return shift_of(rules, local.date(), local.time())


def is_open_at(rules: OpeningRules, wall_time: time) -> bool:
    """Whether a wall-clock time lies within the opening hours; `closes_at` itself does not."""
    if wall_time < shift_ends(rules):
        return True
    return rules.opens_at <= wall_time and (
        rules.closes_at <= rules.opens_at or wall_time < rules.closes_at
    )


def is_open(rules: OpeningRules, day: date, at: time, closed: Collection[date]) -> bool:
    """Whether a site is open; `closed` are its closures of that day and the one before."""
    shift = shift_of(rules, day, at)
    return (
        shift.isoweekday() in rules.open_weekdays and shift not in closed and is_open_at(rules, at)
    )


def day_slots(rules: OpeningRules, day: date) -> Iterator[SlotTime]:
    """The open hours of a day, those of the night before first.

    A site that opens at half past has a first slot of half an hour. An hour in which one shift
    ends and the next one begins is two of them, which share their places.
    """
    for first, last in _openings(rules):
        for hour in range(first.hour, 24):
            begin, end = max(time(hour), first), time((hour + 1) % 24)
            if last != MIDNIGHT:
                if last <= begin:
                    break
                end = last if end == MIDNIGHT else min(end, last)
            starts_at = instant_of(day, begin, rules.timezone)
            yield SlotTime(hour, begin, end, starts_at, shift_of(rules, day, begin))


def _openings(rules: OpeningRules) -> Iterator[tuple[time, time]]:
    """From when until when a site is open on a day; midnight is the day's begin, and its end."""
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
    """Why nobody may book this time, capacity aside; None where it may be booked.

    `closed` are the closures of that day and the one before. Who walks in is there already: for
    them the hour that has begun is not past, and nothing is too soon.
    """
    today = local_now(now, rules.timezone).date()
    if day < today:
        return SlotReason.PAST
    if day > _horizon(rules, today):
        return SlotReason.TOO_FAR
    starts_at = instant_of(day, at, rules.timezone)
    if starts_at is not None and starts_at < (present_hour(rules, now) if walk_in else now):
        return SlotReason.PAST
    if starts_at is None or not is_open(rules, day, at, closed):
        return SlotReason.CLOSED
    if not walk_in and starts_at < now + timedelta(minutes=rules.booking_lead_minutes):
        return SlotReason.TOO_SOON
    return None


def present_hour(rules: OpeningRules, now: datetime) -> datetime:
    """When the hour began that the clock on the site's wall shows."""
    return local_now(now, rules.timezone).replace(minute=0, second=0, microsecond=0)


def last_bookable_day(rules: OpeningRules, now: datetime) -> date:
    """The horizon, as the site's calendar counts."""
    return _horizon(rules, local_now(now, rules.timezone).date())


def _horizon(rules: OpeningRules, today: date) -> date:
    return today + timedelta(days=rules.booking_horizon_days)
