from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.audit.models import VisitorAction
from app.audit.repository import VisitorEventRepository
from app.auth.caller import SYSTEM
from app.core.db.batches import BATCH, Batch, in_batches
from app.core.db.database import Database, WriteSession
from app.core.localtime import local_now
from app.notifications.repository import MailKeeper
from app.sites.models import Site
from app.sites.repository import SiteReader
from app.slots.seat_repository import SeatRepository
from app.visitors.arrival import arrival_window, end_of_re_entry, end_of_stay, may_return
from app.visitors.closing_repository import ClosingRepository, Place
from app.visitors.lifecycle import HOLDS_SEAT, end_away, expire, leave
from app.visitors.models import Presence, Visitor
from app.visitors.stay_models import OutMethod, Stay
from app.visitors.stay_repository import StayRepository
from app.visitors.stays import require_stay

Sites = Mapping[UUID, Site]


@dataclass(frozen=True, slots=True)
class Closed:
    expired: int
    completed: int


async def close_past_visits(database: Database, now: datetime) -> Closed:
    """Expire missed visits and complete forgotten stays; safe to run concurrently."""
    async with database.read() as session:
        sites = {site.id: site for site in await SiteReader(session).all()}
    return Closed(
        expired=await _close_all(database, sites, now, Presence.EXPECTED),
        completed=await _close_all(database, sites, now, Presence.INSIDE)
        + await _close_all(database, sites, now, Presence.AWAY),
    )


async def _close_all(database: Database, sites: Sites, now: datetime, of: Presence) -> int:
    place: Place | None = None

    async def some(unit: WriteSession) -> Batch:
        nonlocal place
        found = await _candidates(ClosingRepository(unit), sites, now, of, place)
        if found:
            place = (found[-1].visit_date, found[-1].id)
        return Batch(await _close(unit, found, sites, now), more=len(found) == BATCH)

    return await in_batches(database, some)


async def _candidates(
    visitors: ClosingRepository, sites: Sites, now: datetime, of: Presence, after: Place | None
) -> list[Visitor]:
    if of is Presence.INSIDE:
        came_in_by = {
            id_: now - timedelta(hours=site.auto_check_out_hours) for id_, site in sites.items()
        }
        return await visitors.lock_inside_since(came_in_by, after, at_most=BATCH)
    last_days = {
        id_: local_now(now, site.timezone).date() - timedelta(days=1) for id_, site in sites.items()
    }
    return await visitors.lock_outside_until(of, last_days, after, at_most=BATCH)


async def _close(unit: WriteSession, found: Sequence[Visitor], sites: Sites, now: datetime) -> int:
    """Close visits that are over and free their seats; slots are locked last, as everywhere."""
    stays = StayRepository(unit)
    newest = await stays.newest(found) if found else {}
    inside = {visitor.id for visitor in found if visitor.presence is Presence.INSIDE}
    closed = [
        (visitor, action)
        for visitor in found
        if (action := _end(visitor, newest.get(visitor.id), sites[visitor.site_id], now))
    ]
    await ClosingRepository(unit).save_passages(visitor for visitor, _ in closed)
    ended = {visitor.id for visitor, action in closed if action is not VisitorAction.EXPIRED}
    await stays.save(newest[id_] for id_ in ended)
    events = VisitorEventRepository(unit)
    for visitor, action in closed:
        events.record(
            visitor.id,
            action,
            SYSTEM,
            now,
            site=visitor.site_id,
            host=visitor.host_id,
            is_final_exit=action is VisitorAction.COMPLETED and visitor.id in inside,
            automatic=True,
        )
    over = [visitor for visitor, _ in closed if visitor.status not in HOLDS_SEAT]
    if over:
        await MailKeeper(unit).supersede([visitor.id for visitor in over], now)
    await unit.flush()
    await SeatRepository(unit).free(*(visitor.seat for visitor in over))
    return len(over)


def _end(visitor: Visitor, newest: Stay | None, site: Site, now: datetime) -> VisitorAction | None:
    """Close a visit or a stay if it is over; return what happened."""
    match visitor.presence:
        case Presence.INSIDE:
            return _end_stay(visitor, require_stay(newest), site, now)
        case Presence.AWAY if now >= end_of_re_entry(visitor, site):
            end_away(visitor, now)
            return VisitorAction.COMPLETED
        case Presence.EXPECTED if now >= arrival_window(visitor, site).closes:
            expire(visitor, now)
            return VisitorAction.EXPIRED
        case _:
            return None


def _end_stay(visitor: Visitor, stay: Stay, site: Site, now: datetime) -> VisitorAction | None:
    at = end_of_stay(visitor, stay.counts_from, site)
    if now < at:
        return None
    returns = may_return(visitor, site, now)
    leave(visitor, stay, at, now, OutMethod.AUTOMATIC, may_return=returns)
    return VisitorAction.CHECKED_OUT if returns else VisitorAction.COMPLETED
