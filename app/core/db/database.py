"""Database connections, sessions, and the unit of work, which owns the only commit."""

import asyncio
from collections import defaultdict
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
    Sequence,
)
from contextlib import aclosing, asynccontextmanager
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar, TypeVarTuple, cast

import asyncpg
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

from app.core.db.direct import DirectRunner, Row, stream
from app.core.db.engine import connect_options, make_engine
from app.core.db.inserting import Shape, as_json, insertions
from app.core.db.models import Entity
from app.core.db.monitor import DatabaseMonitor
from app.core.db.pool import MeasuredPool
from app.core.db.prepared import Command, Prepared, Query
from app.core.db.recent_writers import RecentWriters
from app.core.db.replica import Replica
from app.core.errors import Conflict, Problem
from app.core.request_context import current_writer

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
AfterCommit = Callable[[], Awaitable[None]]

POOL_WAIT_SECONDS = 10.0
CLOSE_SECONDS = 2.0
AUTOCOMMIT = {"isolation_level": "AUTOCOMMIT"}


class ReadSession:
    """A session that only queries; each query sees the data committed when it starts.

    Prepared statements run through `direct` until a statement needs the ORM.
    """

    def __init__(
        self, place: AsyncEngine | AsyncConnection, direct: DirectRunner | None = None
    ) -> None:
        self._place = place
        self._direct = direct
        self._opened: AsyncSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    @property
    def _session(self) -> AsyncSession:
        if self._opened is None:
            self._opened = AsyncSession(self._place, expire_on_commit=False, autoflush=False)
        return self._opened

    async def begin_read_only(self) -> None:
        """Begin a read-only transaction for all statements that follow; they see one state."""
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        await self._session.connection(execution_options=options)

    async def aclose(self) -> None:
        """Roll back and release the connection."""
        if self._opened is not None:
            await self._opened.__aexit__(None, None, None)  # completes even when cancelled

    async def rows(self, statement: Select[*Ts], **values: Any) -> Result[*Ts]:
        """Run a query; `values` bind its `bindparam`s."""
        return await self._session.execute(statement, values)

    async def scalar(self, statement: Select[T]) -> T | None:
        return (await self._session.execute(statement)).scalars().first()

    async def scalars(self, statement: Select[T]) -> ScalarResult[T]:
        return (await self._session.execute(statement)).scalars()

    async def row(self, statement: Query, **values: Any) -> Row | None:
        """Return the first row of a prepared statement, or None."""
        found = await self._fetch(statement, values)
        return found[0] if found else None

    async def fetch(self, statement: Query, **values: Any) -> Sequence[Row]:
        return await self._fetch(statement, values)

    # Not a coroutine, since every request comes through here.
    def _fetch(self, statement: Prepared, values: dict[str, Any]) -> Awaitable[Sequence[Row]]:
        if self._direct is not None and self._opened is None:
            return self._direct.fetch(statement, values)
        return self._session.run_sync(
            lambda session: _run_prepared(session, statement, values).all()
        )

    async def stream(
        self, statement: Query, *, part: int, **values: Any
    ) -> AsyncGenerator[Sequence[Row], None]:
        """Yield the rows in batches of `part` from a server-side cursor; needs a `snapshot`."""
        connection = await self._session.connection()
        lent = await connection.get_raw_connection()
        driver = cast("asyncpg.Connection", lent.driver_connection)
        try:
            async with aclosing(stream(driver, statement, values, part)) as parts:
                async for rows in parts:
                    yield rows
        except BaseException:
            await connection.invalidate()  # it may hold half an answer
            raise


def _run_prepared(
    session: Session, statement: Prepared, values: dict[str, Any]
) -> CursorResult[Any]:
    return session.connection().exec_driver_sql(statement.sql, statement.arguments(values))


class Condition(Protocol):
    """A condition on one row, without which a unit of work writes nothing."""

    def concerns(self, entity: object) -> bool: ...

    async def refusal(self, session: ReadSession) -> Problem | None: ...


