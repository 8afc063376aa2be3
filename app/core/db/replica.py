"""A streaming replica for reads, used while its lag is short.

Lag is measured in the write-ahead log, which needs neither writes nor equal clocks.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from time import monotonic
from typing import Any, cast

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.core.db.engine import connect_options, make_engine
from app.core.db.errors import OUTAGES
from app.core.db.monitor import DatabaseMonitor
from app.core.observability.logging import logger

MAX_LAG_SECONDS = 5.0
CHECK_SECONDS = 1.0
ASK_AGAIN_SECONDS = 0.1
ANSWER_SECONDS = 1.0
UNREACHABLE = (DBAPIError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError)

_WRITTEN = text("SELECT pg_current_wal_flush_lsn()::text")
# A promoted replica has its own history.
_HAS_REPLAYED = text(
    "SELECT pg_is_in_recovery()"
    " AND pg_last_wal_replay_lsn() >= CAST(CAST(:written AS text) AS pg_lsn)"
)


class Replica:
    """The connections of a process to the replica, and a monitor of its lag."""

    def __init__(self, url: str, primary_url: str, **pool: Any) -> None:
        self.engine: AsyncEngine = make_engine(url, **pool)
        self.monitor = DatabaseMonitor(self.engine, connect_options(url), of="replica")
        # Connections of its own: an exhausted pool must not look like a lag.
        self._watched = [_single(primary_url), _single(url)]
        self._as_of: float | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def is_fresh(self) -> bool:
        if self._as_of is None or self.monitor.silent:
            return False
        return monotonic() - self._as_of < MAX_LAG_SECONDS

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection | None]:
        """Open a connection that responds, or yield None to use the primary."""
        if self._watch is None:
            self._watch = asyncio.create_task(self._monitor_and_watch())
        async with AsyncExitStack() as stack:
            yield await self._answering(stack) if self.is_fresh else None

    async def _answering(self, stack: AsyncExitStack) -> AsyncConnection | None:
        """Open and test a connection: a pooler accepts one even if the replica is down."""
        connection = None
        try:
            connection = await stack.enter_async_context(self.engine.connect())
            async with asyncio.timeout(ANSWER_SECONDS):
                raw = await connection.get_raw_connection()
                await cast("asyncpg.Connection", raw.driver_connection).execute("SELECT 1")
        except UNREACHABLE:
            self._as_of = None
            if connection is not None:
                await connection.invalidate()
            return None
        return connection

    async def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        for engine in (self.engine, *self._watched):
            await engine.dispose()

    async def _monitor_and_watch(self) -> None:
        async with self.monitor.running():
            await self._keep_watch()

    async def _keep_watch(self) -> None:
        answers = False
        while True:
            try:
                await self._check()
            except OUTAGES:  # includes time-outs
                self._as_of = None
            if answers is not self.is_fresh:
                answers = self.is_fresh
                logger.info("replica answers" if answers else "replica is not asked")
            await asyncio.sleep(CHECK_SECONDS)

    async def _check(self) -> None:
        """Wait until the replica has all that the primary has now."""
        began = monotonic()
        primary, replica = self._watched
        async with asyncio.timeout(MAX_LAG_SECONDS):
            async with primary.connect() as connection:
                written = (await connection.execute(_WRITTEN)).scalar_one()
            async with replica.connect() as connection:
                await _until_replayed(connection, written)
        self._as_of = began


async def _until_replayed(connection: AsyncConnection, written: str) -> None:
    while not (await connection.execute(_HAS_REPLAYED, {"written": written})).scalar():  # noqa: ASYNC110 - another machine sets no event
        await asyncio.sleep(ASK_AGAIN_SECONDS)


def _single(url: str) -> AsyncEngine:
    return make_engine(
        url, pool_size=1, max_overflow=0, pool_pre_ping=True, isolation_level="AUTOCOMMIT"
    )
