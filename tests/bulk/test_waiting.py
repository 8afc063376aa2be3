"""Uploads that wait for their turn: their number, and the resources that they hold."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from threading import Event
from typing import Any

import httpx
import pytest
from anyio import CapacityLimiter
from fastapi import FastAPI

from app.bulk import reading_service
from app.bulk.errors import XLSX
from tests.bulk.files import row, rows, upload, workbook
from tests.support.api import Api, Client
from tests.support.problems import problem

CONCURRENT = reading_service.CONCURRENT

# Created once, since a workbook contains the second of its creation.
LIST = workbook(rows(2))


async def limiter() -> CapacityLimiter:
    """Return the places of the reader in this event loop."""
    await reading_service.in_thread(int)
    found = reading_service.threads._limiter.get()
    assert found is not None
    return found


@asynccontextmanager
async def no_place() -> AsyncIterator[CapacityLimiter]:
    """Occupy all places of the reader during the block."""
    places, go_on = await limiter(), Event()
    taken = [asyncio.create_task(reading_service.in_thread(go_on.wait)) for _ in range(CONCURRENT)]
    try:
        await until(lambda: places.statistics().borrowed_tokens == CONCURRENT)
        yield places
    finally:
        go_on.set()
        await asyncio.gather(*taken)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - threads have no event for us
            await asyncio.sleep(0.001)


def in_use(app: FastAPI) -> int:
    """Return the number of connections of the pool in use."""
    used: int = app.state.database.engine.pool.checkedout()
    return used


def send(
    client: Client, number: int, *, query: str = "?dry_run=true"
) -> asyncio.Task[httpx.Response]:
    headers = {"Idempotency-Key": f"key-{number}", "Accept": f"application/json, {XLSX}"}
    return asyncio.create_task(upload(client, LIST, headers=headers, query=query))


async def test_an_upload_that_waits_holds_no_connection(app: FastAPI, api: Api):
    admin = await api.admin()
    async with no_place() as places:
        sent = [send(admin, number) for number in range(3)]
        await until(lambda: places.statistics().tasks_waiting == 3)
        assert in_use(app) == 0
    assert [answer.status_code for answer in await asyncio.gather(*sent)] == [200] * 3


async def test_a_list_that_waits_to_be_marked_holds_no_connection(
    app: FastAPI, api: Api, monkeypatch: pytest.MonkeyPatch
):
    admin = await api.admin()
    used: list[int] = []
    begin = reading_service.in_thread

    async def noted(function: Callable[..., Any], *arguments: Any) -> Any:
        used.append(in_use(app))
        return await begin(function, *arguments)

    monkeypatch.setattr("app.bulk.router.in_thread", noted)
    faulty = workbook([[*row()[:1], "nobody", *row()[2:]]])
    answer = await upload(admin, faulty, headers={"Accept": XLSX, "Idempotency-Key": "key-1"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (422, XLSX)
    assert (await admin.get("visitors/download-template/")).status_code == 200
    assert set(used) == {0}
    assert len(used) >= 2


async def test_a_repeat_of_an_upload_is_answered_without_reading_it(api: Api):
    admin = await api.admin()
    first = await send(admin, 1, query="")
    assert first.status_code == 201
    async with no_place():
        again = await send(admin, 1, query="")
    assert (again.status_code, again.content) == (201, first.content)


async def test_uploads_are_limited_for_each_account(
    app: FastAPI, api: Api, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(app.state.settings, "upload_limit_per_account", "2/minute")
    admin, other = await api.admin(), await api.host()
    query = "?dry_run=true"
    codes = [(await upload(admin, workbook(rows(1)), query=query)).status_code for _ in range(2)]
    assert codes == [200, 200]
    problem(await upload(admin, workbook(rows(1)), query=query), 429, "too_many_requests")
    problem(await upload(admin, workbook(rows(1))), 429, "too_many_requests")
    assert (await upload(other, workbook(rows(1)), query=query)).status_code == 200
