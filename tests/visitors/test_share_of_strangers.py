"""Strangers may take a share of a slot, and each address one seat in it."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.slots.models import Slot
from app.visitors.models import Visitor
from app.visitors.retention_repository import RetentionRepository
from tests.bulk.files import rows, upload, workbook
from tests.conftest import MONDAY
from tests.devices.devices import add_device
from tests.support.api import VISITOR, Api
from tests.support.database import assert_seats_are_visitors, change_default_site
from tests.support.problems import problem
from tests.visitors.strangers import DAY, Strangers, seats

SLOTS = f"visitors/available-slots/?visit_date={DAY}"
CHECK = f"visitors/check-slot/?visit_date={DAY}&visit_time=10:00"


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
    assert await shown(http, "/api/") == (2, 2, 0)  # invited visitors have the rest of the share
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
    await root.patch(
        path, {"self_registration_share": 25}
    )  # which also applies to individual capacities
    await root.post(f"{path}slot-capacities/", own | {"capacity": 10_000})
    assert await seats(database) == (2, 2, 0)
    await root.delete(f"{path}slot-capacities/{answer.json()['id']}/")
    assert await seats(database) == (2, 2, 1)
    await root.patch(path, {"slot_capacity": 8})
    assert await seats(database) == (2, 2, 0)


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
