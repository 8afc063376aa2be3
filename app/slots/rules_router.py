"""`/api/sites/{id}/` and its slot capacities.

Closures are in `visitors/`, since they may cancel visits.
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from app.audit.models import AuditAction
from app.audit.repository import Actor, record
from app.auth.guards import SiteEditor, SiteManager, SiteViewer
from app.auth.idempotency_dependencies import Once
from app.core.errors import InUse, NotFound, problems
from app.core.http.dependencies import Now, Paging, Reading, Writing
from app.core.http.pagination import Page
from app.core.http.routing import ApiRoute
from app.sites.dependencies import IfCurrent
from app.sites.models import Site
from app.slots import capacity_service as capacity
from app.slots.capacity_service import SiteRules
from app.slots.errors import SlotClosed, SlotInPast
from app.slots.models import Slot
from app.slots.repository import SlotReader
from app.slots.rules_schemas import (
    SlotCapacity,
    SlotCapacityCreate,
    SlotCapacityQuery,
)

router = APIRouter(prefix="/api/sites/{site_id:uuid}", tags=["sites"], route_class=ApiRoute)


async def _rules(unit: Writing, now: Now, caller: SiteEditor) -> SiteRules:
    return SiteRules(unit, now, caller.scope)


Rules = Annotated[SiteRules, Depends(_rules)]
AFFECTED = "X-Affected-Visitors"
NOW_ABOVE_CAPACITY: dict[int | str, dict[str, Any]] = {
    204: {
        "description": "The slot follows its site again",
        "headers": {
            AFFECTED: {
                "description": "Taken seats above the site's capacity; they stay booked",
                "schema": {"type": "integer"},
            }
        },
    }
}


@router.delete(
    "/",
    operation_id="sites_delete",
    summary="Delete a site",
    status_code=204,
    dependencies=[IfCurrent],
    responses=problems(NotFound, InUse),
)
async def delete_site(site_id: UUID, caller: SiteManager, rules: Rules) -> None:
    """Delete a site that is not the default and has no visitors."""
    await rules.delete(site_id)
    record(rules.unit, AuditAction.SITE_DELETED, site_id, caller, rules.now, site=site_id)


@router.get(
    "/slot-capacities/",
    operation_id="slot_capacities_list",
    summary="List hours with their own capacity",
    responses=problems(NotFound),
)
async def list_slot_capacities(
    site_id: UUID,
    caller: SiteViewer,
    session: Reading,
    now: Now,
    chosen: Annotated[SlotCapacityQuery, Query()],
    page: Paging,
) -> Page[SlotCapacity]:
    """Return hours with their own capacity, by date and time."""
    site = await capacity.require_site(session, site_id, caller.scope)
    rows, next_cursor, total = await SlotReader(session).page_of_own(
        site.id, chosen.visit_date_from, chosen.visit_date_to, page
    )
    items = [_slot_capacity(site, row, now) for row in rows]
    return Page(items=items, next_cursor=next_cursor, total=total)


@router.post(
    "/slot-capacities/",
    operation_id="slot_capacities_create",
    summary="Give an hour its own capacity",
    status_code=201,
    dependencies=[Once],
    responses=problems(NotFound, SlotClosed, SlotInPast),
)
async def set_slot_capacity(
    site_id: UUID, body: SlotCapacityCreate, caller: SiteEditor, rules: Rules
) -> SlotCapacity:
    """Set the capacity of an hour. Booked visitors stay booked."""
    site, slot = await rules.set_capacity(site_id, body.visit_date, body.visit_time, body.capacity)
    _record(rules, AuditAction.SLOT_CAPACITY_SET, slot, caller, capacity=body.capacity)
    return _slot_capacity(site, slot, rules.now)


def _record(
    rules: SiteRules, action: AuditAction, slot: Slot, caller: Actor, **details: Any
) -> None:
    capacity.record_capacity(rules.unit, action, slot, caller, rules.now, **details)


def _slot_capacity(site: Site, slot: Slot, now: datetime) -> SlotCapacity:
    return SlotCapacity(
        id=slot.id,
        visit_date=slot.visit_date,
        visit_time=capacity.begin_of(site, slot),
        capacity=slot.capacity,
        booked=slot.booked,
        affected_visitors=capacity.seats_above(site, slot, now),
    )


@router.delete(
    "/slot-capacities/{slot_id:uuid}/",
    operation_id="slot_capacities_delete",
    summary="Remove an hour's own capacity",
    status_code=204,
    responses=NOW_ABOVE_CAPACITY | problems(NotFound),
)
async def delete_slot_capacity(
    site_id: UUID, slot_id: UUID, caller: SiteEditor, rules: Rules, response: Response
) -> None:
    """Make the hour follow the capacity of its site again."""
    site, slot = await rules.drop_capacity(site_id, slot_id)
    _record(rules, AuditAction.SLOT_CAPACITY_DROPPED, slot, caller)
    response.headers[AFFECTED] = str(capacity.seats_above(site, slot, rules.now))
