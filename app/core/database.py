"""Connections, the two types of session, and the unit of work that owns the only commit."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
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
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from app.core.errors import Conflict

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
AfterCommit = Callable[[], Awaitable[None]]

LOCK_TIMEOUT_MS = 3_000
STATEMENT_TIMEOUT_MS = 15_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000
POOL_WAIT_SECONDS = 10.0
CONNECT_SECONDS = 2.0


class ReadSession:
    """Runs queries and nothing else; each sees what is committed at its start."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def rows(self, statement: Select[*Ts]) -> Result[*Ts]:
        return await self._session.execute(statement)

    async def scalar(self, statement: Select[T]) -> T | None:
        return (await self._session.execute(statement)).scalars().first()

    async def scalars(self, statement: Select[T]) -> ScalarResult[T]:
        return (await self._session.execute(statement)).scalars()

    async def stream(
        self, statement: Select[*Ts], *, part: int
    ) -> AsyncGenerator[Sequence[Row[*Ts]], None]:
        """The rows in parts, from a cursor of the server: within `Database.snapshot` alone."""
        found = await self._session.stream(statement, execution_options={"yield_per": part})
        async for rows in found.partitions():
            yield rows


class WriteSession(ReadSession):
    """A transaction: what it writes is there for others once its owner has committed."""

    def __init__(self, session: AsyncSession) -> None:
        super().__init__(session)
        self.callbacks: list[AfterCommit] = []

    def add(self, *entities: object) -> None:
        self._session.add_all(entities)

    async def delete(self, entity: object) -> None:
        await self._session.delete(entity)

    async def flush(self) -> None:
        await self._session.flush()

    async def write(self, statement: Insert | Update | Delete) -> CursorResult[Any]:
        """Run one INSERT, UPDATE or DELETE after what waits in the session."""
        await self._session.flush()
        result = await self._session.execute(statement)
        if not isinstance(result, CursorResult):
            raise TypeError("a written statement has a cursor")
        return result

    async def returning(self, statement: Executable) -> Result[Any]:
        """Run one statement that writes and hands back rows."""
        await self._session.flush()
        return await self._session.execute(statement)

    def after_commit(self, callback: AfterCommit) -> None:
        """Have `callback` awaited once the transaction is durable, and not if it is undone."""
        if callback not in self.callbacks:
            self.callbacks.append(callback)


class Database:
    """The pool of one process."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.engine: AsyncEngine = create_async_engine(
            url,
            hide_parameters=True,  # what people send must not reach the logs through an error
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL_WAIT_SECONDS,
            pool_use_lifo=True,
            connect_args={
                "timeout": CONNECT_SECONDS,
                "server_settings": {
                    "application_name": "vms",
                    "timezone": "UTC",
                    "lock_timeout": str(LOCK_TIMEOUT_MS),
                    "statement_timeout": str(STATEMENT_TIMEOUT_MS),
                    "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_TIMEOUT_MS),
                },
            },
        )
        # A query alone needs no BEGIN and no ROLLBACK around it: two round trips saved.
        self._read_engine = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        """A session for queries."""
        async with AsyncSession(self._read_engine, expire_on_commit=False) as session:
            yield ReadSession(session)

    @asynccontextmanager
    async def snapshot(
        self, *, query_seconds: int, idle_seconds: int
    ) -> AsyncIterator[ReadSession]:
        """A read-only transaction for one query whose rows are fetched over time.

        A cursor needs a transaction around it, and longer limits than those of a request:
        `query_seconds` for each fetch, `idle_seconds` between two of them.
        """
        limits = select(
            func.set_config("statement_timeout", f"{query_seconds}s", True),
            func.set_config("idle_in_transaction_session_timeout", f"{idle_seconds}s", True),
        )
        async with AsyncSession(self.engine) as session, session.begin():
            await session.connection(execution_options={"postgresql_readonly": True})
            await session.execute(limits)
            yield ReadSession(session)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteSession]:
        """The unit of work: commits once at the end, or undoes everything on an error."""
        async with AsyncSession(self.engine, expire_on_commit=False, autoflush=False) as session:
            unit = WriteSession(session)
            async with session.begin():
                yield unit
        await _run(unit.callbacks)

    async def close(self) -> None:
        await self.engine.dispose()


async def _run(callbacks: Iterable[AfterCommit]) -> None:
    for callback in callbacks:
        await callback()


async def get_database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


async def _read_session(
    database: Annotated[Database, Depends(get_database)],
) -> AsyncIterator[ReadSession]:
    async with database.read() as session:
        yield session


async def _write_session(
    database: Annotated[Database, Depends(get_database)],
) -> AsyncIterator[WriteSession]:
    async with database.write() as session:
        yield session


_write_session.problems = (Conflict,)  # type: ignore[attr-defined] # read by ApiRoute

# Function scope: the commit comes after the answer is serialised and before it is sent. The
# default scope would commit after the client has its 201.
Reading = Annotated[ReadSession, Depends(_read_session, scope="function")]
Writing = Annotated[WriteSession, Depends(_write_session, scope="function")]
