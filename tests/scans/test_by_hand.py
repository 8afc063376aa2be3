"""Check-in and check-out at the desk decide as a gate does, and stand in the same ledger."""

import asyncio
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.sites.models import ReEntry
from app.users.models import Role
from tests.conftest import MONDAY
from tests.devices.devices import add_device
from tests.scans.test_verify_qr import refused
from tests.support.api import Api, Client
from tests.support.database import (
    all_events,
    all_mails,
    assert_seats_are_visitors,
    booked,
    change_default_site,
)
from tests.support.problems import problem
from tests.support.stays import all_stays, assert_presence_follows_stays, ways

KNOWN, LATER = MONDAY + timedelta(hours=1), MONDAY + timedelta(hours=3)
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


@pytest.fixture
async def desk(api: Api, clock: SettableClock) -> Client:
    """Return a person at the desk, half an hour before the visits."""
    clock.set(MONDAY + timedelta(minutes=90))
    return await api.admin()


def at(visitor: dict[str, Any], call: str) -> str:
    return f"visitors/{visitor['id']}/{call}/"


def said(instant: datetime) -> dict[str, str]:
    return {"observed_at": instant.isoformat()}


async def test_a_visitor_is_checked_in_and_out_without_a_code(desk: Client, database: Database):
    visitor = await desk.register(host_email="charles@example.com")
    shown = (await desk.post(at(visitor, "check-in"), {"gate": "Desk"})).json()
    assert (shown["status"], shown["presence"]) == ("verified", "inside")
    assert shown["checked_in_at"] == "2026-11-23T09:30:00Z"
    left = (await desk.post(at(visitor, "check-out"))).json()
    assert (left["status"], left["presence"]) == ("completed", "left")
    assert await ways(database) == [("desk", "desk")]
    stays = (await desk.get(at(visitor, "stays"))).json()
    assert stays == [
        {
            "in_at": "2026-11-23T09:30:00Z",
            "out_at": "2026-11-23T09:30:00Z",
            "in_method": "desk",
            "out_method": "desk",
        }
    ]
    scans = (await desk.get("visitors/scans/")).json()["items"]
    assert [(scan["method"], scan["direction"], scan["gate"]) for scan in scans] == [
        ("desk", "out", None),
        ("desk", "in", "Desk"),
    ]
    mails = [mail.kind.value for mail in await all_mails(database)]
    assert mails.count("host_arrival") == 1
    actions = [event.action for event in await all_events(database)]
    assert actions == ["registered", "checked_in", "checked_out"]
    await assert_presence_follows_stays(database)
    assert await booked(database, "2026-11-23", 10) == 0


@pytest.mark.parametrize(
    ("when", "call", "code"),
    [
        ({"visit_time": "14:00"}, None, "too_early"),
        ({"visit_date": "2026-11-24"}, None, "wrong_day"),
        ({}, "check-in", "already_inside"),
        ({}, "cancel", "cancelled"),
        ({}, "complete", "already_completed"),
    ],
)
async def test_a_refusal_is_that_of_a_gate_and_kept(
    desk: Client, database: Database, when: dict[str, str], call: str | None, code: str
):
    visitor = await desk.register(**when)
    if call == "complete":
        await desk.post(at(visitor, "check-in"))
    if call:
        await desk.post(at(visitor, call))
    by_hand = refused(await desk.post(at(visitor, "check-in")), code)
    at_gate = refused(await desk.scan(visitor["qr_code"]), code)
    for document in (by_hand, at_gate):
        del document["request_id"]
    assert by_hand == at_gate | {"refusals": [code], "by": by_hand["by"]}
    assert (by_hand["by"] is None) == (call is None)
    kept = (await desk.get("visitors/scans/", verdict="refused")).json()["items"]
    assert [(scan["method"], scan["code"]) for scan in kept] == [("gate", code), ("desk", code)]
    await assert_presence_follows_stays(database)
    await assert_seats_are_visitors(database)


async def test_a_late_visit_is_expired_at_the_desk_too(
    api: Api, desk: Client, clock: SettableClock
):
    visitor = await desk.register()
    clock.set(MONDAY + timedelta(hours=16))
    late = await api.admin("night@example.com")
    refused(await late.post(at(visitor, "check-in")), "expired")


