"""A change of the opening hours of a site, and what it does not affect."""

from tests.slots.managed_site import SLOT, TUESDAY, ManagedSite
from tests.support.api import VISITOR
from tests.support.problems import problem


async def test_visitors_of_hours_that_close_stay_and_are_counted(site: ManagedSite) -> None:
    await site.fill(2, visit_time="09:15")
    await site.fill(3, visit_time="16:45")
    assert await site.change(opens_at="10:00") == 2
    assert await site.change(closes_at="16:00") == 5
    assert await site.change(opens_at="09:30", closes_at="16:30") == 0
    problem(
        await site.root.post("visitors/", VISITOR | SLOT | {"visit_time": "09:15"}),
        422,
        "slot_closed",
    )


async def test_visitors_of_days_that_close_stay_and_are_counted(site: ManagedSite) -> None:
    await site.fill(2)
    await site.fill(1, visit_date="2026-11-25")
    assert await site.change(open_weekdays=[1, 3]) == 2
    assert await site.change(open_weekdays=[]) == 3
    assert await site.change(open_weekdays=[1, 2, 3]) == 0


async def test_put_says_how_many_are_affected_and_a_read_does_not(site: ManagedSite) -> None:
    await site.fill(2)
    answer = await site.root.put(site.path, {"name": "Main site", "opens_at": "11:00"})
    assert answer.json()["affected_visitors"] == 2
    assert "affected_visitors" not in (await site.root.get(site.path)).json()


async def test_a_seat_outside_the_rules_counts_once_whatever_closes_it(site: ManagedSite) -> None:
    await site.fill(3)
    await site.close(TUESDAY)
    assert await site.change(slot_capacity=1, opens_at="11:00", open_weekdays=[1]) == 3
    assert await site.change(opens_at="09:00", open_weekdays=[1, 2]) == 3
    await site.root.delete(f"{site.path}closures/{(await site.items('closures'))[0]['id']}/")
    assert await site.change() == 2
