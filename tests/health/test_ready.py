"""The readiness check of an orchestrator."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI
from sqlalchemy import func, select

from app.core.db.database import Database
from app.main import create_app
from app.settings import Settings
from tests.support.problems import problem

READY = "/health/ready/"


@pytest.fixture
async def small(settings: Settings, database: Database) -> AsyncIterator[FastAPI]:
    """Yield an application with a pool of one connection."""
    app = create_app(settings.model_copy(update={"database_pool_size": 1}))
    async with LifespanManager(app):
        yield app


async def asked(app: FastAPI, path: str = READY) -> httpx.Response:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http:
        return await http.get(path, headers={"Host": "10.1.2.3:8000"})


async def test_each_part_is_named(app: FastAPI):
    answer = await asked(app)
    assert answer.status_code == 200
    assert answer.json() == {"status": "up", "database": "up", "redis": "up"}


async def test_a_process_that_is_busy_stays_in_service(small: FastAPI):
    async with small.state.database.read() as session:
        await session.scalar(select(func.now()))  # holds the only connection
        answer = await asked(small)
    assert (answer.status_code, answer.json()["database"]) == (200, "up")


async def test_a_database_that_takes_no_writes_is_not_ready(small: FastAPI):
    connections = small.state.database.engine.sync_engine.pool
    held = await asyncio.wait_for(small.state.database.engine.connect(), 10)
    driver = (await held.get_raw_connection()).driver_connection
    await driver.execute("SET default_transaction_read_only = on")
    await held.close()
    assert connections.checkedin() == 1
    answer = await asked(small)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "2"
    assert answer.json() == {"status": "down", "database": "read_only", "redis": "up"}


async def test_an_orchestrator_may_ask_by_address_and_nobody_else(
    settings: Settings, database: Database
):
    app = create_app(settings.model_copy(update={"allowed_hosts": ["visitors.example.com"]}))
    async with LifespanManager(app):
        for path in (READY, "/health/live/", "/metrics"):
            assert (await asked(app, path)).status_code == 200
        problem(await asked(app, "/api/visitors/available-slots/"), 400, "invalid_host")
