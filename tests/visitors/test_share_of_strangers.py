"""Strangers take a share of a slot, and each address one place in it, whoever moves them."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.db.rollout import Rollout
from app.slots.models import Slot
from app.visitors.closing_jobs import close_past_visits
from app.visitors.models import Visitor
from app.visitors.retention_repository import RetentionRepository
from app.visitors.stranger_jobs import count_strangers
from tests.bulk.files import rows, upload, workbook
from tests.conftest import MONDAY
from tests.devices.devices import add_device
from tests.passes.helpers import press_cancel
from tests.scans.offline import happened, report
from tests.support.api import VISITOR, Api, Client
from tests.support.database import assert_seats_are_visitors, change_default_site
from tests.support.problems import problem
from tests.visitors.test_closing import NIGHT

DAY = "2026-11-23"
FORM = {"name": "Ada Lovelace", "visit_date": DAY, "visit_time": "10:00"}
SLOTS = f"visitors/available-slots/?visit_date={DAY}"
CHECK = f"visitors/check-slot/?visit_date={DAY}&visit_time=10:00"


class Strangers:
    """People who register themselves, each from a network of their own."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._number = 0

    async def post(self, **fields: Any) -> httpx.Response:
        self._number += 1
        number = self._number
        transport = httpx.ASGITransport(
            self._app, client=(f"10.0.{number // 250}.{number % 250}", 1)
        )
        body = FORM | {"email": f"guest{number}@example.com"} | fields
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.post("/api/visitors/", json=body)

    async def register(self, **fields: Any) -> str:
        answer = await self.post(**fields)
        assert answer.status_code == 201, answer.text
        id_: str = answer.json()["id"]
        return id_


@pytest.fixture
async def strangers(app: FastAPI, database: Database) -> Strangers:
    """At the default site, which has four places an hour, two of them for strangers."""
    await change_default_site(
        database, self_registration=True, self_registration_share=50, slot_capacity=4
    )
    return Strangers(app)


async def seats(database: Database, hour: int = 10) -> tuple[int, int, int]:
    """All that are taken in an hour, those of strangers, and those above their share."""
    async with database.read() as session:
        columns = (Slot.booked, Slot.self_booked, Slot.self_excess)
        found = (await session.rows(select(*columns).where(Slot.hour == hour))).one()
    return found[0], found[1], found[2]


async def code_of(admin: Client, id_: str) -> str:
    code: str = (await admin.get(f"visitors/{id_}/")).json()["qr_code"]
    return code


# -- the share --------------------------------------------------------------------------------


async def test_strangers_take_their_share_and_admins_the_rest(
    api: Api, strangers: Strangers, database: Database
):
    admin = await api.admin()
    for _ in range(2):
        await strangers.register()
    problem(await strangers.post(), 409, "slot_full")
    for _ in range(2):
        await admin.register()
    problem(await admin.post("visitors/", VISITOR), 409, "slot_full")
    assert await seats(database) == (4, 2, 0)
    await assert_seats_are_visitors(database)


@pytest.mark.parametrize(("capacity", "share", "places"), [(5, 50, 3), (1, 1, 1), (3, 34, 2)])
async def test_the_share_is_rounded_up(
    strangers: Strangers, database: Database, capacity: int, share: int, places: int
):
    await change_default_site(database, slot_capacity=capacity, self_registration_share=share)
    answers = [(await strangers.post()).status_code for _ in range(places + 1)]
    assert answers == [201] * places + [409]


async def test_no_share_is_left_where_all_places_are_taken(api: Api, strangers: Strangers):
    admin = await api.admin()
    for _ in range(4):
        await admin.register()
    problem(await strangers.post(), 409, "slot_full")


async def test_kiosks_and_uploads_are_no_strangers(
    api: Api, strangers: Strangers, database: Database, clock: SettableClock
):
    await upload(await api.admin(), workbook(rows(3)), visit_date=DAY, visit_time="10:00")
    clock.set(datetime(2026, 11, 23, 10, 5, tzinfo=UTC))
    kiosk = await add_device(api, "kiosk")
    body = {"name": "Ada", "email": "guest1@example.com"}
    assert (await kiosk.post("visitors/", body)).status_code == 201
    assert await seats(database) == (4, 0, 0)


# -- one for an address -----------------------------------------------------------------------


async def test_an_address_registers_itself_once_for_an_hour(
    api: Api, strangers: Strangers, database: Database
):
    id_ = await strangers.register(email="ada@example.com")
    for email in ("ada@example.com", "ADA@Example.com"):
        again = await strangers.post(email=email, visit_time="10:45")
        problem(again, 409, "already_registered")
    await strangers.register(email="ada@example.com", visit_time="11:00")
    admin = await api.admin()
    await admin.register(email="ada@example.com")
    await admin.post(f"visitors/{id_}/cancel/")
    await strangers.register(email="ada@example.com")
    await assert_seats_are_visitors(database)


async def test_whoever_is_invited_may_register_as_well(api: Api, strangers: Strangers):
    await (await api.admin()).register(email="ada@example.com")
    await strangers.register(email="ada@example.com")


