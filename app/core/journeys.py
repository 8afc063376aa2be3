"""Statements that go to the driver as they are, for the paths whose speed is measured.

SQLAlchemy's pool lends the connection and its compiler wrote the SQL; at run time nothing of it
stands in between, which is five sixths of what a short statement costs. Each journey is one
statement that commits by itself, and the connection is back in the pool before its rows are read.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import Any

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.prepared import Prepared

Row = Sequence[Any]
# The second one comes where the server has said good-bye between two questions.
LOST = (asyncpg.InterfaceError, asyncpg.InternalClientError)
Observer = Callable[[str, tuple[Any, ...]], AbstractContextManager[Any]]

observers: list[Observer] = []
"""Entered round every journey, with its SQL and parameters: SQLAlchemy's events know of none."""


class Journeys:
    """What runs prepared statements over the connections of an engine."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def row(self, statement: Prepared, **values: Any) -> Row | None:
        """The first row of a statement."""
        found = await self.fetch(statement, values)
        return found[0] if found else None

    async def fetch(self, statement: Prepared, values: dict[str, Any]) -> list[Row]:
        """The rows of a statement. Raises `DBAPIError`, and the pool's errors when it has no place.

        An error of the database comes with asyncpg's own as `orig`.
        """
        arguments = statement.arguments(values)
        lent = await self._engine.raw_connection()
        connection: asyncpg.Connection = lent.driver_connection
        try:
            with _observed(statement.sql, arguments):
                rows = await _rows(connection, statement, arguments)
        except asyncpg.PostgresError as error:
            lent.close()
            raise _as_sqlalchemys(error) from error
        except BaseException as error:
            lent.invalidate()  # whoever gave up leaves an answer behind that is nobody's
            if isinstance(error, LOST):
                raise _as_sqlalchemys(error, invalidated=True) from error
            raise
        lent.close()
        return rows


async def _rows(
    connection: asyncpg.Connection, statement: Prepared, arguments: tuple[Any, ...]
) -> list[Row]:
    rows: list[Row]
    if statement.planned_anew:
        rows = await (await _unnamed(connection, statement)).fetch(*arguments)
    else:
        rows = await connection.fetch(statement.sql, *arguments)
    return rows


async def _unnamed(connection: asyncpg.Connection, statement: Prepared) -> PreparedStatement:
    """Prepare a statement that leaves no name at the server: behind a pooler others have used it.

    The only place that prepares; `connection.cursor` gives a name whatever the address says.
    """
    return await connection.prepare(statement.sql, name="")


async def stream(
    connection: asyncpg.Connection, statement: Prepared, values: dict[str, Any], part: int
) -> AsyncGenerator[Sequence[Row], None]:
    """The rows in parts, from a cursor of the server; the connection is in a transaction.

    Raises `DBAPIError`. Whoever stops in between has to give the connection up.
    """
    arguments = statement.arguments(values)
    try:
        with _observed(statement.sql, arguments):
            cursor = await (await _unnamed(connection, statement)).cursor(*arguments)
        while rows := await cursor.fetch(part):
            yield rows
    except asyncpg.PostgresError as error:
        raise _as_sqlalchemys(error) from error
    except LOST as error:
        raise _as_sqlalchemys(error, invalidated=True) from error


def _as_sqlalchemys(error: Exception, *, invalidated: bool = False) -> DBAPIError:
    return DBAPIError(None, None, error, hide_parameters=True, connection_invalidated=invalidated)


def _observed(sql: str, arguments: tuple[Any, ...]) -> AbstractContextManager[Any]:
    if not observers:
        return nullcontext()
    with ExitStack() as stack:
        for observe in observers:
            stack.enter_context(observe(sql, arguments))
        return stack.pop_all()
