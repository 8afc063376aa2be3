"""`/api/audit/`: the audit log."""

from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from app.audit.lines import MEDIA_TYPE, JsonLines, shown
from app.audit.models import AuditAction
from app.audit.repository import FACTS, PLACE, AuditFilter, AuditReader, record
from app.audit.schemas import AuditEntry, AuditQuery
from app.auth import guards
from app.core.db.database import Database
from app.core.errors import problems
from app.core.http.dependencies import Db, Now, Paging, Reading
from app.core.http.export import PART, ExportResponse, TooManyExports
from app.core.http.pagination import Page
from app.core.http.responses import Responses
from app.core.http.routing import ApiRoute
from app.services import services

router = APIRouter(prefix="/api/audit", tags=["audit"], route_class=ApiRoute)

LINES = {"value": '{"seq":1,"action":"site.created"}\n{"seq":2,"action":"site.updated"}\n'}
LISTED: Responses = {
    200: {
        "description": "A page, newest first; as lines of JSON the whole list, oldest first",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "examples": {"lines": LINES}}},
    }
}


async def _filter(chosen: Annotated[AuditQuery, Query()]) -> AuditFilter:
    return AuditFilter(**chosen.model_dump())


@router.get(
    "/",
    operation_id="audit_list",
    summary="Read the audit log",
    response_model=Page[AuditEntry],
    responses=LISTED | problems(TooManyExports),
)
async def list_entries(
    caller: guards.AuditReader,
    session: Reading,
    database: Db,
    now: Now,
    chosen: Annotated[AuditFilter, Depends(_filter)],
    page: Paging,
    request: Request,
) -> Page[AuditEntry] | Response:
    """Return everything that was done, newest first; at their sites to admins limited to some.

    Entries appear within a second, when they are chained. With `Accept: application/x-ndjson` the
    response is the whole filtered list, oldest first, and is itself recorded.
    """
    if _wants_lines(request):
        return ExportResponse(
            database,
            services(request).export_places,
            JsonLines(),
            lambda snapshot: AuditReader(snapshot).export(chosen, caller.scope, part=PART),
            on_begin=partial(_note_export, database, caller, now, chosen),
            name=f"audit-{now:%Y-%m-%d}",
            may_lag=False,
        )
    rows, next_cursor, total = await AuditReader(session).page(chosen, caller.scope, page)
    items = [shown([getattr(row, name) for name in (*FACTS, *PLACE)]) for row in rows]
    return Page(items=items, next_cursor=next_cursor, total=total)


def _wants_lines(request: Request) -> bool:
    accepted = request.headers.get("accept", "").split(",")
    return MEDIA_TYPE in {media_type.partition(";")[0].strip().lower() for media_type in accepted}


async def _note_export(
    database: Database, caller: guards.AuditReader, now: datetime, chosen: AuditFilter
) -> None:
    # What is out of scope has no entry, nor does a filter make one there.
    site = chosen.site if caller.scope.has_site(chosen.site) else None
    async with database.write() as unit:
        action = AuditAction.AUDIT_EXPORTED
        record(unit, action, None, caller, now, site=site, filters=chosen.named())
