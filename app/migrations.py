"""Migrate databases with Alembic."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app.audit import chain_service
from app.audit.chain import Signer
from app.audit.models import AuditAction
from app.audit.repository import COMMAND_LINE, record
from app.core.clock import SystemClock
from app.core.db import rollout
from app.core.db.database import Database
from app.core.db.engine import make_engine
from app.core.keys import KeyRing
from app.core.security.renewal import renew_secrets
from app.events import sequencer_service
from app.tables import metadata
from app.visitors.stay_jobs import derive_stays
from app.visitors.stranger_jobs import count_strangers

MIGRATIONS = Path(__file__).parent.parent / "migrations"

# A lock timeout, a statement timeout and a deadlock.
GAVE_UP = {"55P03", "57014", "40P01"}


class Blocked(Exception):  # noqa: N818 - nothing is wrong
    """A table to change is in use."""


def alembic_config(database_url: str) -> Config:
    """Return the configuration, also for an installed package without `alembic.ini`."""
    config = Config()
    config.set_main_option("path_separator", "os")
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["database_url"] = database_url
    return config


def upgrade(
    database_url: str, revision: str = "head", on_each: Callable[[str], None] = lambda _: None
) -> None:
    """Run the missing migrations and call `on_each` after each; concurrent runs wait.

    Raise `Blocked`; completed migrations stay.
    """
    config = alembic_config(database_url)
    config.attributes["on_each"] = on_each
    with _raising_blocked():
        command.upgrade(config, revision)


@contextmanager
def _raising_blocked() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) not in GAVE_UP:
            raise
        raise Blocked from error


def downgrade(database_url: str, revision: str) -> None:
    command.downgrade(alembic_config(database_url), revision)


def check(database_url: str) -> None:
    """Raise `alembic.util.CommandError` if models and migrations differ."""
    command.check(alembic_config(database_url))


async def is_behind(database_url: str) -> bool:
    """Return whether a migration is missing.

    A database migrated by a newer version lacks none: this version serves until it is replaced.
    """
    return bool(await missing(database_url))


async def missing(database_url: str) -> list[str]:
    """Return the missing revisions in order, none if the database is newer. Raise `Blocked`."""
    scripts = ScriptDirectory.from_config(alembic_config(database_url))
    known = [script.revision for script in scripts.walk_revisions()]  # newest first
    engine = make_engine(database_url)
    try:
        with _raising_blocked():
            async with engine.connect() as connection:
                present = await connection.run_sync(_present_revision)
    finally:
        await engine.dispose()
    if present is None:
        return known[::-1]
    return known[: known.index(present)][::-1] if present in known else []


async def rollout_status(database_url: str, *, finish: bool) -> bool:
    """Return whether a rollout is in progress; `finish` ends it.

    Ending it also counts the visits, and stores the stays, that the previous release did not.
    """
    database, now = Database(database_url), SystemClock().now()
    try:
        async with database.write() as unit:
            if finish:
                if await rollout.finish(unit, now):
                    record(unit, AuditAction.UPDATE_FINISHED, None, COMMAND_LINE, now)
                await rollout.validate_constraints(unit)
            under_way = await rollout.is_under_way(unit)
        if finish:
            await count_strangers(database, now)
            await derive_stays(database)
        return under_way
    finally:
        await database.close()


async def store_earlier_stays(database_url: str) -> int:
    """Store the stays from before this release; return how many visitors had any."""
    database = Database(database_url)
    try:
        return await derive_stays(database)
    finally:
        await database.close()


async def renew_stored_secrets(database_url: str, ring: KeyRing) -> int:
    """Encrypt stored secrets with the current key; return how many needed a former one."""
    database = Database(database_url)
    try:
        return await renew_secrets(database, metadata, ring)
    finally:
        await database.close()


async def bring_log_up_to_date(
    database_url: str, ring: KeyRing, applied: Sequence[str]
) -> tuple[int, int]:
    """Move and chain the entries of older releases; return how many of each.

    It also records the migrations that were applied, and signs heads with the current key. Safe to
    be ended at any time, and to run again.
    """
    database, clock, signer = Database(database_url), SystemClock(), Signer(ring)
    try:
        if applied:
            async with database.write() as unit:
                action, now = AuditAction.DATABASE_MIGRATED, clock.now()
                record(unit, action, None, COMMAND_LINE, now, revisions=list(applied))
        moved = await chain_service.adopt_account_events(database)
        await chain_service.sign_anew(database, signer)
        return moved, await sequencer_service.chain_all(database, clock, signer)
    finally:
        await database.close()


def newest() -> str:
    scripts = ScriptDirectory.from_config(alembic_config(""))
    return scripts.get_current_head() or ""


def _present_revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
