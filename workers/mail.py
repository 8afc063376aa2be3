from typing import Any

from workers.context import context_of


async def drain_outbox(ctx: dict[Any, Any]) -> None:
    """Wake the delivery of this worker."""
    await context_of(ctx).wake_outbox()
