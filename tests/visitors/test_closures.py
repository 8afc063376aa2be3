"""Closing a day cancels all visits in it, whatever races."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from datetime import date
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import array

from app.core.db.database import Database, WriteSession
from app.core.db.rollout import Rollout
from app.sites.models import Site
from app.slots.models import Slot
from app.slots.repository import SlotReader
from app.slots.seat_repository import SeatRepository
from app.visitors.closing_jobs import close_past_visits
from app.visitors.models import Visitor, VisitorStatus
from app.visitors.repository import VisitorRepository
from tests.bulk.files import row, upload, workbook
from tests.model.world import OPEN_ALWAYS
from tests.support.api import VISITOR, Api, Client
from tests.support.database import (
    add_site,
    all_events,
    all_mails,
    assert_seats_are_visitors,
    change_default_site,
)
from tests.support.problems import faulty_fields, problem
from tests.visitors.test_closing import NIGHT

MONDAY, TUESDAY, WEDNESDAY = "2026-11-23", "2026-11-24", "2026-11-25"
AT_TEN: dict[str, Any] = {"visit_date": TUESDAY, "visit_time": "10:00"}


class Closures:
    """An admin, and the closures of the default site."""

    def __init__(self, client: Client, site: str) -> None:
        self.client = client
        self.path = f"sites/{site}/closures/"

    async def close(self, day: str = TUESDAY, **fields: Any) -> httpx.Response:
        return await self.client.post(self.path, {"date": day, "cancel_visits": True, **fields})

    async def closed(self, day: str = TUESDAY, **fields: Any) -> dict[str, Any]:
        answer = await self.close(day, **fields)
        assert answer.status_code == 201, answer.text
        closure: dict[str, Any] = answer.json()
        return closure

    async def statuses(self, *visitors: dict[str, Any]) -> list[str]:
        answers = [await self.client.get(f"visitors/{v['id']}/") for v in visitors]
        return [answer.json()["status"] for answer in answers]

    async def move(self, visitor: dict[str, Any], day: str, at: str) -> httpx.Response:
        body = {"visit_date": day, "visit_time": at}
        return await self.client.post(f"visitors/{visitor['id']}/reschedule/", body)


@pytest.fixture
async def closures(api: Api) -> Closures:
    admin = await api.admin()
    return Closures(admin, (await admin.get("sites/")).json()["items"][0]["id"])


async def closed_shifts(database: Database) -> dict[tuple[str, int], list[str]]:
    """Return what slots say of shifts that are closed, those that say something."""
    async with database.read() as session:
        slots = (await session.scalars(select(Slot))).all()
    return {
        (str(slot.visit_date), slot.hour): [str(day) for day in slot.closed_shifts]
        for slot in slots
        if slot.closed_shifts
    }


# -- what is cancelled ---------------------------------------------------------------------------


async def test_pending_visits_of_the_day_are_cancelled_with_mails(
    closures: Closures, database: Database
):
    early = await closures.client.register(**AT_TEN)
    late = await closures.client.register(**AT_TEN | {"visit_time": "16:59"})
    other = await closures.client.register(visit_date=WEDNESDAY)
    closure = await closures.closed()
    assert (closure["cancelled_visits"], closure["affected_visitors"]) == (2, 0)
    assert await closures.statuses(early, late, other) == ["cancelled", "cancelled", "pending"]
    mails = Counter(
        (mail.kind.value, mail.status.value)
        for mail in await all_mails(database)
        if str(mail.visitor_id) in {early["id"], late["id"]}
    )
    assert mails == {
        ("visitor_confirmation", "superseded"): 2,
        ("host_registration", "superseded"): 2,
        ("visitor_cancelled", "queued"): 2,
        ("host_cancelled", "queued"): 2,
    }
    sequences = {mail.payload["sequence"] for mail in await all_mails(database)}
    assert sequences == {0, 1}
    events = [event for event in await all_events(database) if event.action == "cancelled"]
    assert {(event.actor_role, event.actor_name) for event in events} == {("admin", "Front Desk")}
    await assert_seats_are_visitors(database)


async def test_who_is_inside_or_gone_stays_as_they_are(closures: Closures, database: Database):
    inside, gone, waits = [await closures.client.register() for _ in range(3)]
    for visitor in (inside, gone):
        await closures.client.scan(visitor["qr_code"])
    await closures.client.scan(gone["qr_code"], direction="out")
    closure = await closures.closed(MONDAY)
    assert (closure["cancelled_visits"], closure["affected_visitors"]) == (1, 1)
    assert await closures.statuses(inside, gone, waits) == ["verified", "completed", "cancelled"]
    await assert_seats_are_visitors(database)


async def test_without_it_nobody_is_cancelled(closures: Closures):
    visitor = await closures.client.register(**AT_TEN)
    for fields in ({"cancel_visits": False}, {}):
        answer = await closures.client.post(closures.path, {"date": TUESDAY, **fields})
        closure = answer.json()
        assert (closure["cancelled_visits"], closure["affected_visitors"]) == (0, 1)
        await closures.client.delete(f"{closures.path}{closure['id']}/")
    assert await closures.statuses(visitor) == ["pending"]


async def test_another_site_is_none_of_its_business(closures: Closures, database: Database):
    annex = await add_site(database)
    visitor = await closures.client.register(site=annex, **AT_TEN)
    assert (await closures.closed())["cancelled_visits"] == 0
    assert await closures.statuses(visitor) == ["pending"]


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize("hours", [{}, {"opens_at": "22:00", "closes_at": "06:00"}])
async def test_the_ends_of_the_calendar_are_days_too(
    closures: Closures, api: Api, day: str, hours: dict[str, str]
):
    root = await api.superadmin()
    await root.patch(closures.path.removesuffix("closures/"), hours)
    assert (await closures.closed(day))["cancelled_visits"] == 0


async def test_a_night_is_closed_with_the_day_on_which_it_begins(closures: Closures, api: Api):
    root = await api.superadmin()
    await root.patch(
        closures.path.removesuffix("closures/"), {"opens_at": "22:30", "closes_at": "06:30"}
    )
    before = await closures.client.register(visit_date=TUESDAY, visit_time="06:29")
    evening = await closures.client.register(visit_date=TUESDAY, visit_time="22:30")
    morning = await closures.client.register(visit_date=WEDNESDAY, visit_time="06:29")
    after = await closures.client.register(visit_date=WEDNESDAY, visit_time="22:30")
    assert (await closures.closed(cancel_visits=False))["affected_visitors"] == 2
    [listed] = (await closures.client.get(closures.path)).json()["items"]
    assert listed["affected_visitors"] == 2
    await closures.client.delete(f"{closures.path}{listed['id']}/")
    assert (await closures.closed())["cancelled_visits"] == 2
    assert await closures.statuses(before, evening, morning, after) == [
        *("pending", "cancelled"),
        *("cancelled", "pending"),
    ]


async def test_a_refused_closure_cancels_nobody(closures: Closures, database: Database):
    await closures.closed(cancel_visits=False)
    moved = await closures.client.register(visit_date=WEDNESDAY)
    problem(await closures.close(), 409, "closure_exists")
    assert await closures.statuses(moved) == ["pending"]
    problem(
        await closures.client.post(
            "sites/00000000-0000-7000-8000-000000000000/closures/",
            {"date": TUESDAY, "cancel_visits": True},
        ),
        404,
        "not_found",
    )


@pytest.mark.parametrize("value", ["yes", 1, None])
async def test_a_wrong_word_is_named(closures: Closures, value: Any):
    assert faulty_fields(await closures.close(cancel_visits=value)) == {"cancel_visits"}


async def test_it_waits_for_the_end_of_an_update(
    closures: Closures, database: Database, app: FastAPI, monkeypatch: pytest.MonkeyPatch
):
    """Processes of the previous release do not see that a slot is closed."""
    monkeypatch.setattr(app.state.database, "rollout_is_finished", False)
    async with database.write() as unit:
        unit.add(Rollout(revision="0005", finished_at=None))
    problem(await closures.close(), 503, "update_under_way")
    assert (await closures.closed(cancel_visits=False))["cancelled_visits"] == 0
    assert await closed_shifts(database) == {}


# -- what slots say of it ------------------------------------------------------------------------


async def test_slots_say_which_of_their_shifts_are_closed(
    closures: Closures, api: Api, database: Database
):
    site = closures.path.removesuffix("closures/")
    root = await api.superadmin()
    closure = await closures.closed()
    assert await closed_shifts(database) == {(TUESDAY, hour): [TUESDAY] for hour in range(24)}
    hours = {"opens_at": "22:30", "closes_at": "06:30"}
    assert (await root.patch(site, hours)).status_code == 200
    night = {(TUESDAY, hour): [TUESDAY] for hour in range(6, 24)} | {
        (WEDNESDAY, hour): [TUESDAY] for hour in range(7)
    }
    assert await closed_shifts(database) == night
    other = await closures.closed(WEDNESDAY)
    assert (await closed_shifts(database))[WEDNESDAY, 6] == [TUESDAY, WEDNESDAY]
    await closures.client.delete(f"{closures.path}{other['id']}/")
    assert await closed_shifts(database) == night
    await closures.client.delete(f"{closures.path}{closure['id']}/")
    assert await closed_shifts(database) == {}


async def shut(database: Database, hour: int = 10) -> None:
    """Mark the shift as closed in its slot, as a concurrent closure would."""
    async with database.write() as unit:
        await unit.write(
            update(Slot).where(Slot.hour == hour).values(closed_shifts=array([Slot.visit_date]))
        )


async def test_who_has_read_open_and_books_afterwards_is_refused(
    closures: Closures, database: Database
):
    moved = await closures.client.register(**AT_TEN | {"visit_time": "11:00"})
    within = await closures.client.register(**AT_TEN)
    await shut(database)
    problem(await closures.client.post("visitors/", VISITOR | AT_TEN), 422, "slot_closed")
    problem(await closures.move(moved, TUESDAY, "10:30"), 422, "slot_closed")
    problem(await closures.move(within, TUESDAY, "10:30"), 422, "slot_closed")
    refused = await upload(closures.client, workbook([row(1), row(2)]), **AT_TEN)
    codes = [(fault["row"], fault["column"], fault["code"]) for fault in refused.json()["errors"]]
    assert codes == [(2, "Visit Date", "slot_closed"), (3, "Visit Date", "slot_closed")]
    assert (await closures.move(within, TUESDAY, "12:00")).status_code == 200
    await assert_seats_are_visitors(database)


# -- races ---------------------------------------------------------------------------------------


async def none_is_left(database: Database, day: str = TUESDAY) -> None:
    async with database.read() as session:
        left = await session.scalars(
            select(Visitor.id).where(
                Visitor.visit_date == date.fromisoformat(day),
                Visitor.status == VisitorStatus.PENDING,
            )
        )
        assert left.all() == []
    await assert_seats_are_visitors(database)


async def together(*calls: Awaitable[httpx.Response]) -> list[tuple[int, str | None]]:
    answers = await asyncio.gather(*calls)
    return [(a.status_code, a.json().get("code") if a.is_error else None) for a in answers]


@pytest.mark.parametrize("at", [0, 5, 15, 30])
async def test_a_registration_is_cancelled_or_refused(
    closures: Closures, database: Database, at: int
):
    await change_default_site(database, slot_capacity=100)
    calls = [
        closures.client.post("visitors/", VISITOR | AT_TEN | {"visit_time": f"{9 + n % 8:02}:30"})
        for n in range(30)
    ]
    closing = asyncio.ensure_future(_after(at, closures))
    answers = await together(*calls)
    closure = (await closing).json()
    assert set(answers) <= {(201, None), (422, "slot_closed")}
    made = sum(status == 201 for status, _ in answers)
    cancelled = [e for e in await all_events(database) if e.action == "cancelled"]
    assert closure["cancelled_visits"] == made == len(cancelled)
    mails = Counter(mail.kind.value for mail in await all_mails(database))
    assert mails["visitor_cancelled"] == mails["host_cancelled"] == made
    if made:
        await none_is_left(database)


async def _after(steps: int, closures: Closures) -> httpx.Response:
    for _ in range(steps):
        await asyncio.sleep(0.002)
    return await closures.close()


async def test_moves_in_out_and_within_leave_nobody_behind(closures: Closures, database: Database):
    await change_default_site(database, slot_capacity=100)
    there = [await closures.client.register(**AT_TEN) for _ in range(8)]
    elsewhere = [await closures.client.register(visit_date=WEDNESDAY) for _ in range(8)]
    moves = [
        *(closures.move(v, WEDNESDAY, "11:00") for v in there[:4]),
        *(closures.move(v, TUESDAY, "15:00") for v in there[4:]),
        *(closures.move(v, TUESDAY, "15:00") for v in elsewhere),
    ]
    closing = asyncio.ensure_future(_after(6, closures))
    answers = await together(*moves)
    assert (await closing).status_code == 201
    assert set(answers) <= {
        (200, None),
        (422, "slot_closed"),
        (409, "invalid_transition"),
    }
    await none_is_left(database)


async def test_check_ins_cancellations_and_deletes_race_a_closing(
    closures: Closures, database: Database
):
    await change_default_site(database, slot_capacity=100)
    visitors = [await closures.client.register() for _ in range(24)]
    calls = [
        *(closures.client.scan(v["qr_code"]) for v in visitors[:8]),
        *(closures.client.post(f"visitors/{v['id']}/cancel/") for v in visitors[8:16]),
        *(closures.client.delete(f"visitors/{v['id']}/") for v in visitors[16:]),
    ]
    closing = asyncio.ensure_future(closures.close(MONDAY))
    answers = await asyncio.gather(*calls)
    closure = (await closing).json()
    assert {answer.status_code for answer in answers} <= {200, 204, 409}
    inside = sum(status == "verified" for status in await closures.statuses(*visitors[:8]))
    assert inside == sum(answer.status_code == 200 for answer in answers[:8])
    by_closing = 8 - inside + sum(a.status_code == 409 for a in answers[8:16])
    assert by_closing <= closure["cancelled_visits"] <= by_closing + 8
    await none_is_left(database, MONDAY)


async def test_uploads_race_a_closing(closures: Closures, database: Database):
    await change_default_site(database, slot_capacity=100)
    files = [workbook([row(10 * n + i) for i in range(10)]) for n in range(6)]
    closing = asyncio.ensure_future(_after(10, closures))
    answers = await asyncio.gather(*(upload(closures.client, f, **AT_TEN) for f in files))
    closure = (await closing).json()
    assert {answer.status_code for answer in answers} <= {201, 422}
    made = sum(answer.status_code == 201 for answer in answers)
    assert closure["cancelled_visits"] == 10 * made
    if made:
        await none_is_left(database)


async def test_closings_of_days_race_each_other_and_the_worker(
    closures: Closures, database: Database
):
    await change_default_site(database, **OPEN_ALWAYS | {"slot_capacity": 100})
    days = [MONDAY, TUESDAY, WEDNESDAY]
    visitors = [
        await closures.client.register(visit_date=days[n % 3], visit_time="21:00")
        for n in range(12)
    ]
    circle = [closures.move(v, days[(n + 1) % 3], "22:00") for n, v in enumerate(visitors)]
    closings = asyncio.gather(*(closures.close(day) for day in days))
    worker = asyncio.ensure_future(close_past_visits(database, NIGHT))
    answers = await together(*circle)
    await worker
    assert [closure.status_code for closure in await closings] == [201] * 3
    assert set(answers) <= {(200, None), (422, "slot_closed"), (409, "invalid_transition")}
    for day in days:
        await none_is_left(database, day)


async def somebody_waits(database: Database) -> None:
    """Wait until a session waits for a lock of another."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with database.engine.connect() as connection:
        while not (await connection.execute(waiting)).scalar():
            await connection.rollback()
            await asyncio.sleep(0.01)


