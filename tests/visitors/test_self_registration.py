"""The public form: strangers register at sites that allow it."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core.db.database import Database
from tests.support.api import VISITOR, Api
from tests.support.database import add_site, all_events, all_mails, change_default_site
from tests.support.problems import faulty_fields, problem

VISITORS = "/api/visitors/"
SLOTS = "/api/visitors/available-slots/?visit_date=2026-11-23"
CHECK = "/api/visitors/check-slot/?visit_date=2026-11-23&visit_time=10:00"
FORM = {name: VISITOR[name] for name in ("name", "email", "visit_date", "visit_time")}


@pytest.fixture
async def open_site(app: FastAPI, database: Database) -> None:
    await change_default_site(database, self_registration=True)


async def test_a_site_that_does_not_allow_it_is_closed_to_strangers(
    http: httpx.AsyncClient, database: Database
):
    for answer in (
        await http.post(VISITORS, json=FORM),
        await http.get(SLOTS),
        await http.get(CHECK),
    ):
        problem(answer, 401, "not_authenticated")
    assert await all_mails(database) == []


@pytest.mark.usefixtures("open_site")
async def test_each_site_decides_for_itself(http: httpx.AsyncClient, database: Database):
    closed = await add_site(database)
    assert (await http.get(SLOTS)).status_code == 200
    assert (await http.get(CHECK)).status_code == 200
    for answer in (
        await http.post(VISITORS, json=FORM | {"site": closed}),
        await http.get(f"{SLOTS}&site={closed}"),
        await http.get(f"{CHECK}&site={closed}"),
    ):
        problem(answer, 401, "not_authenticated")


@pytest.mark.usefixtures("open_site")
async def test_a_closed_site_does_not_show_how_full_it_is(
    http: httpx.AsyncClient, database: Database
):
    full = await add_site(database, slot_capacity=0)
    answer = await http.post(VISITORS, json=FORM | {"site": full})
    problem(answer, 401, "not_authenticated")


@pytest.mark.usefixtures("open_site")
async def test_a_stranger_sees_what_they_sent_and_no_code(
    api: Api, http: httpx.AsyncClient, database: Database
):
    host = await api.host()
    answer = await http.post(VISITORS, json=FORM | {"host_id": host.user_id})
    assert answer.status_code == 201
    visitor = answer.json()
    assert FORM.items() <= visitor.items()
    assert [visitor[name] for name in ("qr_code", "host_name", "host_email")] == [None] * 3
    assert "Charles" not in answer.text
    own = (await host.get(f"visitors/{visitor['id']}/")).json()
    assert own["host_name"] == "Charles Babbage"
    event = (await all_events(database))[0]
    assert (event.actor_role, event.actor_id) == ("anonymous", None)


@pytest.mark.usefixtures("open_site")
async def test_mail_goes_to_the_visitor_and_to_known_hosts_alone(
    api: Api, http: httpx.AsyncClient, database: Database
):
    await api.host()
    shown = []
    for email, at in (("charles@example.com", "10:00"), ("victim@example.com", "11:00")):
        form = FORM | {"host_email": email, "visit_time": at}
        answer = await http.post(VISITORS, json=form)
        shown.append(answer.json() | {"id": "", "visit_time": "", "ends_at": ""})
    assert shown[0] == shown[1]  # to hide which addresses have an account
    recipients = sorted(mail.recipient for mail in await all_mails(database))
    assert recipients == ["ada@example.com", "ada@example.com", "charles@example.com"]


@pytest.mark.usefixtures("open_site")
async def test_the_rules_of_slots_hold(http: httpx.AsyncClient, database: Database):
    late = await http.post(VISITORS, json=FORM | {"visit_time": "08:10"})
    problem(late, 422, "slot_closed")
    answer = await http.post(VISITORS, json={"name": "Ada", "email": "ada@example.com"})
    assert faulty_fields(answer) == {"visit_date", "visit_time"}


@pytest.mark.usefixtures("open_site")
@pytest.mark.parametrize("field", ["name", "company", "host_name"])
@pytest.mark.parametrize(
    "value", ["Win at https://evil.example", "see WWW.evil.example", "ftp://x", "wWw.x"]
)
async def test_no_link_gets_into_our_mail(http: httpx.AsyncClient, field: str, value: str):
    assert faulty_fields(await http.post(VISITORS, json=FORM | {field: value})) == {field}


async def test_admins_may_write_such_a_name(api: Api):
    visitor = await (await api.admin()).register(company="www.example.com")
    assert visitor["company"] == "www.example.com"


@pytest.mark.usefixtures("open_site")
async def test_registrations_are_limited_per_address(api: Api, http: httpx.AsyncClient):
    for _ in range(20):
        assert (await http.post(VISITORS, json=FORM)).status_code != 429
    limited = await http.post(VISITORS, json=FORM | {"visit_time": "11:00"})
    problem(limited, 429, "too_many_requests")
    assert int(limited.headers["Retry-After"]) >= 1
    await (await api.admin()).register(visit_time="12:00")  # signed-in users are not counted


@pytest.mark.usefixtures("open_site")
async def test_looks_at_slots_are_limited_per_address(api: Api, http: httpx.AsyncClient):
    admin = await api.admin()
    for _ in range(60):
        assert (await http.get(SLOTS)).status_code == 200
        assert (await http.get(CHECK)).status_code == 200
    for path in (SLOTS, CHECK):
        limited = await http.get(path)
        problem(limited, 429, "too_many_requests")
        assert int(limited.headers["Retry-After"]) >= 1
        assert (await http.get(path, headers=admin.headers)).status_code == 200


@pytest.mark.usefixtures("open_site")
@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer x"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic YTpi"},
        {"Authorization": ""},
        {"X-Device-Key": "vmsdev_x"},
        {"X-Device-Key": ""},
    ],
)
async def test_a_bad_credential_does_not_make_a_stranger(
    http: httpx.AsyncClient, headers: dict[str, Any]
):
    problem(await http.post(VISITORS, json=FORM, headers=headers), 401, "not_authenticated")
    problem(await http.get(SLOTS, headers=headers), 401, "not_authenticated")


@pytest.mark.usefixtures("open_site")
@pytest.mark.parametrize("path", ["", "hosts/", "dashboard-stats/", "export-excel/"])
async def test_nothing_else_is_open(http: httpx.AsyncClient, path: str):
    problem(await http.get(VISITORS + path), 401, "not_authenticated")
