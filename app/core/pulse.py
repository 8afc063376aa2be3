"""Whether the database answers.

One that is down refuses at once, and that is an answer. One that is frozen, or behind a network
that lost it, says nothing, and a limit of time for a statement tells it from none that works on a
report or waits for a lock. So a connection of its own asks it twice a second. While that is left
without an answer every connection is cut and no new one is tried: who waits hears of it within two
seconds, and who comes then at once.
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

from app.core.logging import logger

BEAT_SECONDS = 0.5
ANSWER_SECONDS = 1.0


class Pulse:
    """Feels the database's pulse, and keeps dead connections of `engine` from being used.

    `options` are asyncpg's, the ones that the engine connects with; `of` is its name in the log.
    """

    def __init__(
        self, engine: AsyncEngine, options: Mapping[str, Any], *, of: str = "database"
    ) -> None:
        self.silent = False
        self._of = of
        _, address = engine.dialect.create_connect_args(engine.url)
        ours = {**options["server_settings"], "application_name": "vms pulse"}
        self._address = {**_without_sqlalchemys(address), **options, "server_settings": ours}
        self._own: asyncpg.Connection | None = None
        self._pooled: WeakSet[asyncpg.Connection] = WeakSet()
        event.listen(engine.sync_engine, "do_connect", self._open)
        event.listen(engine.sync_engine, "checkout", self._refuse_dead)

    @asynccontextmanager
    async def felt(self) -> AsyncIterator[None]:
        """Asks while the block runs."""
        asking = asyncio.create_task(self._run())
        try:
            yield
        finally:
            asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking
            self._hang_up()

    def cut(self) -> None:
        """Drop every connection: what waits on one fails now."""
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
        """Has the pool replace what a restart of the server has closed; costs no question."""
        if entry.driver_connection is None or entry.driver_connection.is_closed():
            raise DisconnectionError

    # -- the connection that asks -------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            await self._beat()
            await asyncio.sleep(0 if self.silent else BEAT_SECONDS)

    async def _beat(self) -> None:
        asked = asyncio.create_task(self._ask())
        try:
            for _ in range(
                2
            ):  # the second look is for when it was our own process that stood still
                await asyncio.wait({asked}, timeout=ANSWER_SECONDS / 2)
            if asked.done():
                self._hear()
            else:
                self._fall_silent()
        finally:  # whoever ends the asking ends the question too, and what it has opened
            asked.cancel()
            await asyncio.wait({asked})

    async def _ask(self) -> None:
        # Whatever it refuses us, it is not silent.
        with suppress(
            OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError
        ):
            if self._own is None or self._own.is_closed():
                self._own = await asyncpg.connect(**self._address)
            await self._own.execute("SELECT 1")

    def _hear(self) -> None:
        if self.silent:
            logger.info(f"the {self._of} answers again")
        self.silent = False

    def _fall_silent(self) -> None:
        if not self.silent:
            logger.warning(f"the {self._of} does not answer")
        self.silent = True
        self._hang_up()
        self.cut()

    def _hang_up(self) -> None:
        if self._own is not None:
            self._own.terminate()
            self._own = None


def _opened(dialect: Dialect, arguments: list[Any], options: dict[str, Any]) -> Any:
    """A new connection. Whatever keeps us from it (no socket, no such name, no answer, no place, no
    such password) means one thing to who needs it: raises ConnectionError."""
    try:
        return dialect.connect(*arguments, **options)
    except (OSError, dialect.loaded_dbapi.Error) as error:
        raise ConnectionError(str(error) or "no answer in time") from error


def _without_sqlalchemys(address: Mapping[str, Any]) -> dict[str, Any]:
    """What an address says to asyncpg; an option such as `prepared_statement_cache_size` is
    SQLAlchemy's own."""
    return {name: value for name, value in address.items() if not name.startswith("prepared_")}