async def take_part_of_the_site(unit: WriteSession) -> None:
    """Lock the site as a move does that needs a new slot."""
    await unit.scalar(select(Site).where(Site.is_default).with_for_update(read=True))


async def put_at(database: Database, visitor: dict[str, Any], day: str) -> None:
    """Move a visit to a day without the API."""
    async with database.write() as unit:
        await unit.write(
            update(Visitor)
            .where(Visitor.qr_code == visitor["qr_code"])
            .values(visit_date=date.fromisoformat(day))
        )


async def test_who_has_a_visit_in_hand_may_go_on_to_the_site(
    closures: Closures, database: Database
):
    visitor = await closures.client.register(**AT_TEN)
    async with database.write() as mover:
        await VisitorRepository(mover).lock(Visitor.qr_code == visitor["qr_code"])
        closing = asyncio.ensure_future(closures.close())
        await somebody_waits(database)
        await take_part_of_the_site(mover)
    assert (await closing).json()["cancelled_visits"] == 1
    await none_is_left(database)


async def test_a_newcomer_in_other_hands_has_the_closing_begin_anew(
    closures: Closures, database: Database
):
    """A visit booked after the lock may itself be locked by a request that waits for the site."""
    await closures.client.register(**AT_TEN)
    newcomer = await closures.client.register(**AT_TEN | {"visit_time": "11:00"})
    await put_at(database, newcomer, WEDNESDAY)
    async with database.write() as mover, AsyncExitStack() as until_booked:
        booking = await until_booked.enter_async_context(database.write())
        slots = await SlotReader(booking).between(
            UUID(newcomer["site"]), date.fromisoformat(TUESDAY), date.fromisoformat(TUESDAY)
        )
        await SeatRepository(booking).lock_ids([slot.id for slot in slots])
        closing = asyncio.ensure_future(closures.close())
        await somebody_waits(database)  # for a slot: it has the visits and the site
        await put_at(database, newcomer, TUESDAY)
        await VisitorRepository(mover).lock(Visitor.qr_code == newcomer["qr_code"])
        await until_booked.aclose()
        await take_part_of_the_site(mover)  # as soon as the closing has released it
    assert (await closing).json()["cancelled_visits"] == 2
    await none_is_left(database)
