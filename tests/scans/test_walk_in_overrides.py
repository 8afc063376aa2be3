"""Walk-ins into full and closed hours, by name and reason."""

import asyncio
from datetime import datetime
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from app.audit.models import AuditEntry
from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.db.rollout import Rollout
from app.slots.models import Slot
from app.users.models import Role
from tests.scans.walk_ins import REASON, admitted, override, walk_in
from tests.support.api import Api, Client
from tests.support.database import (
    all_events,
    all_scans,
    assert_seats_are_visitors,
    booked,
    change_default_site,
    close_default_site,
)
from tests.support.problems import problem

HALF_PAST_TEN = datetime.fromisoformat("2026-11-23T10:30:45Z")


@pytest.fixture
async def desk(api: Api, clock: SettableClock, database: Database) -> Client:
    clock.set(HALF_PAST_TEN)
    await change_default_site(database, slot_capacity=1)
    return await api.of_role(Role.RECEPTIONIST)


async def raised(database: Database) -> list[dict[str, Any]]:
    """Return the details of the seats that were added."""
    async with database.read() as session:
        action = AuditEntry.action == "capacity_raised"
        found = await session.scalars(select(AuditEntry).where(action).order_by(AuditEntry.id))
        return [entry.details for entry in found]


async def test_a_full_hour_gets_one_seat_more(desk: Client, database: Database):
    site = (await admitted(desk))["site"]
    visitor = await admitted(desk, **override("slot_full"), gate="Reception")
    assert visitor["status"] == "verified"
    own = (await desk.get(f"sites/{site}/slot-capacities/")).json()["items"]
    assert [(each["visit_time"], each["capacity"], each["booked"]) for each in own] == [
        ("10:00", 2, 2)
    ]
    assert await raised(database) == [{"visit_date": "2026-11-23", "hour": 10, "capacity": 2}]
    registered, entered = (await all_events(database))[-2:]
    assert (registered.action, registered.details) == ("registered", {})
    said = {"walk_in": True, "gate": "Reception", "overridden": ["slot_full"], "reason": REASON}
    assert entered.details == said
    await assert_seats_are_visitors(database)
    await desk.post(f"visitors/{visitor['id']}/check-out/")
    assert (await admitted(desk))["status"] == "verified"  # the seat stays
    problem(await walk_in(desk), 409, "slot_full")


async def test_a_closed_hour_keeps_its_capacity(desk: Client, database: Database):
    await close_default_site(database, "2026-11-23")
    await admitted(desk, **override("slot_closed"))
    mismatch = problem(await walk_in(desk, **override("slot_closed")), 409, "override_mismatch")
    assert mismatch["refusals"] == ["slot_closed", "slot_full"]
    await admitted(desk, **override("slot_full", "slot_closed"))
    assert await booked(database, "2026-11-23", 10) == 2
    await assert_seats_are_visitors(database)


async def test_a_closed_shift_is_overridden_where_slots_are_marked(
    api: Api, desk: Client, database: Database
):
    root = await api.superadmin()
    site = (await admitted(desk))["site"]
    await root.post(f"sites/{site}/closures/", {"date": "2026-11-23"})
    refused = problem(await walk_in(desk), 422, "slot_closed")
    assert refused["refusals"] == ["slot_closed", "slot_full"]
    await admitted(desk, **override("slot_closed", "slot_full"))
    await assert_seats_are_visitors(database)


@pytest.mark.parametrize(
    ("is_full", "codes", "holding"),
    [
        (False, ["slot_full"], []),
        (False, ["too_early"], []),
        (True, ["slot_closed"], ["slot_full"]),
        (True, ["slot_full", "slot_closed"], ["slot_full"]),
        (True, ["wrong_day", "slot_full"], ["slot_full"]),
    ],
)
async def test_an_override_that_does_not_fit_leaves_nothing(
    desk: Client, database: Database, is_full: bool, codes: list[str], holding: list[str]
):
    if is_full:
        await admitted(desk)
    before = len(await all_scans(database)), len(await all_events(database))
    refused = problem(await walk_in(desk, **override(*codes)), 409, "override_mismatch")
    assert refused["refusals"] == holding
    assert (len(await all_scans(database)), len(await all_events(database))) == before
    assert await raised(database) == []


async def test_seats_above_a_lowered_capacity_stay_as_many(
    api: Api, desk: Client, database: Database
):
    await change_default_site(database, slot_capacity=3)
    root = await api.superadmin()
    for _ in range(3):
        site = (await admitted(desk))["site"]
    lowered = {"visit_date": "2026-11-23", "visit_time": "10:00", "capacity": 1}
    assert (await root.post(f"sites/{site}/slot-capacities/", lowered)).status_code == 201
    await admitted(desk, **override("slot_full"))
    async with database.read() as session:
        [slot] = await session.scalars(select(Slot))
    assert (slot.capacity, slot.booked, slot.excess) == (2, 4, 2)


async def test_overrides_at_once_each_get_a_seat(desk: Client, database: Database):
    await admitted(desk)
    calls = [walk_in(desk, **override("slot_full")) for _ in range(6)]
    answers = await asyncio.gather(*calls)
    assert {answer.status_code for answer in answers} == {201}
    assert [each["capacity"] for each in await raised(database)] == [2, 3, 4, 5, 6, 7]
    assert await booked(database, "2026-11-23", 10) == 7
    await assert_seats_are_visitors(database)


async def test_walk_ins_beside_overrides_never_exceed_the_hour(desk: Client, database: Database):
    calls = [walk_in(desk, **(override("slot_full") if n % 2 else {})) for n in range(10)]
    answers = await asyncio.gather(*calls)
    codes = {answer.json().get("code") for answer in answers} - {None}
    assert codes <= {"slot_full", "override_mismatch"}
    taken = sum(answer.status_code == 201 for answer in answers)
    assert await booked(database, "2026-11-23", 10) == taken == 1 + len(await raised(database))
    await assert_seats_are_visitors(database)


async def test_an_override_is_repeated_by_its_key(desk: Client, database: Database):
    await admitted(desk)
    desk.headers |= {"Idempotency-Key": "one"}
    first = await admitted(desk, **override("slot_full"))
    assert await admitted(desk, **override("slot_full")) == first
    assert len(await raised(database)) == 1


async def test_no_seat_is_added_during_an_update(desk: Client, database: Database, app: FastAPI):
    await admitted(desk)
    app.state.database.rollout_is_finished = False
    async with database.write() as unit:
        unit.add(Rollout(revision="of a test"))
    problem(await walk_in(desk, **override("slot_full")), 503, "update_under_way")
    assert await booked(database, "2026-11-23", 10) == 1


async def test_the_reason_is_erased_with_the_visitor(api: Api, desk: Client, database: Database):
    await close_default_site(database, "2026-11-23")
    visitor = await admitted(desk, **override("slot_closed"))
    root = await api.superadmin()
    assert (await root.delete(f"visitors/{visitor['id']}/")).status_code == 204
    entered = next(e for e in await all_events(database) if e.action == "checked_in")
    assert entered.details == {"walk_in": None, "overridden": None, "reason": None}
