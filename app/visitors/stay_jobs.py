"""Run by `vms migrate`: the previous release stores no stays."""

from uuid import UUID

from app.core.db.batches import Batch, in_batches
from app.core.db.database import Database, WriteSession
from app.visitors.stay_repository import StayRepository

AT_ONCE = 1_000
_NOBODY = UUID(int=0)


async def derive_stays(database: Database) -> int:
    """Store the stays that only the times of visitors say; return how many visitors had any.

    Safe to be ended at any time, and to run again.
    """
    last = _NOBODY

    async def some(unit: WriteSession) -> Batch:
        nonlocal last
        stays = StayRepository(unit)
        seen = await stays.came_in(last, at_most=AT_ONCE)
        found = await stays.lock_underived(seen) if seen else ()
        if found:
            await stays.derive(found)
        last = seen[-1] if seen else last
        return Batch(len(found), more=len(seen) == AT_ONCE)

    return await in_batches(database, some)
