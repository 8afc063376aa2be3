"""Nightly deletion of expired rows."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.auth.event_repository import AccountEventRepository
from app.auth.repository import (
    AccountLinkRepository,
    AuthSessionRepository,
    RefreshTokenRepository,
    SignInNetworkRepository,
)
from app.core.db.database import Database
from app.users.repository import UserRepository

# Rows per transaction: few enough to hold locks only briefly.
BATCH = 1_000
# How long after the last request an unverified account is kept.
UNPROVEN_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Purged:
    """The numbers of deleted rows, without refresh tokens of deleted sessions."""

    sessions: int
    refresh_tokens: int
    links: int
    networks: int
    unproven_accounts: int


async def purge_trail(database: Database, now: datetime, days: int) -> int:
    """Delete account events older than this many days; return how many."""
    before, total = now - timedelta(days=days), 0
    while True:
        async with database.write() as unit:
            deleted = await AccountEventRepository(unit, now).purge(before, at_most=BATCH)
        total += deleted
        if deleted < BATCH:
            return total


async def purge_sign_ins(database: Database, now: datetime) -> Purged:
    """Delete expired sign-ins, links and networks, and accounts that were never verified."""
    async with database.write() as unit:
        links = await AccountLinkRepository(unit).purge(now)
    return Purged(
        sessions=await _purge_all(database, now, AuthSessionRepository),
        refresh_tokens=await _purge_all(database, now, RefreshTokenRepository),
        links=links,
        networks=await _purge_all(database, now, SignInNetworkRepository),
        unproven_accounts=await _purge_unproven(database, now),
    )


async def _purge_unproven(database: Database, now: datetime) -> int:
    total = 0
    while True:
        async with database.write() as unit:
            users = UserRepository(unit)
            deleted = await users.purge_unproven(now - UNPROVEN_FOR, at_most=BATCH)
        total += deleted
        if deleted < BATCH:
            return total


async def _purge_all(
    database: Database,
    now: datetime,
    table: type[AuthSessionRepository | RefreshTokenRepository | SignInNetworkRepository],
) -> int:
    total = 0
    while True:
        async with database.write() as unit:
            deleted = await table(unit).purge(now, at_most=BATCH)
        total += deleted
        if deleted < BATCH:
            return total
