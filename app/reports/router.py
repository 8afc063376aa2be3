from dataclasses import asdict
from datetime import date, datetime
from enum import StrEnum
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from app.audit.models import AuditAction
from app.audit.repository import record
from app.auth.caller import Caller
from app.auth.guards import DashboardViewer, VisitorExporter
from app.auth.reading_dependencies import Browsing, MayLag
from app.core.db.database import Database
from app.core.errors import problems
from app.core.http.dependencies import Db, Now
from app.core.http.export import (
    PART,
    ExportFile,
    ExportResponse,
    TooManyExports,
)
from app.core.http.responses import download
from app.core.http.routing import ApiRoute
from app.core.places import Places
from app.reports import service
from app.reports.calendar import Granularity
from app.reports.columns import COLUMNS, IN_UTC
from app.reports.csv_file import CsvFile
from app.reports.repository import ReportReader
from app.reports.schemas import Dashboard, Trends
from app.reports.workbook import Workbook
from app.services import services
from app.visitors.dependencies import Filter
from app.visitors.list_statements import VisitorFilter
from app.visitors.order_statements import VisitorOrdering

router = APIRouter(prefix="/api", tags=["reports"], route_class=ApiRoute)

SiteId = Annotated[UUID | None, Query(description="Only this site")]
DepartmentId = Annotated[UUID | None, Query(description="Only this department")]


class ExportFormat(StrEnum):
    """The file format of an export."""

    XLSX = "xlsx"
    CSV = "csv"


FILES: dict[ExportFormat, type[Workbook] | type[CsvFile]] = {
    ExportFormat.XLSX: Workbook,
    ExportFormat.CSV: CsvFile,
}
EXPORTED = download(
    "The file, streamed; a truncated one is incomplete",
    Workbook.media_type,
    "text/csv",
)


async def _places(request: Request) -> Places:
    return services(request).export_places


@router.get(
    "/visitors/dashboard-stats/",
    operation_id="visitors_dashboard_stats",
    summary="Read the dashboard",
)
async def dashboard_stats(
    caller: DashboardViewer,
    session: Browsing,
    now: Now,
    date_from: Annotated[
        date | None,
        Query(
            description="First day of the range; default: this month. With one end only, the range "
            "is the rest of its month"
        ),
    ] = None,
    date_to: Annotated[
        date | None, Query(description="Last day of the range, inclusive; at most ten years")
    ] = None,
    site: SiteId = None,
) -> Dashboard:
    """Return the current figures, exact at one instant.

    Hosts get those of their own visitors, staff those of their sites.
    """
    return await service.dashboard(
        session, caller, now, date_from=date_from, date_to=date_to, site=site
    )


@router.get(
    "/visitors/export-excel/",
    operation_id="visitors_export_excel",
    summary="Export visitors as a file",
    response_class=Response,
    responses=EXPORTED | problems(TooManyExports),
)
async def export_excel(
    caller: VisitorExporter,
    database: Db,
    may_lag: MayLag,
    places: Annotated[Places, Depends(_places)],
    now: Now,
    chosen: Filter,
    ordering: VisitorOrdering = VisitorOrdering.LATEST_CREATED_AT,
    file_format: Annotated[ExportFormat, Query(alias="format")] = ExportFormat.XLSX,
    utc: Annotated[bool, Query(description="Instants in UTC instead of the site's time")] = False,
) -> Response:
    """Return the visitors of a list as a file, in the order of the list.

    Hosts get their own visitors, others those of their sites. Dates, times and instants are local
    to the site, in the zone of the column `Time Zone`; CSV files have the offset of instants. In
    CSV files, formulas are prefixed with an apostrophe.
    """
    file: ExportFile = FILES[file_format](IN_UTC if utc else COLUMNS)
    return ExportResponse(
        database,
        places,
        file,
        lambda session: ReportReader(session).export(chosen, caller, ordering, part=PART, utc=utc),
        on_begin=partial(_note_export, database, caller, now, chosen, file_format),
        name=f"visitors-{now:%Y-%m-%d}",
        may_lag=may_lag,
    )


async def _note_export(
    database: Database, caller: Caller, now: datetime, chosen: VisitorFilter, written: ExportFormat
) -> None:
    """Record who exported what: names of filters, since their values may be names of people."""
    filters = sorted(name for name, value in asdict(chosen).items() if value is not None)
    details = {"filters": filters, "format": written.value}
    # A filter makes no entry at a site from which the caller gets nothing.
    reaches = caller.scope.has_site(chosen.site) or caller.scope.besides
    site = chosen.site if reaches else None
    async with database.write() as unit:
        action = AuditAction.VISITORS_EXPORTED
        record(unit, action, None, caller, now, site=site, **details)


@router.get("/analytics/trends/", operation_id="analytics_trends", summary="Read trends")
async def trends(
    caller: DashboardViewer,
    session: Browsing,
    now: Now,
    date_from: Annotated[
        date | None,
        Query(description="First day of the range; default: 30 days up to today or `date_to`"),
    ] = None,
    date_to: Annotated[
        date | None, Query(description="Last day of the range, inclusive; at most ten years")
    ] = None,
    granularity: Granularity = Granularity.DAY,
    site: SiteId = None,
    department: DepartmentId = None,
) -> Trends:
    """Return visits by day, week or month, by site and by department.

    Hosts see figures of their own visitors, others those of their sites.
    """
    return await service.trends(
        session,
        caller,
        now,
        date_from=date_from,
        date_to=date_to,
        granularity=granularity,
        site=site,
        department=department,
    )
