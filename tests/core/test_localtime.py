"""The local time of a site and its instant."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.localtime import instant_of, local_now, timezone_names

many = settings(max_examples=2000)
zones = st.sampled_from(sorted(timezone_names()))
days = st.integers(0, 25_000).map(lambda number: date(1990, 1, 1) + timedelta(days=number))
minutes = st.integers(0, 1439).map(lambda minute: time(minute // 60, minute % 60))


@many
@given(days, minutes, zones)
def test_an_instant_shows_its_wall_time_again(day: date, at: time, zone: str):
    instant = instant_of(day, at, zone)
    if instant is not None:
        assert instant.tzinfo is UTC
        assert local_now(instant, zone).replace(tzinfo=None) == datetime.combine(day, at)


@many
@given(days, minutes, zones)
def test_a_skipped_time_is_one_that_no_instant_shows(day: date, at: time, zone: str):
    wall = datetime.combine(day, at)
    around = wall.replace(tzinfo=UTC)
    # Every offset that the zone has within a day of that time.
    offsets = {
        ZoneInfo(zone).utcoffset(around + timedelta(hours=hours)) or timedelta()
        for hours in range(-36, 37)
    }
    showing = {
        around - offset
        for offset in offsets
        if local_now(around - offset, zone).replace(tzinfo=None) == wall
    }
    assert instant_of(day, at, zone) == (min(showing) if showing else None)


@pytest.mark.parametrize(
    ("zone", "day", "at"),
    [
        ("Europe/Berlin", date(2027, 3, 28), time(2, 30)),
        ("America/New_York", date(2027, 3, 14), time(2, 0)),
        ("Australia/Lord_Howe", date(2026, 10, 4), time(2, 15)),
        ("Africa/Cairo", date(2027, 4, 30), time(0, 0)),
        ("Pacific/Apia", date(2011, 12, 30), time(12, 0)),  # a day that the island skipped
    ],
)
def test_a_time_that_the_clocks_skip_has_no_instant(zone: str, day: date, at: time):
    assert instant_of(day, at, zone) is None


@pytest.mark.parametrize(
    ("zone", "day", "at", "first"),
    [
        (
            "Europe/Berlin",
            date(2026, 10, 25),
            time(2, 30),
            datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        ),
        (
            "America/New_York",
            date(2026, 11, 1),
            time(1, 30),
            datetime(2026, 11, 1, 5, 30, tzinfo=UTC),
        ),
        (
            "Australia/Lord_Howe",
            date(2027, 4, 4),
            time(1, 45),
            datetime(2027, 4, 3, 14, 45, tzinfo=UTC),
        ),
    ],
)
def test_a_time_that_comes_twice_is_its_first(zone: str, day: date, at: time, first: datetime):
    assert instant_of(day, at, zone) == first


@given(st.sampled_from([date.min, date.max]), minutes, zones)
@settings(max_examples=500)
def test_the_ends_of_the_calendar_raise_nothing(day: date, at: time, zone: str):
    instant = instant_of(day, at, zone)
    assert instant is None or instant.tzinfo is UTC
