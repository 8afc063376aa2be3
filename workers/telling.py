"""What only the clock causes, told by events."""

from typing import Any

from app.core.observability.logging import logger
from app.devices.presence_jobs import tell_of_silent
from app.visitors.overdue_jobs import tell_of_overdue
from workers.context import context_of


async def tell_of_the_clock(ctx: dict[Any, Any]) -> None:
    """Tell of visitors who are overdue, and of devices that have gone offline."""
    database, now = context_of(ctx).database, context_of(ctx).clock.now()
    overdue = await tell_of_overdue(database, now)
    offline = await tell_of_silent(database, now)
    if overdue or offline:
        logger.info("clock told", overdue=overdue, offline=offline)
