from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app.auth.caller import Caller
from app.core.db.database import ReadSession
from app.devices.errors import UnknownSite
from app.reports import calendar
from app.reports.calendar import Granularity, SiteDay, Span
from app.reports.counting_statements import (
    BY_DAY,
    BY_MONTH,
    INSIDE,
    MONTH,
    MONTH_LETTERS,
    NONE,
    TODAY,
    Figures,
    figures,
    site_days,
)
from app.reports.repository import AnyRow, Groups, ReportReader
from app.reports.schemas import (
    Bucket,
    Dashboard,
    DepartmentFigures,
    HourCount,
    SiteFigures,
    Trends,
    VisitFigures,
)
from app.visitors.list_statements import Record, VisitorFilter, first_records
from app.visitors.models import VisitorStatus

RECENT = 5


async def dashboard(
    session: ReadSession,
    caller: Caller,
    now: datetime,
    *,
    date_from: date | None,
    date_to: date | None,
    site: UUID | None,
) -> Dashboard:
    """Return the dashboard; raise `UnknownSite`, or `Invalid` for an impossible range."""
    chosen = calendar.chosen_range(date_from, date_to)
    if chosen is not None:
        calendar.require_range(chosen, at_most=calendar.TEN_YEARS)
    sites = await _site_days(session, site, now, caller)
    days = calendar.counted_days(sites, chosen)
    found, departments = await figures(session, days, site, caller)
    recent = await first_records(session, VisitorFilter(site=site), caller, RECENT)
    span = calendar.outline([each.chosen for each in days])
    return _dashboard(found, departments, span, recent)


async def trends(
    session: ReadSession,
    caller: Caller,
    now: datetime,
    *,
    date_from: date | None,
    date_to: date | None,
    granularity: Granularity,
    site: UUID | None,
    department: UUID | None,
) -> Trends:
    """Return the trends; raise `UnknownSite`, or `Invalid` for an impossible range."""
    sites = await _site_days(session, site, now, caller)
    span = calendar.trend_range(date_from, date_to, sites)
    calendar.require_range(span, at_most=calendar.TEN_YEARS)
    chosen = VisitorFilter(
        site=site, department=department, visit_date_from=span.first, visit_date_to=span.last
    )
    groups = await ReportReader(session).trends(chosen, granularity, caller)
    return _trends(groups, span, granularity, sites)


async def _site_days(
    session: ReadSession, site: UUID | None, now: datetime, caller: Caller
) -> list[SiteDay]:
    sites = await site_days(session, site, now, caller.scope)
    if not sites:
        raise UnknownSite
    return sites


def _dashboard(
    found: Figures, departments: Mapping[str, str], span: Span, recent: Sequence[Record]
) -> Dashboard:
    today = Counter(found[TODAY])
    return Dashboard.model_validate(
        {
            "total_visitors_today": today.total() - today[VisitorStatus.CANCELLED],
            "verified_visitors": today[VisitorStatus.VERIFIED] + today[VisitorStatus.COMPLETED],
            "pending_verification": today[VisitorStatus.PENDING],
            "on_site_now": found[INSIDE][NONE],
            "total_this_month": _not_cancelled(found[MONTH]),
            "date_from": span.first,
            "date_to": span.last,
            "by_status": found["status"],
            "by_purpose": found["purpose"],
            "department_stats": _departments(found["department"], departments),
            "by_hour": _hours(found["hour"]),
            "by_day": None if calendar.is_long(span) else _by_day(found[BY_DAY], span),
            "by_month": _by_month(found[BY_MONTH], span) if calendar.is_long(span) else None,
            "recent_visitors": recent,
        }
    )


def _not_cancelled(by_status: Mapping[str, int]) -> int:
    return sum(visits for status, visits in by_status.items() if status != VisitorStatus.CANCELLED)


def _departments(counts: Mapping[str, int], names: Mapping[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"department": id_ or None, "department_name": names.get(id_), "count": visits}
        for id_, visits in counts.items()
        if visits
    ]
    return sorted(found, key=lambda each: (-each["count"], each["department_name"] or ""))


def _hours(counts: Mapping[str, int]) -> list[dict[str, int]]:
    return [{"hour": hour, "count": counts.get(str(hour), 0)} for hour in range(24)]


def _by_day(counts: Mapping[str, int], span: Span) -> list[dict[str, Any]]:
    return [{"date": day, "count": counts.get(day.isoformat(), 0)} for day in span.days()]


def _by_month(counts: Mapping[str, int], span: Span) -> list[dict[str, Any]]:
    starts = calendar.buckets(span, Granularity.MONTH)
    months = [start.isoformat()[:MONTH_LETTERS] for start in starts]
    return [{"month": month, "count": counts.get(month, 0)} for month in months]


def _trends(
    groups: Groups, span: Span, granularity: Granularity, sites: Sequence[SiteDay]
) -> Trends:
    names = {site.site_id: site.site_name for site in sites}
    return Trends(
        date_from=span.first,
        date_to=span.last,
        granularity=granularity,
        overall=VisitFigures(**_figures(groups[None][0])),
        buckets=_buckets(groups, span, granularity),
        busiest_hours=_busiest(groups),
        by_site=[
            SiteFigures(site=row.site_id, site_name=names[row.site_id], **_figures(row))
            for row in _most_visited(groups, "site_id")
        ],
        by_department=[
            DepartmentFigures(
                department=row.department_id, department_name=row.department_name, **_figures(row)
            )
            for row in _most_visited(groups, "department_id")
        ],
    )


NOTHING: dict[str, Any] = {
    "total": 0,
    "arrived": 0,
    "cancelled": 0,
    "expired": 0,
    "no_show_rate": None,
    "average_stay_minutes": None,
}


def _figures(row: AnyRow) -> dict[str, Any]:
    due = row.expired + row.arrived
    return {
        "total": row.total,
        "arrived": row.arrived,
        "cancelled": row.cancelled,
        "expired": row.expired,
        "no_show_rate": round(row.expired / due, 4) if due else None,
        "average_stay_minutes": None if row.stay_minutes is None else round(row.stay_minutes, 1),
    }


def _buckets(groups: Groups, span: Span, granularity: Granularity) -> list[Bucket]:
    found = {row.bucket: _figures(row) for row in groups.get("bucket", [])}
    starts = calendar.buckets(span, granularity)
    return [Bucket(start=start, **found.get(start, NOTHING)) for start in starts]


def _busiest(groups: Groups) -> list[HourCount]:
    hours = [
        HourCount(hour=row.hour, count=row.total - row.cancelled) for row in groups.get("hour", [])
    ]
    return sorted((each for each in hours if each.count), key=lambda each: (-each.count, each.hour))


def _most_visited(groups: Groups, key: str) -> list[AnyRow]:
    return sorted(groups.get(key, []), key=lambda row: (-row.total, str(getattr(row, key))))
