"""Changing what can be booked: opening rules, closures, capacities, and what they leave alone."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.sites.models import Site
from app.slots.models import Slot
from app.visitors.lifecycle import HOLDS_SEAT
from app.visitors.models import Visitor
from tests.support.api import VISITOR, Api, Client
from tests.support.problems import faulty_fields, problem

NOBODY = "00000000-0000-7000-8000-000000000000"
MONDAY, TUESDAY, SATURDAY = "2026-11-23", "2026-11-24", "2026-11-28"
SLOT = {"visit_date": TUESDAY, "visit_time": "10:00"}


@dataclass
class Desk:
    """A superadmin, and the path of the default site."""

    root: Client
    site: str
    path: str

    async def change(self, **fields: Any) -> int:
        """Change the site; how many seats that leaves outside the rules."""
        answer = await self.root.patch(self.path, fields)
        assert answer.status_code == 200, answer.text
        affected: int = answer.json()["affected_visitors"]
        return affected

    async def set_capacity(self, capacity: int, **fields: Any) -> dict[str, Any]:
        body = {**SLOT, **fields, "capacity": capacity}
        answer = await self.root.post(f"{self.path}slot-capacities/", body)
        assert answer.status_code == 201, answer.text
        slot: dict[str, Any] = answer.json()
        return slot

    async def close(self, day: str, **fields: Any) -> dict[str, Any]:
        answer = await self.root.post(f"{self.path}closures/", {"date": day, **fields})
        assert answer.status_code == 201, answer.text
        closure: dict[str, Any] = answer.json()
        assert closure.pop("cancelled_visits") == 0
        return closure

    async def fill(self, seats: int, **fields: Any) -> list[dict[str, Any]]:
        return [await self.root.register(**{**SLOT, **fields}) for _ in range(seats)]

    async def offer(self, **fields: Any) -> dict[str, Any]:
        """Return a slot as it is offered to everybody."""
        wanted = {**SLOT, **fields}
        answer = await self.root.get(
            "visitors/available-slots/", visit_date=wanted["visit_date"], site=self.site
        )
        found: dict[str, Any] = next(
            slot for slot in answer.json()["slots"] if slot["time"] == wanted["visit_time"]
        )
        return found

    async def items(self, what: str, **params: Any) -> list[dict[str, Any]]:
        answer = await self.root.get(f"{self.path}{what}/", **params)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found


@pytest.fixture
async def desk(api: Api) -> Desk:
    root = await api.superadmin()
    site = (await root.get("sites/")).json()["items"][0]["id"]
    return Desk(root, site, f"sites/{site}/")


async def annex(desk: Desk, **fields: Any) -> Desk:
    """One more site."""
    answer = await desk.root.post("sites/", {"name": "Annex", **fields})
    assert answer.status_code == 201, answer.text
    return Desk(desk.root, answer.json()["id"], f"sites/{answer.json()['id']}/")


async def counters(database: Database) -> dict[tuple[str, int], tuple[int, int]]:
    """Capacity and seats taken of every slot, which must be what its visitors hold.

    Without those that have a row because they are closed.
    """
    holding = (
        select(func.count())
        .where(Visitor.slot_id == Slot.id, Visitor.status.in_(HOLDS_SEAT))
        .scalar_subquery()
    )
    async with database.read() as session:
        rows = (await session.rows(select(Slot, holding))).all()
    for slot, visitors in rows:
        assert slot.booked == visitors
        assert slot.excess == max(slot.booked - slot.capacity, 0)
    return {
        (str(s.visit_date), s.hour): (s.capacity, s.booked)
        for s, _ in rows
        if s.booked or not s.closed_shifts
    }


# -- the capacity of a site --------------------------------------------------------------------


async def test_a_lower_capacity_removes_nobody_and_counts_the_excess(
    desk: Desk, database: Database
) -> None:
    visitors = await desk.fill(3)
    assert await desk.change(slot_capacity=2) == 1
    assert [(await desk.root.get(f"visitors/{v['id']}/")).json()["status"] for v in visitors] == [
        "pending"
    ] * 3
    assert await counters(database) == {(TUESDAY, 10): (2, 3)}
    offer = await desk.offer()
    assert (offer["capacity"], offer["booked"], offer["available"]) == (2, 3, 0)
    problem(await desk.root.post("visitors/", VISITOR | SLOT), 409, "slot_full")


async def test_seats_above_a_lowered_capacity_are_given_up_one_by_one(
    desk: Desk, database: Database
) -> None:
    first, second, *_ = await desk.fill(3)
    await desk.change(slot_capacity=2)
    await desk.root.post(f"visitors/{first['id']}/cancel/")
    assert await counters(database) == {(TUESDAY, 10): (2, 2)}
    problem(await desk.root.post("visitors/", VISITOR | SLOT), 409, "slot_full")
    await desk.root.post(f"visitors/{second['id']}/cancel/")
    await desk.fill(1)
    assert await counters(database) == {(TUESDAY, 10): (2, 2)}


async def test_a_raised_capacity_gives_more_seats(desk: Desk, database: Database) -> None:
    await desk.change(slot_capacity=1)
    await desk.fill(1)
    problem(await desk.root.post("visitors/", VISITOR | SLOT), 409, "slot_full")
    assert await desk.change(slot_capacity=2) == 0
    await desk.fill(1)
    assert await counters(database) == {(TUESDAY, 10): (2, 2)}


async def test_a_capacity_of_zero_takes_nobody(desk: Desk) -> None:
    assert await desk.change(slot_capacity=0) == 0
    problem(await desk.root.post("visitors/", VISITOR | SLOT), 409, "slot_full")


async def test_slots_of_past_days_keep_their_capacity(
    api: Api, desk: Desk, database: Database, clock: SettableClock
) -> None:
    await desk.fill(2, visit_date=MONDAY)
    await desk.fill(2)
    clock.advance(timedelta(days=1))
    desk.root = await api.sign_in("root@example.com", desk.root.user_id)  # the token has expired
    assert await desk.change(slot_capacity=1) == 1
    assert await counters(database) == {(MONDAY, 10): (20, 2), (TUESDAY, 10): (1, 2)}


async def test_the_day_is_the_one_of_the_sites_calendar(
    api: Api, desk: Desk, database: Database, clock: SettableClock
) -> None:
    island = await annex(
        desk, timezone="Pacific/Kiritimati", closes_at="00:00", booking_lead_minutes=0
    )
    await island.fill(1, visit_date=MONDAY, visit_time="23:00", site=island.site)
    closure = await island.close(MONDAY)
    assert closure["affected_visitors"] == 1
    clock.advance(timedelta(hours=3))  # Tuesday, 01:00 on the island
    island.root = await api.sign_in("root@example.com", desk.root.user_id)
    assert await island.change(slot_capacity=0) == 0
    assert await counters(database) == {(MONDAY, 23): (20, 1)}
    assert (await island.items("closures"))[0]["affected_visitors"] == 0


async def test_other_sites_keep_their_capacity(desk: Desk, database: Database) -> None:
    other = await annex(desk)
    await desk.fill(1)
    await other.fill(2, visit_time="11:00", site=other.site)
    assert await other.change(slot_capacity=1) == 1
    assert await counters(database) == {(TUESDAY, 10): (20, 1), (TUESDAY, 11): (1, 2)}


async def test_a_refused_change_changes_no_slot(desk: Desk, database: Database) -> None:
    await annex(desk)
    await desk.fill(1)
    problem(
        await desk.root.patch(desk.path, {"slot_capacity": 0, "name": "annex"}), 409, "name_taken"
    )
    assert await counters(database) == {(TUESDAY, 10): (20, 1)}


# -- the opening hours of a site ---------------------------------------------------------------


async def test_visitors_of_hours_that_close_stay_and_are_counted(desk: Desk) -> None:
    await desk.fill(2, visit_time="09:15")
    await desk.fill(3, visit_time="16:45")
    assert await desk.change(opens_at="10:00") == 2
    assert await desk.change(closes_at="16:00") == 5
    assert await desk.change(opens_at="09:30", closes_at="16:30") == 0
    problem(
        await desk.root.post("visitors/", VISITOR | SLOT | {"visit_time": "09:15"}),
        422,
        "slot_closed",
    )


async def test_visitors_of_days_that_close_stay_and_are_counted(desk: Desk) -> None:
    await desk.fill(2)
    await desk.fill(1, visit_date="2026-11-25")
    assert await desk.change(open_weekdays=[1, 3]) == 2
    assert await desk.change(open_weekdays=[]) == 3
    assert await desk.change(open_weekdays=[1, 2, 3]) == 0


async def test_put_says_how_many_are_affected_and_a_read_does_not(desk: Desk) -> None:
    await desk.fill(2)
    answer = await desk.root.put(desk.path, {"name": "Main site", "opens_at": "11:00"})
    assert answer.json()["affected_visitors"] == 2
    assert "affected_visitors" not in (await desk.root.get(desk.path)).json()


async def test_a_seat_outside_the_rules_counts_once_whatever_closes_it(desk: Desk) -> None:
    await desk.fill(3)
    await desk.close(TUESDAY)
    assert await desk.change(slot_capacity=1, opens_at="11:00", open_weekdays=[1]) == 3
    assert await desk.change(opens_at="09:00", open_weekdays=[1, 2]) == 3
    await desk.root.delete(f"{desk.path}closures/{(await desk.items('closures'))[0]['id']}/")
    assert await desk.change() == 2


# -- closures ----------------------------------------------------------------------------------


async def test_a_closed_day_says_who_is_booked_and_takes_nobody_more(desk: Desk) -> None:
    await desk.fill(2)
    await desk.fill(1, visit_time="15:00")
    await desk.fill(1, visit_date="2026-11-25")
    closure = await desk.close(TUESDAY, reason=" Stocktaking ")
    assert closure == {
        "id": closure["id"],
        "date": TUESDAY,
        "reason": "Stocktaking",
        "affected_visitors": 3,
        "created_at": "2026-11-23T08:00:00Z",
    }
    assert await desk.items("closures") == [closure]
    problem(await desk.root.post("visitors/", VISITOR | SLOT), 422, "slot_closed")
    assert (await desk.offer())["reason"] == "closed"


async def test_a_closure_that_is_taken_back_opens_the_day(desk: Desk) -> None:
    closure = await desk.close(TUESDAY)
    path = f"{desk.path}closures/{closure['id']}/"
    assert (await desk.root.delete(path)).status_code == 204
    problem(await desk.root.delete(path), 404, "not_found")
    await desk.fill(1)
    assert await desk.items("closures") == []


async def test_a_day_is_closed_once_for_each_site(desk: Desk) -> None:
    await desk.close(TUESDAY)
    again = await desk.root.post(f"{desk.path}closures/", {"date": TUESDAY, "reason": "again"})
    problem(again, 409, "closure_exists")
    other = await annex(desk)
    await other.close(TUESDAY)
    assert len(await desk.items("closures")) == len(await other.items("closures")) == 1


async def test_of_closures_of_one_day_made_at_once_one_is_made(desk: Desk) -> None:
    made = await asyncio.gather(
        *[desk.root.post(f"{desk.path}closures/", {"date": TUESDAY}) for _ in range(4)]
    )
    assert sorted(answer.status_code for answer in made) == [201, 409, 409, 409]


async def test_closures_are_listed_by_date_in_pages_and_spans(desk: Desk) -> None:
    days = ["2026-12-24", "2026-01-01", "2026-12-31", SATURDAY]
    for day in days:
        await desk.close(day)
    first = (await desk.root.get(f"{desk.path}closures/", limit=3, include_total="true")).json()
    assert [item["date"] for item in first["items"]] == ["2026-01-01", SATURDAY, "2026-12-24"]
    assert first["total"] == 4
    rest = await desk.items("closures", limit=3, cursor=first["next_cursor"])
    assert [item["date"] for item in rest] == ["2026-12-31"]
    span = await desk.items("closures", date_from=SATURDAY, date_to="2026-12-24")
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
async def test_bad_fields_of_a_closure_are_named(desk: Desk, field: str, value: Any) -> None:
    body = {"date": TUESDAY, field: value}
    assert faulty_fields(await desk.root.post(f"{desk.path}closures/", body)) == {field}
    assert await desk.items("closures") == []


# -- capacities of single slots ----------------------------------------------------------------


async def test_a_slot_gets_a_capacity_of_its_own(desk: Desk, database: Database) -> None:
    slot = await desk.set_capacity(2)
    assert slot == {
        "id": slot["id"],
        "visit_date": TUESDAY,
        "visit_time": "10:00",
        "capacity": 2,
        "booked": 0,
        "affected_visitors": 0,
    }
    await desk.fill(2)
    problem(await desk.root.post("visitors/", VISITOR | SLOT), 409, "slot_full")
    assert await desk.items("slot-capacities") == [{**slot, "booked": 2}]
    assert await counters(database) == {(TUESDAY, 10): (2, 2)}


async def test_a_slot_capacity_that_is_set_again_is_replaced(
    desk: Desk, database: Database
) -> None:
    await desk.fill(4)
    first = await desk.set_capacity(1)
    assert (first["booked"], first["affected_visitors"]) == (4, 3)
    second = await desk.set_capacity(30)
    assert (second["id"], second["affected_visitors"]) == (first["id"], 0)
    await desk.fill(1)
    assert await counters(database) == {(TUESDAY, 10): (30, 5)}


async def test_any_time_of_an_hour_names_its_slot(desk: Desk) -> None:
    first = await desk.set_capacity(1, visit_time="10:59")
    assert first["visit_time"] == "10:00"
    assert (await desk.set_capacity(2, visit_time="10:00"))["id"] == first["id"]
    await desk.change(opens_at="09:30")
    assert (await desk.set_capacity(1, visit_time="09:45"))["visit_time"] == "09:30"
    early = {**SLOT, "visit_time": "09:15", "capacity": 1}
    problem(await desk.root.post(f"{desk.path}slot-capacities/", early), 422, "slot_closed")


async def test_an_hour_that_is_offered_no_more_is_listed_by_its_begin(desk: Desk) -> None:
    await desk.set_capacity(1, visit_time="16:30")
    await desk.change(closes_at="12:00")
    assert (await desk.items("slot-capacities"))[0]["visit_time"] == "16:00"


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
    desk: Desk, fields: dict[str, str], code: str
) -> None:
    await desk.close("2026-11-25")
    answer = await desk.root.post(f"{desk.path}slot-capacities/", {**SLOT, **fields, "capacity": 1})
    problem(answer, 422, code)
    assert await desk.items("slot-capacities") == []


async def test_a_slot_beyond_the_horizon_gets_its_capacity_in_advance(desk: Desk) -> None:
    assert (await desk.set_capacity(1, visit_date="9999-12-31"))["visit_date"] == "9999-12-31"


async def test_a_slot_with_its_own_capacity_does_not_follow_its_site(
    desk: Desk, database: Database
) -> None:
    await desk.fill(3)
    await desk.set_capacity(2)
    assert await desk.change(slot_capacity=1) == 1
    assert await counters(database) == {(TUESDAY, 10): (2, 3)}
    assert await desk.change(slot_capacity=50) == 1


async def test_a_deleted_capacity_returns_the_slot_to_its_site(
    desk: Desk, database: Database
) -> None:
    slot = await desk.set_capacity(30)
    await desk.fill(3)
    await desk.change(slot_capacity=2)
    path = f"{desk.path}slot-capacities/{slot['id']}/"
    answer = await desk.root.delete(path)
    assert (answer.status_code, answer.headers["X-Affected-Visitors"]) == (204, "1")
    assert await counters(database) == {(TUESDAY, 10): (2, 3)}
    assert await desk.items("slot-capacities") == []
    problem(await desk.root.delete(path), 404, "not_found")
    await desk.change(slot_capacity=4)
    assert await counters(database) == {(TUESDAY, 10): (4, 3)}


async def test_capacities_are_listed_by_time_in_pages_and_spans(desk: Desk) -> None:
    times = [("2026-11-26", "09:00"), (TUESDAY, "14:00"), (TUESDAY, "11:00"), (MONDAY, "16:00")]
    for day, at in times:
        await desk.set_capacity(1, visit_date=day, visit_time=at)
    first = (
        await desk.root.get(f"{desk.path}slot-capacities/", limit=3, include_total="true")
    ).json()
    in_order = sorted(times)
    assert [(i["visit_date"], i["visit_time"]) for i in first["items"]] == in_order[:3]
    assert first["total"] == 4
    rest = await desk.items("slot-capacities", limit=3, cursor=first["next_cursor"])
    assert [(i["visit_date"], i["visit_time"]) for i in rest] == in_order[3:]
    span = await desk.items("slot-capacities", visit_date_from=TUESDAY, visit_date_to="2026-11-25")
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
async def test_bad_fields_of_a_capacity_are_named(desk: Desk, field: str, value: Any) -> None:
    body = {**SLOT, "capacity": 1, field: value}
    answer = await desk.root.post(f"{desk.path}slot-capacities/", body)
    assert faulty_fields(answer) == {field}
    assert await desk.items("slot-capacities") == []


# -- who may -----------------------------------------------------------------------------------


async def test_what_is_not_there_is_a_404(desk: Desk) -> None:
    nowhere = f"sites/{NOBODY}/"
    bodies = {"closures": {"date": TUESDAY}, "slot-capacities": {**SLOT, "capacity": 1}}
    for what, body in bodies.items():
        problem(await desk.root.get(f"{nowhere}{what}/"), 404, "not_found")
        problem(await desk.root.post(f"{nowhere}{what}/", body), 404, "not_found")
        problem(await desk.root.delete(f"{nowhere}{what}/{NOBODY}/"), 404, "not_found")
        problem(await desk.root.delete(f"{desk.path}{what}/{NOBODY}/"), 404, "not_found")


async def test_what_belongs_to_another_site_is_a_404(desk: Desk) -> None:
    closure, slot = await desk.close("2026-12-24"), await desk.set_capacity(1)
    other = await annex(desk)
    for path in (f"closures/{closure['id']}/", f"slot-capacities/{slot['id']}/"):
        problem(await desk.root.delete(f"{other.path}{path}"), 404, "not_found")
        assert (await desk.root.delete(f"{desk.path}{path}")).status_code == 204


async def test_a_slot_that_follows_its_site_has_no_capacity_to_delete(
    desk: Desk, database: Database
) -> None:
    await desk.fill(1)
    async with database.read() as session:
        slot_id = await session.scalar(select(Slot.id))
    answer = await desk.root.delete(f"{desk.path}slot-capacities/{slot_id}/")
    problem(answer, 404, "not_found")


async def test_admins_close_days_and_set_capacities_and_hosts_see_them(
    api: Api, desk: Desk
) -> None:
    host = await api.host()
    desk.root = await api.admin()
    closure, slot = await desk.close("2026-12-24"), await desk.set_capacity(1)
    assert (await host.get(f"{desk.path}closures/")).json()["items"] == [closure]
    assert (await host.get(f"{desk.path}slot-capacities/")).json()["items"] == [slot]
    for what, made, body in (
        ("closures", closure, {"date": TUESDAY}),
        ("slot-capacities", slot, {**SLOT, "capacity": 1}),
    ):
        problem(await host.post(f"{desk.path}{what}/", body), 403, "forbidden")
        problem(await host.delete(f"{desk.path}{what}/{made['id']}/"), 403, "forbidden")
        assert (await desk.root.delete(f"{desk.path}{what}/{made['id']}/")).status_code == 204


async def test_strangers_are_asked_to_sign_in(http: httpx.AsyncClient) -> None:
    for what in ("closures", "slot-capacities"):
        path = f"/api/sites/{NOBODY}/{what}/"
        for method, target in (("GET", path), ("POST", path), ("DELETE", f"{path}{NOBODY}/")):
            problem(await http.request(method, target), 401, "not_authenticated")


# -- races -------------------------------------------------------------------------------------


async def race(
    client: Client, seats: int, change: Coroutine[Any, Any, httpx.Response], at: int
) -> httpx.Response:
    """Registrations for one slot with a change of rules among them; the answer to the change."""
    calls = [client.post("visitors/", VISITOR | SLOT) for _ in range(seats)]
    answers = await asyncio.gather(*calls[:at], change, *calls[at:])
    changed = answers.pop(at)
    assert {answer.status_code for answer in answers} <= {201, 409}
    return changed


@pytest.mark.parametrize("at", [0, 10, 20, 30])
async def test_registrations_race_a_capacity_that_falls_and_rises(
    desk: Desk, database: Database, at: int
) -> None:
    await desk.fill(1)
    fallen = await race(desk.root, 30, desk.root.patch(desk.path, {"slot_capacity": 5}), at)
    affected = fallen.json()["affected_visitors"]
    capacity, booked = (await counters(database))[TUESDAY, 10]
    assert capacity == 5
    assert booked == 5 + affected <= 20
    raised = await race(desk.root, 30, desk.root.patch(desk.path, {"slot_capacity": 20}), at)
    assert raised.json()["affected_visitors"] == 0
    capacity, booked_after = (await counters(database))[TUESDAY, 10]
    assert capacity == 20
    assert booked <= booked_after <= 20


async def test_registrations_race_the_slots_own_capacity(desk: Desk, database: Database) -> None:
    body = {**SLOT, "capacity": 5}
    setting = desk.root.post(f"{desk.path}slot-capacities/", body)
    slot = (await race(desk.root, 30, setting, 8)).json()
    capacity, booked = (await counters(database))[TUESDAY, 10]
    assert capacity == 5
    assert booked == max(5, slot["booked"])
    dropping = desk.root.delete(f"{desk.path}slot-capacities/{slot['id']}/")
    assert (await race(desk.root, 30, dropping, 8)).status_code == 204
    capacity, booked = (await counters(database))[TUESDAY, 10]
    assert (capacity, booked <= 20) == (20, True)


async def test_no_slot_is_born_with_the_capacity_of_before(desk: Desk, database: Database) -> None:
    hours = [f"{hour:02}:00" for hour in range(9, 17)]
    for turn, day in enumerate(("2026-11-24", "2026-11-25", "2026-11-26", "2026-11-27")):
        bodies = [{**VISITOR, "visit_date": day, "visit_time": hour} for hour in hours]
        await asyncio.gather(
            *[desk.root.post("visitors/", body) for body in bodies[:4]],
            desk.root.patch(desk.path, {"slot_capacity": 10 + turn}),
            *[desk.root.post("visitors/", body) for body in bodies[4:]],
        )
        capacities = {capacity for capacity, _ in (await counters(database)).values()}
        assert capacities == {10 + turn}


async def test_moves_race_changes_of_every_kind_without_a_deadlock(
    desk: Desk, database: Database
) -> None:
    early = await desk.fill(5, visit_time="10:00")
    late = await desk.fill(5, visit_time="11:00")
    moves = [
        desk.root.post(
            f"visitors/{visitor['id']}/reschedule/", {"visit_date": TUESDAY, "visit_time": at}
        )
        for visitor, at in [*[(v, "11:30") for v in early], *[(v, "10:30") for v in late]]
    ]
    changes = [
        desk.root.patch(desk.path, {"slot_capacity": 4, "name": "Head office"}),
        desk.root.post(f"{desk.path}slot-capacities/", {**SLOT, "capacity": 6}),
        desk.root.post(f"{desk.path}closures/", {"date": "2026-12-24"}),
        desk.root.patch(desk.path, {"slot_capacity": 20, "name": "Main site"}),
    ]
    mixed = [call for pair in zip(moves[:4], changes, strict=True) for call in pair] + moves[4:]
    answers = await asyncio.gather(*mixed)
    assert {answer.status_code for answer in answers} <= {200, 201, 409}
    assert sum(booked for _, booked in (await counters(database)).values()) == 10


async def test_a_change_of_rules_does_not_wait_for_a_registration(
    desk: Desk, database: Database
) -> None:
    named = select(Site.id).where(Site.id == UUID(desk.site))
    async with database.write() as unit:
        # What PostgreSQL locks for the foreign key of a new visitor (FOR KEY SHARE).
        await unit.scalar(named.with_for_update(read=True, key_share=True))
        assert await desk.change(name="Head office", slot_capacity=5, is_default=True) == 0
