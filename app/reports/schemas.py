"""How the figures go out."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from app.reports.calendar import Granularity
from app.visitors.schemas import Visitor

Count = Annotated[int, Field(ge=0)]


class StatusCounts(BaseModel):
    """Visits by status; every status is there."""

    pending: Count = 0
    verified: Count = 0
    completed: Count = 0
    cancelled: Count = 0
    expired: Count = 0


class PurposeCounts(BaseModel):
    """Visits by purpose; every purpose is there."""

    business_meeting: Count = 0
    interview: Count = 0
    delivery: Count = 0
    maintenance: Count = 0
    training: Count = 0
    i_factory_visit: Count = 0
    i_factory_training: Count = 0
    other: Count = 0


class DepartmentCount(BaseModel):
    """Visits to one department; both null for visits to none."""

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


class Dashboard(BaseModel):
    """The day at a glance. "Today" and "this month" are those of the site's own calendar; without
    `site`, those of each visitor's site. Hosts' figures are of their own visitors."""

    total_visitors_today: Count = Field(description="Visits dated today that are not cancelled")
    verified_visitors: Count = Field(
        description="Of today's visits, those that came in: `verified` or `completed`"
    )
    pending_verification: Count = Field(description="Of today's visits, those still `pending`")
    on_site_now: Count = Field(description="All who are inside, whatever the date of their visit")
    total_this_month: Count = Field(description="Visits dated this month that are not cancelled")
    date_from: date = Field(description="First day of the range of the figures below")
    date_to: date = Field(description="Last day of that range, included")
    by_status: StatusCounts = Field(description="All visits dated in the range")
    by_purpose: PurposeCounts = Field(description="All visits dated in the range")
    department_stats: list[DepartmentCount] = Field(
        description="Departments with visits in the range, the most visited first"
    )
    by_hour: list[HourCount] = Field(description="All 24 hours, by the visits' booked time")
    by_day: list[DayCount] = Field(description="Every day of the range, days without visits too")
    recent_visitors: list[Visitor] = Field(
        max_length=5, description="The five registered last, whatever the range; newest first"
    )


class VisitFigures(BaseModel):
    """What became of some visits."""

    total: Count = Field(description="All visits, cancelled ones too")
    arrived: Count = Field(description="Came in: `verified` or `completed`")
    cancelled: Count
    expired: Count = Field(description="Never came")
    no_show_rate: float | None = Field(
        ge=0,
        le=1,
        description="expired / (expired + arrived), to four places; null where both are zero",
        examples=[0.0833],
    )
    average_stay_minutes: float | None = Field(
        description="From check-in to check-out, to one place; visits that the end of the day "
        "closed are left out; null where none is left",
        examples=[54.5],
    )


class Bucket(VisitFigures):
    """The figures of a day, week or month."""

    start: date = Field(description="First day of the bucket: a Monday for weeks")


class SiteFigures(VisitFigures):
    """The figures of a site."""

    site: UUID
    site_name: str


class DepartmentFigures(VisitFigures):
    """The figures of a department; both names null for visits to none."""

    department: UUID | None
    department_name: str | None


class Trends(BaseModel):
    """How visits went over time. The first and last bucket count only days within the range."""

    date_from: date
    date_to: date
    granularity: Granularity
    overall: VisitFigures
    buckets: list[Bucket] = Field(description="In order, those without visits too")
    busiest_hours: list[HourCount] = Field(
        description="Hours with visits that were not cancelled, the busiest first"
    )
    by_site: list[SiteFigures] = Field(description="Sites with visits, the most visited first")
    by_department: list[DepartmentFigures] = Field(
        description="Departments with visits, the most visited first"
    )
