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
from app.visitors.arrival import arrival_window, end_of_stay
from app.visitors.closing_repository import ClosingRepository, Place
from app.visitors.lifecycle import expire, leave_unseen
from app.visitors.models import Visitor, VisitorStatus

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
        expired=await _close_all(database, sites, now, VisitorStatus.PENDING),
        completed=await _close_all(database, sites, now, VisitorStatus.VERIFIED),
    )


async def _close_all(database: Database, sites: Sites, now: datetime, of: VisitorStatus) -> int:
    place: Place | None = None

    async def some(unit: WriteSession) -> Batch:
        nonlocal place
        found = await _candidates(ClosingRepository(unit), sites, now, of, place)
        if found:
            place = (found[-1].visit_date, found[-1].id)
        return Batch(await _close(unit, found, sites, now), more=len(found) == BATCH)

    return await in_batches(database, some)


async def _candidates(
    visitors: ClosingRepository, sites: Sites, now: datetime, of: VisitorStatus, after: Place | None
) -> list[Visitor]:
    if of is VisitorStatus.PENDING:
        last_days = {
            id_: local_now(now, site.timezone).date() - timedelta(days=1)
            for id_, site in sites.items()
        }
        return await visitors.lock_pending_until(last_days, after, at_most=BATCH)
    came_in_by = {
        id_: now - timedelta(hours=site.auto_check_out_hours) for id_, site in sites.items()
    }
    return await visitors.lock_inside_since(came_in_by, after, at_most=BATCH)


async def _close(unit: WriteSession, found: Sequence[Visitor], sites: Sites, now: datetime) -> int:
    """Close visits that are over and free their seats; slots are locked last, as everywhere."""
    over = [visitor for visitor in found if _end(visitor, sites[visitor.site_id], now)]
    await ClosingRepository(unit).save_passages(over)
    if over:
        await MailKeeper(unit).supersede([visitor.id for visitor in over], now)
    events = VisitorEventRepository(unit)
    for visitor in over:
        expired = visitor.status is VisitorStatus.EXPIRED
        action = VisitorAction.EXPIRED if expired else VisitorAction.COMPLETED
        events.record(visitor.id, action, SYSTEM, now, site=visitor.site_id, automatic=True)
    await unit.flush()
    await SeatRepository(unit).free(*(visitor.seat for visitor in over))
    return len(over)


def _end(visitor: Visitor, site: Site, now: datetime) -> bool:
    """Close a visit if it is over; return whether it was."""
    at = _end_of(visitor, site)
    if now < at:
        return False
    if visitor.status is VisitorStatus.PENDING:
        expire(visitor, now)
    else:
        leave_unseen(visitor, at, now)
    return True


def _end_of(visitor: Visitor, site: Site) -> datetime:
    if visitor.status is VisitorStatus.PENDING or visitor.checked_in_at is None:
        return arrival_window(visitor, site).closes
    return end_of_stay(visitor, visitor.checked_in_at, site)
