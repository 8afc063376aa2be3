"""Run migrations on the database of the settings or of the caller."""

import asyncio
from time import sleep
from typing import Any

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection, event, text

from app.commands.starting import load_settings
from app.core.db.engine import LIMITS, make_engine
from app.tables import metadata

POLL_SECONDS = 0.2
# Arbitrary; concurrent migrations wait for this lock.
MIGRATION_LOCK = 7_305_216_840
# The previous release still serves, and statements queue behind one that waits for a table lock.
MIGRATION_LIMITS = {"lock_timeout": "3s", "statement_timeout": "10min"}


def _url() -> str:
    if given := context.config.attributes.get("database_url"):
        return str(given)
    settings = load_settings()
    if isinstance(settings, list):
        raise CommandError("\n".join(settings))
    return settings.database_url


def _applied(*_: Any, **named: Any) -> None:
    on_each, step = context.config.attributes.get("on_each"), named["step"]
    if on_each and step.is_upgrade:
        on_each(step.up_revision_id)


async def _migrate(url: str) -> None:
    engine = make_engine(url)
    try:
        async with engine.connect() as alone, engine.connect() as connection:
            await alone.run_sync(_wait_for_others)
            await connection.run_sync(_run)
    finally:
        await engine.dispose()


def _wait_for_others(connection: Connection) -> None:
    """Hold the migration lock on a second connection, since migrations may commit.

    An index that is created concurrently waits for all snapshots. So ask again and again instead of
    waiting in a statement, and drop the snapshot of the answer with another statement.
    """
    while not connection.scalar(text(f"SELECT pg_try_advisory_xact_lock({MIGRATION_LOCK})")):
        connection.rollback()
        sleep(POLL_SECONDS)
    for limit in LIMITS:  # it is held for as long as the migrations take
        connection.execute(text(f"SET LOCAL {limit} = 0"))


def _run(connection: Connection) -> None:
    event.listen(connection, "begin", _limit)
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        on_version_apply=_applied,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _limit(connection: Connection) -> None:
    if connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT":
        return  # these have the limits of a request
    limits = dict.fromkeys(LIMITS, "0") | MIGRATION_LIMITS
    for limit, time in limits.items():
        connection.execute(text(f"SET LOCAL {limit} = '{time}'"))


if context.is_offline_mode():
    raise CommandError("Migrations read the database: they cannot be written as a script (--sql).")
asyncio.run(_migrate(_url()))
