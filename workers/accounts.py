from typing import Any

from app.auth.jobs import purge_audit_log, purge_sign_ins
from app.core.observability.logging import logger
from app.streams.jobs import purge_tickets
from workers.context import context_of


async def purge_accounts(ctx: dict[Any, Any]) -> None:
    """Delete expired credentials, accounts never activated, and values of old account events."""
    context = context_of(ctx)
    now = context.clock.now()
    purged = await purge_sign_ins(context.database, now)
    stream_tickets = await purge_tickets(context.database, now)
    events = await purge_audit_log(context.database, now, context.account_event_days)
    logger.info(
        "sign-ins purged",
        sessions=purged.sessions,
        refresh_tokens=purged.refresh_tokens,
        links=purged.links,
        networks=purged.networks,
        unproven_accounts=purged.unproven_accounts,
        tickets=purged.tickets,
        stream_tickets=stream_tickets,
        challenges=purged.challenges,
        unconfirmed_apps=purged.unconfirmed_apps,
        api_keys=purged.api_keys,
        events=events,
    )
