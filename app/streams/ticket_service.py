"""Tickets: what a browser opens the stream with."""

import secrets
from datetime import datetime, timedelta

from app.auth.caller import Caller
from app.auth.repository import live_caller
from app.core.db.database import Database, WriteSession
from app.core.security.random_secrets import stored_hash
from app.streams.repository import StreamTicketRepository

VALID_FOR = timedelta(seconds=30)


def issue(unit: WriteSession, caller: Caller, now: datetime) -> str:
    """Store and return a ticket for the session of a user."""
    if caller.session_id is None:
        raise TypeError("only users have a session")
    ticket = secrets.token_urlsafe(32)
    StreamTicketRepository(unit).store(
        stored_hash(ticket), caller.session_id, now, until=now + VALID_FOR
    )
    return ticket


async def redeem(database: Database, ticket: str, now: datetime) -> Caller | None:
    """Use up a ticket; return the caller it was issued to, as they are now."""
    async with database.write() as unit:
        found = await StreamTicketRepository(unit).use_up(stored_hash(ticket), now)
        return await live_caller(unit, *found) if found else None
