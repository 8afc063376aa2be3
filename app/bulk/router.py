from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from app.audit.models import AuditAction, AuditEntry
from app.audit.repository import entry_row
from app.auth.caller import Caller
from app.auth.guards import Uploader
from app.auth.idempotency_dependencies import Once
from app.bulk.dependencies import BeforeReading, Uploaded
from app.bulk.errors import UNREADABLE, XLSX, HoursFull, InvalidRows
from app.bulk.faults import RowFault
from app.bulk.reading_service import in_thread
from app.bulk.schemas import BulkUploadResult
from app.bulk.service import UploadService
from app.bulk.template_facts import TemplateFacts
from app.bulk.workbook import VisitorList
from app.core.errors import SiteRequired, merge_problems
from app.core.http.dependencies import Now, Reading, Writing
from app.core.http.responses import BINARY, Responses, download
from app.core.http.routing import ApiRoute
from app.devices.errors import UnknownSite
from app.services import services
from app.sites.repository import SiteReader
from app.users.repository import UserReader
from app.visitors.batch_service import BatchService
from app.visitors.budget_limits import Budgeted
from app.visitors.models import Visitor

router = APIRouter(prefix="/api/visitors", tags=["visitors"], route_class=ApiRoute)


UPLOADED: Responses = {
    200: {"model": BulkUploadResult, "description": "A dry run found no errors"},
    422: {"content": {XLSX: BINARY}},  # the list with its errors marked
}


class XlsxResponse(Response):
    media_type = XLSX


async def _upload_service(
    request: Request, unit: Writing, now: Now, budgets: Budgeted
) -> UploadService:
    ours = services(request)
    return UploadService(BatchService(unit, ours.qr_tokens, ours.wake_outbox, now, budgets))


UploadServiceDep = Annotated[UploadService, Depends(_upload_service)]


@router.get(
    "/download-template/",
    operation_id="visitors_download_template",
    summary="Download the upload template",
    response_class=XlsxResponse,
    responses=download("The template", XLSX),
)
async def download_template(caller: Uploader, session: Reading, request: Request) -> Response:
    """Return the Excel template for `bulk-upload/`."""
    settings = services(request).settings
    site = await SiteReader(session).at_home(caller.scope)
    if site is None:
        raise UnknownSite
    hosts = await UserReader(session).active_hosts()
    facts = TemplateFacts(
        max_rows=settings.bulk_upload_max_rows,
        max_bytes=settings.bulk_upload_max_bytes,
        site_name=site.name,
        opening=site,
        hosts=[(host.name, host.email) for host in hosts],
    )
    await session.aclose()  # wait for a turn without a connection
    headers = {"Content-Disposition": 'attachment; filename="visitors-template.xlsx"'}
    return XlsxResponse(await in_thread(_template, facts), headers=headers)


@router.post(
    "/bulk-upload/",
    operation_id="visitors_bulk_upload",
    summary="Upload a workbook of visitors",
    status_code=201,
    dependencies=[*BeforeReading, Once],
    responses=merge_problems(
        UPLOADED, [HoursFull, InvalidRows, SiteRequired, *UNREADABLE.values()]
    ),
)
async def bulk_upload(
    upload: Uploaded,
    caller: Uploader,
    service: UploadServiceDep,
    budgets: Budgeted,
    request: Request,
    response: Response,
) -> BulkUploadResult:
    """Register all visitors of a workbook, or none; with `group_name`, as a new group.

    Form values apply to rows without their own; hosts can only register their own visitors.
    `dry_run` checks everything without saving. Ambiguous content is refused (a second list, hidden
    rows with visitors, unknown columns that are not empty), and `ignored` lists all other parts
    that were not read.

    `invalid_rows` lists every error; if `Accept` includes the .xlsx type, it is the uploaded list
    with the errors marked. `slot_full` has every full hour in `slots`. Rows count against the
    host's limit per hour; uploads, including dry runs, are limited per account.
    """
    rows = upload.rows
    try:
        if upload.is_dry_run:
            response.status_code = 200
            planned = await service.dry_run(rows, caller, upload.group_name)
            return BulkUploadResult.planned(rows.found, planned)
        async with budgets.registrations(caller, len(rows.candidates)):
            made, group = await service.register(rows, caller, upload.group_name)
        _record(service, caller, [visitor for _, visitor in made])
        return BulkUploadResult.made(rows.found, made, group)
    except InvalidRows as refusal:
        if not _wants_workbook(request):
            raise
        # Nothing was saved: wait for a turn without a connection.
        await service.registration.unit.aclose()
        workbook = await in_thread(_marked, rows.found, refusal.faults)
        raise InvalidRows(refusal.faults, rows.found, workbook) from None


# Imported where it is used: openpyxl and Pillow are loaded in the thread, once somebody needs them.


def _template(facts: TemplateFacts) -> bytes:
    from app.bulk.template import make_template

    return make_template(facts)


def _marked(found: VisitorList, faults: Sequence[RowFault]) -> bytes | None:
    from app.bulk.marking import marked

    return marked(found, faults)


def _record(service: UploadService, caller: Caller, made: Sequence[Visitor]) -> None:
    """Record an upload, of the site of its visitors if that is one, and of the host who made it."""
    unit, now = service.registration.unit, service.registration.now
    subject_type, _, verb = AuditAction.WORKBOOK_UPLOADED.partition(".")
    sites = {visitor.site_id for visitor in made}
    site, host = sites.pop() if len(sites) == 1 else None, caller.id if caller.is_host else None
    about: dict[str, Any] = {"site": site, "host": host, "visitors": len(made)}
    unit.append(AuditEntry, entry_row(subject_type, None, verb, caller, now, **about))


def _wants_workbook(request: Request) -> bool:
    accepted = request.headers.get("accept", "").split(",")
    return XLSX in {media_type.partition(";")[0].strip().lower() for media_type in accepted}
