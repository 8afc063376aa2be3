"""Jobs about repeated requests."""

from typing import Any

from app.core.idempotency import forget_old
from workers.context import context_of


async def forget_answers(ctx: dict[Any, Any]) -> None:
    """Delete the answers under an `Idempotency-Key` that are older than a day."""
    context = context_of(ctx)
    async with context.database.write() as unit:
        await forget_old(unit, context.clock.now())
