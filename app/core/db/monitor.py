"""Monitor whether the database responds, with a separate connection.

While it does not, all connections are cut, so that requests fail within two seconds; a statement
timeout cannot tell a frozen database from a long query.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any
from weakref import WeakSet

import asyncpg
from sqlalchemy import PoolProxiedConnection, event
from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

from app.core.observability.logging import logger

CHECK_SECONDS = 0.5
ANSWER_SECONDS = 1.0


class DatabaseMonitor:
    """Monitors a database and keeps dead connections from being used.

    `options` are asyncpg's; `of` is the name in the log.
    """

    def __init__(
        self, engine: AsyncEngine, options: Mapping[str, Any], *, of: str = "database"
    ) -> None:
        self.silent = False
        self._of = of
        _, address = engine.dialect.create_connect_args(engine.url)
        ours = {**options["server_settings"], "application_name": "vms monitor"}
        self._address = {**_without_sqlalchemys(address), **options, "server_settings": ours}
        self._own: asyncpg.Connection | None = None
        self._pooled: WeakSet[asyncpg.Connection] = WeakSet()
        event.listen(engine.sync_engine, "do_connect", self._open)
        event.listen(engine.sync_engine, "checkout", self._refuse_dead)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        asking = asyncio.create_task(self._run())
        try:
            yield
        finally:
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking
            self._disconnect()

    def cut(self) -> None:
        """Close every connection, so that everything waiting on one fails now."""
        for connection in list(self._pooled):
            connection.terminate()

    # -- the connections of the engine --------------------------------------------------------

    def _open(
        self,
        dialect: Dialect,
        _: ConnectionPoolEntry,
        arguments: list[Any],
        options: dict[str, Any],
    ) -> DBAPIConnection:
        if self.silent:
            raise ConnectionError(f"The {self._of} does not answer")
        opened = _opened(dialect, arguments, options)
        self._pooled.add(opened.driver_connection)
        connection: DBAPIConnection = opened
        return connection

    @staticmethod
    def _refuse_dead(
        _: DBAPIConnection, entry: ConnectionPoolEntry, __: PoolProxiedConnection
    ) -> None:
        """Make the pool replace a closed connection, without a query."""
        if entry.driver_connection is None or entry.driver_connection.is_closed():
            raise DisconnectionError

    # -- the connection that asks -------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            await self._check()
            await asyncio.sleep(0 if self.silent else CHECK_SECONDS)

    async def _check(self) -> None:
        asked = asyncio.create_task(self._ask())
        try:
            # Twice, in case our own process was blocked.
            for _ in range(2):
                await asyncio.wait({asked}, timeout=ANSWER_SECONDS / 2)
            if asked.done():
                self._mark_answering()
            else:
                self._mark_silent()
        finally:  # also when cancelled
            asked.cancel()
            await asyncio.wait({asked})

    async def _ask(self) -> None:
        # A server that refuses is not silent.
        with suppress(
            OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError
        ):
            if self._own is None or self._own.is_closed():
                self._own = await asyncpg.connect(**self._address)
            await self._own.execute("SELECT 1")

    def _mark_answering(self) -> None:
        if self.silent:
            logger.info(f"the {self._of} answers again")
        self.silent = False

    def _mark_silent(self) -> None:
        if not self.silent:
            logger.warning(f"the {self._of} does not answer")
        self.silent = True
        self._disconnect()
        self.cut()

    def _disconnect(self) -> None:
        if self._own is not None:
            self._own.terminate()
            self._own = None


def _opened(dialect: Dialect, arguments: list[Any], options: dict[str, Any]) -> Any:
    """Open a connection; raise ConnectionError whatever the cause."""
    try:
        return dialect.connect(*arguments, **options)
    except (OSError, dialect.loaded_dbapi.Error) as error:
        raise ConnectionError(str(error) or "no answer in time") from error


def _without_sqlalchemys(address: Mapping[str, Any]) -> dict[str, Any]:
    """Return only the options that asyncpg knows."""
    return {name: value for name, value in address.items() if not name.startswith("prepared_")}
