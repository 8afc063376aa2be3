"""A scanner at its gate."""

from collections import Counter
from typing import Any

import pytest
from fastapi import FastAPI

from app.core.db.database import Database
from app.core.ids import new_id
from app.core.keys import KeyRing
from app.core.security.qr_token import QrTokens
from tests.devices.devices import add_device
from tests.support.api import Api
from tests.support.counting import statements
from tests.support.database import add_site, all_events, all_scans
from tests.support.problems import problem

FORGED = QrTokens(KeyRing(["the secret of somebody else, long enough"]))


async def test_a_scanner_admits_and_checks_out_at_its_gate(api: Api, database: Database):
    visitor = await (await api.admin()).register()
    gate = await add_device(api, gate="North")
    came = await gate.scan(visitor["qr_code"])
    left = await gate.scan(visitor["qr_code"], direction="out")
    assert [came.json()["verdict"], left.json()["verdict"]] == ["admitted", "checked_out"]
    scans = await all_scans(database)
    assert {(scan.gate, str(scan.site_id)) for scan in scans} == {("North", visitor["site"])}
    last = (await all_events(database))[-1]
    assert (last.actor_role, str(last.actor_id)) == ("scanner", gate.user_id)
    assert (last.actor_name, last.details) == ("North gate", {"gate": "North"})


async def test_a_gate_that_is_named_in_the_scan_wins(api: Api, database: Database):
    visitor = await (await api.admin()).register()
    await (await add_device(api, gate="North")).scan(visitor["qr_code"], gate="Turnstile 3")
    assert [scan.gate for scan in await all_scans(database)] == ["Turnstile 3"]


async def test_a_scanner_refuses_the_visitors_of_another_site(api: Api, database: Database):
    visitor = await (await api.admin()).register()
    elsewhere = await add_device(api, site=await add_site(database))
    assert problem(await elsewhere.scan(visitor["qr_code"]), 409, "wrong_site")
    here = await add_device(api, name="Main gate")
    assert (await here.scan(visitor["qr_code"])).status_code == 200
    way_out = await elsewhere.scan(visitor["qr_code"], direction="out")
    problem(way_out, 409, "wrong_site")


async def test_a_scan_id_belongs_to_its_device(api: Api):
    visitor = await (await api.admin()).register()
    one, other = await add_device(api, name="One"), await add_device(api, name="Other")
    scan_id = str(new_id())
    first = await one.scan(visitor["qr_code"], scan_id=scan_id)
    again = await one.scan(visitor["qr_code"], scan_id=scan_id)
    assert (first.json()["replayed"], again.json()["replayed"]) == (False, True)
    elsewhere = problem(
        await other.scan(visitor["qr_code"], scan_id=scan_id), 409, "already_inside"
    )
    assert elsewhere["replayed"] is False


async def test_scans_of_devices_and_users_cost_equal_statements(app: FastAPI, api: Api):
    admin, gate = await api.admin(), await add_device(api)
    visitors = [await admin.register() for _ in range(3)]
    await gate.scan(visitors[0]["qr_code"])
    counts = []
    for caller, visitor in ((admin, visitors[1]), (gate, visitors[2])):
        with statements(app) as sent:
            assert (await caller.scan(visitor["qr_code"])).status_code == 200
        counts.append(len(sent))
    assert counts[0] == counts[1]


async def test_codes_that_are_not_ours_are_limited_per_device(api: Api):
    one, other = await add_device(api, name="One"), await add_device(api, name="Other")
    for _ in range(30):
        problem(await one.scan(FORGED.new()), 404, "unknown")
    limited = await one.scan(FORGED.new())
    problem(limited, 429, "too_many_requests")
    assert 1 <= int(limited.headers["Retry-After"]) <= 60
    problem(await other.scan(FORGED.new()), 404, "unknown")


async def test_genuine_codes_pass_a_gate_whose_limit_is_reached(api: Api):
    admin, gate = await api.admin(), await add_device(api)
    visitor, moved = await admin.register(), await admin.register(email="eve@example.com")
    for _ in range(31):
        limited = await gate.scan(FORGED.new())
    problem(limited, 429, "too_many_requests")
    assert (await gate.scan(visitor["qr_code"])).status_code == 200
    problem(await gate.scan(visitor["qr_code"]), 409, "already_inside")
    await admin.delete(f"visitors/{moved['id']}/")
    problem(await gate.scan(moved["qr_code"]), 404, "unknown")
    problem(await gate.scan(FORGED.new()), 429, "too_many_requests")


async def test_a_refused_scan_counts_no_miss(api: Api):
    visitor, gate = await (await api.admin()).register(), await add_device(api)
    await gate.scan(visitor["qr_code"])
    for _ in range(35):
        problem(await gate.scan(visitor["qr_code"]), 409, "already_inside")
    problem(await gate.scan(FORGED.new()), 404, "unknown")


async def test_a_forged_code_costs_the_look_up_of_the_device_alone(app: FastAPI, api: Api):
    gate = await add_device(api)
    await gate.scan(FORGED.new())
    with statements(app) as sent:
        await gate.scan(FORGED.new())
    assert len(sent) == 1


def limited_to(monkeypatch: pytest.MonkeyPatch, app: FastAPI, rate: str) -> None:
    monkeypatch.setattr(app.state.settings, "scan_limit_per_device", rate)


async def test_genuine_scans_are_limited_per_device(
    app: FastAPI, api: Api, monkeypatch: pytest.MonkeyPatch
):
    limited_to(monkeypatch, app, "120/minute")
    admin, gate = await api.admin(), await add_device(api)
    token = (await admin.register())["qr_code"]
    answers = Counter([(await gate.scan(token)).status_code for _ in range(130)])
    assert answers == {200: 1, 409: 119, 429: 10}
    assert len(await all_scans(api.database)) == 120
    limited = await gate.scan(token)
    problem(limited, 429, "too_many_requests")
    assert 1 <= int(limited.headers["Retry-After"]) <= 60
    problem(await (await add_device(api, name="Other")).scan(token), 409, "already_inside")


async def test_repeats_of_a_scan_count_nothing(
    app: FastAPI, api: Api, monkeypatch: pytest.MonkeyPatch
):
    limited_to(monkeypatch, app, "2/minute")
    admin, gate = await api.admin(), await add_device(api)
    token, known = (await admin.register())["qr_code"], str(new_id())
    assert (await gate.scan(token, scan_id=known)).status_code == 200
    problem(await gate.scan(token), 409, "already_inside")
    problem(await gate.scan(token), 429, "too_many_requests")
    for _ in range(5):
        answer = await gate.scan(token, scan_id=known)
        assert (answer.status_code, answer.json()["replayed"]) == (200, True)


async def test_a_scan_asks_redis_once_a_lot(
    app: FastAPI, api: Api, monkeypatch: pytest.MonkeyPatch
):
    asked = []
    add = app.state.limiter.shared.add

    async def noted(*question: Any) -> Any:
        asked.append(question)
        return await add(*question)

    monkeypatch.setattr(app.state.limiter.shared, "add", noted)
    admin, gate = await api.admin(), await add_device(api)
    token = (await admin.register())["qr_code"]
    before = len(asked)
    for _ in range(20):
        await gate.scan(token)
    assert len(asked) - before == 2
