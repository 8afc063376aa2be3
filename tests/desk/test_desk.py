"""The desk in one call: who is due, inside and overdue, and what needs attention."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.devices.models import Device
from app.scans.models import Scan, ScanVerdict
from app.users.models import Role
from tests.auth.test_guards_view import CARD
from tests.conftest import MONDAY
from tests.devices.devices import add_device
from tests.support.api import Api, Client
from tests.support.database import change_default_site, fail_mails
from tests.support.problems import problem

# Half past nine; the visits are at ten.
NOW = MONDAY + timedelta(minutes=90)


@pytest.fixture
async def reception(api: Api, clock: SettableClock) -> Client:
    clock.set(NOW)
    return await api.admin()


async def read(client: Client, **params: Any) -> dict[str, Any]:
    answer = await client.get("desk/", **params)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def add(client: Client, name: str, visit_time: str = "10:00", **fields: Any) -> Any:
    email = f"{name.lower().replace(' ', '.')}@example.com"
    return await client.register(name=name, email=email, visit_time=visit_time, **fields)


async def call(client: Client, visitor: dict[str, Any], what: str) -> dict[str, Any]:
    answer = await client.post(f"visitors/{visitor['id']}/{what}/")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def names(cards: list[dict[str, Any]]) -> list[str]:
    return [card["name"] for card in cards]


async def later(api: Api, clock: SettableClock, client: Client, now: datetime) -> Client:
    """Move the clock and sign in again."""
    clock.set(now)
    return await api.sign_in("desk@example.com", client.user_id)


async def test_the_desk_shows_who_is_due_inside_and_overdue(
    api: Api, reception: Client, clock: SettableClock
):
    ada = await add(reception, "Ada", duration_minutes=15)
    await add(reception, "Grace", "11:00")
    await add(reception, "Far ahead", "15:00")
    await add(reception, "Tomorrow", visit_date="2026-11-24")
    cancelled = await add(reception, "Cancelled")
    await call(reception, cancelled, "cancel")
    await call(reception, ada, "check-in")
    gone = await add(reception, "Gone", "10:00")
    await call(reception, gone, "check-in")
    await call(reception, gone, "check-out")

    desk = await read(reception)
    assert (desk["site"], desk["now"]) == (ada["site"], "2026-11-23T09:30:00Z")
    assert names(desk["due"]) == ["Grace"]
    assert names(desk["inside"]) == ["Ada"]
    assert (desk["overdue"], desk["truncated"], desk["open_muster"]) == ([], False, None)
    now = {"inside": 1, "away": 0, "overdue": 0}
    assert desk["counters"] == {"expected": 2, "left": 1, "no_show": 0, **now}
    assert set(desk["due"][0]) == CARD
    tomorrow = await read(reception, date="2026-11-24")
    assert tomorrow["counters"] == {"expected": 1, "left": 0, "no_show": 0, **now}
    assert names(tomorrow["due"]) == ["Grace"]

    # A quarter of an hour after the end; who was due is late.
    reception = await later(api, clock, reception, datetime(2026, 11, 23, 11, 30, tzinfo=UTC))
    desk = await read(reception)
    assert names(desk["overdue"]) == names(desk["inside"]) == ["Ada"]
    assert desk["counters"]["overdue"] == 1
    assert desk["overdue"][0]["ends_at"] == "2026-11-23T10:15:00Z"
    assert names(desk["due"]) == ["Grace"]
    reception = await later(api, clock, reception, datetime(2026, 11, 23, 13, 0, tzinfo=UTC))
    assert names((await read(reception))["due"]) == ["Grace", "Far ahead"]
    # After midnight nobody is late any more, whether or not the worker has seen to it.
    reception = await later(api, clock, reception, datetime(2026, 11, 24, 0, 30, tzinfo=UTC))
    desk = await read(reception)
    assert (desk["due"], names(desk["overdue"])) == ([], ["Ada"])


async def test_a_visitor_who_is_away_is_counted(reception: Client, database: Database):
    await change_default_site(database, re_entry="same_day")
    ada = await add(reception, "Ada")
    await call(reception, ada, "check-in")
    await call(reception, ada, "check-out")
    desk = await read(reception)
    assert (desk["counters"]["inside"], desk["counters"]["away"]) == (0, 1)
    assert desk["inside"] == []


async def test_the_version_is_the_tag_and_without_the_time(
    api: Api, reception: Client, clock: SettableClock
):
    ada = await add(reception, "Ada")
    first = await reception.get("desk/")
    version, tag = first.json()["version"], first.headers["ETag"]
    assert tag == f'"{version}"'
    clock.set(NOW + timedelta(seconds=20))
    again = await read(reception)
    assert (again["version"], again["now"]) == (version, "2026-11-23T09:30:20Z")

    async def status(known: str) -> tuple[int, str]:
        reception.headers["If-None-Match"] = known
        answer = await reception.get("desk/")
        del reception.headers["If-None-Match"]
        assert answer.status_code == 200 or not answer.content
        return answer.status_code, answer.headers["ETag"]

    forms = (tag, f"W/{tag}", f'W/"{version}-gzip"', f'"{version}-br"', f'"x", "{version}-zstd"')
    for form in (*forms, "*"):
        assert await status(form) == (304, tag), form
    assert (await status('"other"'))[0] == 200
    await call(reception, ada, "check-in")
    assert (await status(tag))[0] == 200
    assert (await read(reception))["version"] != version


async def test_the_site_is_the_caller_s_only_one(api: Api, reception: Client):
    ada = await add(reception, "Ada")
    assert (await read(reception))["site"] == ada["site"]  # there is no other
    root = await api.superadmin()
    weekdays = [1, 2, 3, 4, 5, 6, 7]
    made = await root.post("sites/", {"name": "Works", "open_weekdays": weekdays})
    problem(await root.get("desk/"), 422, "site_required")
    problem(await root.get("desk/search/", q="ada"), 422, "site_required")
    works = await api.of_role(Role.RECEPTIONIST, made.json()["id"])
    assert (await read(works))["site"] == made.json()["id"]
    assert (await read(works))["due"] == []
    assert (await works.get("desk/search/", q="ada")).json()["items"] == []
    other = problem(await works.get("desk/", site=ada["site"]), 422, "invalid")
    assert other["errors"][0]["field"] == "site"


async def test_what_needs_attention_is_shown(api: Api, reception: Client, database: Database):
    await api.host()
    ada = await add(reception, "Ada")
    gate = await add_device(api, name="North gate")
    assert (await read(reception))["attention"] == []
    await fail_mails(database)
    await gate.scan(ada["qr_code"], direction="in")
    async with database.write() as unit:
        await unit.write(update(Scan).values(verdict=ScanVerdict.CONFLICT))
        await unit.write(update(Device).values(last_seen_at=NOW - timedelta(minutes=6)))
    unknown = await add(reception, "Grace", host_email="stranger@example.com")
    found = (await read(reception))["attention"]
    subjects = [(each["kind"], each["subject"]) for each in found]
    of_ada = {"type": "visitor", "id": ada["id"], "name": "Ada"}
    assert subjects == [
        ("mail_failed", of_ada),
        ("device_offline", {"type": "device", "id": gate.user_id, "name": "North gate"}),
        ("conflict", of_ada),
        ("host_without_account", {"type": "visitor", "id": unknown["id"], "name": "Grace"}),
    ]


async def test_an_open_muster_is_shown(reception: Client):
    ada = await add(reception, "Ada")
    path = f"sites/{ada['site']}/musters/"
    muster = (await reception.post(path, {"kind": "drill"})).json()
    shown = (await read(reception))["open_muster"]
    assert shown == {name: muster[name] for name in ("id", "kind", "started_at")}
    await reception.post(f"musters/{muster['id']}/end/", {"unaccounted": 0})
    assert (await read(reception))["open_muster"] is None


async def test_nobody_is_to_be_checked_in_in_an_emergency(reception: Client):
    ada = await add(reception, "Ada")
    path = f"sites/{ada['site']}/musters/"
    muster = (await reception.post(path, {"kind": "drill"})).json()
    assert "check_in" in (await read(reception))["due"][0]["actions"]
    await reception.patch(f"musters/{muster['id']}/", {"kind": "real"})
    [card] = (await read(reception))["due"]
    assert (card["next_action"], "check_in" in card["actions"]) == (None, False)
    [found] = (await reception.get("desk/search/", q="ada")).json()["items"]
    assert "check_in" not in found["actions"]


async def test_lists_have_two_hundred_items(reception: Client, database: Database):
    await change_default_site(database, slot_capacity=500)
    for number in range(3):
        visitors = [{"name": f"Ada {number}-{each}", "email": None} for each in range(67)]
        body = {"name": "Choir", "visit_date": "2026-11-23", "visit_time": "10:00"}
        made = await reception.post("groups/", body | {"visitors": visitors})
        assert made.status_code == 201, made.text
    desk = await read(reception)
    assert (len(desk["due"]), desk["counters"]["expected"], desk["truncated"]) == (200, 201, True)


async def test_only_those_at_a_desk_read_it(api: Api, reception: Client):
    ada = await add(reception, "Ada")
    host, gate = await api.host(), await add_device(api)
    for client in (host, gate):
        for path in ("desk/", "desk/search/?q=ada"):
            problem(await client.get(path), 403, "forbidden")
    guard = await api.of_role(Role.GUARD, ada["site"])
    assert names((await read(guard))["due"]) == ["Ada"]
