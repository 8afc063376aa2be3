from typing import Any

from app.core.observability.logging import logger
from app.events.jobs import delete_old
from workers.context import context_of


async def delete_events(ctx: dict[Any, Any]) -> None:
    """Delete events older than `EVENT_DAYS`."""
    context = context_of(ctx)
    done = await delete_old(context.database, context.clock.now(), context.event_days)
    logger.info("events deleted", events=done)
