from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request

from app.audit.models import AuditAction
from app.audit.repository import Actor, record
from app.auth.caller import Caller
from app.auth.directory_roles import warnings_of_rename
from app.auth.guards import SiteEditor, SiteManager
from app.core.db.repository import NameTaken
from app.core.db.rollout import UpdateUnderWay
from app.core.errors import BeyondYourRights, NotFound, problems
from app.core.http.dependencies import Now, Writing
from app.core.http.routing import ApiRoute
from app.services import services
from app.sites import schemas as sites
from app.sites.dependencies import IfCurrent
from app.sites.repository import SiteReader
from app.slots.rules_schemas import AffectedVisitors, ChangedSite
from app.users.roles import Permission
from app.visitors.site_change_jobs import change_site

router = APIRouter(prefix="/api/sites/{site_id:uuid}", tags=["sites"], route_class=ApiRoute)

Notify = Annotated[
    bool,
    Query(
        description="False sends no mails about a new name, address or time zone; the SEQUENCE of "
        "calendar entries still increases"
    ),
]
DryRun = Annotated[bool, Query(description="Only return the number of affected visitors")]
FAULTS = problems(BeyondYourRights, NotFound, NameTaken, UpdateUnderWay)


@router.put(
    "/",
    operation_id="sites_replace",
    summary="Replace a site",
    responses=FAULTS,
    dependencies=[IfCurrent],
)
async def replace_site(
    site_id: UUID,
    body: sites.SiteCreate,
    caller: SiteManager,
    unit: Writing,
    now: Now,
    request: Request,
    notify: Notify = True,
    dry_run: DryRun = False,
) -> ChangedSite | AffectedVisitors:
    """Replace all fields; omitted ones get their defaults.

    `is_default`, `reception_email`, the contact and the brand stay unchanged if
    omitted. Mails are sent as for `PATCH`.
    """
    changed = await _change(
        request, unit, caller, site_id, body.values(), now, notify=notify, dry_run=dry_run
    )
    _record(unit, site_id, body.values(), caller, now)
    return changed


@router.patch(
    "/",
    operation_id="sites_update",
    summary="Change a site",
    responses=FAULTS,
    dependencies=[IfCurrent],
)
async def change_fields(
    site_id: UUID,
    body: sites.SiteUpdate,
    caller: SiteEditor,
    unit: Writing,
    now: Now,
    request: Request,
    notify: Notify = True,
    dry_run: DryRun = False,
) -> ChangedSite | AffectedVisitors:
    """Change the fields that are sent; only superadmins change `is_default`.

    A new name, address or time zone applies to all upcoming visits, which keep their local time;
    visitors and hosts are mailed within a minute.
    """
    changed = await _change(
        request, unit, caller, site_id, body.values(), now, notify=notify, dry_run=dry_run
    )
    _record(unit, site_id, body.values(), caller, now)
    return changed


def _record(unit: Writing, site_id: UUID, values: dict[str, Any], caller: Actor, now: Now) -> None:
    """Record the names of the fields that were sent; a dry run is rolled back with its entry."""
    fields = sorted(values)
    record(unit, AuditAction.SITE_UPDATED, site_id, caller, now, site=site_id, fields=fields)


async def _change(
    request: Request,
    unit: Writing,
    caller: Caller,
    site_id: UUID,
    values: dict[str, Any],
    now: Now,
    **how: bool,
) -> ChangedSite | AffectedVisitors:
    if "is_default" in values and Permission.SITES_CREATE not in caller.permissions:
        raise BeyondYourRights("Only superadmins choose the default site")
    wake, grants = services(request).wake_site_changes, services(request).settings.oidc_role_map
    before = await SiteReader(unit).get(site_id) if grants and "name" in values else None
    former = before.name if before else None
    site, affected = await change_site(
        unit, wake, site_id, values, now, caller.scope, caller, **how
    )
    if how["dry_run"]:
        return AffectedVisitors(affected_visitors=affected)
    return ChangedSite(
        **sites.Site.model_validate(site).model_dump(),
        affected_visitors=affected,
        warnings=warnings_of_rename(grants, former, site.name) if former else [],
    )
