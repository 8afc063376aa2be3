"""`/api/devices/`: the record."""

from typing import Any

import pytest

from app.core.db.database import Database
from app.core.security.random_secrets import stored_hash
from tests.devices.devices import add_device
from tests.support.api import Api
from tests.support.database import add_site, places_holding
from tests.support.problems import faulty_fields, problem

NOWHERE = "01936b0e-7a4c-7cc3-8a59-0f9a4d2b6c11"
GATE = {"name": "North gate", "kind": "scanner", "gate": "North"}


async def test_a_new_device_is_answered_as_the_contract_says(api: Api, database: Database):
    admin, site = await api.admin(), await add_site(database)
    answer = await admin.post("devices/", GATE | {"site": site})
    assert answer.status_code == 201
    device = answer.json()
    assert answer.headers["Location"] == f"/api/devices/{device['id']}/"
    assert (GATE | {"site": site}).items() <= device.items()
    assert device["last_seen_at"] is None
    assert device["created_at"] == "2026-11-23T08:00:00Z"


async def test_the_key_is_shown_once_and_stored_nowhere(api: Api, database: Database):
    admin = await api.admin()
    created = (await admin.post("devices/", GATE)).json()
    key = created.pop("key")
    assert (await admin.get(f"devices/{created['id']}/")).json() == created
    assert (await admin.get("devices/")).json()["items"] == [created]
    assert await places_holding(database, key) == set()
    assert await places_holding(database, stored_hash(key).hex()) == {"devices.key_hash"}


async def test_a_device_without_a_site_stands_at_the_default_one(api: Api):
    admin = await api.admin()
    site = next(s for s in (await admin.get("sites/")).json()["items"] if s["is_default"])
    assert (await admin.post("devices/", GATE)).json()["site"] == site["id"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_an_unknown_site_is_422(api: Api, method: str):
    admin = await api.admin()
    device = (await admin.post("devices/", GATE)).json()["id"]
    path = "devices/" if method == "POST" else f"devices/{device}/"
    body = {"site": NOWHERE} if method == "PATCH" else GATE | {"site": NOWHERE}
    assert faulty_fields(await admin.request(method, path, json=body)) == {"site"}
    assert (await admin.get("devices/", include_total=True)).json()["total"] == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", None),
        ("name", "x" * 201),
        ("name", "two\nlines"),
        ("kind", "camera"),
        ("kind", None),
        ("site", "1"),
        ("gate", "a\0b"),
        ("key", "vmsdev_mine"),
        ("key_hash", "00"),
        ("last_seen_at", "2026-11-23T08:00:00Z"),
        ("id", NOWHERE),
    ],
)
async def test_a_wrong_field_is_422_and_named(api: Api, field: str, value: Any):
    admin = await api.admin()
    assert faulty_fields(await admin.post("devices/", GATE | {field: value})) == {field}
    device = (await admin.post("devices/", GATE)).json()["id"]
    assert faulty_fields(await admin.patch(f"devices/{device}/", {field: value})) == {field}


async def test_a_change_touches_what_is_sent_alone(api: Api):
    admin = await api.admin()
    created = (await admin.post("devices/", GATE)).json()
    created.pop("key")
    path = f"devices/{created['id']}/"
    changed = await admin.patch(path, {"gate": None})
    assert changed.json() == created | {"gate": None}
    replaced = await admin.put(path, {"name": "Lobby", "kind": "kiosk"})
    assert replaced.json() == created | {"name": "Lobby", "kind": "kiosk", "gate": None}
    assert (await admin.get(path)).json() == replaced.json()


async def test_devices_are_listed_by_name_and_page_by_page(api: Api):
    admin = await api.admin()
    for name in ("South", "East", "North", "East"):
        assert (await admin.post("devices/", GATE | {"name": name})).status_code == 201
    names: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await admin.get("devices/", limit=2, include_total=True, **cursor)).json()
        names += [device["name"] for device in page["items"]]
        assert page["total"] == 4
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert names == ["East", "East", "North", "South"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PUT", "", GATE),
        ("PATCH", "", {"name": "x"}),
        ("DELETE", "", None),
        ("POST", "rotate-key/", None),
    ],
)
async def test_a_device_that_is_not_there_is_404(api: Api, method: str, path: str, body: Any):
    answer = await (await api.admin()).request(method, f"devices/{NOWHERE}/{path}", json=body)
    problem(answer, 404, "not_found")


@pytest.mark.parametrize("kind", ["scanner", "kiosk"])
async def test_a_device_reads_its_own_place(api: Api, kind: str):
    admin = await api.superadmin()
    annex = {"name": "Werk 2", "timezone": "Europe/Berlin", "language": "de"}
    site = (await admin.post("sites/", annex)).json()["id"]
    device = await add_device(api, kind, site=site, gate="Nord")
    answer = await device.get("devices/me/")
    assert answer.json() == {
        "id": device.user_id,
        "name": "North gate",
        "kind": kind,
        "site": site,
        "site_name": "Werk 2",
        "gate": "Nord",
        "language": "de",
    }
    problem(await admin.get("devices/me/"), 403, "forbidden")


async def test_a_site_with_devices_is_in_use(api: Api, database: Database):
    site, root = await add_site(database), await api.superadmin()
    device = (await root.post("devices/", GATE | {"site": site})).json()["id"]
    problem(await root.delete(f"sites/{site}/"), 409, "in_use")
    assert (await root.delete(f"devices/{device}/")).status_code == 204
    assert (await root.delete(f"sites/{site}/")).status_code == 204
