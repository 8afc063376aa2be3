"""Days, months and ranges."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.reports.calendar import (
    Granularity,
    Parts,
    SiteDay,
    Span,
    bucket_of,
    buckets,
    parts_of,
    trend_range,
)

SITE = SiteDay(UUID(int=1), "Main site", date(2026, 11, 23))


@given(st.dates(), st.integers(0, 1_099), st.sampled_from(Granularity))
def test_every_day_of_a_span_is_in_one_of_its_buckets(
    first: date, days: int, granularity: Granularity
) -> None:
    span = Span(first, min(first + timedelta(days=min(days, (date.max - first).days)), date.max))
    starts = buckets(span, granularity)
    assert starts == sorted(set(starts))
    assert set(starts) == {bucket_of(day, granularity) for day in span.days()}
    assert starts[0] <= first


@given(st.dates(max_value=date(9_980, 1, 1)), st.integers(0, 3_653))
def test_the_parts_of_a_range_are_its_days(first: date, days: int) -> None:
    span = Span(first, first + timedelta(days=days))
    parts = parts_of(span)
    whole = [] if parts.months is None else [*parts.months.days()]
    assert sorted([*whole, *(day for part in parts.days for day in part.days())]) == [*span.days()]
    assert (parts.months is not None) == (days >= 366)
    if parts.months is not None:
        assert parts.months.first.day == (parts.months.last + timedelta(days=1)).day == 1


@pytest.mark.parametrize(
    "span", [Span(date.min, date(10, 12, 31)), Span(date(9_990, 1, 1), date.max)]
)
def test_a_range_may_reach_the_ends_of_the_calendar(span: Span) -> None:
    assert parts_of(span) == Parts((), span)


@pytest.mark.parametrize(
    ("date_from", "date_to", "span"),
    [
        (None, None, Span(date(2026, 10, 25), date(2026, 11, 23))),
        (date(2026, 1, 1), None, Span(date(2026, 1, 1), date(2026, 1, 30))),
        (None, date(2026, 1, 30), Span(date(2026, 1, 1), date(2026, 1, 30))),
        (None, date(1, 1, 5), Span(date.min, date(1, 1, 5))),
        (date(9999, 12, 30), None, Span(date(9999, 12, 30), date.max)),
    ],
)
def test_the_range_of_trends(date_from: date | None, date_to: date | None, span: Span) -> None:
    assert trend_range(date_from, date_to, [SITE]) == span
