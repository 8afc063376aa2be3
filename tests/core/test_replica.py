"""Reads from a streaming replica: which ones, and for how long."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from app import migrations
from app.core.clock import SettableClock
from app.core.db import recent_writers, replica
from app.core.db.database import Database
from app.core.db.recent_writers import RecentWriters
from app.core.jobs import connect
from app.core.security.passwords import PasswordHasher
from app.main import create_app
from app.settings import Settings
from devserver.postgres import EmbeddedPostgres
from tests.conftest import MONDAY
from tests.faults.processes import frozen
from tests.support.api import VISITOR, Api, Client
from tests.support.replication import make_standby

LIMIT = 30  # seconds, for anything that should be quick
Servers = tuple[EmbeddedPostgres, EmbeddedPostgres]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Yield a primary with a schema, and its replica."""
    folder: Path = tmp_path_factory.mktemp("replication")
    primary = EmbeddedPostgres(folder / "primary", durable=False)
    primary.start()
    try:
        primary.create_database("vms")
        migrations.upgrade(primary.url())
        standby = EmbeddedPostgres(folder / "standby", durable=False)
        make_standby(standby, primary)
        standby.start()
        yield primary, standby
        standby.stop()
    finally:
        primary.stop()


@pytest.fixture
async def pair(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """Yield the two of them, watched closely."""
    monkeypatch.setattr(replica, "CHECK_SECONDS", 0.02)
    monkeypatch.setattr(replica, "ASK_AGAIN_SECONDS", 0.02)
    primary, standby = servers
    database = Database(primary.url(), replica_url=standby.url())
    yield database
    await database.close()


async def from_replica(database: Database, *, may_lag: bool = True) -> bool:
    async with database.browse(may_lag=may_lag) as session:
        return bool(await session.scalar(select(func.pg_is_in_recovery())))


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(LIMIT):
        while not await holds():  # noqa: ASYNC110 - a server sets no event
            await asyncio.sleep(0.02)


async def replica_answers(database: Database) -> None:
    await eventually(lambda: from_replica(database))


async def primary_answers(database: Database) -> None:
    async def holds() -> bool:
        return not await from_replica(database)

    await eventually(holds)


async def on(server: EmbeddedPostgres, sql: str) -> None:
    connection = await asyncpg.connect(server.url().replace("+asyncpg", ""))
    await connection.execute(sql)
    await connection.close()


async def test_a_replica_that_keeps_up_answers_who_may_be_told_late(pair: Database):
    assert not await from_replica(pair)  # before its state is known
    await replica_answers(pair)
    assert not await from_replica(pair, may_lag=False)
    async with pair.read() as session:
        assert not await session.scalar(select(func.pg_is_in_recovery()))


async def test_an_export_may_be_read_from_it(pair: Database):
    await replica_answers(pair)
    for may_lag in (True, False):
        async with pair.snapshot(query_seconds=5, idle_seconds=5, may_lag=may_lag) as session:
            assert await session.scalar(select(func.pg_is_in_recovery())) is may_lag
            assert await session.scalar(select(func.current_setting("statement_timeout"))) == "5s"


async def test_one_that_is_late_is_not_asked(
    pair: Database, servers: Servers, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(replica, "MAX_LAG_SECONDS", 0.5)
    primary, standby = servers
    await replica_answers(pair)
    await on(standby, "SELECT pg_wal_replay_pause()")
    try:
        await on(primary, "CREATE TABLE late ()")
        await primary_answers(pair)
    finally:
        await on(standby, "SELECT pg_wal_replay_resume()")
    await replica_answers(pair)


async def test_one_that_is_down_is_not_missed(pair: Database, servers: Servers):
    _, standby = servers
    await replica_answers(pair)
    standby.stop()
    try:
        assert not await from_replica(pair)
        async with pair.snapshot(query_seconds=5, idle_seconds=5) as session:
            assert not await session.scalar(select(func.pg_is_in_recovery()))
    finally:
        standby.start()
    await replica_answers(pair)


async def test_one_that_is_frozen_keeps_nobody_waiting(pair: Database, servers: Servers):
    _, standby = servers
    await replica_answers(pair)
    async with pair.browse() as session:
        assert await session.scalar(select(func.pg_is_in_recovery()))
        with frozen(standby.pid):
            async with asyncio.timeout(LIMIT):  # no answer comes, and no limit of the server's
                with pytest.raises(SQLAlchemyError):
                    await session.scalar(select(func.pg_is_in_recovery()))
                assert not await from_replica(pair)
    await replica_answers(pair)


@pytest.fixture
async def app(
    servers: Servers, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[FastAPI]:
    """Yield the application on both; a replica that stands still passes for one that keeps up."""
    primary, standby = servers
    for module in (replica, recent_writers):
        monkeypatch.setattr(module, "MAX_LAG_SECONDS", 600)
    urls = {"database_url": primary.url(), "database_replica_url": standby.url()}
    app = create_app(settings.model_copy(update=urls), clock=SettableClock(MONDAY))
    async with LifespanManager(app):
        yield app


@pytest.fixture
async def api(app: FastAPI, settings: Settings) -> AsyncIterator[Api]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        yield Api(http, app.state.database, PasswordHasher(settings.bcrypt_rounds))


@pytest.fixture
async def paused(servers: Servers) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Pause the replica until the end of the test."""
    yield lambda: on(servers[1], "SELECT pg_wal_replay_pause()")
    await on(servers[1], "SELECT pg_wal_replay_resume()")


async def test_who_has_written_misses_nothing_of_it(
    api: Api, app: FastAPI, paused: Callable[[], Awaitable[None]]
):
    writer, other = await api.admin(), await api.admin("other@example.com")
    await replica_answers(app.state.database)
    await paused()
    await writer.register()

    async def found(path: str, **params: str) -> list[bool]:
        answers = [await client.get(path, **params) for client in (writer, other)]
        return [VISITOR["name"] in answer.text for answer in answers]

    assert await found("visitors/") == [True, False]
    assert await found("visitors/export-excel/", format="csv") == [True, False]


async def test_without_redis_nobody_reads_late_rows(
    api: Api, app: FastAPI, paused: Callable[[], Awaitable[None]]
):
    writer, other = await api.admin("a@example.com"), await api.admin("b@example.com")
    await replica_answers(app.state.database)
    await paused()
    visitor = await writer.register(name="Grace Hopper")
    app.state.database.recent_writers = RecentWriters(connect("unix:///nowhere.sock"))
    found = (await other.get("visitors/", q="Grace")).json()["items"]
    assert [item["id"] for item in found] == [visitor["id"]]


async def test_who_has_scanned_misses_nothing_of_it(
    api: Api, app: FastAPI, paused: Callable[[], Awaitable[None]]
):
    host, gate, other = [await api.admin(f"{name}@example.com") for name in ("x", "y", "z")]
    await replica_answers(app.state.database)
    visitor = await host.register(name="Mary Somerville")

    async def status(client: Client) -> str | None:
        items = (await client.get("visitors/", q="Mary Somerville")).json()["items"]
        return str(items[0]["status"]) if items else None

    async def is_replayed() -> bool:
        return await status(other) == "pending"

    await eventually(is_replayed)
    await paused()
    assert (await gate.scan(visitor["qr_code"])).status_code == 200
    assert [await status(gate), await status(other)] == ["verified", "pending"]
