"""Scans made while a gate was offline."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.visitors.models import VisitorStatus
from tests.devices.devices import add_device
from tests.scans.offline import NOON, at_noon, happened, report, shown, words
from tests.support.api import Api, Client
from tests.support.database import add_site, all_events, all_mails, all_scans, booked, set_status
from tests.support.problems import problem


async def test_a_visit_is_checked_in_and_out_at_the_time_of_the_scans(
    api: Api, database: Database, clock: SettableClock, gate: Client
):
    visitor = await (await api.admin()).register()
    admin = await at_noon(api, clock)
    results = await report(
        gate,
        happened(visitor["qr_code"], "11:30", direction="out", gate="South"),
        happened(visitor["qr_code"], "09:00"),
    )
    assert words(results) == ["accepted", "accepted"]
    assert [result["verdict"] for result in results] == ["checked_out", "admitted"]
    after = await shown(admin, visitor)
    assert after["status"] == "completed"
    assert after["checked_in_at"] == "2026-11-23T09:00:00Z"
    assert after["checked_out_at"] == "2026-11-23T11:30:00Z"
    assert await booked(database, "2026-11-23", 10) == 0


async def test_the_audit_log_says_who_when_and_where(
    api: Api, database: Database, clock: SettableClock, gate: Client
):
    visitor = await (await api.admin()).register()
    clock.set(NOON)
    await report(
        gate,
        happened(visitor["qr_code"], "09:00"),
        happened(visitor["qr_code"], "11:30", direction="out", gate="South"),
    )
    came, left = (await all_events(database))[-2:]
    assert [came.action, left.action] == ["checked_in", "checked_out"]
    assert (came.actor_role, str(came.actor_id)) == ("scanner", gate.user_id)
    assert came.details == {"gate": "North", "scanned_at": "2026-11-23T09:00:00Z"}
    assert left.details == {"gate": "South", "scanned_at": "2026-11-23T11:30:00Z"}
    assert {came.created_at, left.created_at} == {NOON}


async def test_a_visitor_admitted_at_two_gates_is_one_conflict(
    api: Api, database: Database, clock: SettableClock
):
    visitor = await (await api.admin()).register()
    north = await add_device(api, name="North", gate="North")
    south = await add_device(api, name="South", gate="South")
    admin = await at_noon(api, clock)
    first = await report(north, happened(visitor["qr_code"], "09:00"))
    second = await report(south, happened(visitor["qr_code"], "09:01"))
    assert words(first + second) == ["accepted", "conflict already_inside"]
    assert second[0]["message"] == "Already inside since 09:00 at gate North"
    verdicts = Counter(scan.verdict.value for scan in await all_scans(database))
    assert verdicts == {"admitted": 1, "conflict": 1}
    actions = Counter(event.action for event in await all_events(database))
    assert actions["checked_in"] == 1
    (conflict,) = (await admin.get("visitors/scans/", verdict="conflict")).json()["items"]
    assert conflict["visitor"]["name"] == visitor["name"]
    assert (conflict["gate"], conflict["device_name"]) == ("South", "South")
    assert conflict["scanned_at"] == "2026-11-23T09:01:00Z"


@pytest.mark.parametrize("sent_with_its_time", [True, False])
async def test_a_scan_whose_answer_was_lost_is_a_duplicate(
    api: Api, database: Database, gate: Client, sent_with_its_time: bool
):
    visitor = await (await api.admin()).register()
    scan = happened(visitor["qr_code"], gate="North")
    body = scan if sent_with_its_time else {k: v for k, v in scan.items() if k != "scanned_at"}
    assert (await gate.post("visitors/verify-qr/", body)).status_code == 200
    (result,) = await report(gate, scan)
    assert (result["result"], result["verdict"]) == ("duplicate", "admitted")
    assert len(await all_scans(database)) == 1


async def test_an_admission_against_an_unseen_refusal_is_a_conflict(
    api: Api, database: Database, gate: Client
):
    visitor = await (await api.admin()).register(visit_time="16:00")
    scan = happened(visitor["qr_code"])
    problem(await gate.post("visitors/verify-qr/", scan), 409, "too_early")
    first, second = await report(gate, scan), await report(gate, scan)
    assert words(first + second) == ["conflict too_early", "duplicate too_early"]
    assert [scan.verdict.value for scan in await all_scans(database)] == ["conflict"]


async def test_a_batch_is_answered_again_by_the_scan_alone(api: Api, gate: Client):
    """The gate is online again and repeats a scan that it has reported already."""
    visitor = await (await api.admin()).register()
    scans = [happened(visitor["qr_code"]), happened(visitor["qr_code"])]
    await report(gate, *scans)
    admitted = await gate.post("visitors/verify-qr/", scans[0])
    assert (admitted.status_code, admitted.json()["replayed"]) == (200, True)
    conflict = problem(await gate.post("visitors/verify-qr/", scans[1]), 409, "already_inside")
    assert (conflict["verdict"], conflict["replayed"]) == ("refused", True)


async def test_exits_reported_before_their_entrances_are_no_conflict(
    api: Api, database: Database, clock: SettableClock
):
    """Two gates were offline, and the one at the exit reports first."""
    visitor = await (await api.admin()).register()
    entrance = await add_device(api, name="Entrance", gate="In")
    way_out = await add_device(api, name="Exit", gate="Out")
    admin = await at_noon(api, clock)
    early = await report(way_out, happened(visitor["qr_code"], "11:00", direction="out"))
    assert words(early) == ["conflict not_inside"]
    await report(entrance, happened(visitor["qr_code"], "09:00"))
    after = await shown(admin, visitor)
    assert after["status"] == "completed"
    assert after["checked_out_at"] == "2026-11-23T11:00:00Z"
    assert (await admin.get("visitors/scans/", verdict="conflict")).json()["items"] == []
    assert [event.details["gate"] for event in (await all_events(database))[-2:]] == ["In", "Out"]
    assert await booked(database, "2026-11-23", 10) == 0


@pytest.mark.parametrize("entrance_comes", ["before", "after"])
async def test_an_exit_by_hand_counts_once_the_entrance_is_reported(
    api: Api, clock: SettableClock, entrance_comes: str
):
    visitor = await (await api.admin()).register()
    entrance = await add_device(api, name="Entrance", gate="In")
    way_out = await add_device(api, name="Exit", gate="Out")
    admin = await at_noon(api, clock)
    problem(await way_out.scan(visitor["qr_code"], direction="out"), 409, "not_inside")
    reports = [
        (entrance, happened(visitor["qr_code"], "09:00")),
        (way_out, happened(visitor["qr_code"], "12:00", direction="out")),
    ]
    for device, scan in reports if entrance_comes == "before" else reports[::-1]:
        await report(device, scan)
    after = await shown(admin, visitor)
    assert (after["status"], after["checked_out_at"]) == ("completed", "2026-11-23T12:00:00Z")


async def test_an_exit_before_the_entrance_stays_a_conflict(
    api: Api, clock: SettableClock, gate: Client
):
    visitor = await (await api.admin()).register()
    admin = await at_noon(api, clock)
    results = await report(
        gate,
        happened(visitor["qr_code"], "08:30", direction="out"),
        happened(visitor["qr_code"], "09:00"),
    )
    assert words(results) == ["conflict not_inside", "accepted"]
    late = await report(gate, happened(visitor["qr_code"], "08:45", direction="out"))
    assert words(late) == ["conflict not_inside"]
    assert (await shown(admin, visitor))["status"] == "verified"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (VisitorStatus.CANCELLED, "cancelled"),
        (VisitorStatus.EXPIRED, "expired"),
        (VisitorStatus.COMPLETED, "already_completed"),
    ],
)
async def test_a_visit_that_has_ended_since_is_a_conflict(
    api: Api, database: Database, gate: Client, status: VisitorStatus, code: str
):
    visitor = await (await api.admin()).register()
    await set_status(database, visitor["id"], status)
    before = await all_events(database)
    assert words(await report(gate, happened(visitor["qr_code"]))) == [f"conflict {code}"]
    (scan,) = await all_scans(database)
    assert (scan.verdict.value, str(scan.visitor_id)) == ("conflict", visitor["id"])
    assert len(await all_events(database)) == len(before)


async def test_a_visit_that_was_moved_since_is_a_conflict(
    api: Api, database: Database, gate: Client
):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.patch(f"visitors/{visitor['id']}/", {"visit_time": "09:00"})
    assert words(await report(gate, happened(visitor["qr_code"]))) == ["conflict rescheduled"]
    assert [str(scan.visitor_id) for scan in await all_scans(database)] == [visitor["id"]]


async def test_a_visitor_who_was_erased_since_is_unknown_but_kept(
    api: Api, database: Database, gate: Client
):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.delete(f"visitors/{visitor['id']}/")
    assert words(await report(gate, happened(visitor["qr_code"]))) == ["unknown unknown"]
    (scan,) = await all_scans(database)
    assert (scan.verdict.value, scan.visitor_id) == ("conflict", None)
    (item,) = (await admin.get("visitors/scans/")).json()["items"]
    assert item["visitor"] is None


async def test_the_gate_of_another_site_is_a_conflict(api: Api, database: Database):
    visitor = await (await api.admin()).register()
    elsewhere = await add_device(api, site=await add_site(database))
    assert words(await report(elsewhere, happened(visitor["qr_code"]))) == ["conflict wrong_site"]


async def test_the_right_day_and_hour_are_those_of_the_scan(
    api: Api, clock: SettableClock, gate: Client
):
    admin = await api.admin()
    early = await admin.register(visit_time="16:00")
    tomorrow = await admin.register(visit_date="2026-11-24")
    today = await admin.register()
    clock.set(NOON + timedelta(days=1))
    results = await report(
        gate,
        happened(early["qr_code"], "09:00"),
        happened(tomorrow["qr_code"], "09:00"),
        happened(today["qr_code"], "09:00"),
    )
    assert words(results) == ["conflict too_early", "conflict wrong_day", "accepted"]


async def test_an_entrance_before_the_registration_is_a_conflict(api: Api, gate: Client):
    admin = await api.admin()
    visitor = await admin.register()
    results = await report(gate, happened(visitor["qr_code"], "07:59"))
    assert words(results) == ["conflict too_early"]
    assert (await shown(admin, visitor))["status"] == "pending"


async def test_a_fast_clock_lets_nobody_in_later_than_now(
    api: Api, database: Database, clock: SettableClock, gate: Client
):
    visitor = await (await api.admin()).register()
    admin = await at_noon(api, clock)
    assert words(await report(gate, happened(visitor["qr_code"], "12:05"))) == ["accepted"]
    assert (await shown(admin, visitor))["checked_in_at"] == "2026-11-23T12:00:00Z"
    (scan,) = await all_scans(database)
    assert scan.scanned_at == NOON + timedelta(minutes=5)
    answer = await gate.scan(visitor["qr_code"], direction="out")
    assert answer.json()["verdict"] == "checked_out"


@pytest.mark.parametrize(
    ("at", "result"),
    [
        ("9998-12-31T23:59:59-14:00", "accepted"),
        ("1970-01-01T00:00:00Z", "conflict wrong_day"),
        ("1900-01-01T00:00:00+14:00", "conflict wrong_day"),
    ],
)
async def test_a_clock_that_is_wrong_by_years_loses_nothing(
    api: Api, database: Database, gate: Client, at: str, result: str
):
    visitor = await (await api.admin()).register()
    assert words(await report(gate, happened(visitor["qr_code"], at))) == [result]
    assert len(await all_scans(database)) == 1


@pytest.mark.parametrize(("minutes", "mails"), [(30, 1), (31, 0)])
async def test_a_host_is_notified_of_a_recent_arrival(
    api: Api, database: Database, clock: SettableClock, gate: Client, minutes: int, mails: int
):
    visitor = await (await api.admin()).register()
    clock.set(datetime(2026, 11, 23, 9, tzinfo=UTC) + timedelta(minutes=minutes))
    await report(gate, happened(visitor["qr_code"], "09:00"))
    kinds = Counter(mail.kind.value for mail in await all_mails(database))
    assert kinds["host_arrival"] == mails


async def test_a_host_is_not_notified_of_visitors_who_left_again(
    api: Api, database: Database, clock: SettableClock, gate: Client
):
    visitor = await (await api.admin()).register()
    clock.set(NOON)
    await report(
        gate,
        happened(visitor["qr_code"], "11:50"),
        happened(visitor["qr_code"], "11:55", direction="out"),
    )
    kinds = Counter(mail.kind.value for mail in await all_mails(database))
    assert kinds["host_arrival"] == 0
