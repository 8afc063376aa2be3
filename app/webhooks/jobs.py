"""Deletes old deliveries."""

from datetime import datetime, timedelta

from app.core.db.batches import Batch, in_batches
from app.core.db.database import Database, WriteSession
from app.webhooks.repository import DeliveryRepository

KEPT_FOR = timedelta(days=30)
BATCH = 1_000


async def delete_old_deliveries(database: Database, now: datetime) -> int:
    """Delete deliveries that are older than 30 days; return how many."""

    async def some(unit: WriteSession) -> Batch:
        done = await DeliveryRepository(unit).delete_old(now - KEPT_FOR, BATCH)
        return Batch(done, more=done == BATCH)

    return await in_batches(database, some)
