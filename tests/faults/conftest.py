"""The servers of the fault suite, which it may stop, and the table of results."""

import asyncio
import logging
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import time
from itertools import count
from pathlib import Path

import pytest

from app import migrations
from app.core.db.database import Database
from app.settings import Settings
from app.users.account_service import create_development_accounts
from devserver.mail import MailCatcher
from devserver.postgres import EmbeddedPostgres
from devserver.redis import EmbeddedRedis
from tests.faults.processes import Service
from tests.faults.report import PROPERTY, Finding, table
from tests.support.database import change_default_site

SECRET = "a secret of the fault suite, long enough to be one"
TEMPLATE = "faults_template"
OPEN_ALWAYS = {
    "opens_at": time(0),
    "closes_at": time(0),
    "open_weekdays": [1, 2, 3, 4, 5, 6, 7],
    "booking_lead_minutes": 0,
    "slot_capacity": 5_000,
}
_numbers = count()
logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each of thousands


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for kind in terminalreporter.stats.values() for report in kind]
    if lines := table(reports):
        terminalreporter.section("what the faults did")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def find(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Finding]]:
    """Begin a row of the table: `found = find("the worker is killed")`."""
    findings: list[Finding] = []

    def begin(fault: str) -> Finding:
        findings.append(Finding(fault))
        return findings[-1]

    yield begin
    request.node.user_properties.extend((PROPERTY, list(found.row())) for found in findings)


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Yield a folder with a short path, as the addresses of sockets are limited."""
    with tempfile.TemporaryDirectory(prefix="vms-faults-") as made:
        yield Path(made)


@pytest.fixture(scope="session")
def _postgres(folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(folder / "postgres")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def _redis(folder: Path) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(folder / "redis")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def postgres(_postgres: EmbeddedPostgres) -> EmbeddedPostgres:
    """Return a durable server that runs, whatever the test before did to it."""
    if not _postgres.running:
        _postgres.start()
    return _postgres


@pytest.fixture
def redis(_redis: EmbeddedRedis) -> EmbeddedRedis:
    """Return the same with Redis."""
    if not _redis.running:
        _redis.start()
    return _redis


@pytest.fixture(scope="session")
def catcher(folder: Path) -> Iterator[MailCatcher]:
    server = MailCatcher(folder / "mail")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def template(_postgres: EmbeddedPostgres) -> str:
    """Return a migrated database with the development accounts, whose site is always open."""
    _postgres.create_database(TEMPLATE)
    url = _postgres.url(TEMPLATE)
    migrations.upgrade(url)
    asyncio.run(_fill(url))
    return TEMPLATE


async def _fill(url: str) -> None:
    settings = Settings(
        _env_file=None,
        debug=True,
        secret_key=SECRET,
        database_url=url,
        redis_url="redis://localhost",
        email_host="localhost",
        bcrypt_rounds=4,
    )
    await create_development_accounts(settings)
    database = Database(url)
    await change_default_site(database, **OPEN_ALWAYS)
    await database.close()


@pytest.fixture
def url(postgres: EmbeddedPostgres, template: str) -> str:
    """Return a copy of the template for one test."""
    name = f"faults_{next(_numbers)}"
    postgres.create_database(name, template)
    return postgres.url(name)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    opened = Database(url)
    yield opened
    await opened.close()


@pytest.fixture
def service(
    url: str, redis: EmbeddedRedis, catcher: MailCatcher, tmp_path: Path
) -> Iterator[Service]:
    """Yield a function that starts processes of the service for one test."""
    ours = {name.upper() for name in Settings.model_fields}
    environment = {name: value for name, value in os.environ.items() if name not in ours} | {
        "DEBUG": "true",
        "SECRET_KEY": SECRET,
        "DATABASE_URL": url,
        "REDIS_URL": redis.url,
        "EMAIL_HOST": catcher.host,
        "EMAIL_PORT": str(catcher.port),
        "EMAIL_USE_TLS": "false",
        "BCRYPT_ROUNDS": "4",
    }
    started = Service(environment, tmp_path, catcher.directory)
    yield started
    started.stop()
