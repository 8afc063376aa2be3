import asyncio
from typing import Any

import httpx
import pytest

from tests.musters.conftest import Building
from tests.support.problems import problem

GUEST = {"name": "Grace", "host_email": "charles@example.com"}
OVERRIDE = {"codes": ["slot_closed"], "reason": "The board knows"}


async def _walk_in(building: Building, **fields: Any) -> httpx.Response:
    return await building.root.post("visitors/walk-in/", GUEST | fields)


@pytest.fixture
async def evacuated(building: Building) -> Building:
    """Return the default site, in its opening hours, with Ada inside and a drill under way."""
    await building.admit("Ada")
    await building.later(hours=2)
    await building.start("drill")
    return building


async def test_no_walk_in_enters_in_an_emergency(evacuated: Building):
    await evacuated.root.patch(f"musters/{evacuated.muster['id']}/", {"kind": "real"})
    refused = problem(await _walk_in(evacuated), 409, "emergency")
    assert (refused["refusals"], refused["overridable"]) == (["emergency"], False)
    problem(await _walk_in(evacuated, override=OVERRIDE), 409, "emergency")
    assert await evacuated.states() == {"Ada": "unknown"}
    await evacuated.later(hours=12)
    problem(await _walk_in(evacuated), 409, "emergency")  # before the closed hour
    await evacuated.later(hours=12)
    await evacuated.send("end", {"unaccounted": 1})
    assert (await _walk_in(evacuated)).status_code == 201


@pytest.mark.parametrize("override", [None, OVERRIDE])
async def test_a_walk_in_during_a_drill_is_on_the_roster(
    evacuated: Building, override: dict[str, Any] | None
):
    if override:
        await evacuated.later(hours=12)
    admitted = await _walk_in(evacuated, override=override, gate="Desk")
    assert admitted.status_code == 201, admitted.text
    entries = {each["name"]: each for each in (await evacuated.read())["entries"]}
    assert (entries["Grace"]["confidence"], entries["Grace"]["gate"]) == ("inside", "Desk")
    assert entries["Grace"]["visitor_id"] == admitted.json()["id"]


async def test_a_walk_in_racing_a_start_is_refused_or_on_the_roster(building: Building):
    await building.admit("Ada")
    await building.later(hours=2)
    walk_ins = [_walk_in(building, name=f"Guest {number}") for number in range(6)]
    answers, _ = await asyncio.gather(asyncio.gather(*walk_ins), building.start())
    entered = {answer.json()["name"] for answer in answers if answer.status_code == 201}
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert set(await building.states()) == {"Ada", *entered}
