from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from app.audit.models import AuditAction
from app.audit.repository import record
from app.auth.guards import SiteEditor, SiteViewer
from app.auth.idempotency_dependencies import Once
from app.core.db.rollout import UpdateUnderWay
from app.core.errors import Forbidden, NotFound, problems
from app.core.http.dependencies import Now, Paging, Reading
from app.core.http.pagination import Page
from app.core.http.routing import ApiRoute
from app.sites.errors import ClosureExists
from app.sites.models import SiteClosure
from app.sites.repository import ClosureReader
from app.slots.capacity_service import require_site
from app.users.roles import Permission
from app.visitors.closure_schemas import Closure, ClosureCreate, ClosureQuery, NewClosure
from app.visitors.closure_service import ClosureService, booked_in
from app.visitors.dependencies import VisitorServiceDep

router = APIRouter(
    prefix="/api/sites/{site_id:uuid}/closures", tags=["sites"], route_class=ApiRoute
)


async def _closures(service: VisitorServiceDep, caller: SiteEditor) -> ClosureService:
    return ClosureService(service, caller)


Closures = Annotated[ClosureService, Depends(_closures)]


@router.get(
    "/",
    operation_id="closures_list",
    summary="List a site's closures",
    responses=problems(NotFound),
)
async def list_closures(
    site_id: UUID,
    caller: SiteViewer,
    session: Reading,
    now: Now,
    chosen: Annotated[ClosureQuery, Query()],
    page: Paging,
) -> Page[Closure]:
    """Return closures by date, including past ones."""
    site = await require_site(session, site_id, caller.scope)
    rows, next_cursor, total = await ClosureReader(session).page(
        site.id, chosen.date_from, chosen.date_to, page
    )
    booked = await booked_in(session, site, [row.date for row in rows], now)
    items = [Closure(**_facts(row, booked.get(row.date, 0))) for row in rows]
    return Page(items=items, next_cursor=next_cursor, total=total)


@router.post(
    "/",
    operation_id="closures_create",
    summary="Close a site on a day",
    status_code=201,
    dependencies=[Once],
    responses=problems(NotFound, ClosureExists, UpdateUnderWay),
)
async def create_closure(
    site_id: UUID, body: ClosureCreate, caller: SiteEditor, closures: Closures
) -> NewClosure:
    """Close a day for bookings, with a night shift that begins on it.

    Visits stay booked unless `cancel_visits` is set, for which an API key needs the scope
    `visitors:cancel`, too.
    """
    if body.cancel_visits and Permission.VISITORS_CANCEL not in caller.permissions:
        raise Forbidden
    if body.cancel_visits:
        made = await closures.close_and_cancel(site_id, body.date, body.reason)
    else:
        made = await closures.close(site_id, body.date, body.reason)
    record(
        closures.unit,
        AuditAction.CLOSURE_CREATED,
        made.closure.id,
        closures.caller,
        made.closure.created_at,
        site=site_id,
        date=body.date.isoformat(),
        cancelled_visits=made.cancelled,
    )
    return NewClosure(**_facts(made.closure, made.affected), cancelled_visits=made.cancelled)


def _facts(closure: SiteClosure, affected: int) -> dict[str, Any]:
    return {
        "id": closure.id,
        "date": closure.date,
        "reason": closure.reason,
        "affected_visitors": affected,
        "created_at": closure.created_at,
    }


@router.delete(
    "/{closure_id:uuid}/",
    operation_id="closures_delete",
    summary="Delete a closure",
    status_code=204,
    responses=problems(NotFound),
)
async def delete_closure(
    site_id: UUID, closure_id: UUID, caller: SiteEditor, closures: Closures
) -> None:
    """Reopen the day. Visits that were cancelled stay cancelled."""
    rules = closures.rules
    await rules.reopen(site_id, closure_id)
    record(rules.unit, AuditAction.CLOSURE_DELETED, closure_id, caller, rules.now, site=site_id)