async def test_a_second_click_for_the_last_place_says_that_it_is_yours(strangers: Strangers):
    await strangers.register(email="ada@example.com")
    await strangers.register()
    problem(await strangers.post(email="ada@example.com"), 409, "already_registered")


async def test_a_new_address_is_held_against_those_of_the_hour(api: Api, strangers: Strangers):
    await strangers.register(email="ada@example.com")
    path = f"visitors/{await strangers.register(email='eve@example.com')}/"
    admin = await api.admin()
    refused = await admin.patch(path, {"email": "Ada@example.com"})
    problem(refused, 409, "already_registered")
    assert (await admin.get(path)).json()["email"] == "eve@example.com"
    both = await admin.patch(path, {"email": "ada@example.com", "visit_time": "11:00"})
    assert both.status_code == 200, both.text
    problem(
        await strangers.post(email="ada@example.com", visit_time="11:00"), 409, "already_registered"
    )
    await strangers.register(email="eve@example.com")


# -- what is shown ----------------------------------------------------------------------------


async def test_strangers_are_shown_their_share_alone(
    api: Api, strangers: Strangers, http: httpx.AsyncClient
):
    admin = await api.admin()
    await admin.register()
    await strangers.register()

    async def shown(client: Any, prefix: str = "") -> tuple[int, ...]:
        offers = (await client.request("GET", prefix + SLOTS)).json()["slots"]
        offer = next(offer for offer in offers if offer["time"] == "10:00")
        check = (await client.request("GET", prefix + CHECK)).json()
        assert check["available"] == offer["bookable"]
        assert check["remaining"] == offer["available"]
        return offer["capacity"], offer["booked"], offer["available"]

    assert await shown(http, "/api/") == (2, 1, 1)
    assert await shown(admin) == (4, 2, 2)
    assert await shown(await add_device(api, "kiosk")) == (4, 2, 2)
    await admin.register()
    await admin.register()
    assert await shown(http, "/api/") == (2, 2, 0)  # the rest of the share is taken by guests
    await change_default_site(api.database, self_registration_share=1)
    hours = (await http.get(f"/api/{SLOTS}")).json()["slots"]
    assert {hour["capacity"] for hour in hours if hour["time"] != "10:00"} == {1}


async def test_alternatives_have_room_for_strangers(
    api: Api, strangers: Strangers, database: Database
):
    for hour in (10, 11, 10, 11, 12):
        await strangers.register(visit_time=f"{hour}:00")
    refused = problem(await strangers.post(), 409, "slot_full")
    times = [(slot["visit_time"], slot["available"]) for slot in refused["alternatives"]]
    assert times == [("12:00", 1), ("13:00", 2), ("14:00", 2)]
    admin = await api.admin()
    for _ in range(2):
        await admin.register()
    refused = problem(await admin.post("visitors/", VISITOR), 409, "slot_full")
    times = [(slot["visit_time"], slot["available"]) for slot in refused["alternatives"]]
    assert times == [("11:00", 2), ("12:00", 3), ("13:00", 4)]


# -- moves and ends ---------------------------------------------------------------------------


async def test_a_move_takes_the_place_along(api: Api, strangers: Strangers, database: Database):
    admin, id_ = await api.admin(), await strangers.register()
    later = {"visit_date": DAY, "visit_time": "11:00"}
    assert (await admin.post(f"visitors/{id_}/reschedule/", later)).status_code == 200
    assert (await seats(database), await seats(database, 11)) == ((0, 0, 0), (1, 1, 0))
    for _ in range(2):
        await strangers.register()
    refused = await admin.patch(f"visitors/{id_}/", {"visit_time": "10:30"})
    alternatives = problem(refused, 409, "slot_full")["alternatives"]
    assert alternatives[0]["visit_time"] == "12:00"  # 11:00 is where it is
    await strangers.register(visit_time="11:00")
    problem(await strangers.post(visit_time="11:00"), 409, "slot_full")
    guest = await admin.register(visit_time="12:00")
    assert (await admin.patch(f"visitors/{guest['id']}/", {"visit_time": "10:30"})).is_success
    await assert_seats_are_visitors(database)


async def test_a_move_to_an_hour_of_the_same_address_is_refused(api: Api, strangers: Strangers):
    await strangers.register(email="ada@example.com")
    id_ = await strangers.register(email="ada@example.com", visit_time="11:00")
    admin = await api.admin()
    to_ten = {"visit_date": DAY, "visit_time": "10:00"}
    moved = await admin.post(f"visitors/{id_}/reschedule/", to_ten)
    problem(moved, 409, "already_registered")
    assert (await admin.get(f"visitors/{id_}/")).json()["visit_time"] == "11:00"


