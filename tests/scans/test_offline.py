"""Scans that happened while a gate was offline."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.ids import new_id
from app.visitors.models import VisitorStatus
from tests.devices.devices import add_device
from tests.scans.offline import happened, report, send, words
from tests.scans.test_verify_qr import FORGED
from tests.support.api import Api, Client
from tests.support.counting import statements
from tests.support.database import (
    add_site,
    all_events,
    all_mails,
    all_scans,
    assert_seats_are_visitors,
    booked,
    set_status,
)
from tests.support.problems import faulty_fields, problem

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
async def gate(api: Api) -> Client:
    return await add_device(api, gate="North")


async def shown(admin: Client, visitor: dict[str, Any]) -> dict[str, Any]:
    answer = await admin.get(f"visitors/{visitor['id']}/")
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def at_noon(api: Api, clock: SettableClock) -> Client:
    """Reception at midday; who signed in at eight is signed out by then."""
    clock.set(NOON)
    return await api.admin("noon@example.com")


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


async def test_the_trail_says_who_when_and_where(
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


async def test_two_gates_that_both_admitted_make_one_visit_two_facts_and_one_conflict(
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


async def test_a_batch_that_comes_twice_is_done_once(api: Api, database: Database, gate: Client):
    visitor = await (await api.admin()).register()
    scans = [
        happened(visitor["qr_code"], "07:00"),
        happened(visitor["qr_code"], "07:10", direction="out"),
        happened(visitor["qr_code"], "07:20"),
    ]
    first = await report(gate, *scans)
    events, mails = await all_events(database), await all_mails(database)
    second = await report(gate, *scans)
    assert words(first) == ["conflict too_early", "conflict not_inside", "conflict too_early"]
    assert {result["result"] for result in second} == {"duplicate"}
    assert [{**r, "result": ""} for r in second] == [{**r, "result": ""} for r in first]
    assert len(await all_scans(database)) == 3
    assert len(await all_events(database)) == len(events)
    assert len(await all_mails(database)) == len(mails)


async def test_a_scan_twice_in_one_batch_is_one_scan(api: Api, database: Database, gate: Client):
    visitor = await (await api.admin()).register()
    scan = happened(visitor["qr_code"])
    other = {**scan, "direction": "out"}
    results = await report(gate, scan, scan, other)
    assert words(results) == ["accepted", "duplicate", "conflict scan_id_reused"]
    assert [result["verdict"] for result in results] == ["admitted", "admitted", None]
    assert len(await all_scans(database)) == 1


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


async def test_a_gate_that_opened_without_the_refusal_it_never_saw_is_a_conflict(
    api: Api, database: Database, gate: Client
):
    visitor = await (await api.admin()).register(visit_time="16:00")
    scan = happened(visitor["qr_code"])
    problem(await gate.post("visitors/verify-qr/", scan), 409, "too_early")
    first, second = await report(gate, scan), await report(gate, scan)
    assert words(first + second) == ["conflict too_early", "duplicate too_early"]
    assert [scan.verdict.value for scan in await all_scans(database)] == ["conflict"]


async def test_a_batch_is_answered_again_by_the_scan_alone(api: Api, gate: Client):
    """The gate is online again and asks for a scan that it has reported already."""
    visitor = await (await api.admin()).register()
    scans = [happened(visitor["qr_code"]), happened(visitor["qr_code"])]
    await report(gate, *scans)
    admitted = await gate.post("visitors/verify-qr/", scans[0])
    assert (admitted.status_code, admitted.json()["replayed"]) == (200, True)
    conflict = problem(await gate.post("visitors/verify-qr/", scans[1]), 409, "already_inside")
    assert (conflict["verdict"], conflict["replayed"]) == ("refused", True)


async def test_exits_that_come_before_their_entrances_are_no_conflict_in_the_end(
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
async def test_who_was_let_out_by_hand_is_checked_out_once_the_entrance_is_reported(
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
async def test_a_visit_that_has_ended_since_is_a_conflict_and_stays_as_it_is(
    api: Api, database: Database, gate: Client, status: VisitorStatus, code: str
):
    visitor = await (await api.admin()).register()
    await set_status(database, visitor["id"], status)
    before = await all_events(database)
    assert words(await report(gate, happened(visitor["qr_code"]))) == [f"conflict {code}"]
    (scan,) = await all_scans(database)
    assert (scan.verdict.value, str(scan.visitor_id)) == ("conflict", visitor["id"])
    assert len(await all_events(database)) == len(before)


async def test_a_visit_that_was_moved_since_is_a_conflict_of_its_visitor(
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


async def test_who_came_in_before_they_were_registered_is_for_reception_to_look_into(
    api: Api, gate: Client
):
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
async def test_a_host_is_told_of_an_arrival_while_it_is_news(
    api: Api, database: Database, clock: SettableClock, gate: Client, minutes: int, mails: int
):
    visitor = await (await api.admin()).register()
    clock.set(datetime(2026, 11, 23, 9, tzinfo=UTC) + timedelta(minutes=minutes))
    await report(gate, happened(visitor["qr_code"], "09:00"))
    kinds = Counter(mail.kind.value for mail in await all_mails(database))
    assert kinds["host_arrival"] == mails


async def test_a_host_is_not_told_of_who_has_left_again(
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


async def test_forged_codes_are_unknown_and_keep_nobody_waiting(
    api: Api, database: Database, gate: Client
):
    visitor = await (await api.admin()).register()
    results = await report(
        gate, happened(FORGED), happened(visitor["qr_code"]), happened("4006381333931")
    )
    assert words(results) == ["unknown unknown", "accepted", "unknown unknown"]
    assert len(await all_scans(database)) == 1


async def test_forged_codes_are_limited_but_a_queue_comes_to_an_end(api: Api):
    one, other = await add_device(api, name="One"), await add_device(api, name="Other")
    visitor = await (await api.admin()).register()
    queue = [happened(FORGED) for _ in range(40)]
    assert set(words(await report(one, *queue))) == {"unknown unknown"}
    problem(await send(one, *queue), 429, "too_many_requests")
    problem(await one.scan(FORGED), 429, "too_many_requests")
    results = await report(one, *queue, happened(visitor["qr_code"]))
    assert words(results)[-1] == "accepted"
    assert words(await report(other, happened(FORGED))) == ["unknown unknown"]


async def test_forged_codes_cost_the_look_up_of_the_device_alone(app: FastAPI, gate: Client):
    await report(gate, happened(FORGED))
    with statements(app) as sent:
        await report(gate, *(happened(FORGED) for _ in range(20)))
    assert len(sent) == 1, sent


async def test_a_batch_costs_as_many_statements_whatever_its_size(
    app: FastAPI, api: Api, database: Database, clock: SettableClock, gate: Client
):
    admin = await api.admin()
    hours = [f"{hour:02}:00" for hour in range(9, 15)]
    visitors = [await admin.register(visit_time=hours[n % 6]) for n in range(24)]
    clock.set(NOON)
    await report(gate, happened(FORGED))  # the device has been seen
    counts = []
    for group in (visitors[:1], visitors[1:]):
        batch = [
            scan
            for visitor in group
            for scan in (
                happened(visitor["qr_code"], "11:00"),
                happened(visitor["qr_code"], "11:45", direction="out"),
                happened(visitor["qr_code"], "11:50"),
            )
        ]
        with statements(app) as sent:
            await report(gate, *batch)
        counts.append(len(sent))
        with statements(app) as sent:
            assert {r["result"] for r in await report(gate, *batch)} == {"duplicate"}
        assert len(sent) == 3, sent
    assert counts[0] == counts[1] <= 11, counts
    await assert_seats_are_visitors(database)


def counted(verdict: str, code: str = "") -> float:
    return REGISTRY.get_sample_value("vms_scans_total", {"verdict": verdict, "code": code}) or 0


async def test_each_scan_of_a_batch_is_counted_once_it_is_kept(api: Api, gate: Client):
    visitor = await (await api.admin()).register()
    series = [("admitted", ""), ("conflict", "already_inside"), ("forged", ""), ("replayed", "")]
    scans = [happened(visitor["qr_code"]), happened(visitor["qr_code"]), happened(FORGED)]
    before = [counted(*labels) for labels in series]
    await report(gate, *scans, scans[0])
    assert [counted(*labels) for labels in series] == [number + 1 for number in before]


async def test_no_token_is_kept_or_shown(api: Api, gate: Client):
    admin = await api.admin()
    visitor = await admin.register()
    answer = await send(gate, happened(visitor["qr_code"]), happened(visitor["qr_code"]))
    listed = await admin.get("visitors/scans/")
    for text in (answer.text, listed.text):
        assert visitor["qr_code"] not in text
        assert "hash" not in text


async def test_five_hundred_scans_are_a_batch_and_one_more_is_not(api: Api, gate: Client):
    visitor = await (await api.admin()).register()
    scans = [happened(visitor["qr_code"], gate="N" * 200) for _ in range(501)]
    results = await report(gate, *scans[:500])
    assert Counter(words(results)) == {"accepted": 1, "conflict already_inside": 499}
    assert faulty_fields(await send(gate, *scans)) == {"scans"}


async def test_an_empty_batch_is_422(gate: Client):
    assert faulty_fields(await send(gate)) == {"scans"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("token", ""),
        ("token", "x" * 513),
        ("scan_id", None),
        ("scan_id", "1"),
        ("scanned_at", None),
        ("scanned_at", "2026-11-23T08:00:00"),
        ("scanned_at", "0001-01-01T00:00:00+14:00"),
        ("scanned_at", "9999-12-31T23:59:59-14:00"),
        ("direction", "up"),
        ("gate", "a\nb"),
        ("site", "x"),
    ],
)
async def test_a_wrong_field_names_its_scan(
    api: Api, database: Database, gate: Client, field: str, value: Any
):
    visitor = await (await api.admin()).register()
    scan = happened(visitor["qr_code"])
    answer = await send(gate, scan, {**happened(visitor["qr_code"]), field: value})
    assert faulty_fields(answer) == {f"scans.1.{field}"}
    assert await all_scans(database) == []


async def test_who_may_not_scan_may_not_report(api: Api):
    visitor = await (await api.admin()).register()
    scan = happened(visitor["qr_code"])
    problem(await send(await api.host(), scan), 403, "forbidden")
    problem(await send(await add_device(api, "kiosk"), scan), 403, "forbidden")
    problem(await send(Client(api.http, {}, ""), scan), 401, "not_authenticated")


async def test_reception_may_report_what_it_has_written_down(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    results = await report(admin, happened(visitor["qr_code"]), {**happened(FORGED)})
    assert words(results) == ["accepted", "unknown unknown"]
    other = {"scan_id": str(new_id()), "scanned_at": "2026-11-23T08:00:00Z"}
    again = await report(admin, {"qr_code": visitor["qr_code"], **other})
    assert words(again) == ["conflict already_inside"]


async def test_new_scans_of_batches_are_limited_but_a_queue_comes_to_an_end(
    app: FastAPI, api: Api, gate: Client, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(app.state.settings, "scan_limit_per_device", "3/minute")
    admin = await api.admin()
    token = (await admin.register())["qr_code"]
    first = [happened(token, f"08:0{n}") for n in range(2)]
    second = [happened(token, f"08:1{n}") for n in range(5)]
    third = [happened(token, "08:30")]
    await report(gate, *first)
    await report(gate, *second)
    kept = len(await all_scans(api.database))
    problem(await send(gate, *third), 429, "too_many_requests")
    problem(await send(gate, *first, *third), 429, "too_many_requests")
    assert len(await all_scans(api.database)) == kept == 7
    assert len(await report(gate, *first, *second)) == 7  # repeats count nothing
    assert (await gate.scan(token)).status_code != 429  # the door does not wait for the queue


async def test_a_batch_of_thousands_of_faults_gets_a_short_answer(gate: Client):
    odd: dict[str, Any] = {f"k{number}": 1 for number in range(90)}
    crowded = await send(gate, *(happened(FORGED, **odd) for _ in range(500)))
    assert [f["code"] for f in problem(crowded, 422, "invalid")["errors"]] == ["too_many_fields"]
    faulty = await send(gate, *(happened(FORGED, direction="up", site="x") for _ in range(500)))
    document = problem(faulty, 422, "invalid")
    assert len(document["errors"]) == 50
    assert "1000 faults" in document["detail"]
    assert len(faulty.content) < 10_000