async def test_opening_hours_never_bind_a_check_in(desk: Client, database: Database):
    visitor = await desk.register()
    await change_default_site(database, opens_at=time(15), open_weekdays=[7])
    assert (await desk.post(at(visitor, "check-in"))).status_code == 200


@pytest.mark.parametrize("role", list(Role))
async def test_who_checks_in_by_hand(api: Api, desk: Client, role: Role):
    visitor = await desk.register()
    sites = [] if role in {Role.HOST, Role.SUPERADMIN} else [visitor["site"]]
    person = await api.of_role(role, *sites)
    answer = await person.post(at(visitor, "check-in"))
    if role is Role.HOST:
        problem(answer, 403, "forbidden")
        return
    assert answer.status_code == 200, answer.text
    if role is Role.GUARD:
        assert "qr_code" not in answer.json()
        assert answer.json()["status"] == "verified"


async def test_devices_check_nobody_in_by_hand(api: Api, desk: Client):
    visitor = await desk.register()
    for kind in ("scanner", "kiosk"):
        device = await add_device(api, kind=kind)
        problem(await device.post(at(visitor, "check-in")), 403, "forbidden")


async def test_a_visit_out_of_scope_is_unknown(api: Api, desk: Client):
    visitor = await desk.register()
    root = await api.superadmin()
    other = (await root.post("sites/", {"name": "Annex"})).json()["id"]
    guard = await api.of_role(Role.GUARD, other)
    for call in ("check-in", "check-out"):
        problem(await guard.post(at(visitor, call)), 404, "not_found")


async def test_a_repeat_with_its_key_is_the_same_answer(api: Api, desk: Client, database: Database):
    visitor = await desk.register()
    headers = {**desk.headers, "Idempotency-Key": "once"}
    for call in ("check-in", "check-out"):
        path = f"/api/{at(visitor, call)}"
        one, again = [await api.http.post(path, headers=headers) for _ in range(2)]
        assert one.status_code == again.status_code == 200
        assert one.json() == again.json()
        assert again.headers["Idempotency-Replayed"] == "true"
    assert await ways(database) == [("desk", "desk")]


# -- what was seen before ----------------------------------------------------------------------


@pytest.mark.parametrize("call", ["check-in", "check-out"])
@pytest.mark.parametrize(
    ("observed", "is_taken"),
    [
        (LATER + 2 * MINUTE, True),
        (LATER + 2 * MINUTE + SECOND, False),
        (KNOWN, True),
        (KNOWN - SECOND, False),
    ],
    ids=["ahead", "too far ahead", "the newest instant", "before it"],
)
async def test_an_observed_instant_is_near_and_in_order(
    api: Api,
    clock: SettableClock,
    database: Database,
    call: str,
    observed: datetime,
    is_taken: bool,
):
    clock.set(KNOWN + timedelta(microseconds=7))
    first = await api.admin()
    visitor = await first.register()
    if call == "check-out":
        await first.post(at(visitor, "check-in"))
    clock.set(LATER)
    desk = await api.admin("later@example.com")
    answer = await desk.post(at(visitor, call), said(observed))
    if is_taken:
        assert answer.status_code == 200, answer.text
    else:
        found = problem(answer, 422, "invalid_observed_at")
        assert found["errors"][0]["field"] == "observed_at"
        scans = (await desk.get("visitors/scans/")).json()["items"]
        assert len(scans) == (call == "check-out")
    await assert_presence_follows_stays(database)


async def test_twelve_hours_back_are_the_most(api: Api, clock: SettableClock):
    visitor = await (await api.admin()).register()
    now = MONDAY + timedelta(hours=14)
    clock.set(now)
    desk = await api.admin("later@example.com")
    early = now - timedelta(hours=12)
    answer = await desk.post(at(visitor, "check-in"), said(early - SECOND))
    problem(answer, 422, "invalid_observed_at")
    shown = await desk.post(at(visitor, "check-in"), said(early))
    assert shown.json()["checked_in_at"] == "2026-11-23T10:00:00Z"


