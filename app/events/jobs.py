from datetime import datetime, timedelta
from itertools import takewhile

from app.core.db.batches import Batch, in_batches
from app.core.db.database import Database, WriteSession
from app.events.repository import EventRepository

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
