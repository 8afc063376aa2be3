"""Jobs about accounts."""

from typing import Any

from app.auth.housekeeping import purge_sign_ins
from app.core.logging import logger
from workers.context import context_of


async def purge_accounts(ctx: dict[Any, Any]) -> None:
    """Delete the sessions, refresh tokens and mailed links that nobody can use any more."""
    context = context_of(ctx)
    purged = await purge_sign_ins(context.database, context.clock.now())
    logger.info(
        "sign-ins purged",
        sessions=purged.sessions,
        refresh_tokens=purged.refresh_tokens,
        links=purged.links,
    )
