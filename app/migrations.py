"""Bringing a database to the schema of this version (Alembic)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app.core import rollout
from app.core.clock import SystemClock
from app.core.database import Database
from app.core.engine import make_engine
from app.visitors.strangers import count_strangers

MIGRATIONS = Path(__file__).parent.parent / "migrations"

# SQLSTATEs of a lock that was not granted, a statement that took too long, and a deadlock.
GAVE_UP = {"55P03", "57014", "40P01"}


class Blocked(Exception):  # noqa: N818 - nothing is wrong
    """Others use what a migration has to change."""


def alembic_config(database_url: str) -> Config:
    """Return what Alembic needs where `alembic.ini` is not: in an installed package."""
    config = Config()
    config.set_main_option("path_separator", "os")
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["database_url"] = database_url
    return config


def upgrade(
    database_url: str, revision: str = "head", on_each: Callable[[str], None] = lambda _: None
) -> None:
    """Run the migrations that are missing. Two at once wait for each other.

    `on_each` is told the revision of each one that has run. Raises `Blocked`, with nothing half
    done: what has run before stays, and the next run goes on behind it.
    """
    config = alembic_config(database_url)
    config.attributes["on_each"] = on_each
    with _told_when_blocked():
        command.upgrade(config, revision)


@contextmanager
def _told_when_blocked() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) not in GAVE_UP:
            raise
        raise Blocked from error


def downgrade(database_url: str, revision: str) -> None:
    command.downgrade(alembic_config(database_url), revision)


def check(database_url: str) -> None:
    """Raises `alembic.util.CommandError` where models and migrations differ."""
    command.check(alembic_config(database_url))


async def is_behind(database_url: str) -> bool:
    """Whether the database misses a migration of this version.

    One that a newer version has migrated does not: this one serves until it is replaced, and may
    be started again meanwhile.
    """
    return bool(await missing(database_url))


async def missing(database_url: str) -> list[str]:
    """The revisions that the database misses, in their order; none where a newer version was.

    Raises `Blocked`.
    """
    scripts = ScriptDirectory.from_config(alembic_config(database_url))
    known = [script.revision for script in scripts.walk_revisions()]  # the newest first
    engine = make_engine(database_url)
    try:
        with _told_when_blocked():
            async with engine.connect() as connection:
                present = await connection.run_sync(_present_revision)
    finally:
        await engine.dispose()
    if present is None:
        return known[::-1]
    return known[: known.index(present)][::-1] if present in known else []


async def settle_rollout(database_url: str, *, finish: bool) -> bool:
    """Return whether the update is still under way; `finish` ends it.

    What the release before could not keep count of is counted then.
    """
    database = Database(database_url)
    try:
        async with database.write() as unit:
            if finish:
                await rollout.finish(unit, SystemClock().now())
                await rollout.validate_constraints(unit)
            under_way = await rollout.is_under_way(unit)
        if finish:
            await count_strangers(database, SystemClock().now())
        return under_way
    finally:
        await database.close()


def newest() -> str:
    """The revision of this version."""
    scripts = ScriptDirectory.from_config(alembic_config(""))
    return scripts.get_current_head() or ""


def _present_revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
