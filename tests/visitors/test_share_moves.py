"""Moves and ends of visits free the seats of strangers."""

from datetime import UTC, datetime

import httpx
import pytest

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.visitors.closing_jobs import close_past_visits
from tests.devices.devices import add_device
from tests.passes.helpers import press_cancel
from tests.scans.offline import happened, report
from tests.support.api import Api
from tests.support.database import assert_seats_are_visitors
from tests.support.problems import problem
from tests.visitors.strangers import DAY, Strangers, code_of, seats
from tests.visitors.test_closing import NIGHT


async def test_a_move_takes_the_place_along(api: Api, strangers: Strangers, database: Database):
    admin, id_ = await api.admin(), await strangers.register()
    later = {"visit_date": DAY, "visit_time": "11:00"}
    assert (await admin.post(f"visitors/{id_}/reschedule/", later)).status_code == 200
    assert (await seats(database), await seats(database, 11)) == ((0, 0, 0), (1, 1, 0))
    for _ in range(2):
        await strangers.register()
    refused = await admin.patch(f"visitors/{id_}/", {"visit_time": "10:30"})
    alternatives = problem(refused, 409, "slot_full")["alternatives"]
    assert alternatives[0]["visit_time"] == "12:00"  # it is already at 11:00
    await strangers.register(visit_time="11:00")
    problem(await strangers.post(visit_time="11:00"), 409, "slot_full")
    guest = await admin.register(visit_time="12:00")
    assert (await admin.patch(f"visitors/{guest['id']}/", {"visit_time": "10:30"})).is_success
    await assert_seats_are_visitors(database)


async def test_a_move_to_an_hour_of_the_same_address_is_refused(api: Api, strangers: Strangers):
    await strangers.register(email="ada@example.com")
    id_ = await strangers.register(email="ada@example.com", visit_time="11:00")
    admin = await api.admin()
    to_ten = {"visit_date": DAY, "visit_time": "10:00"}
    moved = await admin.post(f"visitors/{id_}/reschedule/", to_ten)
    problem(moved, 409, "already_registered")
    assert (await admin.get(f"visitors/{id_}/")).json()["visit_time"] == "11:00"


@pytest.mark.parametrize(
    "end", ["cancel", "pass", "delete", "scan", "check-out", "complete", "offline", "closure"]
)
async def test_whatever_ends_a_visit_gives_the_place_back(
    api: Api, strangers: Strangers, database: Database, http: httpx.AsyncClient, end: str,
    clock: SettableClock,
):  # fmt: skip
    root, id_ = await api.superadmin(), await strangers.register(visit_time="09:00")
    code, path = await code_of(root, id_), f"visitors/{id_}/"
    await root.register(visit_time="09:30")
    if end in {"scan", "check-out", "complete"}:
        await root.scan(code)
    assert await seats(database, 9) == (2, 1, 0)
    if end == "pass":
        await press_cancel(http, code)
    elif end == "delete":
        await root.delete(path)
    elif end == "scan":
        await root.scan(code, direction="out")
    elif end == "offline":
        gate = await add_device(api, gate="North")
        clock.set(datetime(2026, 11, 23, 12, tzinfo=UTC))
        await report(gate, happened(code), happened(code, "08:30", direction="out"))
    elif end == "closure":
        site = (await root.get("sites/")).json()["items"][0]["id"]
        closure = {"date": DAY, "cancel_visits": True}
        assert (await root.post(f"sites/{site}/closures/", closure)).is_success
    else:
        assert (await root.post(f"{path}{end}/")).is_success
    assert await seats(database, 9) == ((0 if end == "closure" else 1), 0, 0)
    await assert_seats_are_visitors(database)


@pytest.mark.parametrize("came", [False, True])
async def test_the_worker_gives_the_place_back(
    api: Api, strangers: Strangers, database: Database, came: bool
):
    admin, id_ = await api.admin(), await strangers.register(visit_time="09:00")
    await admin.register(visit_time="09:00")
    if came:
        await admin.scan(await code_of(admin, id_))
    await close_past_visits(database, NIGHT)
    assert await seats(database, 9) == (0, 0, 0)
