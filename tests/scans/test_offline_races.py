"""Concurrent batches of offline gates and other requests, in real sessions."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.scans.limits import GenuineScans
from app.visitors.models import Visitor
from tests.devices.devices import add_device
from tests.scans.offline import NOON, at_noon, happened, report, send, words
from tests.support.api import Api, Client
from tests.support.database import all_events, all_scans, assert_seats_are_visitors
from tests.support.problems import problem


async def registered(admin: Client, count: int) -> list[dict[str, Any]]:
    hours = [f"{hour:02}:00" for hour in range(9, 14)]
    return [await admin.register(visit_time=hours[n % len(hours)]) for n in range(count)]


async def together(*calls: Awaitable[httpx.Response]) -> list[httpx.Response]:
    return list(await asyncio.gather(*calls))


async def statuses(database: Database) -> Counter[str]:
    async with database.read() as session:
        return Counter(v.status.value for v in await session.scalars(select(Visitor)))


async def test_gates_that_report_the_same_visitors_never_deadlock(
    api: Api, database: Database, clock: SettableClock
):
    visitors = await registered(await api.admin(), 20)
    gates = [await add_device(api, name=f"Gate {n}", gate=str(n)) for n in range(4)]
    clock.set(NOON)
    order = random.Random(4)  # noqa: S311 - nothing to guess
    for round_ in range(3):
        at, direction = f"11:{round_:02}", ("in", "out", "in")[round_]
        batches = [
            [happened(visitor["qr_code"], at, direction=direction) for visitor in visitors]
            for _ in gates
        ]
        for batch in batches:
            order.shuffle(batch)
        answers = await together(*(send(g, *b) for g, b in zip(gates, batches, strict=True)))
        assert {answer.status_code for answer in answers} == {200}
        results = Counter(r["result"] for a in answers for r in a.json()["results"])
        accepted = 20 if round_ < 2 else 0
        assert results == Counter({"accepted": accepted, "conflict": 80 - accepted})
        await assert_seats_are_visitors(database)
    assert await statuses(database) == {"completed": 20}
    actions = Counter(event.action for event in await all_events(database))
    assert (actions["checked_in"], actions["checked_out"]) == (20, 20)
    assert len(await all_scans(database)) == 240


async def test_a_batch_beside_online_scans_admits_each_visitor_once(
    api: Api, database: Database, clock: SettableClock
):
    visitors = await registered(await api.admin(), 20)
    offline, online = await add_device(api, name="Offline"), await add_device(api, name="Online")
    clock.set(NOON)
    tokens = [visitor["qr_code"] for visitor in visitors]
    batch, *answers = await together(
        send(offline, *(happened(token, "11:00") for token in reversed(tokens))),
        *(online.scan(token) for token in tokens),
    )
    here = Counter(result["result"] for result in batch.json()["results"])
    there = Counter(answer.status_code for answer in answers)
    assert here["accepted"] + there[200] == 20
    assert here["conflict"] + there[409] == 20
    actions = Counter(event.action for event in await all_events(database))
    assert actions["checked_in"] == 20


async def test_one_batch_sent_five_times_at_once_is_done_once(
    api: Api, database: Database, clock: SettableClock
):
    visitors, gate = await registered(await api.admin(), 10), await add_device(api)
    clock.set(NOON)
    batch = [happened(visitor["qr_code"], "11:00") for visitor in visitors]
    answers = await together(*(send(gate, *batch) for _ in range(5)))
    results = Counter(r["result"] for answer in answers for r in answer.json()["results"])
    assert results == {"accepted": 10, "duplicate": 40}
    assert len(await all_scans(database)) == 10


async def test_a_scan_sent_alone_and_in_a_batch_is_one_scan(api: Api, database: Database):
    gate = await add_device(api)
    for visitor in await registered(await api.admin(), 10):
        scan = happened(visitor["qr_code"], "07:59", direction="out")
        alone, batch = await together(gate.post("visitors/verify-qr/", scan), send(gate, scan))
        assert (alone.status_code, batch.status_code) == (409, 200)
    assert len(await all_scans(database)) == 10


async def test_a_batch_beside_all_that_admins_do_leaves_one_truth(
    api: Api, database: Database, clock: SettableClock
):
    admin = await api.admin()
    visitors, gate = await registered(admin, 20), await add_device(api)
    clock.set(NOON)
    admin = await at_noon(api, clock)
    paths = [f"visitors/{visitor['id']}/" for visitor in visitors]
    batch, *answers = await together(
        send(gate, *(happened(visitor["qr_code"], "11:00") for visitor in visitors)),
        *(admin.post(f"{path}cancel/") for path in paths[:5]),
        *(
            admin.patch(path, {"visit_date": "2026-11-24", "visit_time": "10:00"})
            for path in paths[5:10]
        ),
        *(admin.delete(path) for path in paths[10:15]),
    )
    assert batch.status_code == 200
    assert {answer.status_code for answer in answers} <= {200, 204, 409}
    results = words(batch.json()["results"])
    assert set(results[:5]) <= {"accepted", "conflict cancelled"}
    assert set(results[5:10]) <= {"accepted", "conflict rescheduled"}
    assert set(results[10:15]) <= {"accepted", "unknown unknown"}
    assert set(results[15:]) == {"accepted"}
    assert len(await all_scans(database)) == 20
    await assert_seats_are_visitors(database)


async def test_entrance_and_exit_that_report_in_any_order_end_alike(
    api: Api, database: Database, clock: SettableClock
):
    visitors = await registered(await api.admin(), 12)
    doors = [await add_device(api, name=name) for name in ("Entrance", "Exit")]
    clock.set(NOON)
    for group in (visitors[:6], visitors[6:]):
        ways = [
            [happened(v["qr_code"], at, direction=way) for v in group]
            for at, way in (("11:00", "in"), ("11:30", "out"))
        ]
        calls = [report(door, *scans) for door, scans in zip(doors, ways, strict=True)]
        await asyncio.gather(*reversed(calls))
    assert await statuses(database) == {"completed": 12}
    assert {scan.verdict.value for scan in await all_scans(database)} == {
        "admitted",
        "checked_out",
    }
    await assert_seats_are_visitors(database)


async def test_batches_of_one_device_hold_one_connection(
    app: FastAPI, api: Api, monkeypatch: pytest.MonkeyPatch
):
    flooder, other = await add_device(api, name="Flooder"), await add_device(api, name="Other")
    visitor = await (await api.admin()).register()
    go_on, count = asyncio.Event(), GenuineScans.report

    async def held(self: GenuineScans, caller: UUID, number: int) -> None:
        await go_on.wait()
        await count(self, caller, number)

    with monkeypatch.context() as patch:
        patch.setattr(GenuineScans, "report", held)
        flood = [
            asyncio.create_task(send(flooder, happened(visitor["qr_code"]))) for _ in range(40)
        ]
        async with asyncio.timeout(30):
            while sum(sent.done() for sent in flood) < 35:  # noqa: ASYNC110 - tasks, not events
                await asyncio.sleep(0.01)
        assert app.state.database.engine.pool.checkedout() == 1
        assert (await other.scan(visitor["qr_code"])).status_code == 200
        go_on.set()
    answers = await asyncio.gather(*flood)
    assert Counter(answer.status_code for answer in answers) == {200: 5, 503: 35}
    assert all("Retry-After" in a.headers for a in answers if a.status_code == 503)
    assert (await send(flooder, happened(visitor["qr_code"]))).status_code == 200
    assert not app.state.batch_turns.under_way


async def test_batches_are_limited_repeats_too(
    app: FastAPI, api: Api, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(app.state.settings, "batch_limit_per_device", "2/minute")
    gate, other = await add_device(api, name="One"), await add_device(api, name="Other")
    visitor = await (await api.admin()).register()
    scan = happened(visitor["qr_code"])
    assert [(await send(gate, scan)).status_code for _ in range(2)] == [200, 200]
    problem(await send(gate, scan), 429, "too_many_requests")
    assert (await send(other, scan)).status_code == 200
    assert (await gate.scan(visitor["qr_code"])).status_code == 409  # scans at the gate do not wait
