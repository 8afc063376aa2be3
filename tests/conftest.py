"""Real servers for the run, a database per test worker, emptied for each test.

`DATABASE_URL`, `REDIS_URL` and `EMAIL_HOST` replace the embedded servers.
"""

import asyncio
import gc
import json
import logging
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import asyncpg
import httpx
import hypothesis
import pytest
import structlog
from asgi_lifespan import LifespanManager
from fastapi import FastAPI
from redis.asyncio import Redis
from sqlalchemy import URL, make_url

from app import migrations
from app.core.clock import SettableClock
from app.core.db import engine as engine_options
from app.core.db.database import Database
from app.core.http import limits
from app.core.http.windows import OwnWindows
from app.core.observability.logging import configure_logging
from app.core.security.passwords import PasswordHasher
from app.main import create_app
from app.settings import Settings
from app.tables import metadata
from devserver.mail import MailCatcher
from devserver.postgres import EmbeddedPostgres
from devserver.redis import EmbeddedRedis
from devserver.server import Server
from tests.support.api import Api
from tests.support.in_process import InProcess
from tests.support.mailbox import Mailbox

# No deadline, for busy machines, and the same examples in each run.
hypothesis.settings.register_profile("steady", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("steady")

pytest_plugins = (
    "tests.support.left_out",  # first, since others import it
    "tests.support.browser",
    "tests.support.distribution",
)

# An hour before the default site opens.
MONDAY = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
TEMPLATE = "vms_template"
LARGE = 1024 * 1024  # bytes of a table that is truncated

# Collect garbage seldom: imports and the collection of tests make hardly any.
gc.set_threshold(50_000, 20, 50)

_servers: list[Server] = []
_folder: tempfile.TemporaryDirectory[str] | None = None


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers once, before the test workers."""
    global _folder
    # Coloured tracebacks take many seconds.
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])
    if hasattr(config, "workerinput"):
        return
    _folder = tempfile.TemporaryDirectory(prefix="vms-tests-")
    folder = Path(_folder.name)
    if "DATABASE_URL" not in os.environ:
        postgres = EmbeddedPostgres(folder / "postgres", durable=False)
        _start(postgres)
        os.environ["DATABASE_URL"] = postgres.url("postgres")
    if "REDIS_URL" not in os.environ:
        redis = EmbeddedRedis(folder / "redis", durable=False)
        _start(redis)
        os.environ["REDIS_URL"] = redis.url
    migrations.upgrade(recreate_database(TEMPLATE))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave what has been imported and collected to no garbage collection."""
    gc.freeze()


def _start(server: Server) -> None:
    server.start()
    _servers.append(server)


def pytest_unconfigure(config: pytest.Config) -> None:
    for server in reversed(_servers):
        server.stop()
    _servers.clear()
    if _folder is not None:
        _folder.cleanup()


def recreate_database(name: str, template: str | None = None) -> str:
    """Recreate a database; return its URL."""
    asyncio.run(_recreate(name, template))
    return _database_url(name)


def _database_url(name: str) -> str:
    url: URL = make_url(os.environ["DATABASE_URL"]).set(
        drivername="postgresql+asyncpg", database=name
    )
    return url.render_as_string(hide_password=False)


async def _recreate(name: str, template: str | None = None) -> None:
    address = os.environ["DATABASE_URL"].replace("postgresql+asyncpg", "postgresql")
    connection = await asyncpg.connect(address)
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        suffix = f' TEMPLATE "{template}"' if template else ""
        await connection.execute(f'CREATE DATABASE "{name}"{suffix}')
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def database_url(worker_id: str) -> str:
    return recreate_database(f"vms_test_{worker_id}", TEMPLATE)


@pytest.fixture(scope="session")
def empty_database_url(worker_id: str) -> str:
    """Return the URL of a database without a schema."""
    return recreate_database(f"vms_empty_{worker_id}")


@pytest.fixture(scope="session")
def redis_url(worker_id: str) -> str:
    return _redis_url(_number(worker_id))


@pytest.fixture(scope="session")
def other_redis_url(worker_id: str) -> str:
    return _redis_url(_number(worker_id) + 8)


def _number(worker_id: str) -> int:
    return int(worker_id.removeprefix("gw")) if worker_id.startswith("gw") else 0


def _redis_url(number: int) -> str:
    parts = urlsplit(os.environ["REDIS_URL"])
    if parts.scheme == "unix":
        return parts._replace(query=f"db={number}").geturl()
    return parts._replace(path=f"/{number}").geturl()


@pytest.fixture(scope="session")
def catcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailCatcher]:
    """Run an SMTP server that keeps mails as files."""
    server = MailCatcher(tmp_path_factory.mktemp("mail") / "mail")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def settings(database_url: str, redis_url: str, catcher: MailCatcher) -> Settings:
    """Return settings with cheap hashes, and the catcher for mail."""
    return Settings(
        _env_file=None,
        debug=True,
        secret_key="a secret of the tests, long enough to be one",
        database_url=database_url,
        redis_url=redis_url,
        email_host=catcher.host,
        email_port=catcher.port,
        email_use_tls=False,
        default_from_email="Visitor desk <desk@example.com>",
        bcrypt_rounds=4,
    )


