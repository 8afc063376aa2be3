"""Batches of offline scans: permissions, limits, costs and faults."""

from collections import Counter
from typing import Any

import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.ids import new_id
from tests.devices.devices import add_device
from tests.scans.offline import NOON, happened, report, send, words
from tests.scans.test_verify_qr import FORGED
from tests.support.api import Api, Client
from tests.support.counting import statements
from tests.support.database import all_events, all_mails, all_scans, assert_seats_are_visitors
from tests.support.problems import faulty_fields, problem


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
        assert len(sent) == 4, sent
    assert counts[0] == counts[1] <= 15, counts
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


async def test_new_scans_are_limited_and_repeats_are_not(
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
    assert (
        await gate.scan(token)
    ).status_code != 429  # scans at the gate do not wait for the queue


async def test_a_batch_of_thousands_of_faults_gets_a_short_answer(gate: Client):
    odd: dict[str, Any] = {f"k{number}": 1 for number in range(90)}
    crowded = await send(gate, *(happened(FORGED, **odd) for _ in range(500)))
    assert [f["code"] for f in problem(crowded, 422, "invalid")["errors"]] == ["too_many_fields"]
    faulty = await send(gate, *(happened(FORGED, direction="up", site="x") for _ in range(500)))
    document = problem(faulty, 422, "invalid")
    assert len(document["errors"]) == 50
    assert "1000 faults" in document["detail"]
    assert len(faulty.content) < 10_000
