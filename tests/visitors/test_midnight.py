"""Arrival, presence and exit at a site that is open at night."""

import asyncio
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from fastapi import FastAPI

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.visitors.closing_jobs import Closed, close_past_visits
from tests.devices.devices import add_device
from tests.scans.offline import happened, report, words
from tests.scans.test_verify_qr import refused
from tests.support.api import Api, Client
from tests.support.counting import statements
from tests.support.database import (
    add_site,
    all_events,
    all_scans,
    assert_seats_are_visitors,
    change_default_site,
)
from tests.support.problems import problem

MONDAY, TUESDAY = "2026-11-23", "2026-11-24"
MOMENT = timedelta(microseconds=1)
OPEN_ALWAYS: dict[str, Any] = {
    "opens_at": time(0),
    "closes_at": time(0),
    "open_weekdays": [1, 2, 3, 4, 5, 6, 7],
}


@pytest.fixture
async def gate(api: Api, database: Database) -> Client:
    await change_default_site(database, **OPEN_ALWAYS)
    return await add_device(api, gate="North")


def instant(text: str) -> datetime:
    """Return a time of those days, such as `24 00:05`."""
    day, at = text.split()
    return datetime.fromisoformat(f"2026-11-{day}T{at}:00Z")


async def inside(api: Api, gate: Client, clock: SettableClock, **when: str) -> dict[str, Any]:
    """Register a visitor and check in at the time of the visit."""
    visitor = await (await api.admin()).register(**when)
    clock.set(instant(f"{visitor['visit_date'][-2:]} {visitor['visit_time']}"))
    assert (await gate.scan(visitor["qr_code"])).status_code == 200
    return visitor


async def shown(api: Api, visitor: dict[str, Any]) -> dict[str, Any]:
    reception = await api.admin("night@example.com")
    found: dict[str, Any] = (await reception.get(f"visitors/{visitor['id']}/")).json()
    return found


# -- coming ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "at", "now", "code"),
    [
        (TUESDAY, "00:15", "23 22:14", "wrong_day"),
        (TUESDAY, "00:15", "23 22:15", None),
        (TUESDAY, "00:15", "23 23:18", None),
        (TUESDAY, "10:00", "23 23:59", "wrong_day"),
        (TUESDAY, "10:00", "24 07:59", "too_early"),
        (TUESDAY, "10:00", "24 23:59", None),
        (TUESDAY, "10:00", "25 00:00", "expired"),
        (MONDAY, "23:50", "24 00:05", None),
        (MONDAY, "23:50", "24 02:49", None),
        (MONDAY, "23:50", "24 02:50", "expired"),
    ],
)
async def test_arrival_is_decided_on_instants(
    api: Api, gate: Client, clock: SettableClock, day: str, at: str, now: str, code: str | None
):
    visitor = await (await api.admin()).register(visit_date=day, visit_time=at)
    clock.set(instant(now))
    answer = await gate.scan(visitor["qr_code"])
    if code is None:
        assert answer.status_code == 200, answer.text
    else:
        refused(answer, code)


async def test_too_early_in_the_evening_names_when_the_gate_opens(
    api: Api, gate: Client, clock: SettableClock
):
    visitor = await (await api.admin()).register(visit_date=TUESDAY, visit_time="00:15")
    clock.set(instant("23 20:00"))
    document = refused(await gate.scan(visitor["qr_code"]), "wrong_day")
    day = f"This visit is on {TUESDAY}"
    assert document["detail"] == f"{day}: the gate opens from 22:15"


async def test_how_late_somebody_may_come_is_a_matter_of_the_site(
    api: Api, gate: Client, clock: SettableClock, database: Database
):
    await change_default_site(database, late_arrival_minutes=15)
    visitor = await (await api.admin()).register(visit_time="23:50")
    clock.set(instant("24 00:04"))
    assert (await close_past_visits(database, clock.now())).expired == 0
    assert (await gate.scan(visitor["qr_code"])).status_code == 200
    late = await (await api.admin("night@example.com")).register(
        visit_time="23:50", visit_date=TUESDAY
    )
    clock.set(instant("25 00:05"))
    refused(await gate.scan(late["qr_code"]), "expired")


