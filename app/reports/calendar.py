from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from uuid import UUID

from app.core.errors import Invalid

TRENDS_DEFAULT_DAYS = 30
BY_DAY_AT_MOST = 366
TEN_YEARS = 3_654  # to the same day, with three leap days
ONE_DAY = timedelta(days=1)


class Granularity(StrEnum):
    """The length of a bucket of a trend; weeks begin on Monday (ISO 8601)."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Span:
    """The days from `first` to `last`, inclusive."""

    first: date
    last: date

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    def days(self) -> Iterator[date]:
        return (self.first + timedelta(days=n) for n in range(len(self)))


@dataclass(frozen=True, slots=True)
class Parts:
    """A range as whole months, and the days before and after them."""

    days: tuple[Span, ...]
    months: Span | None = None


@dataclass(frozen=True, slots=True)
class SiteDay:
    """A site and its current local date."""

    site_id: UUID
    site_name: str
    today: date


@dataclass(frozen=True, slots=True)
class CountedDays:
    """The days to count at sites with the same current date."""

    sites: tuple[UUID, ...]
    today: Span
    month: Span
    chosen: Span


def month_of(day: date) -> Span:
    return Span(day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1]))


def is_long(span: Span) -> bool:
    """Return whether a range is counted by whole months."""
    return len(span) > BY_DAY_AT_MOST


def parts_of(span: Span) -> Parts:
    """Divide a long range into whole months and the days before and after them."""
    if not is_long(span):
        return Parts((span,))
    begun, ended = month_of(span.first), month_of(span.last)
    first, last, rest = span.first, span.last, list[Span]()
    if first > begun.first:
        rest.append(Span(first, begun.last))
        first = begun.last + ONE_DAY
    if last < ended.last:
        rest.append(Span(ended.first, last))
        last = ended.first - ONE_DAY
    return Parts(tuple(rest), Span(first, last))


def chosen_range(date_from: date | None, date_to: date | None) -> Span | None:
    """Return the requested range, or None; with one end, it is the rest of its month."""
    if date_from is None:
        return None if date_to is None else Span(month_of(date_to).first, date_to)
    return Span(date_from, month_of(date_from).last if date_to is None else date_to)


def trend_range(date_from: date | None, date_to: date | None, sites: Sequence[SiteDay]) -> Span:
    """Return the requested range; 30 days if one end is given, up to today if none is."""
    if date_from is not None:
        return Span(date_from, date_to or _moved(date_from, TRENDS_DEFAULT_DAYS - 1))
    last = date_to or max(site.today for site in sites)
    return Span(_moved(last, 1 - TRENDS_DEFAULT_DAYS), last)


def require_range(span: Span, *, at_most: int) -> None:
    """Raise `Invalid` if a range ends before it begins or exceeds `at_most` days."""
    if span.first > span.last:
        raise Invalid.field("date_to", "before_date_from", "The range ends before it begins")
    if len(span) > at_most:
        message = f"The range has {len(span)} days; at most {at_most} are allowed"
        raise Invalid.field("date_to", "range_too_long", message)


def counted_days(sites: Sequence[SiteDay], chosen: Span | None) -> list[CountedDays]:
    """Group sites by current date, with the days to count."""
    by_today: dict[date, list[UUID]] = {}
    for site in sites:
        by_today.setdefault(site.today, []).append(site.site_id)
    return [
        CountedDays(tuple(ids), Span(today, today), month_of(today), chosen or month_of(today))
        for today, ids in sorted(by_today.items())
    ]


def outline(spans: Sequence[Span]) -> Span:
    return Span(min(span.first for span in spans), max(span.last for span in spans))


def bucket_of(day: date, granularity: Granularity) -> date:
    if granularity is Granularity.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if granularity is Granularity.MONTH else day


def buckets(span: Span, granularity: Granularity) -> list[date]:
    """Return the first days of all buckets of a span, in order."""
    return list(dict.fromkeys(bucket_of(day, granularity) for day in span.days()))


def _moved(day: date, days: int) -> date:
    ordinal = day.toordinal() + days
    return date.fromordinal(min(max(ordinal, date.min.toordinal()), date.max.toordinal()))
