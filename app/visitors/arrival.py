"""The times of a visit at the gate: instants, not days, since visits may pass midnight."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Protocol

from app.core.localtime import start_of
from app.sites.models import ReEntry

MIDNIGHT = time(0)
OVERDUE_AFTER = timedelta(minutes=15)


class VisitTime(Protocol):
    @property
    def visit_date(self) -> date: ...
    @property
    def visit_time(self) -> time: ...


class PlannedVisit(VisitTime, Protocol):
    @property
    def duration_minutes(self) -> int: ...


class DoorRules(Protocol):
    @property
    def timezone(self) -> str: ...
    @property
    def early_arrival_minutes(self) -> int: ...
    @property
    def late_arrival_minutes(self) -> int: ...
    @property
    def auto_check_out_hours(self) -> int: ...
    @property
    def re_entry(self) -> ReEntry: ...


@dataclass(frozen=True, slots=True)
class ArrivalWindow:
    """The time in which a visit is admitted: `opens` inclusive, `closes` exclusive."""

    opens: datetime
    closes: datetime


def arrival_window(visit: VisitTime, site: DoorRules) -> ArrivalWindow:
    """Return the window, which never closes before the end of the day."""
    begins = start_of(visit.visit_date, visit.visit_time, site.timezone)
    day_ends = start_of(visit.visit_date + timedelta(days=1), MIDNIGHT, site.timezone)
    return ArrivalWindow(
        opens=begins - timedelta(minutes=site.early_arrival_minutes),
        closes=max(day_ends, begins + timedelta(minutes=site.late_arrival_minutes)),
    )


def visit_end(visit: PlannedVisit, timezone: str) -> datetime:
    """Return the planned end in UTC, so many minutes after the start whatever the clocks do."""
    begins = start_of(visit.visit_date, visit.visit_time, timezone)
    return begins + timedelta(minutes=visit.duration_minutes)


def is_over_time(visit: PlannedVisit, timezone: str, now: datetime) -> bool:
    """Return whether a visitor who is inside should have left: they are overdue."""
    return visit_end(visit, timezone) + OVERDUE_AFTER <= now


def end_of_stay(visit: PlannedVisit, counts_from: datetime, site: DoorRules) -> datetime:
    """Return the time at which a stay without check-out is closed."""
    longest = counts_from + timedelta(hours=site.auto_check_out_hours)
    return max(longest, visit_end(visit, site.timezone))


def end_of_re_entry(visit: PlannedVisit, site: DoorRules) -> datetime:
    """Return the time from which nobody who went out may come in again."""
    return max(arrival_window(visit, site).closes, visit_end(visit, site.timezone))


def may_return(visit: PlannedVisit, site: DoorRules, at: datetime) -> bool:
    """Return whether a visitor who goes out at `at` may come in again."""
    return site.re_entry is ReEntry.SAME_DAY and at < end_of_re_entry(visit, site)
