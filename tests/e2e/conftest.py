"""One installation for the end-to-end tests of a test worker."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from devserver.mail import MailCatcher
from tests.e2e.installation import SUPERADMIN, Installation, Today, running

OPEN_ALWAYS = {
    "opens_at": "00:00",
    "closes_at": "00:00",
    "open_weekdays": [1, 2, 3, 4, 5, 6, 7],
    "booking_lead_minutes": 0,
}


@pytest.fixture(scope="session")
def today() -> Today:
    return Today.somewhere()


@pytest.fixture(scope="session")
def installation(
    empty_database_url: str,
    redis_url: str,
    today: Today,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Installation]:
    """Run two API servers, a worker and a mail catcher over a separate database."""
    folder: Path = tmp_path_factory.mktemp("e2e")
    catcher = MailCatcher(folder / "mail")
    catcher.start()
    settings = {
        "DEBUG": "true",
        "SECRET_KEY": "a secret of the end-to-end tests, long enough",
        "DATABASE_URL": empty_database_url,
        "REDIS_URL": redis_url,
        "EMAIL_HOST": catcher.host,
        "EMAIL_PORT": str(catcher.port),
        "EMAIL_USE_TLS": "false",
    }
    try:
        with running(settings, catcher, servers=2, logs=folder) as started:
            asyncio.run(_open_default_site(started, today))
            yield started
    finally:
        catcher.stop()


async def _open_default_site(installation: Installation, today: Today) -> None:
    """Open round the clock, in a zone where it is morning."""
    (client, *_) = await installation.signed_in(SUPERADMIN)
    async with client:
        sites = (await client.get("/api/sites/")).json()["items"]
        answer = await client.patch(
            f"/api/sites/{sites[0]['id']}/", json={**OPEN_ALWAYS, "timezone": today.timezone}
        )
        assert answer.status_code == 200, answer.text


@pytest.fixture
async def clients(installation: Installation) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Yield an admin's client for each server."""
    opened = await installation.signed_in()
    yield opened
    for client in opened:
        await client.aclose()
