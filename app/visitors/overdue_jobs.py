from datetime import datetime

from app.audit.models import VISITOR
from app.core.db.batches import BATCH, Batch, in_batches
from app.core.db.database import Database, WriteSession
from app.events.kinds import EventType
from app.events.outbox import emit
from app.visitors.arrival import is_over_time
from app.visitors.overdue_repository import OverdueRepository
from app.visitors.repository import VisitorReader


async def tell_of_overdue(database: Database, now: datetime) -> int:
    """Tell of visitors who should have left, once for each stay; return how many.

    Safe to run concurrently; a visit that somebody changes meanwhile waits for the next run.
    """
    async with database.read() as session:
        waiting = await VisitorReader(session).overdue(now, untold=True)

    async def some(unit: WriteSession) -> Batch:
        stays = OverdueRepository(unit)
        chosen, waiting[:] = waiting[:BATCH], waiting[BATCH:]
        found = await stays.lock_untold(chosen) if chosen else ()
        late = [each for each in found if is_over_time(each, each.timezone, now)]
        await stays.set_told([each.stay_id for each in late], now)
        for each in late:
            about = {"site": each.site_id, "host": each.host_id}
            emit(unit, EventType.VISIT_OVERDUE, VISITOR, each.id, now, **about)
        return Batch(len(late), more=bool(waiting))

    return await in_batches(database, some)