async def test_the_worker_expires_a_visit_when_the_gate_refuses_it(
    api: Api, gate: Client, clock: SettableClock, database: Database
):
    visitor = await (await api.admin()).register(visit_time="23:50")
    end = instant("24 02:50")
    clock.set(end - MOMENT)
    assert await close_past_visits(database, clock.now()) == Closed(0, 0)
    assert "Visitor pass" in (await api.http.get(f"/pass/{visitor['qr_code']}")).text
    clock.set(end)
    refused(await gate.scan(visitor["qr_code"]), "expired")
    assert "This visit is over" in (await api.http.get(f"/pass/{visitor['qr_code']}")).text
    assert await close_past_visits(database, clock.now()) == Closed(1, 0)
    await assert_seats_are_visitors(database)


async def test_a_batch_is_decided_by_the_same_window(api: Api, gate: Client, clock: SettableClock):
    admin = await api.admin()
    late = await admin.register(visit_time="23:50")
    early = await admin.register(visit_date=TUESDAY, visit_time="00:15")
    clock.set(instant("24 01:00"))
    results = await report(
        gate,
        happened(early["qr_code"], "22:14"),
        happened(early["qr_code"], "22:15"),
        happened(late["qr_code"], "2026-11-24T00:05:00Z"),
    )
    assert words(results) == ["conflict wrong_day", "accepted", "accepted"]


# -- being inside ------------------------------------------------------------------------------


async def test_who_is_inside_at_midnight_stays_inside(
    api: Api, gate: Client, clock: SettableClock, database: Database
):
    visitor = await inside(api, gate, clock, visit_time="22:00")
    clock.set(instant("24 00:30"))
    assert await close_past_visits(database, clock.now()) == Closed(0, 0)
    reception = await api.admin("night@example.com")
    assert (await reception.get("visitors/dashboard-stats/")).json()["on_site_now"] == 1
    answer = await gate.scan(visitor["qr_code"], direction="out")
    assert answer.json()["verdict"] == "checked_out"


async def test_a_stay_that_nobody_ends_is_closed_after_its_hours(
    api: Api, gate: Client, clock: SettableClock, database: Database
):
    visitor = await inside(api, gate, clock, visit_time="22:00")
    end = instant("24 12:00")
    assert await close_past_visits(database, end - MOMENT) == Closed(0, 0)
    assert await close_past_visits(database, end + timedelta(minutes=4)) == Closed(0, 1)
    found = await shown(api, visitor)
    assert (found["status"], found["checked_out_automatically"]) == ("completed", True)
    assert found["checked_out_at"] == "2026-11-24T12:00:00Z"
    await assert_seats_are_visitors(database)


async def test_a_stay_is_not_closed_before_its_visit_is_over(
    api: Api, gate: Client, clock: SettableClock, database: Database
):
    await change_default_site(database, auto_check_out_hours=1)
    visitor = await (await api.admin()).register(visit_time="10:00")
    assert (await gate.scan(visitor["qr_code"])).status_code == 200
    assert await close_past_visits(database, instant("23 10:59")) == Closed(0, 0)
    assert await close_past_visits(database, instant("23 11:30")) == Closed(0, 1)
    assert (await shown(api, visitor))["checked_out_at"] == "2026-11-23T11:00:00Z"
    await assert_seats_are_visitors(database)


async def test_each_site_has_its_hours(
    api: Api, gate: Client, clock: SettableClock, database: Database
):
    annex = await add_site(database, **OPEN_ALWAYS, auto_check_out_hours=2)
    admin = await api.admin()
    for site in (annex, None):
        visitor = await admin.register(site=site, visit_time="09:00")
        assert (await admin.scan(visitor["qr_code"])).status_code == 200
    assert await close_past_visits(database, instant("23 10:00")) == Closed(0, 1)
    assert await close_past_visits(database, instant("23 22:00")) == Closed(0, 1)


