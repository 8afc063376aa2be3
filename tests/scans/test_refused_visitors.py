"""What refusals tell of the visitor: the person of a current code, for comparison."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.ids import new_id
from app.users.models import Role
from app.visitors.models import VisitorStatus
from tests.devices.devices import add_device
from tests.support.api import Api, Client
from tests.support.database import all_scans, set_status
from tests.support.problems import problem

SHOWN = ("id", "name", "company", "host_name", "visit_date", "visit_time")


def shown(visitor: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: visitor[name] for name in names or SHOWN}


def told(answer: httpx.Response, code: str) -> Any:
    return problem(answer, 409, code)["visitor"]


async def another_site(admin: Client) -> str:
    answer = await admin.post("sites/", {"name": "Annex", "timezone": "Europe/Berlin"})
    assert answer.status_code == 201, answer.text
    site: str = answer.json()["id"]
    return site


async def test_a_refusal_shows_the_visitor_of_the_code(
    api: Api, database: Database, clock: SettableClock
):
    admin, gate = await api.admin(), await add_device(api)
    guard = await api.of_role(Role.GUARD)
    ada = await admin.register(company="Ltd")
    token = ada["qr_code"]
    assert told(await guard.scan(token, direction="out"), "not_inside") == shown(ada)
    clock.set(datetime(2026, 11, 23, 3, tzinfo=UTC))
    assert told(await gate.scan(token), "too_early") == shown(ada)
    clock.set(datetime(2026, 11, 20, 9, tzinfo=UTC))
    assert told(await gate.scan(token), "wrong_day") == shown(ada)
    clock.set(datetime(2026, 11, 23, 9, tzinfo=UTC))
    await gate.scan(token)
    assert told(await gate.scan(token), "already_inside") == shown(ada)
    for status, code in (
        (VisitorStatus.COMPLETED, "already_completed"),
        (VisitorStatus.CANCELLED, "cancelled"),
        (VisitorStatus.EXPIRED, "expired"),
    ):
        await set_status(database, ada["id"], status)
        assert told(await gate.scan(token), code) == shown(ada)


async def test_an_old_code_shows_the_person_alone(api: Api):
    admin, gate = await api.admin(), await add_device(api)
    ada = await admin.register(company="Ltd")
    time = {"visit_date": "2026-11-23", "visit_time": "11:00"}
    await admin.post(f"visitors/{ada['id']}/reschedule/", time)
    body = {"scan_id": str(new_id())}
    for _ in range(2):
        answer = await gate.scan(ada["qr_code"], **body)
        assert told(answer, "rescheduled") == shown(ada, "id", "name", "company")
    await admin.post(f"visitors/{ada['id']}/replace-code/")
    answer = await gate.scan(ada["qr_code"])
    assert "visitor" not in problem(answer, 409, "replaced")
    again = await gate.scan(ada["qr_code"], **body)
    assert told(again, "rescheduled") is None


async def test_another_site_is_told_nothing_of_the_person(api: Api):
    admin = await api.superadmin()
    gate = await add_device(api, site=await another_site(admin))
    ada = await admin.register(company="Ltd")
    assert "visitor" not in problem(await gate.scan(ada["qr_code"]), 409, "wrong_site")
    time = {"visit_date": "2026-11-23", "visit_time": "11:00"}
    await admin.post(f"visitors/{ada['id']}/reschedule/", time)
    assert told(await gate.scan(ada["qr_code"]), "rescheduled") is None


async def test_a_repeat_shows_the_visitor_as_they_are_now(api: Api, database: Database):
    admin, gate = await api.admin(), await add_device(api)
    ada = await admin.register(company="Ltd")
    body = {"scan_id": str(new_id()), "direction": "out"}
    await gate.scan(ada["qr_code"], **body)
    await admin.patch(f"visitors/{ada['id']}/", {"name": "Ada King"})
    again = told(await gate.scan(ada["qr_code"], **body), "not_inside")
    assert again == shown(ada) | {"name": "Ada King"}
    await admin.patch(f"visitors/{ada['id']}/", {"email": "eve@example.com"})
    assert told(await gate.scan(ada["qr_code"], **body), "not_inside") is None
    await admin.delete(f"visitors/{ada['id']}/")
    assert told(await gate.scan(ada["qr_code"], **body), "not_inside") is None
    (scan,) = await all_scans(database)
    assert scan.details == {}


async def test_offline_conflicts_show_the_visitor_too(api: Api, clock: SettableClock):
    admin, gate = await api.admin(), await add_device(api)
    ada = await admin.register(company="Ltd")
    eve = await admin.register(name="Eve", email="eve@example.com")
    time = {"visit_date": "2026-11-23", "visit_time": "11:00"}
    await admin.post(f"visitors/{eve['id']}/reschedule/", time)
    clock.set(at := clock.now() + timedelta(minutes=10))
    passed = [(ada, at - timedelta(minutes=9)), (ada, at - timedelta(minutes=5)), (eve, at)]
    scans = [
        {"token": each["qr_code"], "scan_id": str(new_id()), "scanned_at": when.isoformat()}
        for each, when in passed
    ]
    old = {"token": eve["qr_code"]} | {"scan_id": str(new_id()), "scanned_at": at.isoformat()}
    assert told(await gate.scan(**old), "rescheduled")["name"] == "Eve"
    for _ in range(2):
        answer = await gate.post("visitors/scans/batch/", {"scans": [*scans, old]})
        admitted, again, *former = answer.json()["results"]
        assert (admitted["code"], admitted["visitor"]) == (None, None)
        assert (again["code"], again["visitor"]) == ("already_inside", shown(ada))
        for each in former:
            assert (each["code"], each["visitor"]) == (
                "rescheduled",
                shown(eve, "id", "name", "company"),
            )
