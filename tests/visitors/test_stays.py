"""Every road in and out writes stays, and presence follows from them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import IntegrityError

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.visitors import stay_jobs
from app.visitors.closing_jobs import Closed, close_past_visits
from app.visitors.models import Visitor
from app.visitors.stay_jobs import derive_stays
from app.visitors.stay_models import Stay
from tests.conftest import MONDAY
from tests.devices.devices import add_device
from tests.scans.offline import happened, report, words
from tests.support.api import Api, Client
from tests.support.stays import all_stays, assert_presence_follows_stays, ways

NOON = MONDAY + timedelta(hours=4)


@pytest.fixture
async def desk(api: Api) -> Client:
    return await api.admin()


@pytest.fixture
async def gate(api: Api) -> Client:
    return await add_device(api, gate="North")


async def came_in(desk: Client, **fields: Any) -> dict[str, Any]:
    """Register a visitor, and check in at gate North at eight."""
    visitor = await desk.register(**fields)
    assert (await desk.scan(visitor["qr_code"], gate="North")).status_code == 200
    return visitor


async def test_a_gate_begins_and_ends_a_stay(desk: Client, database: Database):
    visitor = await came_in(desk)
    [stay] = await all_stays(database)
    assert (stay.in_at, stay.in_gate, stay.out_at) == (MONDAY, "North", None)
    assert await ways(database) == [("gate", None)]
    await desk.scan(visitor["qr_code"], direction="out")
    assert await ways(database) == [("gate", "gate")]
    await assert_presence_follows_stays(database)


@pytest.mark.parametrize("call", ["check-out", "complete"])
async def test_a_person_ends_a_stay_by_hand(desk: Client, database: Database, call: str):
    visitor = await came_in(desk)
    await desk.post(f"visitors/{visitor['id']}/{call}/")
    assert await ways(database) == [("gate", "desk")]
    await assert_presence_follows_stays(database)


async def test_an_offline_gate_writes_stays_of_the_past(
    desk: Client, gate: Client, database: Database, clock: SettableClock
):
    code = (await desk.register())["qr_code"]
    clock.set(NOON)
    scans = happened(code, "09:10"), happened(code, "09:40", direction="out")
    assert words(await report(gate, *scans)) == ["accepted", "accepted"]
    [stay] = await all_stays(database)
    assert stay.out_at is not None
    assert stay.out_at - stay.in_at == timedelta(minutes=30)
    assert stay.in_gate == "North"
    await assert_presence_follows_stays(database)


async def test_an_assumed_exit_is_automatic_until_it_is_corrected(
    desk: Client, gate: Client, database: Database, clock: SettableClock
):
    visitor = await came_in(desk)
    evening = MONDAY + timedelta(hours=14)
    assert await close_past_visits(database, evening) == Closed(0, 1)
    assert await ways(database) == [("gate", "automatic")]
    await assert_presence_follows_stays(database)
    clock.set(evening + timedelta(hours=1))
    assert (await gate.scan(visitor["qr_code"], direction="out")).status_code == 200
    [stay] = await all_stays(database)
    assert (stay.out_at, stay.out_method) == (evening + timedelta(hours=1), "gate")
    await assert_presence_follows_stays(database)


async def test_presence_is_in_the_record_and_filters_the_list(desk: Client, database: Database):
    names = ("expected", "inside", "left", "no_show", "cancelled")
    seen = {name: await desk.register(name=name, email=f"{name}@example.com") for name in names}
    for name in ("inside", "left"):
        await desk.scan(seen[name]["qr_code"])
    await desk.scan(seen["left"]["qr_code"], direction="out")
    await desk.post(f"visitors/{seen['cancelled']['id']}/cancel/")
    await set_fields(database, seen["no_show"]["id"], status="expired")
    listed = (await desk.get("visitors/")).json()["items"]
    presence = {each["name"]: each["presence"] for each in listed}
    assert presence == {name: name for name in names} | {"cancelled": None}
    for name in names[:-1]:
        found = (await desk.get("visitors/", presence=name)).json()["items"]
        assert [each["name"] for each in found] == [name]
        read = (await desk.get(f"visitors/{seen[name]['id']}/")).json()
        assert read["presence"] == name
    figures = (await desk.get("visitors/dashboard-stats/")).json()
    assert figures["on_site_now"] == 1
    both = {"presence": "inside", "status": "completed"}
    assert (await desk.get("visitors/", **both)).json()["items"] == []
    assert (await desk.get("visitors/", presence="away")).json()["items"] == []


async def set_fields(database: Database, visitor_id: str, **values: Any) -> None:
    async with database.write() as unit:
        await unit.write(update(Visitor).where(Visitor.id == UUID(visitor_id)).values(**values))


# -- what the previous release did -------------------------------------------------------------


async def forget_stays(database: Database) -> None:
    """Do as the previous release did, which stored none."""
    async with database.write() as unit:
        await unit.write(delete(Stay))


@pytest.mark.parametrize("at_once", [1, 2, 3, 1000])
async def test_stays_are_derived_from_visits_of_before(
    desk: Client,
    gate: Client,
    database: Database,
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
    at_once: int,
):
    monkeypatch.setattr(stay_jobs, "AT_ONCE", at_once)
    inside, left, closed = [
        await came_in(desk, email=f"{name}@example.com") for name in ("inside", "left", "closed")
    ]
    await desk.register(email="expected@example.com")
    clock.set(NOON)
    await gate.scan(left["qr_code"], direction="out")
    automatic = {"checked_out_at": NOON, "checked_out_automatically": True, "status": "completed"}
    await set_fields(database, closed["id"], **automatic)
    await forget_stays(database)
    assert await derive_stays(database) == 3
    assert sorted(await ways(database), key=str) == [
        ("gate", "automatic"),
        ("gate", "gate"),
        ("gate", None),
    ]
    await assert_presence_follows_stays(database)
    assert await derive_stays(database) == 0
    await gate.scan(inside["qr_code"], direction="out")
    await assert_presence_follows_stays(database)


async def test_a_stay_that_the_previous_release_ended_is_repaired(desk: Client, database: Database):
    visitor = await came_in(desk)
    [stay] = await all_stays(database)
    await set_fields(database, visitor["id"], status="completed", checked_out_at=NOON)
    assert await derive_stays(database) == 1
    [repaired] = await all_stays(database)
    assert (repaired.id, repaired.out_at, repaired.out_method) == (stay.id, NOON, "gate")
    await assert_presence_follows_stays(database)


async def test_a_gate_ends_a_stay_that_nobody_stored(desk: Client, database: Database):
    visitor = await came_in(desk)
    await forget_stays(database)
    assert (await desk.scan(visitor["qr_code"])).json()["gate"] == "North"
    await desk.scan(visitor["qr_code"], direction="out")
    assert await ways(database) == [("gate", "gate")]
    assert await derive_stays(database) == 0
    await assert_presence_follows_stays(database)


async def test_a_visitor_who_is_erased_takes_the_stays_along(desk: Client, database: Database):
    visitor = await came_in(desk)
    assert (await desk.delete(f"visitors/{visitor['id']}/")).status_code == 204
    assert await all_stays(database) == []


async def test_the_database_holds_one_open_stay_of_a_visitor(desk: Client, database: Database):
    await came_in(desk)
    again = text(
        "INSERT INTO stays SELECT (jsonb_populate_record(stays, jsonb_build_object("
        "'id', gen_random_uuid()))).* FROM stays"
    )
    async with database.engine.connect() as connection:
        with pytest.raises(IntegrityError, match="uq_stays_open"):
            await connection.execute(again)
