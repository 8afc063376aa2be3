"""The nightly end of what nobody can use any more."""

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

# Rows of one transaction: few enough that nobody waits for its locks.
BATCH = 1_000
# How long an account waits for its owner, from when it was last asked for.
UNPROVEN_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Purged:
    """How many rows a run has deleted; refresh tokens of deleted sessions are not counted."""

    sessions: int
    refresh_tokens: int
    links: int
    networks: int
    unproven_accounts: int


async def purge_trail(database: Database, now: datetime, days: int) -> int:
    """Delete what happened to accounts more than so many days ago; says how many entries."""
    before, total = now - timedelta(days=days), 0
    while True:
        async with database.write() as unit:
            deleted = await AccountEventRepository(unit, now).purge(before, at_most=BATCH)
        total += deleted
        if deleted < BATCH:
            return total


async def purge_sign_ins(database: Database, now: datetime) -> Purged:
    """Delete what nobody can use any more, old networks, and accounts that were never opened."""
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
