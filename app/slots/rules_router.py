"""`/api/sites/{id}/`, its closures and slot capacities: changes of what can be booked."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from app.auth.guards import SiteManager, SiteReader, SlotManager
from app.auth.idempotency import Once
from app.core.database import Reading, Writing
from app.core.dependencies import Now
from app.core.errors import InUse, NotFound, problems
from app.core.pagination import Page, Paging
from app.core.repository import NameTaken
from app.core.routing import ApiRoute
from app.sites.errors import ClosureExists
from app.sites.models import Site, SiteClosure
from app.sites.repository import ClosureReader
from app.sites.schemas import SiteChangeIn, SiteIn, SiteOut
from app.slots import capacity
from app.slots.capacity import SiteRules
from app.slots.errors import SlotClosed, SlotInPast
from app.slots.models import Slot
from app.slots.repository import SlotReader
from app.slots.rules_schemas import (
    ChangedSiteOut,
    ClosureFilterIn,
    ClosureIn,
    ClosureOut,
    SlotCapacityFilterIn,
    SlotCapacityIn,
    SlotCapacityOut,
)

router = APIRouter(prefix="/api/sites/{site_id:uuid}", tags=["sites"], route_class=ApiRoute)


async def _rules(unit: Writing, now: Now) -> SiteRules:
    return SiteRules(unit, now)


Rules = Annotated[SiteRules, Depends(_rules)]
AFFECTED = "X-Affected-Visitors"
NOW_ABOVE_CAPACITY: dict[int | str, dict[str, Any]] = {
    204: {
        "description": "The slot follows its site again",
        "headers": {
            AFFECTED: {
                "description": "Seats taken above the site's capacity; they stay booked",
                "schema": {"type": "integer"},
            }
        },
    }
}


@router.put("/", responses=problems(NotFound, NameTaken))
async def replace_site(site_id: UUID, body: SiteIn, _: SiteManager, rules: Rules) -> ChangedSiteOut:
    """Replace every field; one that is left out gets its default, but `is_default` stays."""
    return _changed(*await rules.change(site_id, body.values()))


@router.patch("/", responses=problems(NotFound, NameTaken))
async def change_site(
    site_id: UUID, body: SiteChangeIn, _: SiteManager, rules: Rules
) -> ChangedSiteOut:
    """Change the fields that are sent."""
    return _changed(*await rules.change(site_id, body.values()))


def _changed(site: Site, affected: int) -> ChangedSiteOut:
    return ChangedSiteOut(**SiteOut.model_validate(site).model_dump(), affected_visitors=affected)


@router.delete("/", status_code=204, responses=problems(NotFound, InUse))
async def delete_site(site_id: UUID, _: SiteManager, rules: Rules) -> None:
    """Delete a site that is not the default one and that no visitor names."""
    await rules.delete(site_id)


@router.get("/closures/", responses=problems(NotFound))
async def list_closures(
    site_id: UUID,
    _: SiteReader,
    session: Reading,
    now: Now,
    chosen: Annotated[ClosureFilterIn, Query()],
    page: Paging,
) -> Page[ClosureOut]:
    """The days on which a site is closed, by date."""
    site = await capacity.require_site(session, site_id)
    rows, next_cursor, total = await ClosureReader(session).page(
        site.id, chosen.date_from, chosen.date_to, page
    )
    booked = await capacity.booked_on(session, site, [row.date for row in rows], now)
    items = [_closure(row, booked.get(row.date, 0)) for row in rows]
    return Page(items=items, next_cursor=next_cursor, total=total)


@router.post(
    "/closures/", status_code=201, dependencies=[Once], responses=problems(NotFound, ClosureExists)
)
async def create_closure(
    site_id: UUID, body: ClosureIn, _: SlotManager, rules: Rules
) -> ClosureOut:
    """Close a site on one day. Who is booked on it stays booked."""
    site, closure = await rules.close(site_id, body.date, body.reason)
    booked = await capacity.booked_on(rules.unit, site, [closure.date], rules.now)
    return _closure(closure, booked.get(closure.date, 0))


def _closure(closure: SiteClosure, affected: int) -> ClosureOut:
    return ClosureOut(
        id=closure.id,
        date=closure.date,
        reason=closure.reason,
        affected_visitors=affected,
        created_at=closure.created_at,
    )


@router.delete("/closures/{closure_id:uuid}/", status_code=204, responses=problems(NotFound))
async def delete_closure(site_id: UUID, closure_id: UUID, _: SlotManager, rules: Rules) -> None:
    """Take a closure back: the day follows the opening hours again."""
    await rules.reopen(site_id, closure_id)


@router.get("/slot-capacities/", responses=problems(NotFound))
async def list_slot_capacities(
    site_id: UUID,
    _: SiteReader,
    session: Reading,
    now: Now,
    chosen: Annotated[SlotCapacityFilterIn, Query()],
    page: Paging,
) -> Page[SlotCapacityOut]:
    """The hours of a site that have a capacity of their own, by date and time."""
    site = await capacity.require_site(session, site_id)
    rows, next_cursor, total = await SlotReader(session).page_of_own(
        site.id, chosen.visit_date_from, chosen.visit_date_to, page
    )
    items = [_slot_capacity(site, row, now) for row in rows]
    return Page(items=items, next_cursor=next_cursor, total=total)


@router.post(
    "/slot-capacities/",
    status_code=201,
    dependencies=[Once],
    responses=problems(NotFound, SlotClosed, SlotInPast),
)
async def set_slot_capacity(
    site_id: UUID, body: SlotCapacityIn, _: SlotManager, rules: Rules
) -> SlotCapacityOut:
    """Give one hour a capacity of its own, or another one. Who is booked in it stays booked."""
    site, slot = await rules.set_capacity(site_id, body.visit_date, body.visit_time, body.capacity)
    return _slot_capacity(site, slot, rules.now)


def _slot_capacity(site: Site, slot: Slot, now: datetime) -> SlotCapacityOut:
    return SlotCapacityOut(
        id=slot.id,
        visit_date=slot.visit_date,
        visit_time=capacity.begin_of(site, slot),
        capacity=slot.capacity,
        booked=slot.booked,
        affected_visitors=capacity.seats_above(site, slot, now),
    )


@router.delete(
    "/slot-capacities/{slot_id:uuid}/",
    status_code=204,
    responses=NOW_ABOVE_CAPACITY | problems(NotFound),
)
async def delete_slot_capacity(
    site_id: UUID, slot_id: UUID, _: SlotManager, rules: Rules, response: Response
) -> None:
    """Have an hour follow its site's capacity again."""
    site, slot = await rules.drop_capacity(site_id, slot_id)
    response.headers[AFFECTED] = str(capacity.seats_above(site, slot, rules.now))
