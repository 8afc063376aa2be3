"""The end of the day: closes the visits that are over, on each site's own calendar."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.audit.models import VisitorAction
from app.audit.repository import VisitorEventRepository
from app.auth.caller import SYSTEM
from app.core.database import Database, WriteSession
from app.notifications.repository import MailKeeper
from app.visitors.models import VisitorStatus
from app.visitors.repository import VisitorRepository

# Rows of one transaction: few enough that nobody waits for its locks.
BATCH = 500


@dataclass(frozen=True, slots=True)
class Closed:
    """How many visits a run has closed."""

    expired: int
    completed: int


async def close_past_visits(database: Database, now: datetime) -> Closed:
    """Expire pending visits and complete verified ones whose day is over.

    Seats are not counted back: the slots are past, and nobody can book them. Safe to run twice
    and by two workers: a row that another run holds is passed over.
    """
    return Closed(
        expired=await _close_all(database, now, VisitorStatus.PENDING),
        completed=await _close_all(database, now, VisitorStatus.VERIFIED),
    )


async def _close_all(database: Database, now: datetime, present: VisitorStatus) -> int:
    total = 0
    while True:
        async with database.write() as unit:
            closed = await _close_batch(unit, now, present)
        total += closed
        if closed < BATCH:
            return total


async def _close_batch(unit: WriteSession, now: datetime, present: VisitorStatus) -> int:
    expires = present is VisitorStatus.PENDING
    values = _expired(now) if expires else _completed(now)
    closed = await VisitorRepository(unit).close_past(present, values, now, at_most=BATCH)
    if closed:
        await MailKeeper(unit).supersede(closed, now)
    events = VisitorEventRepository(unit)
    for visitor_id in closed:
        action = VisitorAction.EXPIRED if expires else VisitorAction.COMPLETED
        events.record(visitor_id, action, SYSTEM, now, automatic=True)
    return len(closed)


def _expired(now: datetime) -> dict[str, Any]:
    return {"status": VisitorStatus.EXPIRED, "updated_at": now}


def _completed(now: datetime) -> dict[str, Any]:
    return {
        "status": VisitorStatus.COMPLETED,
        "checked_out_at": now,
        "checked_out_automatically": True,
        "updated_at": now,
    }