# -- leaving after all -------------------------------------------------------------------------


async def test_an_exit_after_the_closing_says_when_it_really_was(
    api: Api, gate: Client, clock: SettableClock, database: Database
):
    visitor = await inside(api, gate, clock, visit_time="22:00")
    clock.set(instant("24 12:04"))
    await close_past_visits(database, clock.now())
    clock.set(instant("25 12:00"))
    answer = await gate.scan(visitor["qr_code"], direction="out")
    assert (answer.status_code, answer.json()["verdict"]) == (200, "checked_out")
    found = await shown(api, visitor)
    assert (found["checked_out_at"], found["checked_out_automatically"]) == (
        "2026-11-25T12:00:00Z",
        False,
    )
    assert found["status"] == "completed"
    assert [scan.verdict.value for scan in await all_scans(database)] == ["admitted", "checked_out"]
    last = (await all_events(database))[-1]
    assert (last.action, last.details) == ("checked_out", {"gate": "North", "corrected": True})
    await assert_seats_are_visitors(database)
    refused(await gate.scan(visitor["qr_code"], direction="out"), "already_completed")


async def test_an_exit_a_day_after_the_closing_is_too_late(
    api: Api, gate: Client, clock: SettableClock, database: Database
):
    visitor = await inside(api, gate, clock, visit_time="22:00")
    await close_past_visits(database, instant("24 12:04"))
    clock.set(instant("25 12:01"))
    document = refused(await gate.scan(visitor["qr_code"], direction="out"), "already_completed")
    assert document["detail"] == "This visit was closed automatically: no check-out was scanned"
    refused(await gate.scan(visitor["qr_code"]), "already_completed")


async def test_of_many_exits_after_the_closing_one_corrects_it(
    api: Api, gate: Client, clock: SettableClock, database: Database
):
    visitor = await inside(api, gate, clock, visit_time="22:00")
    await close_past_visits(database, instant("24 12:04"))
    clock.set(instant("24 13:00"))
    exits = [gate.scan(visitor["qr_code"], direction="out") for _ in range(10)]
    statuses = sorted(answer.status_code for answer in await asyncio.gather(*exits))
    assert statuses == [200] + [409] * 9
    await assert_seats_are_visitors(database)


async def test_exits_race_the_closing(
    api: Api, gate: Client, clock: SettableClock, database: Database
):
    admin = await api.admin()
    visitors = [await admin.register(visit_time="10:00") for _ in range(10)]
    for visitor in visitors:
        await admin.scan(visitor["qr_code"])
    clock.set(instant("23 22:30"))
    exits = (gate.scan(visitor["qr_code"], direction="out") for visitor in visitors)
    _, answers = await asyncio.gather(
        close_past_visits(database, clock.now()), asyncio.gather(*exits)
    )
    assert {answer.status_code for answer in answers} == {200}
    reception = await api.admin("night@example.com")
    for visitor in visitors:
        found = (await reception.get(f"visitors/{visitor['id']}/")).json()
        assert (found["checked_out_at"], found["checked_out_automatically"]) == (
            "2026-11-23T22:30:00Z",
            False,
        )
    await assert_seats_are_visitors(database)


