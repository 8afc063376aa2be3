"""The arrival window and the automatic end of a stay, in every zone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.localtime import instant_of, local_now, timezone_names
from app.sites.models import ReEntry
from app.visitors.arrival import arrival_window, end_of_stay, is_over_time, visit_end

MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
MOMENT = timedelta(microseconds=1)
many = settings(max_examples=2000)


@dataclass(frozen=True)
class Visit:
    visit_date: date
    visit_time: time
    duration_minutes: int = 60


@dataclass(frozen=True)
class Door:
    timezone: str = "UTC"
    early_arrival_minutes: int = 120
    late_arrival_minutes: int = 180
    auto_check_out_hours: int = 14
    re_entry: ReEntry = ReEntry.NONE


# Years in which most zones change their clocks, some at midnight.
days = st.integers(0, 3650).map(lambda number: date(2018, 1, 1) + timedelta(days=number))
minutes = st.integers(0, 1439).map(lambda minute: time(minute // 60, minute % 60))
visits = st.builds(Visit, days, minutes, st.integers(15, 1440))
doors = st.builds(
    Door,
    st.sampled_from(sorted(timezone_names())),
    st.integers(0, 1440),
    st.integers(0, 1440),
    st.integers(1, 72),
)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), UTC)


@pytest.mark.parametrize(
    ("wall", "opens", "closes"),
    [
        (time(0, 15), at(MONDAY, 22, 15), at(date(2026, 11, 25), 0)),
        (time(10), at(TUESDAY, 8), at(date(2026, 11, 25), 0)),
        (time(21), at(TUESDAY, 19), at(date(2026, 11, 25), 0)),
        (time(21, 1), at(TUESDAY, 19, 1), at(date(2026, 11, 25), 0, 1)),
        (time(23, 50), at(TUESDAY, 21, 50), at(date(2026, 11, 25), 2, 50)),
    ],
)
def test_a_window_knows_no_midnight(wall: time, opens: datetime, closes: datetime):
    window = arrival_window(Visit(TUESDAY, wall), Door())
    assert (window.opens, window.closes) == (opens, closes)


@many
@given(visits, doors)
def test_a_window_has_its_minutes_before_and_after_the_begin(visit: Visit, door: Door):
    window = arrival_window(visit, door)
    begins = instant_of(visit.visit_date, visit.visit_time, door.timezone)
    if begins is not None:  # the clocks don't skip it
        assert begins - window.opens == timedelta(minutes=door.early_arrival_minutes)
        assert window.closes - begins >= timedelta(minutes=door.late_arrival_minutes)
    assert window.opens <= window.closes


@many
@given(visits, doors)
def test_a_window_lasts_to_the_end_of_the_visits_day(visit: Visit, door: Door):
    closes = arrival_window(visit, door).closes
    assert local_now(closes, door.timezone).date() > visit.visit_date
    without_lateness = Door(door.timezone, door.early_arrival_minutes, 0)
    at_midnight = arrival_window(visit, without_lateness).closes
    assert local_now(at_midnight - MOMENT, door.timezone).date() == visit.visit_date
    assert closes >= at_midnight


@many
@given(visits, doors, st.integers(-1440, 4320))
def test_a_stay_ends_after_the_visit_and_not_before_its_hours(
    visit: Visit, door: Door, came_after: int
):
    came = arrival_window(visit, door).opens + timedelta(minutes=came_after)
    ends = end_of_stay(visit, came, door)
    assert ends - came >= timedelta(hours=door.auto_check_out_hours)
    begins = instant_of(visit.visit_date, visit.visit_time, door.timezone)
    if begins is not None:
        over = begins + timedelta(minutes=visit.duration_minutes)
        assert ends == max(over, came + timedelta(hours=door.auto_check_out_hours))


@pytest.mark.parametrize(
    ("day", "wall", "minutes", "ends"),
    [
        (MONDAY, time(10), 90, "2026-11-23T10:30:00Z"),
        (MONDAY, time(23), 120, "2026-11-24T00:00:00Z"),
        # An hour is skipped, or comes twice: the visit is as long as planned.
        (date(2027, 3, 28), time(1), 120, "2027-03-28T02:00:00Z"),
        (date(2026, 10, 25), time(1), 180, "2026-10-25T02:00:00Z"),
        (date(2026, 10, 24), time(12), 1440, "2026-10-25T10:00:00Z"),
    ],
)
def test_an_end_is_an_instant_whatever_the_clocks_do(
    day: date, wall: time, minutes: int, ends: str
):
    visit, zone = Visit(day, wall, minutes), "Europe/Berlin"
    over = datetime.fromisoformat(ends)
    assert visit_end(visit, zone) == over
    late = over + timedelta(minutes=15)
    assert [is_over_time(visit, zone, now) for now in (late - MOMENT, late)] == [False, True]


@pytest.mark.parametrize(
    ("zone", "day", "wall", "closes"),
    [
        # A day of 23 hours and one of 25.
        ("Europe/Berlin", date(2027, 3, 28), time(10), "2027-03-28T22:00:00Z"),
        ("Europe/Berlin", date(2026, 10, 25), time(10), "2026-10-25T23:00:00Z"),
        # The day after begins at one o'clock.
        ("Africa/Cairo", date(2027, 4, 29), time(10), "2027-04-29T22:00:00Z"),
        # The three hours of a late visit are not affected by the clocks.
        ("Europe/Berlin", date(2027, 3, 27), time(23, 30), "2027-03-28T01:30:00Z"),
        ("Europe/Berlin", date(2026, 10, 24), time(23, 30), "2026-10-25T00:30:00Z"),
        # The island had no 30 December 2011.
        ("Pacific/Apia", date(2011, 12, 29), time(10), "2011-12-30T10:00:00Z"),
    ],
)
def test_a_night_in_which_the_clocks_change(zone: str, day: date, wall: time, closes: str):
    window = arrival_window(Visit(day, wall), Door(zone))
    assert window.closes == datetime.fromisoformat(closes)
