"""Alembic's way into the service: the URL comes from DATABASE_URL, the tables from the models."""

import asyncio
from typing import Any

from alembic import context
from sqlalchemy import Connection, text

from app.core.engine import LIMITS, make_engine
from app.tables import metadata

# Two starts at once wait here for each other; the number is ours and arbitrary.
MIGRATION_LOCK = 7_305_216_840
# The old version serves meanwhile: whoever waits for a table holds up all who come after.
MIGRATION_LIMITS = {"lock_timeout": "3s", "statement_timeout": "10min"}


def _applied(*_: Any, **named: Any) -> None:
    on_each, step = context.config.attributes.get("on_each"), named["step"]
    if on_each and step.is_upgrade:
        on_each(step.up_revision_id)


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        on_version_apply=_applied,
    )
    with context.begin_transaction():
        for limit in LIMITS:  # those of a request; who migrates already may take longer
            connection.execute(text(f"SET LOCAL {limit} = 0"))
        connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
        for limit, time in MIGRATION_LIMITS.items():
            connection.execute(text(f"SET LOCAL {limit} = '{time}'"))
        context.run_migrations()


async def _migrate(url: str) -> None:
    engine = make_engine(url)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_run)
            await connection.commit()
    finally:
        await engine.dispose()


asyncio.run(_migrate(context.config.attributes["database_url"]))
