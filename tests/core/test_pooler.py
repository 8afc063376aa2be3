"""What a transaction pooler would see, read from the wire."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.security.passwords import PasswordHasher
from app.main import create_app
from app.settings import Settings
from tests.bulk.files import rows, upload, workbook
from tests.support.api import VISITOR, Api
from tests.support.database import change_default_site
from tests.support.wire import Heard, overheard

# A statement prepared but not bound in one message: the next may use another server.
LEFT_BEHIND = re.compile("P[^B]*S")
Listen = Callable[[str], AbstractAsyncContextManager[Heard]]


@pytest.fixture
def listen(app: FastAPI, database: Database, settings: Settings, clock: SettableClock) -> Listen:
    """Return a recorder of each kind of work; `options` end the address of the database."""

    @asynccontextmanager
    async def heard_of(options: str) -> AsyncIterator[Heard]:
        await change_default_site(database, booking_lead_minutes=0)
        async with overheard(settings.database_url) as heard:
            given = settings.model_copy(update={"database_url": heard.url + options})
            listened = create_app(given, clock=clock)
            transport = httpx.ASGITransport(listened)
            async with (
                LifespanManager(listened),
                httpx.AsyncClient(transport=transport, base_url="http://test") as http,
            ):
                hasher = PasswordHasher(settings.bcrypt_rounds)
                await work(Api(http, listened.state.database, hasher))
            yield heard

    return heard_of


async def work(api: Api) -> None:
    admin = await api.admin()
    made = await admin.post("visitors/", VISITOR)
    answers = [
        made,
        await admin.get("visitors/", q="ada", include_total=True),
        await admin.get("visitors/dashboard-stats/"),
        await admin.get("analytics/trends/"),
        await admin.scan(made.json()["qr_code"]),
        await upload(admin, workbook(rows(20)), visit_time="11:00"),
        *[await admin.get("visitors/export-excel/", format=kind) for kind in ("csv", "xlsx")],
    ]
    assert {answer.status_code for answer in answers} == {200, 201}, answers


async def test_through_a_pooler_no_statement_has_a_name(listen: Listen):
    async with listen("&pooler=transaction") as heard:
        assert len(heard.statements) > 20
        assert set(heard.statements) == {""}


async def test_through_a_pooler_a_statement_is_bound_in_its_message(listen: Listen):
    async with listen("&pooler=transaction") as heard:
        assert not [each for each in heard.letters if LEFT_BEHIND.search("".join(each))]


async def test_without_a_pooler_statements_have_names(listen: Listen):
    """The two tests above would have recorded these."""
    async with listen("") as heard:
        assert len(set(heard.statements)) > 20
