"""Keys of devices: accepted, rotated, revoked; when a device was seen."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import update

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.devices.models import Device
from tests.devices.devices import HEARTBEAT, add_device, with_key
from tests.support.api import Api, Client
from tests.support.counting import statements
from tests.support.problems import problem

STRANGE = "vmsdev_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA24vVA6"


async def _alive(device: Client) -> bool:
    answer = await device.post(HEARTBEAT)
    if answer.status_code != 204:
        problem(answer, 401, "not_authenticated")
    return answer.status_code == 204


@pytest.mark.parametrize("kind", ["scanner", "kiosk"])
async def test_a_device_is_known_by_its_key(api: Api, kind: str):
    answer = await (await add_device(api, kind)).post(HEARTBEAT)
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize(
    "key", ["", " ", "x", "vmsdev_", STRANGE, STRANGE[:-1] + "!", "x" * 5_000, "\u00e9"]
)
async def test_a_key_that_is_not_one_of_ours_is_401(http: httpx.AsyncClient, key: str):
    headers = [(b"X-Device-Key", key.encode("latin-1"))]
    answer = await http.post(f"/api/{HEARTBEAT}", headers=headers)
    problem(answer, 401, "not_authenticated")


async def test_a_malformed_key_costs_no_statement(app: FastAPI, http: httpx.AsyncClient):
    with statements(app) as sent:
        await http.post(f"/api/{HEARTBEAT}", headers={"X-Device-Key": STRANGE[:-1] + "!"})
    assert sent == []


async def test_a_device_costs_a_statement_and_one_more_each_minute(
    app: FastAPI, api: Api, clock: SettableClock
):
    gate = await add_device(api)
    counts = []
    for seconds in (0, 0, 59, 1, 30):
        clock.advance(timedelta(seconds=seconds))
        with statements(app) as sent:
            assert await _alive(gate)
        counts.append(len(sent))
    assert counts == [2, 1, 1, 2, 1]


async def test_when_a_device_was_seen_is_known_to_a_minute(api: Api, clock: SettableClock):
    gate, admin = await add_device(api), await api.admin()
    seen = []
    for seconds in (0, 59, 1):
        clock.advance(timedelta(seconds=seconds))
        await gate.scan("V1" + "A" * 40)  # any request counts, a refused one, too
        seen.append((await admin.get(f"devices/{gate.user_id}/")).json()["last_seen_at"])
    assert seen == ["2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z", "2026-11-23T08:01:00Z"]


async def test_no_device_waits_for_a_row_that_is_held(api: Api, database: Database):
    gate = await add_device(api)
    async with database.write() as unit:
        await unit.write(update(Device).values(gate="held"))
        assert await asyncio.wait_for(_alive(gate), timeout=2)


async def test_both_keys_work_until_the_overlap_of_a_rotation_ends(api: Api, clock: SettableClock):
    old, admin = await add_device(api), await api.admin()
    rotated = await admin.post(f"devices/{old.user_id}/rotate-key/")
    assert rotated.status_code == 200
    new = with_key(api, rotated.json()["key"])
    assert await _alive(old)
    assert await _alive(new)
    clock.advance(timedelta(minutes=10))
    assert not await _alive(old)
    assert await _alive(new)


async def test_a_second_rotation_ends_the_first_key_at_once(api: Api):
    first, admin = await add_device(api), await api.admin()
    path = f"devices/{first.user_id}/rotate-key/"
    second = with_key(api, (await admin.post(path)).json()["key"])
    third = with_key(api, (await admin.post(path)).json()["key"])
    assert [await _alive(device) for device in (first, second, third)] == [False, True, True]


async def test_no_key_of_a_deleted_device_works_any_more(api: Api):
    old, admin = await add_device(api), await api.admin()
    path = f"devices/{old.user_id}/"
    new = with_key(api, (await admin.post(f"{path}rotate-key/")).json()["key"])
    assert (await admin.delete(path)).status_code == 204
    assert [await _alive(device) for device in (old, new)] == [False, False]


async def test_rotations_at_once_leave_one_present_key(api: Api):
    old, admin = await add_device(api), await api.admin()
    path = f"devices/{old.user_id}/rotate-key/"
    answers = await asyncio.gather(*[admin.post(path) for _ in range(4)])
    alive = [await _alive(with_key(api, answer.json()["key"])) for answer in answers]
    assert alive.count(True) == 2  # the last one and the one before it


async def test_a_device_that_changes_its_kind_changes_its_rights(api: Api):
    device, admin = await add_device(api, "scanner"), await api.admin()
    problem(await device.get("visitors/hosts/"), 403, "forbidden")
    await admin.patch(f"devices/{device.user_id}/", {"kind": "kiosk"})
    assert (await device.get("visitors/hosts/")).status_code == 200
    problem(await device.scan("V1" + "A" * 40), 403, "forbidden")


@pytest.mark.parametrize("path", [HEARTBEAT, "visitors/verify-qr/"])
async def test_two_credentials_at_once_are_refused(api: Api, path: str):
    admin, gate = await api.admin(), await add_device(api)
    both = Client(api.http, admin.headers | gate.headers, "")
    document = problem(await both.post(path, {"token": "x"}), 401, "not_authenticated")
    assert document["detail"] == "Send only one credential"


@pytest.mark.parametrize("name", ["X-Device-Key", "Authorization"])
async def test_one_credential_twice_is_refused(api: Api, name: str):
    admin, gate = await api.admin(), await add_device(api)
    value: Any = (gate.headers | admin.headers)[name]
    headers = [(name, value), (name, value)]
    answer = await api.http.get("/api/visitors/available-slots/", headers=headers)
    problem(answer, 401, "not_authenticated")
