"""Entries and exits that become known after the start of a muster."""

import pytest

from tests.devices.devices import add_device
from tests.musters.conftest import ARRIVAL, Building, mark
from tests.scans.offline import happened, report, words


async def _registered(building: Building, *names: str) -> list[str]:
    found = []
    for name in names:
        person = {"name": name, "email": f"{name.lower()}@example.com"}
        visitor = await building.root.register(**ARRIVAL | person)
        building.site = visitor["site"]
        found.append(visitor["qr_code"])
    return found


@pytest.mark.parametrize("kind", ["drill", "real"])
async def test_an_entry_before_the_start_adds_an_entry(building: Building, kind: str):
    ada, grace, joan = await _registered(building, "Ada", "Grace", "Joan")
    await building.later(minutes=30)
    await building.start(kind)
    gate = await add_device(building.api, site=building.site)
    await building.later(minutes=10)
    results = await report(
        gate,
        happened(ada, "08:10", gate="East"),
        happened(grace, "08:10"),
        happened(grace, "08:20", direction="out"),
        happened(joan, "08:25"),
        happened(joan, "08:35", direction="out"),
    )
    assert words(results) == ["accepted"] * 5
    assert await building.states() == {"Ada": "unknown", "Joan": "left_earlier"}
    entry = building.muster["entries"][0]
    assert (entry["confidence"], entry["gate"]) == ("inside", "East")
    assert entry["in_at"] == "2026-11-23T08:10:00Z"


async def test_an_entry_in_an_emergency_is_a_conflict(building: Building):
    ada, grace = await _registered(building, "Ada", "Grace")
    await building.later(minutes=30)
    await building.start()
    gate = await add_device(building.api, site=building.site)
    await building.later(minutes=10)
    results = await report(gate, happened(ada, "08:35"), happened(grace, "08:20"))
    assert words(results) == ["conflict emergency", "accepted"]
    entries = {each["name"]: each for each in (await building.read())["entries"]}
    assert entries["Ada"]["confidence"] == "unconfirmed"
    assert entries["Grace"]["confidence"] == "inside"
    out = await report(gate, happened(ada, "08:36", direction="out"))
    assert words(out) == ["conflict not_inside"]
    assert (await building.states())["Ada"] == "left_earlier"


async def test_an_entry_in_a_past_emergency_is_a_conflict_too(building: Building):
    [ada] = await _registered(building, "Ada")
    await building.start()
    await building.later(minutes=30)
    await building.send("end", {"unaccounted": 0})
    await building.later(minutes=30)
    gate = await add_device(building.api, site=building.site)
    results = await report(gate, happened(ada, "08:29"), happened(ada, "08:30"))
    assert words(results) == ["conflict emergency", "accepted"]


async def test_an_offline_exit_has_seen_the_alarms_until_then(building: Building):
    await building.admit("Ada")
    await building.start()
    gate = await add_device(building.api, site=building.site)
    await building.later(minutes=30)
    ada, code = building.entry("Ada"), building.visitors[0]["qr_code"]
    await building.mark(mark(ada, "missing", 5), mark(ada, "needs_help", 15))
    assert words(await report(gate, happened(code, "08:10", direction="out"))) == ["accepted"]
    assert await building.states() == {"Ada": "needs_help"}
    assert len(building.muster["entries"][0]["alarms"]) == 1


async def test_who_comes_back_in_a_drill_is_unknown_again(building: Building):
    await building.admit("Ada")
    await building.start("drill")
    gate = await add_device(building.api, site=building.site)
    code = building.visitors[0]["qr_code"]
    await building.later(minutes=5)
    await building.root.scan(code, direction="out")
    assert await building.states() == {"Ada": "left_earlier"}
    await building.later(minutes=5)
    [result] = await report(gate, happened(code, "08:08"))
    assert result["result"] == "conflict"  # the visit is over, but the gate has opened
    assert await building.states() == {"Ada": "unknown"}
