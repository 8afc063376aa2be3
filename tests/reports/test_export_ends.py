"""The ends of exports: completed, disconnected by the client, failed in the database."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import text

from app.core.db.database import Database
from app.core.http import export as exporting
from tests.e2e.installation import eventually
from tests.reports.data import Visitors, fill
from tests.support.api import Api, Client
from tests.support.problems import problem

PATH = "/api/visitors/export-excel/"
# Only transactions of clients, not of autovacuum.
OTHERS = (
    "datname = current_database() AND backend_type = 'client backend' AND xact_start IS NOT NULL"
    " AND pid <> pg_backend_pid() AND application_name <> 'vms monitor'"
)


class Slow:
    """A client that reads the beginning of an export, and the rest when released."""

    def __init__(self, app: FastAPI, client: Client, query: str = "") -> None:
        self.began, self.goes_on, self.gone = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.body = b""
        headers = [(k.lower().encode(), v.encode()) for k, v in client.headers.items()]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": PATH,
            "raw_path": PATH.encode(),
            "query_string": query.encode(),
            "headers": [(b"host", b"test"), *headers],
            "server": ("test", 80),
        }
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.body":
            self.body += message["body"]
            self.began.set()
            await self.goes_on.wait()


@pytest.fixture
async def slow(app: FastAPI) -> AsyncIterator[Callable[[Client], Slow]]:
    """Yield a function that makes slow clients, who are gone at the end."""
    made: list[Slow] = []

    def make(client: Client) -> Slow:
        made.append(Slow(app, client))
        return made[-1]

    yield make
    for each in made:
        each.gone.set()
        with contextlib.suppress(Exception):
            await each.task


async def transactions(database: Database) -> int:
    """Return the number of other open transactions in this database."""
    statement = text(f"SELECT count(*) FROM pg_stat_activity WHERE {OTHERS}")
    async with database.engine.connect() as connection:
        return int(await connection.scalar(statement) or 0)


async def none_is_left(database: Database) -> None:
    """Wait until no connection is left: a server learns of one that was cut when it next looks."""

    async def none() -> bool:
        return await transactions(database) == 0

    await eventually(none)


async def test_a_third_concurrent_export_gets_a_retry_after(
    api: Api, visitors: Visitors, app: FastAPI, slow: Callable[[Client], Slow]
) -> None:
    admin = await api.admin()
    await visitors.add({})
    first, second = slow(admin), slow(admin)
    await asyncio.gather(first.began.wait(), second.began.wait())
    answer = await admin.get("visitors/export-excel/")
    problem(answer, 429, "too_many_exports")
    assert answer.headers["Retry-After"] == "10"
    first.goes_on.set()
    await first.task
    assert (await admin.get("visitors/export-excel/")).status_code == 200
    assert first.body.startswith(b"PK")


async def test_a_client_that_hangs_up_frees_place_and_transaction(
    api: Api, database: Database, app: FastAPI, slow: Callable[[Client], Slow]
) -> None:
    admin = await api.admin()
    await fill(database, 1_000)
    client = slow(admin)
    await client.began.wait()
    assert app.state.export_places.free == exporting.AT_ONCE - 1
    assert await transactions(database) == 1
    client.gone.set()
    await client.task
    assert app.state.export_places.free == exporting.AT_ONCE
    await none_is_left(database)


async def test_a_client_that_takes_nothing_is_given_up(
    api: Api,
    database: Database,
    app: FastAPI,
    slow: Callable[[Client], Slow],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    admin = await api.admin()
    await fill(database, 1_000)
    monkeypatch.setattr(exporting, "STALL_SECONDS", 0.05)
    client = slow(admin)
    with pytest.raises(RuntimeError, match="response already started"):
        await client.task
    assert app.state.export_places.free == exporting.AT_ONCE
    await none_is_left(database)


async def test_a_hang_up_over_a_real_socket(
    api: Api, database: Database, app: FastAPI, settings: Any
) -> None:
    admin = await api.admin()
    await fill(database, 20_000, name="Long" * 40)
    async with served(app) as port:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            client.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(client, ("127.0.0.1", port))
            head = "".join(f"{name}: {value}\r\n" for name, value in admin.headers.items())
            request = f"GET {PATH}?format=csv HTTP/1.1\r\nHost: test\r\n{head}\r\n"
            await loop.sock_sendall(client, request.encode())
            assert (await loop.sock_recv(client, 100)).startswith(b"HTTP/1.1 200")
            assert app.state.export_places.free == exporting.AT_ONCE - 1
        await eventually(lambda: app.state.export_places.free == exporting.AT_ONCE)
    await none_is_left(database)


@contextlib.asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[int]:
    """Serve the application by uvicorn, without another lifespan of its own."""
    config = uvicorn.Config(app, port=0, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    await eventually(lambda: server.started)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await task


async def test_a_fault_before_the_first_row_is_a_problem(
    api: Api, app: FastAPI, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = await api.admin()
    await fill(database, 20_000)
    monkeypatch.setattr(exporting, "QUERY_SECONDS", 0.001)  # a millisecond for the sort
    answer = await admin.get("visitors/export-excel/", ordering="-visit_date", q="visitor")
    problem(answer, 503, "unavailable")
    assert app.state.export_places.free == exporting.AT_ONCE


async def test_a_fault_after_it_breaks_the_answer_off(
    api: Api, app: FastAPI, database: Database, slow: Callable[[Client], Slow]
) -> None:
    admin = await api.admin()
    await fill(database, 1_000)
    client = slow(admin)
    await client.began.wait()
    async with database.engine.connect() as connection:
        await connection.execute(
            text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {OTHERS}")
        )
    client.goes_on.set()
    with pytest.raises(RuntimeError, match="response already started"):
        await client.task
    assert app.state.export_places.free == exporting.AT_ONCE
    answer = await admin.get("visitors/export-excel/")
    assert isinstance(answer, httpx.Response)
    assert answer.status_code == 200
