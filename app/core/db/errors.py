"""The driver's errors, for error handlers."""

from asyncpg import InterfaceError, InvalidCachedStatementError, PostgresError

DRIVER_ERRORS: tuple[type[Exception], ...] = (PostgresError, InterfaceError)
"""Errors of a server-side cursor, which SQLAlchemy does not wrap."""


def is_stale_statement(error: BaseException | None) -> bool:
    """Return whether a table has changed since the statement was prepared."""
    return isinstance(error, InvalidCachedStatementError)
