"""Check-ins and check-outs by hand while a muster is open."""

from typing import Any

import httpx
import pytest

from app.core.db.database import Database
from app.sites.models import ReEntry
from tests.musters.conftest import ARRIVAL, Building, at
from tests.support.database import change_default_site
from tests.support.problems import problem


async def _check(building: Building, way: str, visitor: Any, **body: Any) -> httpx.Response:
    return await building.root.post(f"visitors/{visitor['id']}/{way}/", body or None)


async def _awaited(building: Building) -> dict[str, Any]:
    person = {"name": "Grace", "email": "grace@example.com"}
    return await building.root.register(**ARRIVAL | person)


async def test_the_desk_refuses_entries_in_an_emergency(building: Building):
    await building.admit("Ada")
    grace = await _awaited(building)
    await building.start()
    problem(await _check(building, "check-in", grace), 409, "emergency")
    [newest, *_] = (await building.root.get("visitors/scans/")).json()["items"]
    assert (newest["verdict"], newest["code"]) == ("refused", "emergency")
    assert await building.states() == {"Ada": "unknown"}


@pytest.mark.parametrize("kind", ["drill", "real"])
async def test_an_entry_observed_before_the_start_is_on_the_roster(building: Building, kind: str):
    await building.admit("Ada")
    grace = await _awaited(building)
    await building.later(minutes=30)
    await building.start(kind)
    admitted = await _check(building, "check-in", grace, gate="Desk", observed_at=at(20))
    assert admitted.status_code == 200
    entries = {each["name"]: each for each in (await building.read())["entries"]}
    assert (entries["Grace"]["confidence"], entries["Grace"]["gate"]) == ("inside", "Desk")


async def test_no_member_of_a_group_enters_in_an_emergency(building: Building):
    await building.admit("Ada")
    member = {"name": "Grace", "email": "grace@example.com"}
    group = (
        await building.root.post("groups/", ARRIVAL | {"name": "A", "visitors": [member]})
    ).json()
    await building.start()
    answer = await building.root.post(f"groups/{group['id']}/check-in/", {})
    [result] = answer.json()["results"]
    assert (result["result"], result["code"]) == ("refused", "emergency")
    assert await building.states() == {"Ada": "unknown"}


async def test_an_entry_observed_in_an_emergency_is_unconfirmed(building: Building):
    await building.admit("Ada")
    grace = await _awaited(building)
    await building.start()
    await building.later(minutes=30)
    problem(await _check(building, "check-in", grace, observed_at=at(20)), 409, "emergency")
    [newest, *_] = (await building.root.get("visitors/scans/")).json()["items"]
    assert (newest["verdict"], newest["code"]) == ("conflict", "emergency")
    entries = {each["name"]: each for each in (await building.read())["entries"]}
    assert entries["Grace"]["confidence"] == "unconfirmed"


async def test_a_check_out_by_hand_marks(building: Building):
    await building.admit("Ada")
    await building.start()
    await building.later(minutes=10)
    assert (
        await _check(building, "check-out", building.visitors[0], observed_at=at(5))
    ).status_code == 200
    assert await building.states() == {"Ada": "left_earlier"}
    assert building.muster["entries"][0]["marked_at"] == "2026-11-23T08:05:00Z"


async def test_who_did_not_go_out_after_all_is_sought(building: Building):
    await building.admit("Ada", "Grace")
    ada, grace = building.visitors
    await _check(building, "check-out", grace)
    await building.start()
    await building.later(minutes=5)
    await _check(building, "check-out", ada, observed_at=at(6))  # a fast clock
    assert await building.states() == {"Ada": "left_earlier"}
    for visitor in (ada, grace):
        assert (await _check(building, "undo", visitor)).status_code == 200
    assert await building.states() == {"Ada": "unknown", "Grace": "unknown"}
    inside = {(each["confidence"], each["in_at"]) for each in building.muster["entries"]}
    assert inside == {("inside", "2026-11-23T08:00:00Z")}


async def test_who_comes_back_after_an_exit_ahead_is_sought(building: Building, database: Database):
    await change_default_site(database, re_entry=ReEntry.SAME_DAY)
    await building.admit("Ada")
    await building.start("drill")
    await building.later(minutes=5)
    await _check(building, "check-out", building.visitors[0], observed_at=at(6))
    assert (await building.root.scan(building.visitors[0]["qr_code"])).status_code == 200
    assert await building.states() == {"Ada": "unknown"}
