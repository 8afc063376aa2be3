"""Query plans of the hot statements with many visitors.

A query that reads a whole table is fast only while the table is small. None of these does, and
a page of a list is found without looking at many more rows than it has.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from asgi_lifespan import LifespanManager
from fastapi import FastAPI
from sqlalchemy import func, select

from app.core.db.database import Database
from app.core.security.passwords import PasswordHasher
from app.main import create_app
from app.notifications.claim_statements import DeliveryQueue
from app.reports.counting_statements import fold_changes
from app.reports.models import VisitCount
from app.settings import Settings
from app.sites.models import SiteChange
from app.users.models import Role
from app.visitors.closing_jobs import close_past_visits
from app.visitors.models import VisitorStatus
from app.visitors.reminder_jobs import remind
from app.visitors.repository import VisitorReader
from app.visitors.retention_jobs import anonymise_past
from app.visitors.site_change_jobs import next_batch
from bench.dataset import HOST_EMAIL, Dataset
from bench.people import PAST_DAYS
from tests.bulk.files import rows, upload, workbook
from tests.conftest import TEMPLATE, recreate_database
from tests.support.api import VISITOR, Api, Client
from tests.support.counting import Sent, sent_to
from tests.support.plans import explained, rows_looked_at

VISITORS = 100_000
LARGE = re.compile(r"Seq Scan on (visitors|audit_entries|scans|notifications)\b")
# For a page of fifty: a first name that one visitor in 37 has needs 37 times as many rows.
LOOKED_AT = 4_000


@dataclass
class Crowd:
    """An installation with many visitors, and its callers."""

    app: FastAPI
    database: Database
    dataset: Dataset
    root: Client
    host: Client
    local: Client
    """A receptionist of one site."""
    regional: Client
    """A receptionist of two sites."""
    guard: Client
    """A guard of one site."""
    known: dict[str, Any]
    """An ended visit."""

    def day(self, days: int) -> str:
        return self.dataset.day(days).isoformat()


@pytest.fixture(scope="module")
def url(worker_id: str) -> str:
    """Return a database for them alone: the others' is emptied for each test."""
    return recreate_database(f"vms_plans_{worker_id}", TEMPLATE)


