from typing import Any

from app.core.http.idempotency import forget_old
from workers.context import context_of


async def forget_answers(ctx: dict[Any, Any]) -> None:
    """Delete stored responses to an `Idempotency-Key` after 24 hours."""
    context = context_of(ctx)
    async with context.database.write() as unit:
        await forget_old(unit, context.clock.now())
