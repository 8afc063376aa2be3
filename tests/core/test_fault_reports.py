"""Faults reported to Sentry: where and what, but no personal data."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
import sentry_sdk
from asgi_lifespan import LifespanManager
from fastapi import FastAPI, Request

from app.auth.guards import Public
from app.core.db.database import Database
from app.core.observability import logging as logs
from app.core.observability.fault_reports import report_faults
from app.main import create_app
from app.settings import Settings
from tests.e2e.collector import Collector, collecting

EMAIL = "ada@example.com"
PATH = "/api/broken/"


@pytest.fixture
def sentry() -> Iterator[Collector]:
    with collecting() as collector:
        report_faults(f"http://key@127.0.0.1:{collector.port}/1")
        yield collector
        sentry_sdk.get_client().close()
        sentry_sdk.get_global_scope().set_client(None)
        logs._fault_listeners.clear()


@pytest.fixture
async def broken(settings: Settings, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of an application with a route that fails."""
    app: FastAPI = create_app(settings)

    @app.post(PATH, dependencies=[Public])
    async def fail(request: Request) -> None:
        name = (await request.json())["name"]
        raise ValueError(f"{name} <{EMAIL}> was not expected")

    async with LifespanManager(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


async def test_a_fault_is_reported_without_anything_personal(
    broken: httpx.AsyncClient, sentry: Collector, log: Callable[[], list[dict[str, Any]]]
):
    headers = {"X-Request-ID": "broken-request", "Authorization": "Bearer a-secret-token"}
    answer = await broken.post(
        PATH, params={"q": "typed"}, json={"name": "Ada Lovelace"}, headers=headers
    )
    assert answer.status_code == 500
    sentry_sdk.flush()
    [event] = list(events(sentry))
    [error] = event["exception"]["values"]
    assert (error["type"], error["stacktrace"]["frames"][-1]["function"]) == ("ValueError", "fail")
    assert event["tags"]["request_id"] == "broken-request"
    everything = b"".join(sentry.bodies).decode()
    for personal in ("Ada", "typed", "a-secret-token", "127.0.0.1"):
        assert personal not in everything
    assert not any("vars" in frame for frame in error["stacktrace"]["frames"])
    [line] = [line for line in log() if line["event"] == "request failed"]
    assert line["request_id"] == "broken-request"  # which has the rest


async def test_a_refusal_is_no_fault(http: httpx.AsyncClient, sentry: Collector):
    assert (await http.get("/api/visitors/")).status_code == 401
    sentry_sdk.flush()
    assert list(events(sentry)) == []


def events(collector: Collector) -> Iterator[dict[str, Any]]:
    """Yield the events of envelopes, whose items each follow a line about them."""
    for body in collector.bodies:
        _, *items = body.decode().splitlines()
        for about, item in zip(items[::2], items[1::2], strict=True):
            if json.loads(about)["type"] == "event":
                yield json.loads(item)
