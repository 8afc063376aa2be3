"""The times at which a visit may be booked, tested exhaustively."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.localtime import instant_of, local_now, timezone_names
from app.slots.keys import SlotKey
from app.slots.rules import SlotReason, day_slots, is_open_at, last_bookable_day, refusal

MIDNIGHT = time(0)
MONDAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
SITE = UUID(int=1)
many = settings(max_examples=1000)


@dataclass(frozen=True)
class Rules:
    timezone: str = "UTC"
    opens_at: time = time(9)
    closes_at: time = time(17)
    open_weekdays: list[int] = field(default_factory=lambda: [1, 2, 3, 4, 5])
    booking_lead_minutes: int = 30
    booking_horizon_days: int = 90


def at_minute(minute: int) -> time:
    return time(minute // 60 % 24, minute % 60)


def site_of(zone: str, opens: int, length: int, weekdays: int, lead: int, horizon: int) -> Rules:
    return Rules(
        zone,
        at_minute(opens),
        at_minute(min(opens + length, 1440)),
        [day for day in range(1, 8) if weekdays >> (day - 1) & 1],
        lead,
        horizon,
    )


minutes = st.integers(0, 1439).map(at_minute)
days = st.integers(0, 5800).map(lambda number: date(2020, 1, 1) + timedelta(days=number))
instants = st.integers(0, 500_000_000).map(
    lambda seconds: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
rules = st.builds(
    site_of,
    st.sampled_from(sorted(timezone_names())),
    st.integers(0, 1439),
    st.integers(1, 1440),
    st.integers(0, 127),
    st.integers(0, 3000),
    st.integers(0, 400),
)


def minute_of(at: time, *, end: bool = False) -> int:
    return 1440 if end and at == MIDNIGHT else at.hour * 60 + at.minute


@many
@given(rules, days)
def test_slots_cover_the_opening_hours_once(site: Rules, day: date):
    covered = [
        minute
        for slot in day_slots(site, day)
        for minute in range(minute_of(slot.begins), minute_of(slot.ends, end=True))
    ]
    opening = range(minute_of(site.opens_at), minute_of(site.closes_at, end=True))
    assert covered == list(opening)


@many
@given(rules, days)
def test_a_slot_lies_within_its_hour_and_begins_when_it_says(site: Rules, day: date):
    for slot in day_slots(site, day):
        hour = minute_of(SlotKey.of(SITE, day, slot.begins).begins)
        begins, ends = minute_of(slot.begins), minute_of(slot.ends, end=True)
        assert hour <= begins < ends <= hour + 60
        assert is_open_at(site, slot.begins)
        assert slot.starts_at == instant_of(day, slot.begins, site.timezone)


@many
@given(rules, days, minutes, st.booleans(), instants)
def test_what_may_be_booked_is_open_ahead_and_not_too_far(
    site: Rules, day: date, at: time, closed: bool, now: datetime
):
    reason = refusal(
        site,
        day=day,
        at=at,
        closed={day - timedelta(days=n) for n in range(2)} if closed else set(),
        now=now,
    )
    starts_at = instant_of(day, at, site.timezone)
    today = local_now(now, site.timezone).date()
    bookable = (
        starts_at is not None
        and starts_at >= now + timedelta(minutes=site.booking_lead_minutes)
        and day <= today + timedelta(days=site.booking_horizon_days)
        and day.isoweekday() in site.open_weekdays
        and not closed
        and minute_of(site.opens_at) <= minute_of(at) < minute_of(site.closes_at, end=True)
    )
    assert (reason is None) == bookable
    assert reason is not SlotReason.FULL


@many
@given(rules, st.integers(-3, 100), minutes, st.booleans(), instants)
def test_a_reason_is_true(site: Rules, ahead: int, at: time, closed: bool, now: datetime):
    day = local_now(now, site.timezone).date() + timedelta(days=ahead)
    reason = refusal(
        site,
        day=day,
        at=at,
        closed={day - timedelta(days=n) for n in range(2)} if closed else set(),
        now=now,
    )
    starts_at = instant_of(day, at, site.timezone)
    if reason is SlotReason.PAST:
        assert ahead < 0 or (starts_at is not None and starts_at < now)
    elif reason is SlotReason.TOO_FAR:
        assert day > last_bookable_day(site, now)
    elif reason is SlotReason.TOO_SOON:
        assert starts_at is not None
        assert now <= starts_at < now + timedelta(minutes=site.booking_lead_minutes)


@pytest.mark.parametrize(
    ("day", "at", "closed", "reason"),
    [
        (date(2026, 11, 22), time(10), True, SlotReason.PAST),  # a closed Sunday that has passed
        (MONDAY, time(7, 59), True, SlotReason.PAST),
        (MONDAY, time(8, 0), False, SlotReason.CLOSED),  # neither past nor open
        (date(2027, 2, 27), time(3), True, SlotReason.TOO_FAR),  # a closed Saturday too far ahead
        (date(2027, 2, 19), time(9), False, None),
        (date(2026, 11, 28), time(10), False, SlotReason.CLOSED),
        (MONDAY, time(10), True, SlotReason.CLOSED),
        (MONDAY, time(17), False, SlotReason.CLOSED),
        (MONDAY, time(16, 59), False, None),
    ],
)
def test_the_stronger_reason_is_the_one_given(
    day: date, at: time, closed: bool, reason: SlotReason | None
):
    assert (
        refusal(
            Rules(),
            day=day,
            at=at,
            closed={day - timedelta(days=n) for n in range(2)} if closed else set(),
            now=NOW,
        )
        is reason
    )


def test_lead_time_counts_to_the_minute():
    site = Rules(booking_lead_minutes=60)
    at: dict[str, Any] = {"day": MONDAY, "at": time(9), "closed": ()}
    assert refusal(site, **at, now=NOW) is None
    assert refusal(site, **at, now=NOW + timedelta(microseconds=1)) is SlotReason.TOO_SOON
    nine = datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert refusal(replace(site, booking_lead_minutes=0), **at, now=nine) is None
    assert refusal(site, **at, now=nine + timedelta(microseconds=1)) is SlotReason.PAST


def test_a_site_that_opens_at_half_past_has_half_an_hour_first():
    site = Rules(opens_at=time(8, 30), closes_at=time(11, 15))
    shown = [(slot.begins, slot.ends) for slot in day_slots(site, MONDAY)]
    assert shown == [
        (time(8, 30), time(9)),
        (time(9), time(10)),
        (time(10), time(11)),
        (time(11), time(11, 15)),
    ]


def test_a_site_can_be_open_within_one_hour_alone():
    site = Rules(opens_at=time(9, 15), closes_at=time(9, 45))
    [slot] = day_slots(site, MONDAY)
    assert (slot.begins, slot.ends) == (time(9, 15), time(9, 45))


@pytest.mark.parametrize(("opens", "count"), [(time(0), 24), (time(22, 30), 2), (time(23), 1)])
def test_closing_at_midnight_is_the_end_of_the_day(opens: time, count: int):
    slots = list(day_slots(Rules(opens_at=opens, closes_at=MIDNIGHT), MONDAY))
    assert len(slots) == count
    assert slots[-1].ends == MIDNIGHT
    assert is_open_at(Rules(opens_at=opens, closes_at=MIDNIGHT), time(23, 59))


@pytest.mark.parametrize(
    ("zone", "day", "skipped", "hours_long"),
    [
        ("Europe/Berlin", date(2027, 3, 28), {2}, 23),
        ("Europe/Berlin", date(2026, 10, 25), set(), 25),
        ("America/New_York", date(2027, 3, 14), {2}, 23),
        ("America/New_York", date(2026, 11, 1), set(), 25),
        ("Australia/Lord_Howe", date(2026, 10, 4), {2}, 23.5),
        ("Australia/Lord_Howe", date(2027, 4, 4), set(), 24.5),
    ],
)
def test_a_day_on_which_the_clocks_change(
    zone: str, day: date, skipped: set[int], hours_long: float
):
    site = Rules(zone, MIDNIGHT, MIDNIGHT, [1, 2, 3, 4, 5, 6, 7], 0, 400)
    slots = list(day_slots(site, day))
    assert {slot.begins.hour for slot in slots if slot.starts_at is None} == skipped
    starts = [slot.starts_at for slot in slots if slot.starts_at is not None]
    assert starts == sorted(set(starts))
    next_midnight = instant_of(day + timedelta(days=1), MIDNIGHT, zone)
    assert next_midnight is not None
    assert next_midnight - starts[0] == timedelta(hours=hours_long)


@pytest.mark.parametrize(
    ("zone", "day", "at"),
    [
        ("Europe/Berlin", date(2027, 3, 28), time(2, 30)),
        ("America/New_York", date(2027, 3, 14), time(2, 0)),
        ("Australia/Lord_Howe", date(2026, 10, 4), time(2, 0)),
    ],
)
def test_nobody_books_a_time_that_the_clocks_skip(zone: str, day: date, at: time):
    site = Rules(zone, MIDNIGHT, MIDNIGHT, [7], 0, 400)
    now = datetime(2026, 9, 1, tzinfo=UTC)
    assert refusal(site, day=day, at=at, closed=(), now=now) is SlotReason.CLOSED


def test_a_time_that_comes_twice_is_past_once_it_has_come():
    site = Rules("Europe/Berlin", MIDNIGHT, MIDNIGHT, [7], 0, 400)
    day, at = date(2026, 10, 25), time(2, 30)
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert refusal(site, day=day, at=at, closed=(), now=first) is None
    later = first + timedelta(minutes=1)
    assert refusal(site, day=day, at=at, closed=(), now=later) is SlotReason.PAST


def test_today_is_the_sites_today():
    site = Rules("Pacific/Auckland", MIDNIGHT, MIDNIGHT, [1, 2, 3, 4, 5, 6, 7], 0, 0)
    evening = datetime(2026, 11, 23, 20, tzinfo=UTC)  # Tuesday morning there
    booking: dict[str, Any] = {"at": time(12), "closed": (), "now": evening}
    assert refusal(site, day=date(2026, 11, 23), **booking) is SlotReason.PAST
    assert refusal(site, day=date(2026, 11, 24), **booking) is None
    assert refusal(site, day=date(2026, 11, 25), **booking) is SlotReason.TOO_FAR


def test_a_site_without_open_days_offers_nothing():
    site = Rules(open_weekdays=[])
    reason = refusal(site, day=MONDAY, at=time(10), closed=(), now=NOW)
    assert reason is SlotReason.CLOSED
