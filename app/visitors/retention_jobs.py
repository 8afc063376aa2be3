from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from app.audit.models import VisitorAction
from app.audit.repository import VisitorEventRepository
from app.auth.caller import SYSTEM
from app.core.db.batches import BATCH, Batch, in_batches
from app.core.db.database import Database, WriteSession
from app.core.http.idempotency import forget_kept_at
from app.events.repository import EventRepository
from app.notifications.repository import MailKeeper
from app.visitors.group_repository import GroupKeeper
from app.visitors.models import VisitorStatus
from app.visitors.repository import VisitorRepository
from app.visitors.retention_repository import RetentionReader, RetentionRepository


async def due(
    database: Database, now: datetime, days: int
) -> Sequence[Row[UUID, date, str, VisitorStatus]]:
    """Return the visitors that a run would anonymise."""
    async with database.read() as session:
        return await RetentionReader(session).past_retention(now, days)


async def count_due(database: Database, now: datetime, days: int) -> int:
    async with database.read() as session:
        return await RetentionReader(session).count_past_retention(now, days)


async def anonymise_past(
    database: Database, now: datetime, days: int, advance: Callable[[int], None] = lambda _: None
) -> int:
    """Anonymise visitors after `days`; return their number.

    `advance` gets the number of each batch. Safe to run concurrently. Visitors changed afterwards
    are anonymised again.
    """

    async def some(unit: WriteSession) -> Batch:
        done = await _anonymise_batch(unit, now, days)
        return Batch(done, more=done == BATCH)

    return await in_batches(database, some, on_each=advance)


async def _anonymise_batch(unit: WriteSession, now: datetime, days: int) -> int:
    visitors, mails = RetentionRepository(unit), MailKeeper(unit)
    events = VisitorEventRepository(unit)
    found = await visitors.lock_past_retention(now, days, at_most=BATCH)
    if not found:
        return 0
    ids, registered_at = [row.id for row in found], {row.created_at for row in found}
    await visitors.anonymise(ids, now)
    if groups := {row.group_id for row in found if row.group_id is not None}:
        await GroupKeeper(unit).tidy(groups)
    await VisitorRepository(unit).erase_elsewhere(ids)
    await mails.erase_of(ids)
    # A registration, its upload summary and its stored response share one instant.
    await mails.erase_from_summaries(ids, registered_at)
    await forget_kept_at(unit, registered_at)
    await events.erase_values(ids)
    await EventRepository(unit).erase_of(ids)
    for row in found:
        about: dict[str, Any] = {"site": row.site_id, "host": row.host_id}
        events.record(row.id, VisitorAction.ANONYMISED, SYSTEM, now, **about)
    return len(ids)
