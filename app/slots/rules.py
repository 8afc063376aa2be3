"""When a visit may be booked. Pure: the same rules for one request, a whole day and an upload."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Protocol

from app.core.localtime import instant_of, local_now

MIDNIGHT = time(0)


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

    `starts_at` is None for an hour that the clocks skip.
    """

    hour: int
    begins: time
    ends: time
    starts_at: datetime | None


def is_open_at(rules: OpeningRules, wall_time: time) -> bool:
    """Whether a wall-clock time lies within the opening hours; `closes_at` itself does not."""
    return rules.opens_at <= wall_time and (
        rules.closes_at == MIDNIGHT or wall_time < rules.closes_at
    )


def day_slots(rules: OpeningRules, day: date) -> Iterator[SlotTime]:
    """The open hours of a day. A site that opens at half past has a first slot of half an hour."""
    for hour in range(24):
        begin = max(time(hour), rules.opens_at)
        if begin.hour != hour or not is_open_at(rules, begin):
            continue
        end = time((hour + 1) % 24)
        if rules.closes_at != MIDNIGHT and (end == MIDNIGHT or rules.closes_at < end):
            end = rules.closes_at
        yield SlotTime(hour, begin, end, instant_of(day, begin, rules.timezone))


def refusal(
    rules: OpeningRules,
    *,
    day: date,
    at: time,
    closed_that_day: bool,
    now: datetime,
    walk_in: bool = False,
) -> SlotReason | None:
    """Why nobody may book this time, capacity aside; None where it may be booked.

    Who walks in is there already: for them the hour that has begun is not past, and nothing is
    too soon.
    """
    today = local_now(now, rules.timezone).date()
    if day < today:
        return SlotReason.PAST
    if day > _horizon(rules, today):
        return SlotReason.TOO_FAR
    starts_at = instant_of(day, at, rules.timezone)
    if starts_at is not None and starts_at < (present_hour(rules, now) if walk_in else now):
        return SlotReason.PAST
    if closed_that_day or day.isoweekday() not in rules.open_weekdays:
        return SlotReason.CLOSED
    if starts_at is None or not is_open_at(rules, at):
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
