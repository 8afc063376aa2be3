"""When a failed delivery is tried again."""

from datetime import UTC, datetime, timedelta

import pytest

from app.webhooks.schedule import next_attempt, pause_after, retry_after

BEGAN = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)


def test_pauses_grow_to_twelve_hours_and_end_after_three_days():
    at, seen = BEGAN, []
    for tries in range(1, 100):
        due = next_attempt(BEGAN, tries, at, 0.5)
        if due is None:
            break
        seen.append((due - at).total_seconds())
        at = due
    assert seen[:8] == [5, 30, 120, 900, 3600, 14400, 43200, 43200]
    assert at - BEGAN == timedelta(days=3)


def test_pauses_vary_by_a_tenth():
    assert pause_after(3, 0.0) == timedelta(seconds=108)
    assert pause_after(3, 1.0) == timedelta(seconds=132)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("999999999", 12 * 3600),
        ("Tue, 01 Dec 2026 08:01:00 GMT", 60),
        ("Tue, 01 Dec 2026 08:01:00 -0000", 60),
        ("Mon, 30 Nov 2026 08:00:00 GMT", 0),
        ("Tue, 01 Dec 9999 08:00:00 GMT", 12 * 3600),
        ("soon", None),
        ("Tue, 01 Dec 99999999999999999999 08:00:00 GMT", None),
        ("Tue, 01 Dec 2026 08:00:00 +99999999999999", None),
        ("-5", None),
        ("", None),
        (None, None),
    ],
)
def test_a_wish_is_read_and_bounded(header, seconds):
    wish = retry_after(header, BEGAN)
    assert wish == (None if seconds is None else timedelta(seconds=seconds))


def test_a_wish_is_followed_where_it_is_longer():
    assert next_attempt(BEGAN, 1, BEGAN, 0.5, timedelta(minutes=10)) == BEGAN + timedelta(
        minutes=10
    )
    assert next_attempt(BEGAN, 4, BEGAN, 0.5, timedelta(minutes=1)) == BEGAN + timedelta(minutes=15)
