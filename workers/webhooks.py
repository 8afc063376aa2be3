from typing import Any

from app.core.observability.logging import logger
from app.webhooks.jobs import delete_old_deliveries
from workers.context import context_of


async def delete_deliveries(ctx: dict[Any, Any]) -> None:
    """Delete deliveries of webhooks after 30 days."""
    context = context_of(ctx)
    count = await delete_old_deliveries(context.database, context.clock.now())
    if count:
        logger.info("deliveries of webhooks deleted", count=count)
