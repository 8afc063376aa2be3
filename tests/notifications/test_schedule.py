"""The times of further attempts."""

from datetime import UTC, datetime, timedelta

import pytest

from app.notifications.schedule import next_attempt, pause_after

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 2), (2, 10), (3, 30), (4, 120)])
def test_the_first_pauses_are_those_of_the_contract(attempts: int, seconds: int):
    for chance in (0.0, 0.5, 0.999):
        assert abs(pause_after(attempts, chance).total_seconds() - seconds) <= seconds / 10


def test_pauses_grow_and_stay_below_the_longest():
    pauses = [pause_after(attempts, 0.5) for attempts in range(1, 2000)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == timedelta(hours=1)


def test_a_day_of_failures_is_the_end():
    now, attempts = NOW, 1
    while (due := next_attempt(NOW, attempts, now, 0.5)) is not None:
        assert now < due <= NOW + timedelta(hours=24)
        now, attempts = due, attempts + 1
    assert now > NOW + timedelta(hours=22)
    assert 20 < attempts < 50
