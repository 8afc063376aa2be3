"""`/api/musters/{id}/report…`: the roster of a muster as a file."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from app.audit.models import AuditAction
from app.audit.repository import record
from app.auth.guards import MusterViewer
from app.core.errors import NotFound, problems
from app.core.http.dependencies import Now, Writing
from app.core.http.responses import download
from app.core.http.routing import ApiRoute
from app.core.typesetting import typeset
from app.musters.models import Muster
from app.musters.repository import MusterReader
from app.musters.statements import roster
from app.reports.muster_report import Reader, paper_of, workbook_of
from app.reports.workbook import Workbook
from app.sites.models import Site
from app.sites.repository import SiteReader

TEMPLATE = Path(__file__).with_name("muster.typ")
PDF = "application/pdf"
router = APIRouter(prefix="/api/musters", tags=["musters"], route_class=ApiRoute)


@dataclass(frozen=True, slots=True)
class Report:
    """A muster as its reader may see it."""

    muster: Muster
    site: Site
    entries: list[dict[str, Any]]
    reader: Reader

    def file(self, content: bytes, media_type: str, extension: str) -> Response:
        name = f"muster-{self.muster.started_at:%Y-%m-%d}.{extension}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(content, media_type=media_type, headers=headers)


async def _report(
    muster_id: UUID, caller: MusterViewer, unit: Writing, now: Now, request: Request
) -> Report:
    """Return the report, and record who takes it along."""
    muster = await MusterReader(unit).reached(muster_id, caller.scope)
    if muster is None:
        raise NotFound
    site = (await SiteReader(unit).by_id([muster.site_id]))[muster.site_id]
    phones = not caller.is_guard
    entries = await roster(unit, muster_id, with_phones=phones)
    written = request.url.path.rpartition(".")[2]
    action, where = AuditAction.MUSTER_REPORTED, muster.site_id
    record(unit, action, muster_id, caller, now, site=where, format=written, people=len(entries))
    return Report(muster, site, entries, Reader(site.language, site.timezone, phones))


Reported = Annotated[Report, Depends(_report, scope="function")]


@router.get(
    "/{muster_id:uuid}/report.xlsx",
    operation_id="musters_report_xlsx",
    summary="Download a muster as a workbook",
    response_class=Response,
    responses=download("The workbook", Workbook.media_type) | problems(NotFound),
)
async def report_as_workbook(report: Reported) -> Response:
    """Return the roster with the state of everybody, in the site's time and language.

    Guards get no phones. Each download is an entry of the audit log.
    """
    content = await asyncio.to_thread(workbook_of, report.entries, report.reader)
    return report.file(content, Workbook.media_type, Workbook.extension)


@router.get(
    "/{muster_id:uuid}/report.pdf",
    operation_id="musters_report_pdf",
    summary="Download a muster as PDF",
    response_class=Response,
    responses=download("The report", PDF) | problems(NotFound),
)
async def report_as_pdf(report: Reported) -> Response:
    """Return the same as `report.xlsx`, for paper."""
    paper = paper_of(report.muster, report.entries, report.site.name, report.reader)
    return report.file(await typeset(TEMPLATE, paper), PDF, "pdf")
