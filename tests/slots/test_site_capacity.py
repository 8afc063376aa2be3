"""A change of the capacity of a site, and what it does not affect."""

from datetime import timedelta

from app.core.clock import SettableClock
from app.core.db.database import Database
from tests.slots.managed_site import MONDAY, SLOT, TUESDAY, ManagedSite, annex, counters
from tests.support.api import VISITOR, Api
from tests.support.problems import problem


async def test_a_lower_capacity_removes_nobody_and_counts_the_excess(
    site: ManagedSite, database: Database
) -> None:
    visitors = await site.fill(3)
    assert await site.change(slot_capacity=2) == 1
    assert [(await site.root.get(f"visitors/{v['id']}/")).json()["status"] for v in visitors] == [
        "pending"
    ] * 3
    assert await counters(database) == {(TUESDAY, 10): (2, 3)}
    offer = await site.offer()
    assert (offer["capacity"], offer["booked"], offer["available"]) == (2, 3, 0)
    problem(await site.root.post("visitors/", VISITOR | SLOT), 409, "slot_full")


async def test_seats_above_a_lowered_capacity_are_given_up_one_by_one(
    site: ManagedSite, database: Database
) -> None:
    first, second, *_ = await site.fill(3)
    await site.change(slot_capacity=2)
    await site.root.post(f"visitors/{first['id']}/cancel/")
    assert await counters(database) == {(TUESDAY, 10): (2, 2)}
    problem(await site.root.post("visitors/", VISITOR | SLOT), 409, "slot_full")
    await site.root.post(f"visitors/{second['id']}/cancel/")
    await site.fill(1)
    assert await counters(database) == {(TUESDAY, 10): (2, 2)}


async def test_a_raised_capacity_gives_more_seats(site: ManagedSite, database: Database) -> None:
    await site.change(slot_capacity=1)
    await site.fill(1)
    problem(await site.root.post("visitors/", VISITOR | SLOT), 409, "slot_full")
    assert await site.change(slot_capacity=2) == 0
    await site.fill(1)
    assert await counters(database) == {(TUESDAY, 10): (2, 2)}


async def test_a_capacity_of_zero_takes_nobody(site: ManagedSite) -> None:
    assert await site.change(slot_capacity=0) == 0
    problem(await site.root.post("visitors/", VISITOR | SLOT), 409, "slot_full")


async def test_slots_of_past_days_keep_their_capacity(
    api: Api, site: ManagedSite, database: Database, clock: SettableClock
) -> None:
    await site.fill(2, visit_date=MONDAY)
    await site.fill(2)
    clock.advance(timedelta(days=1))
    site.root = await api.sign_in("root@example.com", site.root.user_id)  # the token has expired
    assert await site.change(slot_capacity=1) == 1
    assert await counters(database) == {(MONDAY, 10): (20, 2), (TUESDAY, 10): (1, 2)}


async def test_the_day_is_the_one_of_the_sites_calendar(
    api: Api, site: ManagedSite, database: Database, clock: SettableClock
) -> None:
    island = await annex(
        site, timezone="Pacific/Kiritimati", closes_at="00:00", booking_lead_minutes=0
    )
    await island.fill(1, visit_date=MONDAY, visit_time="23:00", site=island.id)
    closure = await island.close(MONDAY)
    assert closure["affected_visitors"] == 1
    clock.advance(timedelta(hours=3))  # Tuesday, 01:00 on the island
    island.root = await api.sign_in("root@example.com", site.root.user_id)
    assert await island.change(slot_capacity=0) == 0
    assert await counters(database) == {(MONDAY, 23): (20, 1)}
    assert (await island.items("closures"))[0]["affected_visitors"] == 0


async def test_other_sites_keep_their_capacity(site: ManagedSite, database: Database) -> None:
    other = await annex(site)
    await site.fill(1)
    await other.fill(2, visit_time="11:00", site=other.id)
    assert await other.change(slot_capacity=1) == 1
    assert await counters(database) == {(TUESDAY, 10): (20, 1), (TUESDAY, 11): (1, 2)}


async def test_a_refused_change_changes_no_slot(site: ManagedSite, database: Database) -> None:
    await annex(site)
    await site.fill(1)
    problem(
        await site.root.patch(site.path, {"slot_capacity": 0, "name": "annex"}), 409, "name_taken"
    )
    assert await counters(database) == {(TUESDAY, 10): (20, 1)}