@pytest.mark.parametrize(
    ("out_at", "result"),
    [
        ("2026-11-23T21:59:00Z", "conflict not_inside"),
        ("2026-11-23T23:30:00Z", "accepted"),
        ("2026-11-24T11:00:00Z", "accepted"),
        ("2026-11-25T12:00:00Z", "accepted"),
        ("2026-11-25T12:00:01Z", "conflict already_completed"),
    ],
)
async def test_an_exit_of_an_offline_gate_corrects_the_closing_too(
    api: Api, gate: Client, clock: SettableClock, database: Database, out_at: str, result: str
):
    visitor = await inside(api, gate, clock, visit_time="22:00")
    await close_past_visits(database, instant("24 12:04"))
    clock.set(instant("26 08:00"))
    results = await report(gate, happened(visitor["qr_code"], out_at, direction="out"))
    assert words(results) == [result]
    found = await shown(api, visitor)
    corrected = result == "accepted"
    assert found["checked_out_automatically"] is not corrected
    assert found["checked_out_at"] == (out_at if corrected else "2026-11-24T12:00:00Z")
    await assert_seats_are_visitors(database)


async def test_a_late_exit_costs_as_much_as_any_other(
    api: Api, app: FastAPI, gate: Client, clock: SettableClock, database: Database
):
    visitor = await inside(api, gate, clock, visit_time="22:00")
    await close_past_visits(database, instant("24 12:04"))
    clock.set(instant("24 13:00"))
    await gate.scan("no code")  # records that the device was seen
    with statements(app) as sent:
        await gate.scan(visitor["qr_code"], direction="out")
    assert len(sent) <= 3, sent


# -- opening hours that pass midnight ------------------------------------------------------------


@pytest.fixture
async def night(api: Api) -> Client:
    """Return a superadmin of a site that is open from 22:00 to 06:00, from Monday to Friday."""
    root = await api.superadmin()
    site = (await root.get("sites/")).json()["items"][0]
    hours = {"opens_at": "22:00", "closes_at": "06:00"}
    answer = await root.patch(f"sites/{site['id']}/", hours)
    assert answer.status_code == 200, answer.text
    assert hours.items() <= answer.json().items()
    return root


async def offered(client: Client, day: str) -> dict[str, str | None]:
    """Return why each slot of a day cannot be booked; None if it can."""
    slots = (await client.get("visitors/available-slots/", visit_date=day)).json()["slots"]
    return {f"{slot['time']}-{slot['end_time']}": slot["reason"] for slot in slots}


MORNING = [f"{hour:02}:00-{hour + 1:02}:00" for hour in range(6)]
EVENING = ["22:00-23:00", "23:00-00:00"]


async def test_the_hours_after_midnight_are_those_of_the_shift_before(night: Client):
    tuesday = await offered(night, TUESDAY)
    assert tuesday == dict.fromkeys(MORNING + EVENING)
    saturday, sunday = await offered(night, "2026-11-28"), await offered(night, "2026-11-29")
    assert saturday == dict.fromkeys(MORNING) | dict.fromkeys(EVENING, "closed")
    assert set(sunday.values()) == {"closed"}
    monday = await offered(night, "2026-11-30")
    assert monday == dict.fromkeys(MORNING, "closed") | dict.fromkeys(EVENING)


async def test_a_closure_takes_the_whole_shift_that_begins_on_its_day(night: Client):
    site = (await night.get("sites/")).json()["items"][0]["id"]
    await night.post(f"sites/{site}/closures/", {"date": TUESDAY})
    tuesday, wednesday = await offered(night, TUESDAY), await offered(night, "2026-11-25")
    assert tuesday == dict.fromkeys(MORNING) | dict.fromkeys(EVENING, "closed")
    assert wednesday == dict.fromkeys(MORNING, "closed") | dict.fromkeys(EVENING)


@pytest.mark.parametrize(
    ("day", "at", "bookable"),
    [
        (TUESDAY, "05:59", True),
        (TUESDAY, "06:00", False),
        (TUESDAY, "21:59", False),
        (TUESDAY, "22:00", True),
        ("2026-11-28", "05:00", True),
        ("2026-11-28", "22:00", False),
        ("2026-11-30", "05:00", False),
    ],
)
async def test_a_night_is_booked_by_every_way(night: Client, day: str, at: str, bookable: bool):
    when = {"visit_date": day, "visit_time": at}
    check = (await night.get("visitors/check-slot/", **when)).json()
    assert (check["available"], check["reason"]) == (bookable, None if bookable else "closed")
    moved = await night.register(visit_time="23:00")
    made = await night.post("visitors/", {"name": "Grace", "email": "g@example.com", **when})
    answer = await night.post(f"visitors/{moved['id']}/reschedule/", when)
    if bookable:
        assert (made.status_code, answer.status_code) == (201, 200)
    else:
        problem(made, 422, "slot_closed")
        problem(answer, 422, "slot_closed")


