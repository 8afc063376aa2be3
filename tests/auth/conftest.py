"""The application with other settings."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI

from app.auth import dependencies
from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.security.passwords import PasswordHasher
from app.main import create_app
from app.settings import Settings
from tests.support.api import Api

StartApp = Callable[..., Awaitable[Api]]


@pytest.fixture(autouse=True)
def _timing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the delay that hides how long the work took."""
    monkeypatch.setattr(dependencies, "EVEN_SECONDS", 0)


@pytest.fixture
async def start(
    app: FastAPI, settings: Settings, database: Database, clock: SettableClock
) -> AsyncIterator[StartApp]:
    """Yield a function that starts the application on the same database with other settings."""
    async with AsyncExitStack() as stack:

        async def start(**changes: Any) -> Api:
            other = create_app(settings.model_copy(update=changes), clock=clock)
            await stack.enter_async_context(LifespanManager(other))
            stack.push_async_callback(other.state.redis.connection_pool.disconnect)
            transport = httpx.ASGITransport(other, client=("192.0.2.7", 1))
            http = httpx.AsyncClient(transport=transport, base_url="http://test")
            await stack.enter_async_context(http)
            return Api(http, database, PasswordHasher(settings.bcrypt_rounds))

        yield start
