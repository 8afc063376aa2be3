"""`/api/visitors/available-slots/` and `check-slot/`: bookable times."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from app.auth.caller import Caller
from app.auth.guards import SlotViewer
from app.auth.stranger_limits import LimitStrangers
from app.core.db.database import ReadSession
from app.core.errors import SiteRequired, problems
from app.core.http.dependencies import Now, Reading
from app.core.http.routing import ApiRoute
from app.core.times import LocalDate, WallTime
from app.sites.access import asked_site, reached_site, require_open_to, require_own_site
from app.slots import service
from app.slots.keys import SlotKey
from app.slots.repository import SiteDay
from app.slots.rules import SlotReason, refusal
from app.slots.schemas import AvailableSlots, Slot, SlotCheck
from app.slots.seats import seats_of

router = APIRouter(prefix="/api/visitors", tags=["slots"], route_class=ApiRoute)

MESSAGES: dict[SlotReason | None, str] = {
    None: "This time can be booked",
    SlotReason.FULL: "All seats of this hour are taken",
    SlotReason.PAST: "This time has passed",
    SlotReason.TOO_SOON: "This time is too soon",
    SlotReason.TOO_FAR: "This day is too far ahead",
    SlotReason.CLOSED: "The site is closed at this time",
}

VisitDate = Annotated[LocalDate, Query()]
SiteId = Annotated[
    UUID | None,
    Query(
        description="Default: the caller's only site, otherwise the default site; a kiosk can use "
        "only its own site"
    ),
]
WithinLimits = Depends(LimitStrangers("slots", lambda settings: settings.slots_limit_per_address))


@router.get(
    "/available-slots/",
    operation_id="visitors_available_slots",
    summary="List the slots of a day",
    dependencies=[WithinLimits],
    responses=problems(SiteRequired),
)
async def available_slots(
    caller: SlotViewer, session: Reading, now: Now, visit_date: VisitDate, site: SiteId = None
) -> AvailableSlots:
    """Return every slot of a day with its free seats; for a kiosk also the current hour.

    Anonymous callers see sites with `self_registration` and the seats for self-registered visitors.
    """
    known = await _site_day(session, caller, site, visit_date)
    offers = service.day_offers(
        known, visit_date, now, walk_in=caller.is_kiosk, strangers=caller.is_stranger
    )
    return AvailableSlots(
        visit_date=visit_date,
        site=known.site.id,
        timezone=known.site.timezone,
        slots=[_shown(offer) for offer in offers],
    )


async def _site_day(session: ReadSession, caller: Caller, site: UUID | None, day: date) -> SiteDay:
    require_own_site(caller, site)
    known = await service.site_day(session, asked_site(caller, site), day)
    reached_site(caller, known.site, site)
    require_open_to(caller, known.site)
    return known


def _shown(offer: service.Availability) -> Slot:
    return Slot(
        time=offer.slot.begins,
        end_time=offer.slot.ends,
        starts_at=offer.slot.starts_at,
        capacity=offer.seats.capacity,
        booked=offer.seats.booked,
        available=offer.available,
        bookable=offer.bookable,
        reason=offer.reason,
    )


@router.get(
    "/check-slot/",
    operation_id="visitors_check_slot",
    summary="Check a time",
    dependencies=[WithinLimits],
    responses=problems(SiteRequired),
)
async def check_slot(
    caller: SlotViewer,
    session: Reading,
    now: Now,
    visit_date: VisitDate,
    visit_time: Annotated[WallTime, Query()],
    site: SiteId = None,
) -> SlotCheck:
    """Return whether a time can be booked now, and the number of free seats.

    Anonymous callers see the same as in `available-slots/`.
    """
    known = await _site_day(session, caller, site, visit_date)
    row = known.slots.get(SlotKey.of(known.site.id, visit_date, visit_time))
    seats = seats_of(known.site, row, to_strangers=caller.is_stranger)
    reason = refusal(
        known.site,
        day=visit_date,
        at=visit_time,
        closed=known.closed,
        now=now,
        walk_in=caller.is_kiosk,
    )
    remaining = seats.left if reason is None else 0
    if reason is None and not remaining:
        reason = SlotReason.FULL
    return SlotCheck(
        visit_date=visit_date,
        visit_time=visit_time,
        available=reason is None,
        remaining=remaining,
        reason=reason,
        message=MESSAGES[reason],
    )
