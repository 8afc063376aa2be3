"""Visitors who come unannounced, registered and admitted at once."""

import asyncio
from datetime import datetime, time
from typing import Any

import pytest
from fastapi import FastAPI

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.users.models import Role
from tests.devices.devices import add_device
from tests.scans.walk_ins import WALK_IN, admitted, walk_in
from tests.support.api import Api, Client
from tests.support.counting import statements
from tests.support.database import (
    add_department,
    add_site,
    all_events,
    all_mails,
    all_scans,
    assert_seats_are_visitors,
    booked,
    change_default_site,
    close_default_site,
)
from tests.support.problems import faulty_fields, problem

KIOSK = {"name": "Ada Lovelace", "email": "ada@example.com"}
HALF_PAST_TEN = datetime.fromisoformat("2026-11-23T10:30:45Z")


@pytest.fixture
async def desk(api: Api, clock: SettableClock) -> Client:
    clock.set(HALF_PAST_TEN)
    return await api.of_role(Role.RECEPTIONIST)


async def test_a_walk_in_is_registered_and_inside_at_once(
    desk: Client, database: Database, app: FastAPI
):
    answer = await walk_in(desk, gate="Reception")
    assert answer.status_code == 201, answer.text
    visitor = answer.json()
    path = f"visitors/{visitor['id']}/"
    assert answer.headers["Location"] == f"/api/{path}"
    assert visitor == (await desk.get(path)).json()
    assert (visitor["visit_date"], visitor["visit_time"]) == ("2026-11-23", "10:30")
    assert (visitor["status"], visitor["checked_in_at"]) == ("verified", "2026-11-23T10:30:45Z")
    assert (await desk.get(f"{path}stays/")).json()[0]["in_method"] == "desk"
    events = [(event.action, event.details) for event in await all_events(database)]
    assert events == [("registered", {}), ("checked_in", {"gate": "Reception", "walk_in": True})]
    [scan] = await all_scans(database)
    assert (scan.verdict, scan.method, scan.gate) == ("admitted", "desk", "Reception")
    assert (await desk.scan(visitor["qr_code"])).json()["code"] == "already_inside"
    assert (await desk.scan(visitor["qr_code"], direction="out")).status_code == 200
    await assert_seats_are_visitors(database)


async def test_the_host_of_a_walk_in_is_told_of_the_arrival_alone(desk: Client, database: Database):
    await admitted(desk, gate="Reception")
    told = [(mail.kind, mail.recipient) for mail in await all_mails(database)]
    assert told == [
        ("visitor_confirmation", "ada@example.com"),
        ("host_arrival", "charles@example.com"),
    ]


async def test_a_department_alone_can_be_visited(desk: Client, database: Database):
    department = await add_department(database)
    await change_default_site(database, reception_email="reception@example.com")
    visitor = await admitted(desk, host_email=None, department=department)
    assert (visitor["host_email"], visitor["department_name"]) == (None, "Research")
    assert [mail.recipient for mail in await all_mails(database)][1:] == ["reception@example.com"]


