"""The driver's errors, for error handlers."""

from asyncpg import (
    InterfaceError,
    InternalClientError,
    InvalidCachedStatementError,
    PostgresError,
)
from sqlalchemy.exc import EmulatedDBAPIException, SQLAlchemyError

DRIVER_ERRORS: tuple[type[Exception], ...] = (PostgresError, InterfaceError)
"""Errors of a server-side cursor, which SQLAlchemy does not wrap."""

OUTAGES: tuple[type[Exception], ...] = (
    SQLAlchemyError,
    EmulatedDBAPIException,
    PostgresError,
    InterfaceError,
    InternalClientError,
    OSError,
)
"""What a lost database raises: SQLAlchemy wraps no error of a new or a closing connection."""


def is_stale_statement(error: BaseException | None) -> bool:
    """Return whether a table has changed since the statement was prepared."""
    return isinstance(error, InvalidCachedStatementError)
