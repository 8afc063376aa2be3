"""Changes of rules, concurrent with registrations and each other."""

import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select

from app.core.db.database import Database
from app.sites.models import Site
from tests.slots.managed_site import SLOT, TUESDAY, ManagedSite, counters
from tests.support.api import VISITOR, Client


async def race(
    client: Client, seats: int, change: Coroutine[Any, Any, httpx.Response], at: int
) -> httpx.Response:
    """Race registrations for one slot with a change of rules; return its response."""
    calls = [client.post("visitors/", VISITOR | SLOT) for _ in range(seats)]
    answers = await asyncio.gather(*calls[:at], change, *calls[at:])
    changed = answers.pop(at)
    assert {answer.status_code for answer in answers} <= {201, 409}
    return changed


@pytest.mark.parametrize("at", [0, 10, 20, 30])
async def test_registrations_race_a_capacity_that_falls_and_rises(
    site: ManagedSite, database: Database, at: int
) -> None:
    await site.fill(1)
    fallen = await race(site.root, 30, site.root.patch(site.path, {"slot_capacity": 5}), at)
    affected = fallen.json()["affected_visitors"]
    capacity, booked = (await counters(database))[TUESDAY, 10]
    assert capacity == 5
    assert booked == 5 + affected <= 20
    raised = await race(site.root, 30, site.root.patch(site.path, {"slot_capacity": 20}), at)
    assert raised.json()["affected_visitors"] == 0
    capacity, booked_after = (await counters(database))[TUESDAY, 10]
    assert capacity == 20
    assert booked <= booked_after <= 20


async def test_registrations_race_the_slots_own_capacity(
    site: ManagedSite, database: Database
) -> None:
    body = {**SLOT, "capacity": 5}
    setting = site.root.post(f"{site.path}slot-capacities/", body)
    slot = (await race(site.root, 30, setting, 8)).json()
    capacity, booked = (await counters(database))[TUESDAY, 10]
    assert capacity == 5
    assert booked == max(5, slot["booked"])
    dropping = site.root.delete(f"{site.path}slot-capacities/{slot['id']}/")
    assert (await race(site.root, 30, dropping, 8)).status_code == 204
    capacity, booked = (await counters(database))[TUESDAY, 10]
    assert (capacity, booked <= 20) == (20, True)


async def test_no_slot_is_born_with_the_capacity_of_before(
    site: ManagedSite, database: Database
) -> None:
    hours = [f"{hour:02}:00" for hour in range(9, 17)]
    for turn, day in enumerate(("2026-11-24", "2026-11-25", "2026-11-26", "2026-11-27")):
        bodies = [{**VISITOR, "visit_date": day, "visit_time": hour} for hour in hours]
        await asyncio.gather(
            *[site.root.post("visitors/", body) for body in bodies[:4]],
            site.root.patch(site.path, {"slot_capacity": 10 + turn}),
            *[site.root.post("visitors/", body) for body in bodies[4:]],
        )
        capacities = {capacity for capacity, _ in (await counters(database)).values()}
        assert capacities == {10 + turn}


async def test_moves_race_changes_of_every_kind_without_a_deadlock(
    site: ManagedSite, database: Database
) -> None:
    early = await site.fill(5, visit_time="10:00")
    late = await site.fill(5, visit_time="11:00")
    moves = [
        site.root.post(
            f"visitors/{visitor['id']}/reschedule/", {"visit_date": TUESDAY, "visit_time": at}
        )
        for visitor, at in [*[(v, "11:30") for v in early], *[(v, "10:30") for v in late]]
    ]
    changes = [
        site.root.patch(site.path, {"slot_capacity": 4, "name": "Head office"}),
        site.root.post(f"{site.path}slot-capacities/", {**SLOT, "capacity": 6}),
        site.root.post(f"{site.path}closures/", {"date": "2026-12-24"}),
        site.root.patch(site.path, {"slot_capacity": 20, "name": "Main site"}),
    ]
    mixed = [call for pair in zip(moves[:4], changes, strict=True) for call in pair] + moves[4:]
    answers = await asyncio.gather(*mixed)
    assert {answer.status_code for answer in answers} <= {200, 201, 409}
    assert sum(booked for _, booked in (await counters(database)).values()) == 10


async def test_a_change_of_rules_does_not_wait_for_a_registration(
    site: ManagedSite, database: Database
) -> None:
    named = select(Site.id).where(Site.id == UUID(site.id))
    async with database.write() as unit:
        # What PostgreSQL locks for the foreign key of a new visitor (FOR KEY SHARE).
        await unit.scalar(named.with_for_update(read=True, key_share=True))
        assert await site.change(name="Head office", slot_capacity=5, is_default=True) == 0
