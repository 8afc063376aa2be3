"""Days on which a site is closed."""

import asyncio
from typing import Any

import pytest

from tests.slots.managed_site import SATURDAY, SLOT, TUESDAY, ManagedSite, annex
from tests.support.api import VISITOR
from tests.support.problems import faulty_fields, problem


async def test_a_closed_day_says_who_is_booked_and_takes_nobody_more(site: ManagedSite) -> None:
    await site.fill(2)
    await site.fill(1, visit_time="15:00")
    await site.fill(1, visit_date="2026-11-25")
    closure = await site.close(TUESDAY, reason=" Stocktaking ")
    assert closure == {
        "id": closure["id"],
        "date": TUESDAY,
        "reason": "Stocktaking",
        "affected_visitors": 3,
        "created_at": "2026-11-23T08:00:00Z",
    }
    assert await site.items("closures") == [closure]
    problem(await site.root.post("visitors/", VISITOR | SLOT), 422, "slot_closed")
    assert (await site.offer())["reason"] == "closed"


async def test_a_closure_that_is_taken_back_opens_the_day(site: ManagedSite) -> None:
    closure = await site.close(TUESDAY)
    path = f"{site.path}closures/{closure['id']}/"
    assert (await site.root.delete(path)).status_code == 204
    problem(await site.root.delete(path), 404, "not_found")
    await site.fill(1)
    assert await site.items("closures") == []


async def test_a_day_is_closed_once_for_each_site(site: ManagedSite) -> None:
    await site.close(TUESDAY)
    again = await site.root.post(f"{site.path}closures/", {"date": TUESDAY, "reason": "again"})
    problem(again, 409, "closure_exists")
    other = await annex(site)
    await other.close(TUESDAY)
    assert len(await site.items("closures")) == len(await other.items("closures")) == 1


async def test_of_closures_of_one_day_made_at_once_one_is_made(site: ManagedSite) -> None:
    made = await asyncio.gather(
        *[site.root.post(f"{site.path}closures/", {"date": TUESDAY}) for _ in range(4)]
    )
    assert sorted(answer.status_code for answer in made) == [201, 409, 409, 409]


async def test_closures_are_listed_by_date_in_pages_and_spans(site: ManagedSite) -> None:
    days = ["2026-12-24", "2026-01-01", "2026-12-31", SATURDAY]
    for day in days:
        await site.close(day)
    first = (await site.root.get(f"{site.path}closures/", limit=3, include_total="true")).json()
    assert [item["date"] for item in first["items"]] == ["2026-01-01", SATURDAY, "2026-12-24"]
    assert first["total"] == 4
    rest = await site.items("closures", limit=3, cursor=first["next_cursor"])
    assert [item["date"] for item in rest] == ["2026-12-31"]
    span = await site.items("closures", date_from=SATURDAY, date_to="2026-12-24")
    assert [item["date"] for item in span] == [SATURDAY, "2026-12-24"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("date", None),
        ("date", "24.11.2026"),
        ("date", "2026-02-30"),
        ("date", ["2026-11-24"]),
        ("date", 0),
        ("date", "2026-11-24T00:00:00"),
        ("reason", None),
        ("reason", 7),
        ("reason", "x" * 201),
        ("reason", "x" * 10_000),
        ("reason", "a\x00b"),
        ("affected_visitors", 0),
    ],
)
async def test_bad_fields_of_a_closure_are_named(site: ManagedSite, field: str, value: Any) -> None:
    body = {"date": TUESDAY, field: value}
    assert faulty_fields(await site.root.post(f"{site.path}closures/", body)) == {field}
    assert await site.items("closures") == []
