"""Connections, the two types of session, and the unit of work that owns the only commit."""

import asyncio
from collections import defaultdict
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import aclosing, asynccontextmanager
from typing import Annotated, Any, TypeVar, TypeVarTuple, cast

import asyncpg
from fastapi import Depends, Request
from sqlalchemy import (
    CursorResult,
    Delete,
    Executable,
    Insert,
    Result,
    ScalarResult,
    Select,
    Update,
    func,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
from sqlalchemy.orm import Session

from app.core.engine import connect_options, make_engine
from app.core.errors import Conflict
from app.core.inserting import Shape, as_json, insertions
from app.core.journeys import Journeys, Row, stream
from app.core.models import Entity
from app.core.pool import MeasuredPool
from app.core.prepared import Prepared
from app.core.pulse import Pulse
from app.core.recent_writers import note_write
from app.core.replica import Replica

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
AfterCommit = Callable[[], Awaitable[None]]

POOL_WAIT_SECONDS = 10.0
CLOSE_SECONDS = 2.0
AUTOCOMMIT = {"isolation_level": "AUTOCOMMIT"}


class ReadSession:
    """Runs queries and nothing else; each sees what is committed at its start.

    A session of the ORM is opened at `place` by the first statement that needs it. Until then
    prepared statements are `journeys`, where it has any.
    """

    def __init__(
        self, place: AsyncEngine | AsyncConnection, journeys: Journeys | None = None
    ) -> None:
        self._place = place
        self._journeys = journeys
        self._opened: AsyncSession | None = None

    @property
    def _session(self) -> AsyncSession:
        if self._opened is None:
            self._opened = AsyncSession(self._place, expire_on_commit=False, autoflush=False)
        return self._opened

    async def begin_read_only(self) -> None:
        """Have all that follows see the database as it is now, and change nothing in it."""
        await self._session.connection(execution_options={"postgresql_readonly": True})

    async def aclose(self) -> None:
        """Give back what was opened; what was not committed is undone."""
        if self._opened is not None:
            await self._opened.__aexit__(None, None, None)  # to its end, even when we are cancelled

    async def rows(self, statement: Select[*Ts], **values: Any) -> Result[*Ts]:
        """The rows of a query; `values` are those of its `bindparam`s."""
        return await self._session.execute(statement, values)

    async def scalar(self, statement: Select[T]) -> T | None:
        return (await self._session.execute(statement)).scalars().first()

    async def scalars(self, statement: Select[T]) -> ScalarResult[T]:
        return (await self._session.execute(statement)).scalars()

    async def row(self, statement: Prepared, **values: Any) -> Row | None:
        """The first row of a statement of a measured path."""
        found = await self.fetch(statement, **values)
        return found[0] if found else None

    async def fetch(self, statement: Prepared, **values: Any) -> Sequence[Row]:
        """The rows of a statement of a measured path."""
        if self._journeys is not None and self._opened is None:
            return await self._journeys.fetch(statement, values)
        return await self._session.run_sync(
            lambda session: _run_prepared(session, statement, values).all()
        )

    async def stream(
        self, statement: Prepared, *, part: int, **values: Any
    ) -> AsyncGenerator[Sequence[Row], None]:
        """The rows in parts, from a cursor of the server: within `Database.snapshot` alone."""
        connection = await self._session.connection()
        lent = await connection.get_raw_connection()
        driver = cast("asyncpg.Connection", lent.driver_connection)
        try:
            async with aclosing(stream(driver, statement, values, part)) as parts:
                async for rows in parts:
                    yield rows
        except BaseException:
            await connection.invalidate()  # it may be in the middle of an answer
            raise


def _run_prepared(
    session: Session, statement: Prepared, values: dict[str, Any]
) -> CursorResult[Any]:
    return session.connection().exec_driver_sql(statement.sql, statement.arguments(values))


class WriteSession(ReadSession):
    """A transaction: what it writes is there for others once its owner has committed."""

    def __init__(self, database: "Database") -> None:
        super().__init__(database.engine)
        self.database = database
        self.callbacks: list[AfterCommit] = []
        self._appended: defaultdict[Shape, list[Mapping[str, Any]]] = defaultdict(list)
        self._rehearses = False

    def rehearse(self) -> None:
        """Have the owner undo all of it at the end, with nobody told: a dry run."""
        self._rehearses = True

    def add(self, *entities: object) -> None:
        self._session.add_all(entities)

    async def delete(self, entity: object) -> None:
        await self._session.delete(entity)

    def append(self, model: type[Entity], row: Mapping[str, Any]) -> None:
        """Add a row that this unit of work does not look at again.

        At the next flush such rows of all tables go in one statement, after what was changed.
        """
        self._appended[model, tuple(row)].append(row)

    async def flush(self) -> None:
        """Send what waits in the session; done by itself before each write and the commit."""
        if self._opened is not None:
            await self._opened.flush()
        if self._appended:
            shapes, parts = zip(*self._appended.items(), strict=True)
            self._appended.clear()
            rows = {f"rows{number}": as_json(part) for number, part in enumerate(parts)}
            await self._run(insertions(shapes), rows)

    async def write(self, statement: Insert | Update | Delete) -> CursorResult[Any]:
        """Run one INSERT, UPDATE or DELETE after what waits in the session."""
        await self.flush()
        result = await self._session.execute(statement)
        if not isinstance(result, CursorResult):
            raise TypeError("a written statement has a cursor")
        return result

    async def returning(self, statement: Executable) -> Result[Any]:
        """Run one statement that writes and hands back rows."""
        await self.flush()
        return await self._session.execute(statement)

    async def run(self, statement: Prepared, **values: Any) -> int:
        """Run a statement that writes on a measured path; says how many rows it concerned."""
        await self.flush()
        return await self._run(statement, values)

    async def _run(self, statement: Prepared, values: dict[str, Any]) -> int:
        def rowcount(session: Session) -> int:
            return _run_prepared(session, statement, values).rowcount

        return await self._session.run_sync(rowcount)

    def commit_each(self) -> None:
        """Have each statement commit by itself: for a unit that writes with a single one.

        BEGIN and COMMIT round it are two journeys to the database, and the locks are held for one
        of them. A unit that has read or written before goes on as one transaction.
        """
        if self._opened is None:
            self._place, self._journeys = self.database.autocommit, self.database.journeys

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part that an exception undoes by itself, and whose locks it lets go of.

        What waits in the session is sent before it and at its end.
        """
        await self.flush()
        async with self._session.begin_nested():
            yield
            await self.flush()

    async def commit(self) -> None:
        """For the owner of the unit alone."""
        await self.flush()
        if self._rehearses:
            self.callbacks.clear()
        elif self._opened is not None:
            await self._opened.commit()

    def after_commit(self, callback: AfterCommit) -> None:
        """Have `callback` awaited once the transaction is durable, and not if it is undone."""
        if callback not in self.callbacks:
            self.callbacks.append(callback)


class Database:
    """The pool of one process, and a second one where there is a replica."""

    def __init__(self, url: str, *, pool_size: int = 10, replica_url: str | None = None) -> None:
        pool: dict[str, Any] = {
            "pool_size": pool_size,
            "max_overflow": 0,
            "pool_timeout": POOL_WAIT_SECONDS,
            "pool_use_lifo": True,
            "poolclass": MeasuredPool,
        }
        self.engine: AsyncEngine = make_engine(url, **pool)
        self.pulse = Pulse(self.engine, connect_options(url))
        pool["pool_logging_name"] = "replica"  # which tells the figures of the two apart
        self.replica = Replica(replica_url, url, **pool) if replica_url else None
        # A query alone needs no BEGIN and no ROLLBACK around it: two round trips saved.
        self.autocommit = self.engine.execution_options(**AUTOCOMMIT)
        self.journeys = Journeys(self.engine)
        self.rollout_is_finished = False  # once it is: see `core/rollout.py`

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        """A session for queries."""
        async with aclosing(ReadSession(self.autocommit, self.journeys)) as session:
            yield session

    @asynccontextmanager
    async def browse(self, *, may_lag: bool = True) -> AsyncIterator[ReadSession]:
        """A session for queries whose answer may be seconds old, unless `may_lag` is false.

        The replica answers where it can, and otherwise the primary.
        """
        async with self._replica(may_lag=may_lag) as replica:
            if replica is None:
                session = ReadSession(self.autocommit, self.journeys)
            else:
                session = ReadSession(await replica.execution_options(**AUTOCOMMIT))
            async with aclosing(session):
                yield session

    @asynccontextmanager
    async def snapshot(
        self, *, query_seconds: int, idle_seconds: int, may_lag: bool = True
    ) -> AsyncIterator[ReadSession]:
        """A read-only transaction for one query whose rows are fetched over time.

        A cursor needs a transaction around it, and longer limits than those of a request:
        `query_seconds` for each fetch, `idle_seconds` between two of them. `may_lag` as for
        `browse`.
        """
        limits = select(
            func.set_config("statement_timeout", f"{query_seconds}s", True),
            func.set_config("idle_in_transaction_session_timeout", f"{idle_seconds}s", True),
        )
        async with (
            self._replica(may_lag=may_lag) as replica,
            aclosing(ReadSession(replica or self.engine)) as session,
        ):
            await session.begin_read_only()
            await session.rows(limits)
            yield session

    @asynccontextmanager
    async def _replica(self, *, may_lag: bool) -> AsyncIterator[AsyncConnection | None]:
        if self.replica is None or not may_lag:
            yield None
            return
        async with self.replica.connection() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteSession]:
        """The unit of work: commits once at the end, or undoes everything on an error."""
        async with aclosing(WriteSession(self)) as unit:
            yield unit
            await unit.commit()
        await _run(unit.callbacks)

    async def close(self) -> None:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                if self.replica:
                    await self.replica.close()
                await self.engine.dispose()
        except TimeoutError:
            self.pulse.cut()
            if self.replica:
                self.replica.pulse.cut()


async def _run(callbacks: Iterable[AfterCommit]) -> None:
    for callback in callbacks:
        await callback()


async def get_database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


# What a dependency depends on is solved again for each of its uses: these take the request alone.
async def _read_session(request: Request) -> AsyncIterator[ReadSession]:
    database = await get_database(request)
    async with database.read() as session:
        yield session


async def _write_session(request: Request) -> AsyncIterator[WriteSession]:
    database = await get_database(request)
    async with database.write() as session:
        yield session
    await note_write(request)


_write_session.problems = (Conflict,)  # type: ignore[attr-defined] # read by ApiRoute


# Function scope: the commit comes after the answer is serialised and before it is sent. The
# default scope would commit after the client has its 201.
async def get_journeys(request: Request) -> Journeys:
    database = await get_database(request)
    return database.journeys


Reading = Annotated[ReadSession, Depends(_read_session, scope="function")]
Writing = Annotated[WriteSession, Depends(_write_session, scope="function")]