async def test_the_decision_is_made_as_of_what_was_observed(
    api: Api, desk: Client, clock: SettableClock, database: Database
):
    visitor = await desk.register(visit_time="12:00", host_email="charles@example.com")
    seen = datetime(2026, 11, 23, 9, 59, tzinfo=UTC)
    clock.set(seen + timedelta(hours=1))
    later = await api.admin("later@example.com")
    refused(await later.post(at(visitor, "check-in"), said(seen)), "too_early")
    answer = await later.post(at(visitor, "check-in"), said(seen + MINUTE))
    assert answer.json()["checked_in_at"] == "2026-11-23T10:00:00Z"
    # An hour later, the host has met the visitor.
    assert "host_arrival" not in [mail.kind for mail in await all_mails(database)]
    event = (await all_events(database))[-1]
    assert event.details["observed_at"] == "2026-11-23T10:00:00Z"


async def test_an_exit_at_once_after_an_entry_ahead_keeps_the_order(
    desk: Client, database: Database
):
    visitor = await desk.register()
    ahead = MONDAY + timedelta(minutes=92)
    assert (await desk.post(at(visitor, "check-in"), said(ahead))).status_code == 200
    assert (await desk.scan(visitor["qr_code"], direction="out")).status_code == 200
    [stay] = await all_stays(database)
    assert stay.in_at == stay.out_at == ahead


@pytest.mark.parametrize("body", [{"observed_at": "2026-11-23T09:00:00"}, {"override": {}}])
async def test_a_malformed_body_is_refused(desk: Client, body: dict[str, Any]):
    visitor = await desk.register()
    problem(await desk.post(at(visitor, "check-in"), body), 422, "invalid")


# -- two at once -------------------------------------------------------------------------------


@pytest.mark.parametrize("with_gate", [True, False], ids=["gate", "desk"])
async def test_of_two_at_once_exactly_one_wins(
    api: Api, desk: Client, database: Database, with_gate: bool
):
    gate = await add_device(api, gate="North")
    for number in range(4):
        visitor = await desk.register(email=f"guest{number}@example.com")
        body = {"gate": "North"}
        path = at(visitor, "check-in")
        other = gate.scan(visitor["qr_code"]) if with_gate else desk.post(path, body)
        answers = await asyncio.gather(desk.post(path, body), other)
        lost = next(answer for answer in answers if answer.status_code != 200)
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        document = refused(lost, "already_inside")
        assert (document["since"], document["gate"]) == ("2026-11-23T09:30:00Z", "North")
    assert len(await all_stays(database)) == 4
    await assert_presence_follows_stays(database)
    await assert_seats_are_visitors(database)


async def test_of_two_exits_at_once_exactly_one_ends_the_stay(
    api: Api, desk: Client, database: Database
):
    gate = await add_device(api)
    visitor = await desk.register()
    await desk.post(at(visitor, "check-in"))
    out = gate.scan(visitor["qr_code"], direction="out")
    answers = await asyncio.gather(desk.post(at(visitor, "check-out")), out)
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert await booked(database, "2026-11-23", 10) == 0
    await assert_presence_follows_stays(database)
    await assert_seats_are_visitors(database)


async def test_of_two_desks_the_slower_is_told_by_whom(desk: Client, api: Api, database: Database):
    other = await api.of_role(Role.RECEPTIONIST)
    visitor, cancelled = await desk.register(), await desk.register(email="eve@example.com")
    me = (await desk.get("auth/me/")).json()
    name = f"{me['first_name']} {me['last_name']}"

    async def told(visitor: dict[str, Any], call: str, code: str, status: int = 409) -> None:
        answer = problem(await other.post(at(visitor, call)), status, code)
        assert answer["by"] == name, call

    await desk.post(at(visitor, "check-in"))
    await told(visitor, "check-in", "already_inside")
    await told(visitor, "undo", "not_your_act", 403)
    await desk.post(at(visitor, "check-out"))
    await told(visitor, "check-out", "invalid_transition")
    await told(visitor, "complete", "invalid_transition")
    for _ in range(2):
        assert (await desk.post(at(visitor, "undo"))).status_code == 200
    await told(visitor, "undo", "nothing_to_undo")
    await desk.post(at(cancelled, "cancel"))
    await told(cancelled, "cancel", "invalid_transition")
    await told(cancelled, "check-in", "cancelled")
    await change_default_site(database, re_entry=ReEntry.SAME_DAY)
    for call in ("check-in", "check-out"):
        await desk.post(at(visitor, call))
    await told(visitor, "check-out", "not_inside")
