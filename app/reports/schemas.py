from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from app.reports.calendar import Granularity
from app.visitors.schemas import Visitor

Count = Annotated[int, Field(ge=0)]


class StatusCounts(BaseModel):
    """Visits by status, including statuses without visits."""

    pending: Count = 0
    verified: Count = 0
    completed: Count = 0
    cancelled: Count = 0
    expired: Count = 0


class PurposeCounts(BaseModel):
    """Visits by purpose, including purposes without visits."""

    business_meeting: Count = 0
    interview: Count = 0
    delivery: Count = 0
    maintenance: Count = 0
    training: Count = 0
    i_factory_visit: Count = 0
    i_factory_training: Count = 0
    other: Count = 0


class DepartmentCount(BaseModel):
    """Visits to a department; null for visits without one."""

    department: UUID | None
    department_name: str | None = Field(examples=["Engineering"])
    count: Count


class HourCount(BaseModel):
    """Visits in one hour of the day, local to the site."""

    hour: int = Field(ge=0, le=23)
    count: Count


class DayCount(BaseModel):
    """Visits on one day."""

    date: date
    count: Count


class MonthCount(BaseModel):
    """Visits in one month."""

    month: str = Field(pattern="^[0-9]{4}-[0-9]{2}$", examples=["2026-11"])
    count: Count


class Dashboard(BaseModel):
    """The figures of a day.

    "Today" and "this month" are local to the site; without `site`, to each visitor's site.
    """

    total_visitors_today: Count = Field(description="Visits of today that are not cancelled")
    verified_visitors: Count = Field(
        description="Visits of today that arrived: `verified` or `completed`"
    )
    pending_verification: Count = Field(description="Visits of today that are still `pending`")
    on_site_now: Count = Field(description="Visitors inside, on any visit date")
    total_this_month: Count = Field(description="Visits of this month that are not cancelled")
    date_from: date = Field(description="First day of the range")
    date_to: date = Field(description="Last day of the range, inclusive")
    by_status: StatusCounts = Field(description="Visits in the range")
    by_purpose: PurposeCounts = Field(description="Visits in the range")
    department_stats: list[DepartmentCount] = Field(
        description="Departments with visits in the range, most visited first"
    )
    by_hour: list[HourCount] = Field(description="Visits by booked time, for all 24 hours")
    by_day: list[DayCount] | None = Field(
        description="Visits by day, including days without visits; null for more than 366 days"
    )
    by_month: list[MonthCount] | None = Field(
        description="Visits by month in place of `by_day`, for more than 366 days; the first and "
        "last month count only days within the range"
    )
    recent_visitors: list[Visitor] = Field(
        max_length=5,
        description="The five newest registrations, for any date",
    )


class VisitFigures(BaseModel):
    """The outcome of a set of visits."""

    total: Count = Field(description="All visits, including cancelled ones")
    arrived: Count = Field(description="Visits that arrived: `verified` or `completed`")
    cancelled: Count
    expired: Count = Field(description="Visits that never arrived")
    no_show_rate: float | None = Field(
        ge=0,
        le=1,
        description="expired / (expired + arrived), to four decimals; null if both are zero",
        examples=[0.0833],
    )
    average_stay_minutes: float | None = Field(
        description="From check-in to check-out, to one decimal; visits closed automatically "
        "at the end of the day are excluded; null if there are no others",
        examples=[54.5],
    )


class Bucket(VisitFigures):
    """The figures of a day, week or month."""

    start: date = Field(description="First day of the bucket; a Monday for weeks")


class SiteFigures(VisitFigures):
    """The figures of a site."""

    site: UUID
    site_name: str


class DepartmentFigures(VisitFigures):
    """The figures of a department; null for visits without one."""

    department: UUID | None
    department_name: str | None


class Trends(BaseModel):
    """Visits over time; the first and last bucket count only days within the range."""

    date_from: date
    date_to: date
    granularity: Granularity
    overall: VisitFigures
    buckets: list[Bucket] = Field(description="In order, including buckets without visits")
    busiest_hours: list[HourCount] = Field(
        description="Hours with visits that were not cancelled, busiest first"
    )
    by_site: list[SiteFigures] = Field(description="Sites with visits, most visited first")
    by_department: list[DepartmentFigures] = Field(
        description="Departments with visits, most visited first"
    )
