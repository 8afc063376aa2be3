"""Bringing a database to the schema of this version (Alembic)."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

ROOT = Path(__file__).parent.parent


def alembic_config(database_url: str) -> Config:
    config = Config(ROOT / "alembic.ini")
    config.attributes["database_url"] = database_url
    return config


def upgrade(database_url: str, revision: str = "head") -> None:
    """Run the migrations that are missing. Two at once wait for each other."""
    command.upgrade(alembic_config(database_url), revision)


def downgrade(database_url: str, revision: str) -> None:
    command.downgrade(alembic_config(database_url), revision)


def make(database_url: str, message: str) -> None:
    """Write a migration from what models and database differ in."""
    command.revision(alembic_config(database_url), message, autogenerate=True)


def check(database_url: str) -> None:
    """Raises `alembic.util.CommandError` where models and migrations differ."""
    command.check(alembic_config(database_url))


async def is_behind(database_url: str) -> bool:
    """Whether the database misses a migration of this version."""
    head = ScriptDirectory.from_config(alembic_config(database_url)).get_current_head()
    engine = create_async_engine(database_url)
    try:
        async with engine.connect() as connection:
            present = await connection.run_sync(_present_revision)
    finally:
        await engine.dispose()
    return present != head


def _present_revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
