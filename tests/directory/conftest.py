"""The application with a company's directory: a real one, or one that forges."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import httpx2
import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI

from app.auth.directory_flow_service import CALLBACK, directory_provider
from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.http.windows import OwnWindows
from app.core.security.passwords import PasswordHasher
from app.main import create_app
from app.settings import Settings
from tests.conftest import forget_limits
from tests.directory.sign_in import Page
from tests.support.api import Api
from tests.support.directory import CLIENT_ID, CLIENT_SECRET, Directory, Person, running_directory
from tests.support.forger import Forger, forging_app
from tests.support.serving import served

OURS = "http://localhost:8000"
CALLED_BACK = f"{OURS}{CALLBACK}"
Configure = Callable[..., None]


@pytest.fixture(scope="session")
def directory() -> Iterator[Directory]:
    """Return the company's directory of this test worker."""
    with running_directory(CALLED_BACK) as directory:
        yield directory


@pytest.fixture(scope="session")
def directory_settings(settings: Settings) -> Settings:
    given: dict[str, Any] = settings.model_dump(exclude_unset=True) | {
        "oidc_issuer": "http://127.0.0.1:1",
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": CLIENT_SECRET,
    }
    return Settings(_env_file=None, **given)


@pytest.fixture(scope="session")
async def running_directory_app(
    directory_settings: Settings, session_clock: SettableClock
) -> AsyncIterator[FastAPI]:
    app = create_app(directory_settings, clock=session_clock)
    async with LifespanManager(app):
        yield app


@pytest.fixture
async def app(
    running_directory_app: FastAPI,
    directory_settings: Settings,
    database: Database,
    clock: SettableClock,
) -> AsyncIterator[FastAPI]:
    """Return the application with a directory that does not answer."""
    app = running_directory_app
    await forget_limits(app.state.redis)
    app.state.limiter.own = OwnWindows()
    unused = app.state.directory
    yield app
    app.state.directory, app.state.settings = unused, directory_settings


@pytest.fixture(scope="session")
async def connections() -> AsyncIterator[httpx2.AsyncClient]:
    """To make one anew for every test would take longer than the test."""
    async with httpx2.AsyncClient() as client:
        yield client


@pytest.fixture
def configure(app: FastAPI, connections: httpx2.AsyncClient) -> Configure:
    """Change settings of the running application: `configure(oidc_domains=["a.org"])`."""

    def _configure(**values: Any) -> None:
        given = app.state.settings.model_dump(exclude_unset=True) | values
        app.state.settings = Settings(_env_file=None, **given)
        if "oidc_issuer" in values:
            app.state.directory = directory_provider(
                app.state.settings, app.state.clock, connections
            )

    return _configure


@pytest.fixture
async def person(
    directory: Directory, configure: Configure, clock: SettableClock
) -> AsyncIterator[Person]:
    """Ada, whose verified address the directory knows, and an application that uses it."""
    clock.set(datetime.now(UTC))  # that of the directory's process
    configure(oidc_issuer=directory.issuer)
    directory.add("ada", email="ada@example.com", email_verified=True, given_name="Ada")
    person = Person("ada")
    yield person
    await person.close()


@pytest.fixture(scope="session")
async def forgers(session_clock: SettableClock) -> AsyncIterator[list[Forger]]:
    """Return the directory of the last of these forgers."""
    forgers = [Forger(session_clock)]
    async with served(forging_app(lambda: forgers[-1])) as address:
        forgers[-1].issuer = address
        yield forgers


@pytest.fixture
async def forger(forgers: list[Forger], configure: Configure, clock: SettableClock) -> Forger:
    """Return a directory that says what the test wants, and an application that uses it."""
    forgers.append(Forger(clock, forgers[0].issuer))
    configure(oidc_issuer=forgers[0].issuer)
    return forgers[-1]


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client that is nobody, at the address that the directory leads back to."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=OURS) as client:
        yield client


@pytest.fixture
def page(http: httpx.AsyncClient) -> Page:
    """Return a page of the front end in a browser of its own."""
    return Page(http)


@pytest.fixture
async def api(http: httpx.AsyncClient, database: Database, settings: Settings) -> Api:
    return Api(http, database, PasswordHasher(settings.bcrypt_rounds))
