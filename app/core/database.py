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
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeVar, TypeVarTuple

from fastapi import Depends, Request
from sqlalchemy import (
    CursorResult,
    Delete,
    Executable,
    Insert,
    Result,
    Row,
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
    """Runs queries and nothing else; each sees what is committed at its start."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def rows(self, statement: Select[*Ts], **values: Any) -> Result[*Ts]:
        """The rows of a query; `values` are those of its `bindparam`s."""
        return await self._session.execute(statement, values)

    async def scalar(self, statement: Select[T]) -> T | None:
        return (await self._session.execute(statement)).scalars().first()

    async def scalars(self, statement: Select[T]) -> ScalarResult[T]:
        return (await self._session.execute(statement)).scalars()

    async def row(self, statement: Prepared, **values: Any) -> Row[Any] | None:
        """The first row of a statement of a measured path."""

        def first(session: Session) -> Row[Any] | None:
            return _run_prepared(session, statement, values).first()

        return await self._session.run_sync(first)

    async def stream(
        self, statement: Select[*Ts], *, part: int
    ) -> AsyncGenerator[Sequence[Row[*Ts]], None]:
        """The rows in parts, from a cursor of the server: within `Database.snapshot` alone."""
        found = await self._session.stream(statement, execution_options={"yield_per": part})
        async for rows in found.partitions():
            yield rows


def _run_prepared(
    session: Session, statement: Prepared, values: dict[str, Any]
) -> CursorResult[Any]:
    return session.connection().exec_driver_sql(statement.sql, statement.arguments(values))


class WriteSession(ReadSession):
    """A transaction: what it writes is there for others once its owner has committed."""

    def __init__(self, session: AsyncSession) -> None:
        super().__init__(session)
        self.callbacks: list[AfterCommit] = []
        self._appended: defaultdict[Shape, list[Mapping[str, Any]]] = defaultdict(list)

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
        await self._session.flush()
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

    async def commit_each(self) -> None:
        """Have each statement commit by itself: for a unit that writes with a single one.

        BEGIN and COMMIT round it are two journeys to the database, and the locks are held for one
        of them. A unit that has read or written before goes on as one transaction.
        """
        if not self._session.in_transaction():
            await self._session.connection(execution_options=AUTOCOMMIT)

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
        self._read_engine = self.engine.execution_options(**AUTOCOMMIT)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        """A session for queries."""
        async with AsyncSession(self._read_engine, expire_on_commit=False) as session:
            yield ReadSession(session)

    @asynccontextmanager
    async def browse(self, *, may_lag: bool = True) -> AsyncIterator[ReadSession]:
        """A session for queries whose answer may be seconds old, unless `may_lag` is false.

        The replica answers where it can, and otherwise the primary.
        """
        async with self._replica(may_lag=may_lag) as replica:
            place = await replica.execution_options(**AUTOCOMMIT) if replica else self._read_engine
            async with AsyncSession(place, expire_on_commit=False) as session:
                yield ReadSession(session)

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
            AsyncSession(replica or self.engine) as session,
            session.begin(),
        ):
            await session.connection(execution_options={"postgresql_readonly": True})
            await session.execute(limits)
            yield ReadSession(session)

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
        async with AsyncSession(self.engine, expire_on_commit=False, autoflush=False) as session:
            unit = WriteSession(session)
            yield unit
            await unit.flush()
            await session.commit()
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
Reading = Annotated[ReadSession, Depends(_read_session, scope="function")]
Writing = Annotated[WriteSession, Depends(_write_session, scope="function")]