@pytest.fixture(scope="module")
async def crowd(settings: Settings, url: str) -> AsyncIterator[Crowd]:
    app = create_app(settings.model_copy(update={"database_url": url}))
    async with (
        LifespanManager(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http,
    ):
        database: Database = app.state.database
        api = Api(http, database, PasswordHasher(settings.bcrypt_rounds))
        root = await api.superadmin()
        dataset = Dataset(url.replace("+asyncpg", ""), app.state.qr_tokens)
        await dataset.fill(VISITORS)
        host = await api.sign_in(HOST_EMAIL, "")
        ended = (await root.get("visitors/", status="completed", limit=1)).json()["items"][0]
        sites = [site["id"] for site in (await root.get("sites/")).json()["items"]]
        others = [site for site in sites if site != ended["site"]]
        local = await api.of_role(Role.RECEPTIONIST, ended["site"])
        regional = await api.of_role(Role.RECEPTIONIST, *others[:2], email="regional@example.com")
        guard = await api.of_role(Role.GUARD, ended["site"])
        yield Crowd(app, database, dataset, root, host, local, regional, guard, ended)


async def assert_by_index(crowd: Crowd, sent: list[Sent]) -> None:
    assert sent
    asked = [each for each in sent if not each.sql.startswith(("BEGIN", "SELECT set_config"))]
    plans = await explained(crowd.database, asked)
    assert not LARGE.search(plans), plans


BY_TEXT = ("name", "-name", "company", "-company")
LISTS: dict[str, dict[str, Any]] = {
    "all": {},
    "oldest first": {"ordering": "created_at"},
    "by visit": {"ordering": "visit_date"},
    "latest visit first": {"ordering": "-visit_date"},
    **{f"{status}": {"status": status} for status in VisitorStatus},
    **{
        f"{status}, latest visit first": {"status": status, "ordering": "-visit_date"}
        for status in VisitorStatus
    },
    "ended": {"status": "completed,expired,cancelled"},
    "ended, latest visit first": {"status": "completed,expired", "ordering": "-visit_date"},
    "open": {"status": "pending,verified"},
    "pending, oldest first": {"status": "pending", "ordering": "created_at"},
    "open, oldest first": {"status": "pending,verified", "ordering": "created_at"},
    **{f"by {order}": {"ordering": order} for order in BY_TEXT},
    "pending, by name": {"status": "pending", "ordering": "name"},
    "open, by company": {"status": "pending,verified", "ordering": "-company"},
    "of a day, by name": {"visit_date": "{today}", "ordering": "name"},
    "of a site, by name": {"site": "{site}", "ordering": "name"},
    "changed since": {"updated_since": "{now}"},
    "changed since, by name": {"updated_since": "{now}", "ordering": "name"},
    "q, a first name, by name": {"q": "grace", "ordering": "name"},
    "q, nobody, by company": {"q": "xyzzy", "ordering": "company"},
    "of a site": {"site": "{site}"},
    "of a department": {"department": "{department}"},
    "of a purpose": {"purpose": "interview"},
    "of a day": {"visit_date": "{today}"},
    "of a week": {
        "visit_date_from": "{today}",
        "visit_date_to": "{week}",
        "ordering": "visit_date",
    },
    "of a day at a site": {"visit_date": "{today}", "site": "{site}", "status": "pending"},
    "overdue": {"overdue": "true"},
    "not overdue": {"overdue": "false"},
    "of a host": {"host_email": "host7@example.com"},
    "q, everybody": {"q": "example"},
    "q, a first name": {"q": "grace"},
    "q, three letters": {"q": "gre"},
    "q, a name": {"q": "{name}"},
    "q, an address": {"q": "{email}"},
    "q, a phone number": {"q": "{phone}"},
    "q, a code": {"q": "{code}"},
    "q, nobody": {"q": "xyzzy"},
    "q, nobody of an address": {"q": "xyzzy@example.com"},
    "q, nobody of a company": {"q": "xyzzy ltd"},
    "q, nobody with two spellings": {"q": "xüzzy"},
    "q, nobody with many spellings": {"q": "xüzzy ölm"},
    "q, a first name with an accent": {"q": "gräce"},
}


@pytest.mark.parametrize("name", LISTS)
async def test_a_page_of_a_list_looks_at_few_rows(crowd: Crowd, name: str) -> None:
    words = {
        "site": crowd.known["site"],
        "department": (await crowd.root.get("departments/")).json()["items"][0]["id"],
        "today": crowd.day(0),
        "week": crowd.day(6),
        "now": datetime.now(UTC).isoformat(),
        "name": crowd.known["name"],
        "email": crowd.known["email"],
        "phone": crowd.known["phone"],
        "code": crowd.known["qr_code"],
    }
    params = {key: value.format(**words) for key, value in LISTS[name].items()}
    for _ in range(7):  # often enough for PostgreSQL to choose a generic plan
        with sent_to(crowd.database) as sent:
            page = await crowd.root.get("visitors/", **params)
    assert page.status_code == 200, page.text
    await assert_by_index(crowd, sent)
    assert await rows_looked_at(crowd.database, sent[-1], "visitors") <= LOOKED_AT
    if cursor := page.json()["next_cursor"]:
        with sent_to(crowd.database) as sent:
            await crowd.root.get("visitors/", **params, cursor=cursor)
        assert await rows_looked_at(crowd.database, sent[-1], "visitors") <= LOOKED_AT


SCOPED = {
    **{name: LISTS[name] for name in ("all", "oldest first", "by visit", "latest visit first")},
    **{name: LISTS[name] for name in ("pending", "completed", "q, a first name", "q, a code")},
    "of a day": LISTS["of a day"],
    **{f"by {order}": {"ordering": order} for order in BY_TEXT},
}


@pytest.mark.parametrize("who", ["local", "regional"])
@pytest.mark.parametrize("name", SCOPED)
async def test_a_list_of_some_sites_looks_at_few_rows(crowd: Crowd, name: str, who: str) -> None:
    words = {"today": crowd.day(0), "code": crowd.known["qr_code"]}
    params = {key: value.format(**words) for key, value in SCOPED[name].items()}
    client: Client = getattr(crowd, who)
    for _ in range(7):
        with sent_to(crowd.database) as sent:
            page = await client.get("visitors/", **params)
    assert page.status_code == 200, page.text
    await assert_by_index(crowd, sent)
    assert await rows_looked_at(crowd.database, sent[-1], "visitors") <= LOOKED_AT


@pytest.mark.parametrize("path", ["desk/", "desk/search/?q=grace", "desk/search/?q=xyzzy"])
async def test_a_desk_looks_at_the_visits_of_a_day(crowd: Crowd, path: str) -> None:
    for client in (crowd.local, crowd.guard):
        for _ in range(7):
            with sent_to(crowd.database) as sent:
                answer = await client.request("GET", path)
        assert answer.status_code == 200, answer.text
        await assert_by_index(crowd, sent)
        for each in sent:
            if "FROM visitors" in each.sql:
                assert await rows_looked_at(crowd.database, each, "visitors") <= LOOKED_AT


async def test_no_plan_of_a_filtered_list_is_kept(crowd: Crowd) -> None:
    with sent_to(crowd.database) as sent:
        await crowd.local.get("visitors/")
        await crowd.root.get("visitors/", q="grace")
    lent = await crowd.database.engine.raw_connection()
    connection: asyncpg.Connection = lent.driver_connection
    for sql, parameters in sent:
        if "FROM visitors" in sql:
            for _ in range(7):
                await connection.fetch(sql, *parameters)
            kept = "SELECT generic_plans FROM pg_prepared_statements WHERE statement = $1"
            assert await connection.fetchval(kept, sql) == 0
    lent.close()


async def test_a_list_by_visit_of_one_site_uses_its_index(crowd: Crowd) -> None:
    with sent_to(crowd.database) as sent:
        await crowd.local.get("visitors/", visit_date=crowd.day(1), ordering="visit_date")
    assert "ix_visitors_site_visit" in await explained(crowd.database, sent[-1:])


@pytest.mark.parametrize("ordering", ["-created_at", "-visit_date"])
async def test_a_host_s_list_is_found_by_the_host(crowd: Crowd, ordering: str) -> None:
    with sent_to(crowd.database) as sent:
        await crowd.host.get("visitors/", ordering=ordering)
    await assert_by_index(crowd, sent)


@pytest.mark.parametrize("q", ["gr", "grace", "example", "{name}", "xyzzy", "xüzzy ölm"])
async def test_suggestions_look_at_few_visits(crowd: Crowd, q: str) -> None:
    for client in (crowd.root, crowd.local, crowd.regional, crowd.host):
        for _ in range(7):
            with sent_to(crowd.database) as sent:
                found = await client.get("visitors/suggest/", q=q.format(name=crowd.known["name"]))
        assert found.status_code == 200, found.text
        asked = [each for each in sent if "anonymised_at" in each.sql]
        await assert_by_index(crowd, sent)
        for each in asked:
            assert await rows_looked_at(crowd.database, each, "visitors") <= LOOKED_AT


@pytest.mark.parametrize("days", [None, (-90, 0), (-600, -500), (-3_000, 600)])
async def test_the_dashboard_reads_counts_alone(crowd: Crowd, days: tuple[int, int] | None) -> None:
    async with crowd.database.write() as unit:
        await fold_changes(unit)
    params = (
        {} if days is None else {"date_from": crowd.day(days[0]), "date_to": crowd.day(days[1])}
    )
    for client in (crowd.root, crowd.local, crowd.regional, crowd.host):
        with sent_to(crowd.database) as sent:
            answer = await client.get("visitors/dashboard-stats/", **params)
        assert answer.status_code == 200, answer.text
        await assert_by_index(crowd, sent)
        plans = await explained(crowd.database, sent)
        assert "Seq Scan on visit_counts" not in plans
        assert "Seq Scan on visit_month_counts" not in plans
    assert await rows_looked_at(crowd.database, sent[2], "visitors") <= LOOKED_AT


async def test_ten_years_are_read_by_months_and_days_at_the_edges(crowd: Crowd) -> None:
    async with crowd.database.write() as unit:
        while await fold_changes(unit):
            pass
    async with crowd.database.read() as session:
        stored = await session.scalar(select(func.count()).select_from(VisitCount)) or 0
    params = {"date_from": crowd.day(-3_000), "date_to": crowd.day(600)}
    with sent_to(crowd.database) as sent:
        answer = await crowd.root.get("visitors/dashboard-stats/", **params)
    assert answer.status_code == 200, answer.text
    [figures] = [each for each in sent if "visit_month_counts" in each.sql]
    days = await rows_looked_at(crowd.database, figures, "visit_counts")
    assert days * 10 < stored, (days, stored)
    assert await rows_looked_at(crowd.database, figures, "visit_changes") == 0


@pytest.mark.parametrize(
    "path",
    [
        "visitors/available-slots/?visit_date={day}",
        "visitors/check-slot/?visit_date={day}&visit_time=10:00",
        "visitors/{id}/",
        "visitors/{id}/events/",
        "visitors/{id}/notifications/",
        "visitors/scans/",
        "notifications/?status=failed",
        "analytics/trends/",
        "visitors/export-excel/?visit_date={day}",
    ],
)
async def test_other_reads_use_their_index(crowd: Crowd, path: str) -> None:
    asked = path.format(day=crowd.day(3), id=crowd.known["id"])
    for client in (crowd.root, crowd.local):
        with sent_to(crowd.database) as sent:
            answer = await client.request("GET", asked)
        if client is crowd.root or answer.status_code != 403:  # no exports
            assert answer.status_code == 200, answer.text
            await assert_by_index(crowd, sent)


async def test_what_reception_writes_uses_its_index(crowd: Crowd) -> None:
    when: dict[str, Any] = {"visit_date": crowd.day(20), "visit_time": "12:00"}
    with sent_to(crowd.database) as sent:
        made = await crowd.root.post("visitors/", VISITOR | when)
        assert made.status_code == 201, made.text
        path = f"visitors/{made.json()['id']}"
        moved = when | {"visit_time": "13:00"}
        assert (await crowd.root.post(f"{path}/reschedule/", moved)).status_code == 200
        assert (await crowd.root.post(f"{path}/cancel/")).status_code == 200
        assert (await upload(crowd.root, workbook(rows(20)), **when)).status_code == 201
        assert (await crowd.root.delete(f"{path}/")).status_code == 204
    await assert_by_index(crowd, sent)


async def test_a_scan_uses_its_index(crowd: Crowd) -> None:
    made = await crowd.root.post(
        "visitors/", VISITOR | {"visit_date": crowd.day(0), "visit_time": "23:30"}
    )
    assert made.status_code == 201, made.text
    with sent_to(crowd.database) as sent:
        for direction in ("in", "in", "out"):
            await crowd.root.scan(
                made.json()["qr_code"],
                direction=direction,
                scan_id="01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11",
            )
            await crowd.root.scan(made.json()["qr_code"], direction=direction)
    await assert_by_index(crowd, sent)


async def test_the_worker_uses_its_index(crowd: Crowd) -> None:
    now = datetime.now(UTC)
    with sent_to(crowd.database) as sent:
        async with crowd.database.write() as unit:
            queue = DeliveryQueue(unit)
            claimed = await queue.claim(now, timedelta(minutes=1))
            await queue.count_due(now, at_most=100)
            await queue.take_over(now)
            await queue.drop_pointless(now - timedelta(days=1))
            await fold_changes(unit)
        await close_past_visits(crowd.database, now)
        await remind(crowd.database, _nobody, now.replace(hour=10))
        await anonymise_past(crowd.database, now, PAST_DAYS - 2)
    assert claimed is None or claimed.attempts == 1
    await assert_by_index(crowd, sent)


async def test_a_change_of_a_site_uses_its_index(crowd: Crowd) -> None:
    now, site = datetime.now(UTC), UUID(crowd.known["site"])
    change = SiteChange(site_id=site, before={"name": "Works"}, notify=True, created_at=now)
    async with crowd.database.write() as unit:
        unit.add(change)
    with sent_to(crowd.database) as sent:
        async with crowd.database.read() as session:
            assert await VisitorReader(session).count_ahead(site, now.date())
        async with crowd.database.write() as unit:
            assert (await next_batch(unit, _nobody, site, now)).done
    async with crowd.database.write() as unit:
        await unit.delete(change)
    await assert_by_index(crowd, sent)


async def _nobody() -> None:
    """Wake nobody."""
