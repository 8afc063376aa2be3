"""The job that cuts the audit log."""

from typing import Any

from app.audit.chain_service import cut
from app.core.observability.logging import logger
from workers.context import context_of


async def cut_audit_log(ctx: dict[Any, Any]) -> None:
    """Cut off entries older than `AUDIT_DAYS`, leaving a signed anchor."""
    context = context_of(ctx)
    if context.signer is None:
        return
    done = await cut(context.database, context.signer, context.clock.now(), context.audit_days)
    logger.info("audit log cut", entries=done)