@pytest.mark.parametrize(
    ("fields", "faulty"),
    [
        ({"host_email": None, "host_name": "Charles"}, "body"),
        ({"name": ""}, "name"),
        ({"visit_date": "2026-11-24"}, "visit_date"),
        ({"site": "00000000-0000-7000-8000-000000000000"}, "site"),
        ({"department": "00000000-0000-7000-8000-000000000000"}, "department"),
        ({"host_id": "00000000-0000-7000-8000-000000000000"}, "host_id"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_bad_walk_in_names_the_field(
    desk: Client, database: Database, fields: dict[str, object], faulty: str
):
    assert faulty_fields(await walk_in(desk, **fields)) == {faulty}
    assert await all_scans(database) == []


async def test_who_may_admit_walk_ins(api: Api, desk: Client, database: Database):
    site = (await admitted(desk))["site"]
    annex = await add_site(database)
    for role in (Role.SUPERADMIN, Role.ADMIN):
        await admitted(await api.of_role(role))
    elsewhere = await api.of_role(Role.RECEPTIONIST, annex, email="annex@example.com")
    assert faulty_fields(await walk_in(elsewhere, site=site)) == {"site"}
    assert (await admitted(elsewhere))["site"] == annex  # their only one
    for role in (Role.GUARD, Role.HOST):
        problem(await walk_in(await api.of_role(role)), 403, "forbidden")
    problem(await walk_in(await add_device(api, "kiosk", name="Lobby")), 403, "forbidden")
    anonymous = Client(api.http, {}, "")
    problem(await walk_in(anonymous), 401, "not_authenticated")


async def test_neither_lead_time_nor_horizon_binds_a_walk_in(desk: Client, database: Database):
    await change_default_site(database, booking_lead_minutes=600, booking_horizon_days=0)
    await admitted(desk)


async def test_a_walk_in_belongs_to_the_day_of_its_site(
    api: Api, database: Database, clock: SettableClock
):
    clock.set(datetime.fromisoformat("2026-11-23T23:30:00Z"))
    desk = await api.of_role(Role.RECEPTIONIST)
    rules: dict[str, Any] = {"opens_at": time(6), "closes_at": time(6), "open_weekdays": [2]}
    east = await add_site(database, timezone="Pacific/Kiritimati", **rules)
    visitor = await admitted(desk, site=east)
    assert (visitor["visit_date"], visitor["visit_time"]) == ("2026-11-24", "13:30")
    west = await add_site(database, "West", timezone="Pacific/Niue", open_weekdays=[1])
    visitor = await admitted(desk, site=west)
    assert (visitor["visit_date"], visitor["visit_time"]) == ("2026-11-23", "12:30")


async def test_an_hour_that_comes_twice_takes_walk_ins_twice(
    api: Api, desk: Client, database: Database, clock: SettableClock
):
    night: dict[str, Any] = {"opens_at": time(0), "closes_at": time(0), "open_weekdays": [7]}
    berlin = await add_site(database, timezone="Europe/Berlin", **night)
    for at in ("2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"):
        clock.set(datetime.fromisoformat(at))
        desk = await api.sign_in("receptionist@example.com", desk.user_id)
        assert (await admitted(desk, site=berlin))["visit_time"] == "02:30"
        kiosk = await add_device(api, "kiosk", name=at[:13], site=berlin)
        assert (await kiosk.post("visitors/", KIOSK)).status_code == 201


async def test_a_closed_hour_or_day_takes_no_walk_in(desk: Client, database: Database):
    await change_default_site(database, opens_at=time(11))
    refused = problem(await walk_in(desk), 422, "slot_closed")
    assert (refused["overridable"], refused["refusals"]) == (True, ["slot_closed"])
    await change_default_site(database, opens_at=time(9))
    await close_default_site(database, "2026-11-23")
    problem(await walk_in(desk), 422, "slot_closed")
    assert (await all_scans(database), await all_events(database)) == ([], [])


async def test_a_full_hour_takes_no_walk_in_and_leaves_nothing(desk: Client, database: Database):
    await change_default_site(database, slot_capacity=1)
    await admitted(desk)
    before = (await all_scans(database), await all_events(database), await all_mails(database))
    refused = problem(await walk_in(desk), 409, "slot_full")
    assert (refused["overridable"], refused["refusals"]) == (True, ["slot_full"])
    assert refused["alternatives"][0]["visit_time"] == "12:00"  # not too soon
    after = (await all_scans(database), await all_events(database), await all_mails(database))
    assert [len(each) for each in after] == [len(each) for each in before]
    await change_default_site(database, opens_at=time(11))
    refused = problem(await walk_in(desk), 422, "slot_closed")
    assert refused["refusals"] == ["slot_closed", "slot_full"]


async def test_walk_ins_at_once_never_exceed_the_hour(desk: Client, database: Database):
    await change_default_site(database, slot_capacity=5)
    answers = await asyncio.gather(*(walk_in(desk) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [409] * 7
    assert await booked(database, "2026-11-23", 10) == 5
    await assert_seats_are_visitors(database)
    assert len(await all_scans(database)) == 5


async def test_a_repeated_walk_in_admits_once(desk: Client, database: Database):
    desk.headers |= {"Idempotency-Key": "one"}
    first, again = await walk_in(desk), await walk_in(desk)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    problem(await walk_in(desk, name="Grace Hopper"), 422, "idempotency_key_reused")
    assert len(await all_scans(database)) == 1


async def test_a_walk_in_is_one_statement_beside_two_reads(desk: Client, app: FastAPI):
    await admitted(desk)
    with statements(app) as sent:
        await admitted(desk)
    assert len(sent) == 3, sent


async def test_a_walk_in_is_refused_with_everything_named(desk: Client):
    extra = WALK_IN | {"override": {"codes": ["slot_full"], "reason": "ab"}}
    assert faulty_fields(await desk.post("visitors/walk-in/", extra)) == {"override.reason"}
