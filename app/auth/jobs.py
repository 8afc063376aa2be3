"""Nightly deletion of expired rows."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.api_keys.repository import ApiKeyRepository
from app.auth.directory_repository import DirectoryFlowRepository
from app.auth.event_repository import AccountEventRepository
from app.auth.factor_repository import ChallengeRepository, TicketRepository, TotpRepository
from app.auth.repository import (
    AccountLinkRepository,
    AuthSessionRepository,
    RefreshTokenRepository,
    SignInNetworkRepository,
)
from app.core.db.batches import Batch, in_batches
from app.core.db.database import Database, WriteSession
from app.users.repository import UserRepository

# Rows per transaction, so that locks are brief.
BATCH = 1_000
# Unverified accounts are kept for this time after the last request.
UNPROVEN_FOR = timedelta(days=7)
# How long an expired API key is listed.
EXPIRED_KEYS_FOR = timedelta(days=90)
# How long an authenticator app that was not confirmed is kept.
UNCONFIRMED_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Purged:
    """Numbers of deleted rows, without refresh tokens of deleted sessions."""

    sessions: int
    refresh_tokens: int
    links: int
    networks: int
    directory_flows: int
    unproven_accounts: int
    tickets: int
    challenges: int
    unconfirmed_apps: int
    api_keys: int


async def purge_audit_log(database: Database, now: datetime, days: int) -> int:
    """Delete account events older than `days`; return how many."""
    before = now - timedelta(days=days)
    return await _purge_all(
        database, lambda unit: AccountEventRepository(unit, now).purge(before, at_most=BATCH)
    )


async def purge_sign_ins(database: Database, now: datetime) -> Purged:
    """Delete expired sign-ins, links and networks, and what was never verified or confirmed."""
    async with database.write() as unit:
        links = await AccountLinkRepository(unit).purge(now)
    return Purged(
        sessions=await _purge_table(database, now, AuthSessionRepository),
        refresh_tokens=await _purge_table(database, now, RefreshTokenRepository),
        links=links,
        networks=await _purge_table(database, now, SignInNetworkRepository),
        directory_flows=await _purge_table(database, now, DirectoryFlowRepository),
        unproven_accounts=await _purge_unproven(database, now),
        tickets=await _purge_table(database, now, TicketRepository),
        challenges=await _purge_table(database, now, ChallengeRepository),
        unconfirmed_apps=await _purge_table(database, now - UNCONFIRMED_FOR, TotpRepository),
        api_keys=await _purge_table(database, now - EXPIRED_KEYS_FOR, ApiKeyRepository),
    )


async def _purge_unproven(database: Database, now: datetime) -> int:
    before = now - UNPROVEN_FOR
    return await _purge_all(
        database, lambda unit: UserRepository(unit).purge_unproven(before, at_most=BATCH)
    )


async def _purge_table(
    database: Database,
    now: datetime,
    table: type[
        ApiKeyRepository
        | AuthSessionRepository
        | ChallengeRepository
        | DirectoryFlowRepository
        | RefreshTokenRepository
        | SignInNetworkRepository
        | TicketRepository
        | TotpRepository
    ],
) -> int:
    return await _purge_all(database, lambda unit: table(unit).purge(now, at_most=BATCH))


async def _purge_all(database: Database, purge: Callable[[WriteSession], Awaitable[int]]) -> int:
    async def some(unit: WriteSession) -> Batch:
        deleted = await purge(unit)
        return Batch(deleted, more=deleted == BATCH)

    return await in_batches(database, some)