class WriteSession(ReadSession):
    """A unit of work: commits at the end of its block, or rolls back on an error.

    With `direct` each statement commits on its own, which saves two round trips. A condition is
    decided when its row is locked, and refuses the first write: permission and validation come
    first, conflicts do not.
    """

    def __init__(
        self, database: "Database", place: AsyncEngine, direct: DirectRunner | None = None
    ) -> None:
        super().__init__(place, direct)
        self.database = database
        self._callbacks: list[AfterCommit] = []
        self._appended: defaultdict[Shape, list[Mapping[str, Any]]] = defaultdict(list)
        self._is_dry_run = False
        self._condition: Condition | None = None
        self._refusal: Problem | None = None

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                await self._commit()
        finally:
            await self.aclose()
        if (
            self._refusal is not None
            and isinstance(error, Problem)
            and error.status == Conflict.status
        ):
            raise self._refusal from None
        if kind is None and not self._is_dry_run:
            await self._follow_up()

    async def _commit(self) -> None:
        self.require_current()
        await self.flush()
        if self._opened is not None and not self._is_dry_run:
            await self._opened.commit()

    async def _follow_up(self) -> None:
        for callback in self._callbacks:
            await callback()
        writers, writer = self.database.recent_writers, current_writer()
        if writers is not None and writer is not None:
            await writers.note(writer)

    @property
    def is_conditional(self) -> bool:
        return self._condition is not None

    def only_if(self, condition: Condition) -> None:
        """Write nothing unless a condition holds when its row is locked."""
        self._condition = condition

    async def decide(self, locked: object) -> None:
        """Decide the condition if it concerns this locked row."""
        if self._condition is not None and self._condition.concerns(locked):
            condition, self._condition = self._condition, None
            self._refusal = await condition.refusal(self)

    def require_current(self) -> None:
        """Raise the refusal of the condition, before any effect."""
        if self._refusal is not None:
            raise self._refusal
        if self._condition is not None:
            raise RuntimeError("a condition needs the lock of its row")

    def dry_run(self) -> None:
        """Make this a dry run: roll back and skip the after-commit callbacks."""
        if self._direct is not None:
            raise RuntimeError("each statement of this unit is committed already")
        self._is_dry_run = True

    def add(self, *entities: object) -> None:
        self._session.add_all(entities)

    async def delete(self, entity: object) -> None:
        await self._session.delete(entity)

    def append(self, model: type[Entity], row: Mapping[str, Any]) -> None:
        """Queue a row, which this unit of work does not read again, for the next flush."""
        self._appended[model, tuple(row)].append(row)

    async def flush(self) -> None:
        if self._refusal is not None:
            raise self._refusal
        if self._opened is not None:
            await self._opened.flush()
        if self._appended:
            shapes, parts = zip(*self._appended.items(), strict=True)
            self._appended.clear()
            rows = {f"rows{number}": as_json(part) for number, part in enumerate(parts)}
            await self._run(insertions(shapes), rows)

    async def write(self, statement: Insert | Update | Delete) -> CursorResult[Any]:
        self.require_current()
        await self.flush()
        result = await self._session.execute(statement)
        if not isinstance(result, CursorResult):
            raise TypeError("a writing statement returns a cursor")
        return result

    async def returning(self, statement: Executable) -> Result[Any]:
        """Flush, then run a statement that writes and returns rows."""
        await self.flush()
        return await self._session.execute(statement)

    async def row(self, statement: Prepared, **values: Any) -> Row | None:
        if isinstance(statement, Command):
            await self.flush()
        found = await self._fetch(statement, values)
        return found[0] if found else None

    async def fetch(self, statement: Prepared, **values: Any) -> Sequence[Row]:
        """Return the rows of a prepared statement; a `Command` flushes first."""
        if isinstance(statement, Command):
            await self.flush()
        return await self._fetch(statement, values)

    async def run(self, statement: Command, **values: Any) -> int:
        """Flush, then run a prepared statement; return the number of affected rows."""
        await self.flush()
        return await self._run(statement, values)

    async def _run(self, statement: Command, values: dict[str, Any]) -> int:
        def rowcount(session: Session) -> int:
            return _run_prepared(session, statement, values).rowcount

        return await self._session.run_sync(rowcount)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Open a savepoint; an exception rolls back to it and releases its locks."""
        await self.flush()
        async with self._session.begin_nested():
            yield
            await self.flush()

    def after_commit(self, callback: AfterCommit) -> None:
        """Call `callback` after the commit."""
        if callback not in self._callbacks:
            self._callbacks.append(callback)


class Database:
    """The connection pools of a process, for the primary and the replica."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        replica_url: str | None = None,
        recent_writers: RecentWriters | None = None,
    ) -> None:
        pool: dict[str, Any] = {
            "pool_size": pool_size,
            "max_overflow": 0,
            "pool_timeout": POOL_WAIT_SECONDS,
            "pool_use_lifo": True,
            "poolclass": MeasuredPool,
        }
        self.engine: AsyncEngine = make_engine(url, **pool)
        self.monitor = DatabaseMonitor(self.engine, connect_options(url))
        pool["pool_logging_name"] = "replica"  # a label of the metrics
        self.replica = Replica(replica_url, url, **pool) if replica_url else None
        self.recent_writers = recent_writers
        # Saves the round trips of BEGIN and ROLLBACK.
        self._autocommit = self.engine.execution_options(**AUTOCOMMIT)
        self._direct = DirectRunner(self.engine)
        self.rollout_is_finished = False

    def read(self) -> ReadSession:
        return ReadSession(self._autocommit, self._direct)

    @asynccontextmanager
    async def browse(self, *, may_lag: bool = True) -> AsyncIterator[ReadSession]:
        """Open a session for queries whose results may be some seconds old.

        The replica answers if it can and `may_lag` allows it, otherwise the primary.
        """
        async with self._replica(may_lag=may_lag) as replica:
            if replica is None:
                opened = self.read()
            else:
                opened = ReadSession(await replica.execution_options(**AUTOCOMMIT))
            async with opened as session:
                yield session

    @asynccontextmanager
    async def snapshot(
        self, *, query_seconds: int, idle_seconds: int, may_lag: bool = True
    ) -> AsyncIterator[ReadSession]:
        """Open a read-only transaction for one query whose rows are fetched over time.

        The limits are `query_seconds` for each fetch and `idle_seconds` between two.
        """
        limits = select(
            func.set_config("statement_timeout", f"{query_seconds}s", True),
            func.set_config("idle_in_transaction_session_timeout", f"{idle_seconds}s", True),
        )
        async with (
            self._replica(may_lag=may_lag) as replica,
            ReadSession(replica or self.engine) as session,
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

    def write(self, *, single_statement: bool = False) -> WriteSession:
        """Return a unit of work; with `single_statement` it runs without BEGIN and COMMIT."""
        if single_statement:
            return WriteSession(self, self._autocommit, self._direct)
        return WriteSession(self, self.engine)

    async def close(self) -> None:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                if self.replica:
                    await self.replica.close()
                await self.engine.dispose()
        except TimeoutError:
            self.monitor.cut()
            if self.replica:
                self.replica.monitor.cut()
