"""Individual capacities of slots."""

from typing import Any

import pytest

from app.core.db.database import Database
from tests.slots.managed_site import MONDAY, SATURDAY, SLOT, TUESDAY, ManagedSite, counters
from tests.support.api import VISITOR
from tests.support.problems import faulty_fields, problem


async def test_a_slot_gets_a_capacity_of_its_own(site: ManagedSite, database: Database) -> None:
    slot = await site.set_capacity(2)
    assert slot == {
        "id": slot["id"],
        "visit_date": TUESDAY,
        "visit_time": "10:00",
        "capacity": 2,
        "booked": 0,
        "affected_visitors": 0,
    }
    await site.fill(2)
    problem(await site.root.post("visitors/", VISITOR | SLOT), 409, "slot_full")
    assert await site.items("slot-capacities") == [{**slot, "booked": 2}]
    assert await counters(database) == {(TUESDAY, 10): (2, 2)}


async def test_a_slot_capacity_that_is_set_again_is_replaced(
    site: ManagedSite, database: Database
) -> None:
    await site.fill(4)
    first = await site.set_capacity(1)
    assert (first["booked"], first["affected_visitors"]) == (4, 3)
    second = await site.set_capacity(30)
    assert (second["id"], second["affected_visitors"]) == (first["id"], 0)
    await site.fill(1)
    assert await counters(database) == {(TUESDAY, 10): (30, 5)}


async def test_any_time_of_an_hour_names_its_slot(site: ManagedSite) -> None:
    first = await site.set_capacity(1, visit_time="10:59")
    assert first["visit_time"] == "10:00"
    assert (await site.set_capacity(2, visit_time="10:00"))["id"] == first["id"]
    await site.change(opens_at="09:30")
    assert (await site.set_capacity(1, visit_time="09:45"))["visit_time"] == "09:30"
    early = {**SLOT, "visit_time": "09:15", "capacity": 1}
    problem(await site.root.post(f"{site.path}slot-capacities/", early), 422, "slot_closed")


async def test_an_hour_that_is_offered_no_more_is_listed_by_its_begin(site: ManagedSite) -> None:
    await site.set_capacity(1, visit_time="16:30")
    await site.change(closes_at="12:00")
    assert (await site.items("slot-capacities"))[0]["visit_time"] == "16:00"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"visit_date": SATURDAY}, "slot_closed"),
        ({"visit_date": "2026-11-25"}, "slot_closed"),
        ({"visit_time": "08:59"}, "slot_closed"),
        ({"visit_time": "17:00"}, "slot_closed"),
        ({"visit_date": "2026-11-20"}, "slot_in_past"),
        ({"visit_date": "0001-01-01"}, "slot_in_past"),
    ],
)
async def test_what_can_never_be_booked_gets_no_capacity(
    site: ManagedSite, fields: dict[str, str], code: str
) -> None:
    await site.close("2026-11-25")
    answer = await site.root.post(f"{site.path}slot-capacities/", {**SLOT, **fields, "capacity": 1})
    problem(answer, 422, code)
    assert await site.items("slot-capacities") == []


async def test_a_slot_beyond_the_horizon_gets_its_capacity_in_advance(site: ManagedSite) -> None:
    assert (await site.set_capacity(1, visit_date="9999-12-31"))["visit_date"] == "9999-12-31"


async def test_a_slot_with_its_own_capacity_does_not_follow_its_site(
    site: ManagedSite, database: Database
) -> None:
    await site.fill(3)
    await site.set_capacity(2)
    assert await site.change(slot_capacity=1) == 1
    assert await counters(database) == {(TUESDAY, 10): (2, 3)}
    assert await site.change(slot_capacity=50) == 1


async def test_a_deleted_capacity_returns_the_slot_to_its_site(
    site: ManagedSite, database: Database
) -> None:
    slot = await site.set_capacity(30)
    await site.fill(3)
    await site.change(slot_capacity=2)
    path = f"{site.path}slot-capacities/{slot['id']}/"
    answer = await site.root.delete(path)
    assert (answer.status_code, answer.headers["X-Affected-Visitors"]) == (204, "1")
    assert await counters(database) == {(TUESDAY, 10): (2, 3)}
    assert await site.items("slot-capacities") == []
    problem(await site.root.delete(path), 404, "not_found")
    await site.change(slot_capacity=4)
    assert await counters(database) == {(TUESDAY, 10): (4, 3)}


async def test_capacities_are_listed_by_time_in_pages_and_spans(site: ManagedSite) -> None:
    times = [("2026-11-26", "09:00"), (TUESDAY, "14:00"), (TUESDAY, "11:00"), (MONDAY, "16:00")]
    for day, at in times:
        await site.set_capacity(1, visit_date=day, visit_time=at)
    first = (
        await site.root.get(f"{site.path}slot-capacities/", limit=3, include_total="true")
    ).json()
    in_order = sorted(times)
    assert [(i["visit_date"], i["visit_time"]) for i in first["items"]] == in_order[:3]
    assert first["total"] == 4
    rest = await site.items("slot-capacities", limit=3, cursor=first["next_cursor"])
    assert [(i["visit_date"], i["visit_time"]) for i in rest] == in_order[3:]
    span = await site.items("slot-capacities", visit_date_from=TUESDAY, visit_date_to="2026-11-25")
    assert [(i["visit_date"], i["visit_time"]) for i in span] == in_order[1:3]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("visit_date", None),
        ("visit_date", "tomorrow"),
        ("visit_date", 1_795_478_400),
        ("visit_time", None),
        ("visit_time", "25:00"),
        ("visit_time", 10),
        ("capacity", None),
        ("capacity", -1),
        ("capacity", 10_001),
        ("capacity", "5"),
        ("capacity", 1.5),
        ("capacity", False),
        ("booked", 0),
    ],
)
async def test_bad_fields_of_a_capacity_are_named(
    site: ManagedSite, field: str, value: Any
) -> None:
    body = {**SLOT, "capacity": 1, field: value}
    answer = await site.root.post(f"{site.path}slot-capacities/", body)
    assert faulty_fields(answer) == {field}
    assert await site.items("slot-capacities") == []
