from typing import Any

from app.core.db.batches import Batch, in_batches
from app.core.db.database import WriteSession
from app.core.observability.logging import logger
from app.events.jobs import tell_of_shown
from app.musters.retention_jobs import erase_past_musters
from app.reports.counting_statements import fold_changes
from app.visitors.closing_jobs import close_past_visits
from app.visitors.reminder_jobs import remind
from app.visitors.retention_jobs import anonymise_past
from app.visitors.site_change_jobs import bring_to_visits
from workers.context import context_of


async def close_visits(ctx: dict[Any, Any]) -> None:
    """Expire missed visits, and complete visits that nobody checked out."""
    context = context_of(ctx)
    closed = await close_past_visits(context.database, context.clock.now())
    if closed.expired or closed.completed:
        logger.info("visits closed", expired=closed.expired, completed=closed.completed)


async def count_visits(ctx: dict[Any, Any]) -> None:
    """Move changes into the dashboard's stored counts.

    The dashboard is exact without this, but slows down.
    """
    await in_batches(context_of(ctx).database, _count_some)


async def _count_some(unit: WriteSession) -> Batch:
    moved = await fold_changes(unit)
    return Batch(moved, more=bool(moved))


async def send_reminders(ctx: dict[Any, Any]) -> None:
    context = context_of(ctx)
    queued = await remind(
        context.database, context.wake_outbox, context.clock.now(), context.strangers
    )
    if queued:
        logger.info("reminders queued", count=queued)


async def tell_of_site_changes(ctx: dict[Any, Any]) -> None:
    """Tell visits, by mail and by event, what their sites, departments and groups changed."""
    context = context_of(ctx)
    count = await bring_to_visits(context.database, context.wake_outbox, context.clock.now())
    if count:
        logger.info("site changes told", count=count)
    events = await tell_of_shown(context.database, context.clock.now())
    if events:
        logger.info("changes that visits show told", events=events)


async def anonymise_visitors(ctx: dict[Any, Any]) -> None:
    """Anonymise visitors and musters whose retention period has ended, if one is set."""
    context, days = context_of(ctx), context_of(ctx).retention_days
    if days is None:
        return
    count = await anonymise_past(context.database, context.clock.now(), days)
    await erase_past_musters(context.database, context.clock.now(), days)
    if count:
        logger.info("visitors anonymised", count=count)
