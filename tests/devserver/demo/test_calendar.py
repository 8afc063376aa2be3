"""The distribution of the demo visitors over days and hours."""

from datetime import date, timedelta

import pytest

from devserver.demo.calendar import AHEAD_DAYS, HOURS, PAST_DAYS, capacity_for, hours_of

MONDAY = date(2026, 11, 23)
SHARES = [0.5, 0.3, 0.2]


@pytest.mark.parametrize("visitors", [1, 7, 500, 100_000])
def test_as_many_come_as_are_asked_for(visitors: int):
    assert sum(hour.visitors for hour in hours_of(visitors, MONDAY, SHARES)) == visitors


def test_they_come_on_working_days_of_half_a_year_and_two_months():
    hours = hours_of(100_000, MONDAY, SHARES)
    days = {hour.day for hour in hours}
    assert {day.isoweekday() for day in days} == {1, 2, 3, 4, 5}
    assert min(days) >= MONDAY - timedelta(days=PAST_DAYS)
    assert max(days) <= MONDAY + timedelta(days=AHEAD_DAYS)
    assert {hour.hour for hour in hours} == set(HOURS)
    assert [hour.day for hour in hours] == sorted(hour.day for hour in hours)


def test_fewer_are_booked_further_ahead():
    hours = hours_of(100_000, MONDAY, SHARES)
    soon, late = (
        sum(hour.visitors for hour in hours if hour.day == MONDAY + timedelta(days=days))
        for days in (7, 49)
    )
    assert late < soon / 3


@pytest.mark.parametrize("visitors", [10, 20_000, 100_000])
def test_no_hour_has_more_than_its_site_has_seats(visitors: int):
    hours = hours_of(visitors, MONDAY, SHARES)
    seats = [capacity_for(hours, site) for site in range(len(SHARES))]
    assert all(hour.visitors <= seats[hour.site] for hour in hours)
    assert all(number >= 20 for number in seats)
