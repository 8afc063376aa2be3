"""The times of a visit at the gate: instants, not days, since visits may pass midnight."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Protocol

from app.core.localtime import start_of
from app.notifications.calendar import VISIT_LENGTH

MIDNIGHT = time(0)


class VisitTime(Protocol):
    @property
    def visit_date(self) -> date: ...
    @property
    def visit_time(self) -> time: ...


class DoorRules(Protocol):
    @property
    def timezone(self) -> str: ...
    @property
    def early_arrival_minutes(self) -> int: ...
    @property
    def late_arrival_minutes(self) -> int: ...
    @property
    def auto_check_out_hours(self) -> int: ...


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


def end_of_stay(visit: VisitTime, checked_in_at: datetime, site: DoorRules) -> datetime:
    """Return the time at which a stay without check-out is closed."""
    begins = start_of(visit.visit_date, visit.visit_time, site.timezone)
    longest = checked_in_at + timedelta(hours=site.auto_check_out_hours)
    return max(longest, begins + VISIT_LENGTH)
