"""The worker as a process, with a Redis that stops and restarts."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from arq.connections import ArqRedis
from arq.constants import default_queue_name
from asgi_lifespan import LifespanManager

from app.core.clock import SettableClock, SystemClock
from app.core.db.database import Database
from app.core.jobs import DRAIN_OUTBOX, connect
from app.core.security.passwords import PasswordHasher
from app.main import create_app
from app.settings import Settings
from devserver.redis import EmbeddedRedis
from tests.support.api import Api, Client
from tests.support.database import all_mails, change_default_site
from tests.support.mailbox import Mailbox

LIMIT = 60.0  # seconds, for what should take two or three


@pytest.fixture
def redis() -> Iterator[EmbeddedRedis]:
    """Yield a server of this test's own; a short path keeps the address of its socket."""
    with tempfile.TemporaryDirectory(prefix="vms-") as folder:
        server = EmbeddedRedis(Path(folder) / "redis", durable=False)
        server.start()
        yield server
        server.stop()


@pytest.fixture
async def admin(
    settings: Settings, database: Database, clock: SettableClock, redis: EmbeddedRedis
) -> AsyncIterator[Client]:
    """Yield a user whose requests wake the worker over that server, in real time."""
    clock.set(SystemClock().now())
    app = create_app(settings.model_copy(update={"redis_url": redis.url}), clock=clock)
    async with LifespanManager(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            await change_default_site(database, open_weekdays=[1, 2, 3, 4, 5, 6, 7])
            yield await Api(http, database, PasswordHasher(settings.bcrypt_rounds)).admin()


@asynccontextmanager
async def worker(
    settings: Settings, redis_url: str, **more: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `vms worker`, killed at the end if it still runs. `more` are further settings."""
    environment = {
        **more,
        "PATH": os.environ["PATH"],
        "DEBUG": "true",
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": redis_url,
        "EMAIL_HOST": settings.email_host,
        "EMAIL_PORT": str(settings.email_port),
        "EMAIL_USE_TLS": "false",
        "DEFAULT_FROM_EMAIL": settings.default_from_email,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app.cli",
        "worker",
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(LIMIT):
        while not await holds():  # noqa: ASYNC110 - another process is watched
            await asyncio.sleep(0.02)


async def register(admin: Client, clock: SettableClock, email: str) -> None:
    day = clock.now().date() + timedelta(days=2)
    await admin.register(visit_date=day.isoformat(), email=email, host_email=None)


def sent_to(database: Database, *recipients: str) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        rows = await all_mails(database)
        return {row.recipient for row in rows if row.status == "sent"} == set(recipients)

    return holds


async def test_a_registration_is_mailed_and_a_signal_ends_it(
    admin: Client,
    clock: SettableClock,
    database: Database,
    settings: Settings,
    redis: EmbeddedRedis,
    mailbox: Mailbox,
):
    async with worker(settings, redis.url) as process:
        await register(admin, clock, "one@example.com")
        await eventually(sent_to(database, "one@example.com"))
        [mail] = mailbox.mails()
        assert mail["To"].addresses[0].addr_spec == "one@example.com"
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), LIMIT) == 0


async def test_what_is_done_is_chained(
    admin: Client, database: Database, settings: Settings, redis: EmbeddedRedis
):
    async def is_chained() -> bool:
        return len((await admin.get("audit/")).json()["items"]) == 2

    async with worker(settings, redis.url):
        assert (await admin.post("departments/", {"name": "Legal"})).status_code == 201
        await eventually(is_chained)


async def test_a_signal_ends_it_with_a_full_queue(settings: Settings, redis: EmbeddedRedis):
    queue = connect(redis.url)
    for _ in range(500):
        await queue.enqueue_job(DRAIN_OUTBOX)
    async with worker(settings, redis.url) as process:
        await eventually(lambda: begun(queue))
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), LIMIT) == 0
    await queue.aclose(close_connection_pool=True)


async def begun(queue: ArqRedis) -> bool:
    """Return whether the worker has taken a job from the queue."""
    return int(await queue.zcard(default_queue_name)) < 500


async def test_mail_goes_on_while_redis_is_away_and_when_it_is_back(
    admin: Client,
    clock: SettableClock,
    database: Database,
    settings: Settings,
    redis: EmbeddedRedis,
    mailbox: Mailbox,
):
    async with worker(settings, redis.url) as process:
        await register(admin, clock, "before@example.com")
        await eventually(sent_to(database, "before@example.com"))
        redis.stop()
        await register(admin, clock, "during@example.com")
        await eventually(sent_to(database, "before@example.com", "during@example.com"))
        redis.start()
        await register(admin, clock, "after@example.com")
        everybody = ("before@example.com", "during@example.com", "after@example.com")
        await eventually(sent_to(database, *everybody))
        assert len(mailbox.mails()) == 3
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), LIMIT) == 0


async def test_it_starts_without_redis_and_ends_without_it(
    admin: Client,
    clock: SettableClock,
    database: Database,
    settings: Settings,
    redis: EmbeddedRedis,
):
    redis.stop()
    async with worker(settings, redis.url) as process:
        await register(admin, clock, "ada@example.com")
        await eventually(sent_to(database, "ada@example.com"))
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), LIMIT) == 0


async def test_a_killed_workers_mail_is_taken_over_by_the_next(
    admin: Client,
    clock: SettableClock,
    database: Database,
    settings: Settings,
    redis: EmbeddedRedis,
):
    async with worker(settings, redis.url) as process:
        await register(admin, clock, "one@example.com")
        await eventually(sent_to(database, "one@example.com"))
        process.kill()
        await process.wait()
    await register(admin, clock, "two@example.com")
    async with worker(settings, redis.url):
        await eventually(sent_to(database, "one@example.com", "two@example.com"))
