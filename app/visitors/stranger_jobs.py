"""Marks the visits that strangers have made while nobody counted them.

The release before knows nothing of their share: it would free a seat and leave it counted. So
nothing is marked while it may run, and `vms migrate --finish` makes up for that.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.core.db.batches import Batch, in_batches
from app.core.db.database import Database, WriteSession
from app.core.text import account_key
from app.sites.repository import SiteReader, SiteRepository
from app.sites.service import locked_site
from app.slots.capacity_service import today_at
from app.slots.repository import SlotRepository
from app.visitors.models import Visitor
from app.visitors.repository import VisitorRepository

# Visits of one transaction: few enough that nobody waits for its locks.
BATCH = 200


async def count_strangers(database: Database, now: datetime) -> int:
    """Mark and count the open visits of strangers; return how many were not yet.

    Safe to run twice, and after a run that was broken off: each batch commits by itself.
    """
    async with database.read() as session:
        sites = [site.id for site in await SiteReader(session).all()]
    for site_id in sites:
        async with database.write() as unit:
            site = await locked_site(SiteRepository(unit), site_id)
            await SlotRepository(unit).follow_site(site, today_at(site, now))
    return await in_batches(database, _mark_some)


async def _mark_some(unit: WriteSession) -> Batch:
    """Mark visits, under the locks of their slots: nobody else books there meanwhile."""
    visitors = VisitorRepository(unit)
    found = await visitors.lock_strangers(at_most=BATCH)
    seats = Counter(visitor.slot_id for visitor in found)
    await SlotRepository(unit).count_strangers(seats)
    _mark(found, await visitors.self_registrations(seats.keys()))
    return Batch(len(found), more=bool(found))


def _mark(found: Sequence[Visitor], known: set[tuple[UUID, str | None]]) -> None:
    """Of several visits of one address in a slot the first one bears it; all of them count."""
    for visitor in found:
        key = (visitor.slot_id, account_key(visitor.email))
        visitor.is_self_registered = True
        visitor.self_registration_key = None if key in known else key[1]
        known.add(key)
