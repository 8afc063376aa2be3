"""Strangers concurrent with each other, with admins and with an update."""

import asyncio
from collections import Counter

import pytest
from fastapi import FastAPI
from sqlalchemy import update

from app.core.db.database import Database
from app.core.db.rollout import Rollout
from app.slots.models import Slot
from app.visitors.stranger_jobs import count_strangers
from tests.conftest import MONDAY
from tests.support.api import VISITOR, Api
from tests.support.database import assert_seats_are_visitors, change_default_site
from tests.support.problems import problem
from tests.visitors.strangers import DAY, Strangers, seats


@pytest.mark.parametrize("slot_is_new", [True, False])
async def test_sixty_strangers_at_once_for_half_of_twenty_places(
    strangers: Strangers, database: Database, slot_is_new: bool
):
    await change_default_site(database, slot_capacity=20)
    taken = 0 if slot_is_new else len([await strangers.register()])
    answers = await asyncio.gather(*(strangers.post() for _ in range(60)))
    expected = {201: 10 - taken, 409: 50 + taken}
    assert Counter(answer.status_code for answer in answers) == expected
    assert await seats(database) == (10, 10, 0)
    await assert_seats_are_visitors(database)


async def test_two_at_once_with_one_address(strangers: Strangers, database: Database):
    for hour in range(9, 17):
        form = {"email": "ada@example.com", "visit_time": f"{hour:02}:00"}
        answers = await asyncio.gather(*(strangers.post(**form) for _ in range(2)))
        assert sorted(answer.status_code for answer in answers) == [201, 409]
        refused = next(answer for answer in answers if answer.status_code == 409)
        problem(refused, 409, "already_registered")
    await assert_seats_are_visitors(database)


async def test_strangers_and_admins_at_once(api: Api, strangers: Strangers, database: Database):
    await change_default_site(database, slot_capacity=20)
    admin = await api.admin()
    answers = await asyncio.gather(
        *(strangers.post() for _ in range(30)),
        *(admin.post("visitors/", VISITOR) for _ in range(10)),
    )
    theirs, ours = answers[:30], answers[30:]
    assert Counter(answer.status_code for answer in theirs) == {201: 10, 409: 20}
    assert Counter(answer.status_code for answer in ours) == {201: 10}
    await assert_seats_are_visitors(database)


async def test_moves_of_strangers_into_the_last_place_of_their_share(
    api: Api, strangers: Strangers, database: Database
):
    await change_default_site(database, slot_capacity=20)
    admin = await api.admin()
    ids = [await strangers.register(visit_time=f"{9 + n % 2:02}:00") for n in range(10)]
    for _ in range(9):
        await strangers.register(visit_time="15:00")
    body = {"visit_date": DAY, "visit_time": "15:30"}
    answers = await asyncio.gather(
        *(admin.post(f"visitors/{id_}/reschedule/", body) for id_ in ids)
    )
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 9}
    assert await seats(database, 15) == (10, 10, 0)
    await assert_seats_are_visitors(database)


async def begin_update(app: FastAPI, database: Database) -> None:
    app.state.database.rollout_is_finished = False
    async with database.write() as unit:
        unit.add(Rollout(revision="0009"))


async def test_strangers_are_counted_once_an_update_is_finished(
    api: Api, app: FastAPI, strangers: Strangers, database: Database
):
    """The previous release would free a seat without uncounting it."""
    await begin_update(app, database)
    admin = await api.admin()
    for email in ("ada@example.com", "Ada@example.com", "eve@example.com"):
        await strangers.register(email=email)
    cancelled = await strangers.register(visit_time="11:00")
    await strangers.register(visit_time="11:00")
    await admin.post(f"visitors/{cancelled}/cancel/")
    await admin.register(visit_time="11:00")
    assert (await seats(database), await seats(database, 11)) == ((3, 0, 0), (2, 0, 0))

    async with database.write() as unit:
        await unit.write(update(Rollout).values(finished_at=MONDAY))
        await unit.write(update(Slot).values(self_share=100))  # as it makes the rows of slots
    assert await count_strangers(database, MONDAY) == 4
    assert (await seats(database), await seats(database, 11)) == ((3, 3, 1), (2, 1, 0))
    assert await count_strangers(database, MONDAY) == 0
    problem(await strangers.post(email="ada@example.com"), 409, "already_registered")
    problem(await strangers.post(), 409, "slot_full")
    items = (await admin.get("visitors/", status="pending")).json()["items"]
    for visitor in items:
        await admin.delete(f"visitors/{visitor['id']}/")
    await strangers.register(email="ada@example.com")
    await assert_seats_are_visitors(database)


async def test_visits_that_end_while_strangers_are_counted(
    api: Api,
    app: FastAPI,
    strangers: Strangers,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("app.visitors.stranger_jobs.BATCH", 3)
    await change_default_site(database, slot_capacity=20, self_registration_share=100)
    await begin_update(app, database)
    admin = await api.admin()
    ids = [await strangers.register() for _ in range(12)]
    async with database.write() as unit:
        await unit.write(update(Rollout).values(finished_at=MONDAY))
    await asyncio.gather(
        *(count_strangers(database, MONDAY) for _ in range(2)),
        *(admin.post(f"visitors/{id_}/cancel/") for id_ in ids[:6]),
        *(strangers.post() for _ in range(6)),
    )
    assert await count_strangers(database, MONDAY) == 0
    assert await seats(database) == (12, 12, 0)
    await assert_seats_are_visitors(database)