@pytest.fixture(scope="session")
def session_clock() -> SettableClock:
    return SettableClock(MONDAY)


@pytest.fixture
def clock(session_clock: SettableClock) -> SettableClock:
    """Return a clock that stands at Monday, 08:00 UTC, until the test moves it."""
    session_clock.set(MONDAY)
    return session_clock


@pytest.fixture(scope="session", autouse=True)
def _patience() -> Iterator[None]:
    """Wait longer for servers, which may be slow on a busy machine."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(limits, "REDIS_SECONDS", 30)
        patched.setattr(engine_options, "CONNECT_SECONDS", 30)
        yield


@pytest.fixture(scope="session")
async def running_app(settings: Settings, session_clock: SettableClock) -> AsyncIterator[FastAPI]:
    configure_logging(debug=False)
    app = create_app(settings, clock=session_clock)
    async with LifespanManager(app):
        yield app


@pytest.fixture(scope="session")
async def engine(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings.database_url)
    yield database
    await database.close()


def _cleaning() -> str:
    """Return SQL that empties every table and restores the default site.

    TRUNCATE takes thirty times as long as DELETE, and invalidates all plans.
    """
    names = [f'"{table.name}"' for table in reversed(metadata.sorted_tables)]
    is_large = " OR ".join(f"pg_relation_size('{name}') > {LARGE}" for name in names)
    deletions = (
        f"IF pg_relation_size('{name}') > 0 THEN DELETE FROM {name}; END IF;" for name in names
    )
    return f"""
        LOCK TABLE {", ".join(names)} IN SHARE ROW EXCLUSIVE MODE;
        IF {is_large} THEN TRUNCATE {", ".join(names)}; ELSE {" ".join(deletions)} END IF;
        INSERT INTO sites SELECT * FROM kept.sites;"""


@pytest.fixture(scope="session")
async def _cleaner(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    await connection.execute("CREATE SCHEMA kept; CREATE TABLE kept.sites AS TABLE sites")
    await connection.execute(
        f"CREATE PROCEDURE kept.clean() LANGUAGE plpgsql AS $$ BEGIN {_cleaning()} END $$"
    )
    yield connection
    await connection.close()


@pytest.fixture
async def database(engine: Database, _cleaner: asyncpg.Connection) -> Database:
    """Return a migrated database with only the default site."""
    await _cleaner.execute("CALL kept.clean()")
    return engine


@pytest.fixture
async def app(running_app: FastAPI, database: Database, clock: SettableClock) -> FastAPI:
    """Return the application with an empty database and no counted limits."""
    await forget_limits(running_app.state.redis)
    running_app.state.limiter.own = OwnWindows()
    return running_app


async def forget_limits(redis: Redis) -> None:
    async for key in redis.scan_iter("limit:*"):
        await redis.delete(key)


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client without credentials."""
    async with httpx.AsyncClient(transport=InProcess(app), base_url="http://test") as client:
        yield client


@pytest.fixture
async def api(http: httpx.AsyncClient, database: Database, settings: Settings) -> Api:
    """Create accounts and sign them in: `await api.admin()`."""
    return Api(http, database, PasswordHasher(settings.bcrypt_rounds))


@pytest.fixture
def mailbox(
    settings: Settings, database: Database, clock: SettableClock, catcher: MailCatcher
) -> Mailbox:
    """Return the mails of the worker's delivery: `await mailbox.deliver()`."""
    return Mailbox(settings, database, clock, catcher.directory)


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """Restore the logging configuration after the test."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def log(logging_as_before: None) -> Callable[[], list[dict[str, Any]]]:
    """Return a function that returns the log lines since its last call."""
    configure_logging(debug=False)
    [handler] = logging.getLogger().handlers
    written = StringIO()
    cast("logging.StreamHandler[StringIO]", handler).setStream(written)

    def lines() -> list[dict[str, Any]]:
        text = written.getvalue()
        written.truncate(written.seek(0))
        return [json.loads(line) for line in text.splitlines()]

    return lines
