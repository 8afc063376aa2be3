"""The errors of the driver, for those who turn them into answers."""

from asyncpg import InterfaceError, InvalidCachedStatementError, PostgresError

DRIVER_ERRORS: tuple[type[Exception], ...] = (PostgresError, InterfaceError)
"""What a server-side cursor raises, since SQLAlchemy does not wrap it."""


def is_stale_statement(error: BaseException | None) -> bool:
    """Return whether a migration changed a table after the statement was prepared."""
    return isinstance(error, InvalidCachedStatementError)
