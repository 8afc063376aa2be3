from datetime import datetime, timedelta
from itertools import takewhile

from app.core.db.batches import Batch, in_batches
from app.core.db.database import Database, WriteSession
from app.events.repository import EventRepository
from app.events.shown_repository import ShownChangeRepository

# Events per transaction.
BATCH = 2_000


async def delete_old(database: Database, now: datetime, days: int) -> int:
    """Delete events that got their number more than `days` ago; return how many."""
    before = now - timedelta(days=days)

    async def some(unit: WriteSession) -> Batch:
        events = EventRepository(unit)
        old = [*takewhile(lambda each: each[1] < before, await events.oldest(BATCH))]
        if old:
            await events.cut_through(old[-1][0])
        return Batch(len(old), more=len(old) == BATCH)

    return await in_batches(database, some)


async def tell_of_shown(database: Database, now: datetime) -> int:
    """Tell open visits what their sites, departments and groups changed; return how many events.

    Safe concurrently and after a crash: each batch commits its progress.
    """

    async def some(unit: WriteSession) -> Batch:
        changes = ShownChangeRepository(unit)
        change = await changes.lock_next()
        if change is None:
            return Batch(0, more=False)
        done = await changes.tell(change, now)
        if not done:
            await changes.delete(change)
        return Batch(done, more=True)

    return await in_batches(database, some)
