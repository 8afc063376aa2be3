"""Gates while a muster is open."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from tests.devices.devices import add_device
from tests.musters.conftest import ARRIVAL, Building, mark
from tests.support.api import Client
from tests.support.counting import statements
from tests.support.problems import problem


async def _out(building: Building, number: int = 0, **fields: Any) -> httpx.Response:
    return await building.root.scan(
        building.visitors[number]["qr_code"], direction="out", gate="South", **fields
    )


async def _ledger(client: Client) -> list[tuple[str, str | None]]:
    scans = (await client.get("visitors/scans/")).json()["items"]
    return [(scan["verdict"], scan["code"]) for scan in scans]


async def test_nobody_enters_in_an_emergency(building: Building):
    await building.admit("Ada")
    await building.start()
    other = await building.root.register(**ARRIVAL | {"email": "grace@example.com"})
    refused = problem(await building.root.scan(other["qr_code"]), 409, "emergency")
    assert (refused["verdict"], refused["replayed"]) == ("refused", False)
    problem(await building.root.scan(building.visitors[0]["qr_code"]), 409, "emergency")
    assert (await _ledger(building.root))[:2] == [("refused", "emergency")] * 2
    await building.send("end", {"unaccounted": 1})
    assert (await building.root.scan(other["qr_code"])).status_code == 200


async def test_a_drill_adds_who_enters_and_turns_real(building: Building):
    await building.admit("Ada")
    await building.start("drill")
    await building.admit("Grace")
    assert await building.states() == {"Ada": "unknown", "Grace": "unknown"}
    grace = building.muster["entries"][1]
    assert (grace["confidence"], grace["gate"]) == ("inside", "North")
    await building.root.patch(f"musters/{building.muster['id']}/", {"kind": "real"})
    late = await building.root.register(**ARRIVAL | {"email": "joan@example.com"})
    problem(await building.root.scan(late["qr_code"]), 409, "emergency")


@pytest.mark.parametrize("kind", ["drill", "real"])
async def test_an_exit_ends_the_stay_and_marks(building: Building, app: FastAPI, kind: str):
    await building.admit("Ada", "Grace")
    await building.start(kind)
    await building.later(minutes=3)
    with statements(app) as sent:
        opened = (await _out(building)).json()
    assert len(sent) <= 5, sent
    assert (opened["verdict"], opened["visitor"]["name"]) == ("checked_out", "Ada")
    assert await building.states() == {"Ada": "left_earlier", "Grace": "unknown"}
    ada = building.muster["entries"][0]
    assert (ada["marked_at"], ada["marked_by"]) == ("2026-11-23T08:03:00Z", "Super Admin")
    record = await building.root.get(f"visitors/{building.visitors[0]['id']}/")
    assert record.json()["status"] == "completed"


async def test_an_exit_has_seen_the_alarms_until_then(building: Building):
    await building.admit("Ada", "Grace")
    await building.start()
    await building.mark(mark(building.entry("Ada"), "needs_help", 1))
    await building.later(minutes=3)
    await _out(building, 0)
    await _out(building, 1)
    assert await building.states() == {"Ada": "left_earlier", "Grace": "left_earlier"}
    await building.later(minutes=3)
    grace = building.entry("Grace")
    await building.mark(mark(grace, "missing", 3))  # arrives later
    assert (await building.states())["Grace"] == "left_earlier"
    await building.mark(mark(grace, "missing", 4))
    assert (await building.states())["Grace"] == "missing"


async def test_every_genuine_exit_opens_in_an_emergency(building: Building):
    await building.admit("Ada", "Grace")
    root, emails = building.root, (f"v{number}@example.com" for number in range(9))
    awaited, cancelled, moved, erased = [
        await root.register(**ARRIVAL | {"email": next(emails), "visit_time": "14:00"})
        for _ in range(4)
    ]
    await root.post(f"visitors/{cancelled['id']}/cancel/")
    later = {"visit_date": "2026-11-24", "visit_time": "14:00"}
    await root.post(f"visitors/{moved['id']}/reschedule/", later)
    await root.delete(f"visitors/{erased['id']}/")
    await building.start()
    gate = await add_device(building.api, site=building.site)
    for code, reason, name in (
        (awaited["qr_code"], "not_inside", awaited["name"]),
        (cancelled["qr_code"], "cancelled", cancelled["name"]),
        (moved["qr_code"], "rescheduled", "Unknown visitor"),
        (erased["qr_code"], "unknown", "Unknown visitor"),
    ):
        scan = {"direction": "out", "scan_id": str(uuid4())}
        for replayed in (False, True):
            answer = await gate.scan(code, **scan)
            assert answer.status_code == 200, answer.text
            opened = answer.json()
            assert (opened["verdict"], opened["replayed"]) == ("checked_out", replayed)
            assert opened["visitor"]["name"] == name
        assert (await _ledger(root))[0] == ("conflict", reason)
    forged = await gate.scan("V1" + "A" * 40, direction="out")
    problem(forged, 404, "unknown")
    assert set((await building.states()).values()) == {"unknown"}


async def test_an_exit_at_another_site_opens_and_marks_nothing(building: Building):
    await building.admit("Ada")
    elsewhere = {"name": "Elsewhere", "timezone": "UTC"}
    other = (await building.root.post("sites/", elsewhere)).json()["id"]
    await building.root.post(f"sites/{other}/musters/", {"kind": "real"})
    await building.start("drill")
    gate = await add_device(building.api, site=other)
    code = building.visitors[0]["qr_code"]
    problem(await gate.scan(code), 409, "emergency")
    opened = (await gate.scan(code, direction="out")).json()
    assert (opened["verdict"], opened["visitor"]["id"]) == ("checked_out", str(UUID(int=0)))
    assert (await _ledger(building.root))[0] == ("conflict", "wrong_site")
    assert await building.states() == {"Ada": "unknown"}


async def test_who_has_left_already_is_marked_by_an_exit(building: Building):
    await building.admit("Ada")
    await building.start()
    await building.root.post(f"visitors/{building.visitors[0]['id']}/check-out/")
    assert (await _out(building)).status_code == 200
    await building.mark(mark(building.entry("Ada"), "unknown", 4))
    await building.later(minutes=5)
    assert (await _out(building)).status_code == 200
    assert (await _ledger(building.root))[0] == ("conflict", "already_completed")
    assert await building.states() == {"Ada": "left_earlier"}


async def test_registrations_for_later_go_on(building: Building):
    await building.admit("Ada")
    await building.start()
    await building.root.register(email="later@example.com", visit_date="2026-11-24")
