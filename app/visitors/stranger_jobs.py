"""Run by `vms migrate --finish`: the previous release would not uncount freed seats."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.core.db.batches import BATCH, Batch, in_batches
from app.core.db.database import Database, WriteSession
from app.sites.repository import SiteReader, SiteRepository
from app.sites.service import locked_site
from app.slots.capacity_repository import CapacityRepository
from app.slots.capacity_service import today_at
from app.slots.seat_repository import SeatRepository
from app.visitors.models import Visitor
from app.visitors.registration import self_registration_key
from app.visitors.stranger_repository import StrangerRepository


async def count_strangers(database: Database, now: datetime) -> int:
    """Mark and count open self-registered visits; return how many are new."""
    async with database.read() as session:
        sites = [site.id for site in await SiteReader(session).all()]
    for site_id in sites:
        async with database.write() as unit:
            site = await locked_site(SiteRepository(unit), site_id)
            await CapacityRepository(unit).follow_site(site, today_at(site, now))
    return await in_batches(database, _mark_some)


async def _mark_some(unit: WriteSession) -> Batch:
    """Mark visits; the locks of their slots keep bookings out."""
    visitors = StrangerRepository(unit)
    found = await visitors.lock_strangers(at_most=BATCH)
    seats = Counter(visitor.slot_id for visitor in found)
    await SeatRepository(unit).count_strangers(seats)
    _mark(found, await visitors.self_registrations(seats.keys()))
    return Batch(len(found), more=bool(found))


def _mark(found: Sequence[Visitor], known: set[tuple[UUID, str | None]]) -> None:
    """Give the key to the first visit of an address in a slot; count all of them."""
    for visitor in found:
        key = (visitor.slot_id, self_registration_key(visitor.email))
        visitor.is_self_registered = True
        visitor.self_registration_key = None if key in known else key[1]
        known.add(key)
