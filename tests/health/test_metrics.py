"""What is counted, and what is looked up for Prometheus."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.ext.asyncio import create_async_engine

from app.core.clock import SettableClock, SystemClock
from app.core.db.database import Database
from app.core.db.pool import MeasuredPool
from app.main import create_app
from app.settings import Settings
from tests.auth.factors import enrol, redeem, ticket
from tests.bulk.files import COMMON, rows, workbook
from tests.devices.devices import add_device
from tests.health.figures import figures
from tests.support.api import VISITOR, Api
from tests.support.counting import statements
from tests.support.database import change_default_site
from tests.support.mailbox import Mailbox
from tests.support.problems import problem

TOKEN = "what Prometheus knows"
POOL = "vms_database_pool"
NOWHERE = "postgresql+asyncpg://nobody@127.0.0.1:9/vms"


async def client_of(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


# -- requests ---------------------------------------------------------------------------------


async def test_a_request_is_counted_by_the_pattern_of_its_path(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    before = await figures(api.http)
    await admin.get(f"visitors/{visitor['id']}/")
    await admin.get("visitors/01a20566-6a24-760a-88c8-175cbc47c4e4/")
    now = await figures(api.http)
    labels = {"method": "GET", "route": "/api/visitors/{visitor_id:uuid}/"}
    for status in ("200", "404"):
        counted = now.of("vms_http_requests_total", status=status, **labels)
        assert counted - before.of("vms_http_requests_total", status=status, **labels) == 1
    timed = "vms_http_request_duration_seconds_count"
    assert now.of(timed, **labels) - before.of(timed, **labels) == 2


async def test_nothing_that_a_stranger_sends_becomes_a_series(api: Api):
    admin = await api.admin()
    visitor = await admin.register(name="Typed Name", email="typed@example.com")
    await admin.get("visitors/", q="typed")
    await api.http.get("/typed/path?typed=1", headers={"X-Request-ID": "typed-request"})
    await api.http.request("TYPED", "/typed/")
    text = (await figures(api.http)).text
    assert "typed" not in text.lower()
    assert visitor["id"] not in text
    assert 'method="other",route="-"' in text


# -- what visitors and gates do ---------------------------------------------------------------


async def test_registrations_are_counted_by_their_way_in(api: Api, clock: SettableClock):
    clock.advance(timedelta(hours=1, minutes=30))
    admin = await api.admin()
    kiosk = await add_device(api, "kiosk", name="Lobby")
    await change_default_site(api.database, self_registration=True)
    before = await figures(api.http)
    await admin.register(visit_time="12:00")
    await kiosk.post("visitors/", {"name": "Ada", "email": "ada@example.com"})
    form = {name: VISITOR[name] for name in ("name", "email", "visit_date")}
    await api.http.post("/api/visitors/", json=form | {"visit_time": "13:00"})
    await upload(admin, rows(3))
    await upload(admin, rows(3, first=9), dry_run=True)
    grown = (await figures(api.http)).since(before)
    assert {name: n for name, n in grown.items() if name.startswith("vms_bookings")} == {
        "vms_bookings_total{desk}": 1,
        "vms_bookings_total{kiosk}": 1,
        "vms_bookings_total{anonymous}": 1,
        "vms_bookings_total{bulk}": 3,
    }


async def upload(admin: Any, lines: list[Any], **query: Any) -> None:
    answer = await admin.request(
        "POST",
        "visitors/bulk-upload/",
        files={"file": ("list.xlsx", workbook(lines))},
        data=COMMON | {"visit_time": "14:00"},
        params=query,
    )
    assert answer.status_code in {200, 201}, answer.text


async def test_refusals_count_by_code_and_are_no_registrations(api: Api):
    admin = await api.admin()
    await change_default_site(api.database, slot_capacity=1)
    await admin.register()
    before = await figures(api.http)
    await admin.post("visitors/", VISITOR)
    await admin.post("visitors/", VISITOR | {"visit_date": "2026-11-24", "visit_time": "03:00"})
    grown = (await figures(api.http)).since(before)
    assert grown["vms_problems_total{slot_full}"] == 1
    assert grown["vms_problems_total{slot_closed}"] == 1
    assert "vms_bookings_total{desk}" not in grown


async def test_scans_are_counted_by_verdict_forged_ones_too(api: Api, clock: SettableClock):
    clock.advance(timedelta(hours=1))
    admin = await api.admin()
    code = (await admin.register())["qr_code"]
    scan_id = "01a20566-6a24-760a-88c8-175cbc47c4e4"
    before = await figures(api.http)
    await admin.scan(code, scan_id=scan_id)
    await admin.scan(code, scan_id=scan_id)
    await admin.scan(code)
    await admin.scan(code, direction="out")
    await admin.scan("FORGED")
    grown = (await figures(api.http)).since(before)
    assert {name: n for name, n in grown.items() if name.startswith("vms_scans")} == {
        "vms_scans_total{admitted}": 1,
        "vms_scans_total{replayed}": 1,
        "vms_scans_total{already_inside,refused}": 1,
        "vms_scans_total{checked_out}": 1,
        "vms_scans_total{forged}": 1,
    }


async def test_passwords_are_counted_right_and_wrong(api: Api):
    before = await figures(api.http)
    await api.admin()
    wrong = {"email": "desk@example.com", "password": "not this one"}
    await api.http.post("/api/auth/login/", json=wrong)
    grown = (await figures(api.http)).since(before)
    assert grown["vms_sign_ins_total{passed}"] == 1
    assert grown["vms_sign_ins_total{failed}"] == 1


async def test_second_factors_are_counted_right_and_wrong(api: Api, clock: SettableClock):
    app = await enrol(await api.host(), clock)
    waiting, before = await ticket(api), await figures(api.http)
    for code in (app.wrong(), app.code()):
        await redeem(api, waiting, code=code)
    grown = (await figures(api.http)).since(before)
    assert grown["vms_second_factors_total{passed}"] == 1
    assert grown["vms_second_factors_total{failed}"] == 1


# -- what is looked up ------------------------------------------------------------------------


async def test_the_outbox_shows_how_many_wait_and_since_when(
    api: Api, clock: SettableClock, mailbox: Mailbox
):
    admin = await api.admin()
    await admin.register(email="ada@example.com")  # and a mail to the host
    clock.advance(timedelta(seconds=90))
    now = await figures(api.http)
    assert now.of("vms_outbox_mails", state="queued") == 2
    assert now.of("vms_outbox_oldest_waiting_age_seconds") == 90
    assert now.of("vms_outbox_overdue_seconds") == 90
    await mailbox.deliver()
    now = await figures(api.http)
    assert now.of("vms_outbox_mails", state="queued") == 0
    assert now.of("vms_outbox_oldest_waiting_age_seconds") == 0
    assert now.of("vms_outbox_overdue_seconds") == 0


async def test_a_delivered_mail_is_counted_with_the_time_it_took(
    api: Api, clock: SettableClock, mailbox: Mailbox
):
    admin = await api.admin()
    await admin.register(host_email=None)
    clock.advance(timedelta(seconds=7))
    before = await figures(api.http)
    await mailbox.deliver()
    grown = (await figures(api.http)).since(before)
    assert grown["vms_mail_attempts_total{sent,visitor_confirmation}"] == 1
    assert grown["vms_mail_delay_seconds_sum{}"] == 7


async def test_the_clock_is_held_against_the_databases(api: Api, clock: SettableClock):
    clock.set(SystemClock().now() + timedelta(hours=1))
    ahead = (await figures(api.http)).of("vms_clock_offset_seconds")
    assert timedelta(minutes=59) < timedelta(seconds=ahead) < timedelta(minutes=61)


async def test_looking_up_takes_five_statements(api: Api, app: FastAPI):
    with statements(app) as sent:
        await figures(api.http)
    assert len(sent) == 5


async def test_without_a_database_the_other_figures_are_there(settings: Settings):
    app = create_app(settings.model_copy(update={"database_url": NOWHERE}))
    async with LifespanManager(app), await client_of(app) as http:
        now = await figures(http)
    assert now.of("vms_database_up") == 0
    assert "vms_http_requests_total" in now.text
    assert "vms_outbox_mails" not in now.text


async def test_without_redis_a_process_that_nobody_asks_says_so(
    settings: Settings, http: httpx.AsyncClient, database: Database
):
    assert (await figures(http)).of("vms_redis_up") == 1
    app = create_app(settings.model_copy(update={"redis_url": "redis://127.0.0.1:9"}))
    async with LifespanManager(app), await client_of(app) as http:
        now = await figures(http)
    assert "vms_redis_up 0.0" in now.text
    assert now.of("vms_database_up") == 1


async def test_a_limit_that_counts_without_redis_is_seen(settings: Settings, database: Database):
    app = create_app(settings.model_copy(update={"redis_url": "redis://127.0.0.1:9"}))
    async with LifespanManager(app), await client_of(app) as http:
        assert (await figures(http)).of("vms_rate_limits_without_redis") == 0
        await http.post("/api/auth/login/", json={"email": "a@example.com", "password": "b"})
        assert (await figures(http)).of("vms_rate_limits_without_redis") == 1


async def test_who_waits_for_a_connection_is_counted(settings: Settings, http: httpx.AsyncClient):
    engine = create_async_engine(
        settings.database_url,
        poolclass=MeasuredPool,
        pool_size=1,
        max_overflow=0,
        pool_logging_name="single",
    )

    async def use() -> float:
        async with engine.connect() as connection:
            await connection.execute(select(1))
            return (await figures(http)).of(f"{POOL}_connections_checked_out", pool="single")

    assert await asyncio.gather(*(use() for _ in range(3))) == [1, 1, 1]
    await engine.dispose()
    now = await figures(http)
    assert now.of(f"{POOL}_wait_seconds_count", pool="single") == 2
    assert now.of(f"{POOL}_connections_max", pool="single") == 1
    assert now.of(f"{POOL}_connections_checked_out", pool="single") == 0


# -- who may read them ------------------------------------------------------------------------


@pytest.fixture
def production(settings: Settings) -> Settings:
    return settings.model_copy(update={"debug": False, "allowed_hosts": ["test"]})


async def test_in_production_figures_need_their_token(production: Settings, database: Database):
    app = create_app(production.model_copy(update={"metrics_token": SecretStr(TOKEN)}))
    async with LifespanManager(app), await client_of(app) as http:
        problem(await http.get("/metrics"), 401, "not_authenticated")
        for wrong in (f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer ", f"Bearer {TOKEN[:-1]}é"):
            answer = await http.get("/metrics", headers={b"Authorization": wrong.encode()})
            problem(answer, 401, "not_authenticated")
        await figures(http, TOKEN)


async def test_in_production_there_are_none_without_one(production: Settings, database: Database):
    app = create_app(production)
    async with LifespanManager(app), await client_of(app) as http:
        problem(await http.get("/metrics"), 404, "not_found")
        problem(await http.get("/metrics", headers={"Authorization": "Bearer "}), 404, "not_found")