@pytest.mark.parametrize(
    "end", ["cancel", "pass", "delete", "scan", "check-out", "complete", "offline", "closure"]
)
async def test_whatever_ends_a_visit_gives_the_place_back(
    api: Api, strangers: Strangers, database: Database, http: httpx.AsyncClient, end: str,
    clock: SettableClock,
):  # fmt: skip
    root, id_ = await api.superadmin(), await strangers.register(visit_time="09:00")
    code, path = await code_of(root, id_), f"visitors/{id_}/"
    await root.register(visit_time="09:30")
    if end in {"scan", "check-out", "complete"}:
        await root.scan(code)
    assert await seats(database, 9) == (2, 1, 0)
    if end == "pass":
        await press_cancel(http, code)
    elif end == "delete":
        await root.delete(path)
    elif end == "scan":
        await root.scan(code, direction="out")
    elif end == "offline":
        gate = await add_device(api, gate="North")
        clock.set(datetime(2026, 11, 23, 12, tzinfo=UTC))
        await report(gate, happened(code), happened(code, "08:30", direction="out"))
    elif end == "closure":
        site = (await root.get("sites/")).json()["items"][0]["id"]
        closure = {"date": DAY, "cancel_visits": True}
        assert (await root.post(f"sites/{site}/closures/", closure)).is_success
    else:
        assert (await root.post(f"{path}{end}/")).is_success
    assert await seats(database, 9) == ((0 if end == "closure" else 1), 0, 0)
    await assert_seats_are_visitors(database)


@pytest.mark.parametrize("came", [False, True])
async def test_the_worker_gives_the_place_back(
    api: Api, strangers: Strangers, database: Database, came: bool
):
    admin, id_ = await api.admin(), await strangers.register(visit_time="09:00")
    await admin.register(visit_time="09:00")
    if came:
        await admin.scan(await code_of(admin, id_))
    await close_past_visits(database, NIGHT)
    assert await seats(database, 9) == (0, 0, 0)


# -- changed rules ----------------------------------------------------------------------------


async def test_a_lower_share_removes_nobody_and_lets_nobody_in(
    api: Api, strangers: Strangers, database: Database
):
    root = await api.superadmin()
    path = f"sites/{(await root.get('sites/')).json()['items'][0]['id']}/"
    ids = [await strangers.register() for _ in range(2)]
    changed = (await root.patch(path, {"self_registration_share": 1})).json()
    assert (changed["self_registration_share"], changed["affected_visitors"]) == (1, 1)
    assert await seats(database) == (2, 2, 1)
    problem(await strangers.post(), 409, "slot_full")
    await root.register()
    await root.post(f"visitors/{ids[0]}/cancel/")
    assert await seats(database) == (2, 1, 0)
    problem(await strangers.post(), 409, "slot_full")
    assert (await root.patch(path, {"self_registration_share": 100})).is_success
    for _ in range(2):
        await strangers.register()
    assert await seats(database) == (4, 3, 0)


async def test_a_lower_capacity_lowers_the_share(
    api: Api, strangers: Strangers, database: Database
):
    root = await api.superadmin()
    path = f"sites/{(await root.get('sites/')).json()['items'][0]['id']}/"
    for _ in range(2):
        await strangers.register()
    own = {"visit_date": DAY, "visit_time": "10:00"}
    for capacity in (2, 0):
        answer = await root.post(f"{path}slot-capacities/", own | {"capacity": capacity})
        assert answer.status_code == 201
        assert await seats(database) == (2, 2, 2 - capacity // 2)
    await root.patch(path, {"self_registration_share": 25})  # own capacities follow it, too
    await root.post(f"{path}slot-capacities/", own | {"capacity": 10_000})
    assert await seats(database) == (2, 2, 0)
    await root.delete(f"{path}slot-capacities/{answer.json()['id']}/")
    assert await seats(database) == (2, 2, 1)
    await root.patch(path, {"slot_capacity": 8})
    assert await seats(database) == (2, 2, 0)


# -- races ------------------------------------------------------------------------------------


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


# -- behind it --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        {"self_booked": Slot.self_booked + 1},
        {"self_booked": -1},
        {"self_share": 1},
        {"self_share": 0},
        {"self_excess": -1},
    ],
)
async def test_the_database_refuses_more(
    strangers: Strangers, database: Database, values: dict[str, Any]
):
    for _ in range(2):
        await strangers.register()
    with pytest.raises(IntegrityError):
        async with database.write() as unit:
            await unit.write(update(Slot).values(values))


async def test_erasing_forgets_the_address(api: Api, strangers: Strangers, database: Database):
    await strangers.register(email="ada@example.com")
    async with database.write() as unit:
        visitors = RetentionRepository(unit)
        [visitor] = await unit.scalars(select(Visitor.id))
        await visitors.anonymise([visitor], MONDAY)
    async with database.read() as session:
        assert await session.scalar(select(Visitor.self_registration_key)) is None


# -- an update --------------------------------------------------------------------------------


async def begin_update(app: FastAPI, database: Database) -> None:
    app.state.database.rollout_is_finished = False
    async with database.write() as unit:
        unit.add(Rollout(revision="0009"))


async def test_strangers_are_counted_once_an_update_is_finished(
    api: Api, app: FastAPI, strangers: Strangers, database: Database
):
    """Wait, as the previous release would give back a seat and leave it counted."""
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
