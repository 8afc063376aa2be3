"""Nightly deletion of expired tickets."""

from datetime import datetime

from app.core.db.batches import Batch, in_batches
from app.core.db.database import Database, WriteSession
from app.streams.repository import StreamTicketRepository

BATCH = 1_000


async def purge_tickets(database: Database, now: datetime) -> int:
    """Delete tickets that were never used; return how many."""

    async def some(unit: WriteSession) -> Batch:
        deleted = await StreamTicketRepository(unit).purge(now, at_most=BATCH)
        return Batch(deleted, more=deleted == BATCH)

    return await in_batches(database, some)