async def test_a_full_night_offers_the_next_free_hours_of_it(night: Client, database: Database):
    await change_default_site(database, slot_capacity=1)
    body = {"visit_date": TUESDAY, "visit_time": "23:00"}
    await night.register(**body)
    full = problem(
        await night.post("visitors/", {"name": "G", "email": "g@example.com", **body}),
        409,
        "slot_full",
    )
    assert [(free["visit_date"], free["visit_time"]) for free in full["alternatives"]] == [
        ("2026-11-25", "00:00"),
        ("2026-11-25", "01:00"),
        ("2026-11-25", "02:00"),
    ]


async def test_who_is_booked_in_a_night_that_is_closed_now_is_counted(night: Client):
    site = (await night.get("sites/")).json()["items"][0]["id"]
    for day, at in ((TUESDAY, "05:00"), (TUESDAY, "23:00"), ("2026-11-25", "05:00")):
        await night.register(visit_date=day, visit_time=at)

    async def affected(**fields: Any) -> int:
        answer = await night.patch(f"sites/{site}/", fields)
        found: int = answer.json()["affected_visitors"]
        return found

    assert await affected() == 0
    assert await affected(open_weekdays=[1, 3, 4, 5]) == 2  # without the night of Tuesday
    assert await affected(open_weekdays=[1, 2, 3, 4, 5], closes_at="05:00") == 2
    assert await affected(closes_at="00:00") == 2
    assert await affected(opens_at="00:00") == 0
    assert await affected(opens_at="05:30", closes_at="05:30") == 0


async def test_each_shift_of_a_site_open_for_24_hours_can_be_closed(night: Client):
    site = (await night.get("sites/")).json()["items"][0]["id"]
    hours = {"opens_at": "08:30", "closes_at": "08:30", "open_weekdays": [1, 2]}
    assert (await night.patch(f"sites/{site}/", hours)).status_code == 200
    tuesday, wednesday = await offered(night, TUESDAY), await offered(night, "2026-11-25")
    assert len(tuesday) == len(wednesday) == 25
    assert set(tuesday.values()) == {None}
    assert [begin for begin, reason in wednesday.items() if reason is None] == [
        *(f"{hour:02}:00-{hour + 1:02}:00" for hour in range(8)),
        "08:00-08:30",
    ]


async def test_a_capacity_is_set_for_an_hour_of_the_night(night: Client):
    site = (await night.get("sites/")).json()["items"][0]["id"]
    path = f"sites/{site}/slot-capacities/"
    body = {"visit_date": "2026-11-28", "visit_time": "05:00", "capacity": 3}
    assert (await night.post(path, body)).status_code == 201
    problem(await night.post(path, body | {"visit_time": "23:00"}), 422, "slot_closed")


async def test_a_kiosk_registers_in_the_middle_of_the_night(
    api: Api, night: Client, clock: SettableClock
):
    kiosk = await add_device(api, "kiosk", name="Lobby")
    clock.set(datetime(2026, 11, 28, 2, 20, tzinfo=UTC))  # of the shift of Friday
    body = {"name": "Ada Lovelace", "email": "ada@example.com"}
    answer = await kiosk.post("visitors/", body)
    assert (answer.status_code, answer.json()["visit_time"]) == (201, "02:20")
    clock.set(datetime(2026, 11, 29, 2, 20, tzinfo=UTC))
    problem(await kiosk.post("visitors/", body), 422, "slot_closed")
