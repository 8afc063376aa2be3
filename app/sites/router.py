"""`/api/sites/`: sites; `slots/` has the changes that affect slots."""

from uuid import UUID

from fastapi import APIRouter, Response

from app.audit.models import AuditAction
from app.audit.repository import record
from app.auth.guards import SiteManager, SiteViewer
from app.auth.idempotency_dependencies import Once
from app.core.db.repository import NameTaken
from app.core.db.rollout import UpdateUnderWay
from app.core.errors import NotFound, problems
from app.core.http.dependencies import Now, Paging, Reading, Writing
from app.core.http.etags import Revalidated
from app.core.http.pagination import Page
from app.core.http.responses import CREATED
from app.core.http.routing import ApiRoute
from app.sites import service
from app.sites.repository import SiteReader, SiteRepository
from app.sites.schemas import Site, SiteCreate

router = APIRouter(prefix="/api/sites", tags=["sites"], route_class=ApiRoute)


@router.get("/", operation_id="sites_list", summary="List sites", dependencies=[Revalidated])
async def list_sites(caller: SiteViewer, session: Reading, page: Paging) -> Page[Site]:
    """Return the caller's sites by name.

    requests that name none use the one with `is_default`.
    """
    rows, next_cursor, total = await SiteReader(session).page(caller.scope, page)
    items = [Site.model_validate(row) for row in rows]
    return Page(items=items, next_cursor=next_cursor, total=total)


@router.post(
    "/",
    operation_id="sites_create",
    summary="Add a site",
    status_code=201,
    dependencies=[Once],
    responses=CREATED | problems(NameTaken, UpdateUnderWay),
)
async def create_site(
    body: SiteCreate, caller: SiteManager, unit: Writing, now: Now, response: Response
) -> Site:
    """Add a site; `is_default` replaces the current default."""
    site = await service.create_site(SiteRepository(unit), body.values(), now)
    record(unit, AuditAction.SITE_CREATED, site.id, caller, now, site=site.id)
    response.headers["Location"] = f"/api/sites/{site.id}/"
    return Site.model_validate(site)


@router.get(
    "/{site_id:uuid}/",
    operation_id="sites_read",
    summary="Read a site",
    responses=problems(NotFound),
)
async def read_site(site_id: UUID, caller: SiteViewer, session: Reading) -> Site:
    """Return a site with its opening rules and limits."""
    site = await SiteReader(session).reached(site_id, caller.scope)
    if site is None:
        raise NotFound
    return Site.model_validate(site)
