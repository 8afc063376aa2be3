"""`GET /api/audit/`."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.events.sequencer_service import Sequencer
from app.users.models import Role
from tests.audit.entries import AT, DESK, write
from tests.devices.devices import add_device
from tests.support.api import Api, Client
from tests.support.counting import statements
from tests.support.database import add_site
from tests.support.problems import faulty_fields, problem

LINES = {"Accept": "application/x-ndjson"}


async def test_only_superadmins_and_admins_read_it(api: Api, http: httpx.AsyncClient):
    for client in (await api.superadmin(), await api.admin()):
        assert (await client.get("audit/")).status_code == 200
    for client in (await api.host(), await add_device(api)):
        problem(await client.get("audit/"), 403, "forbidden")
    problem(await http.get("/api/audit/"), 401, "not_authenticated")


async def test_an_entry_says_who_did_what_when_and_from_where(
    api: Api, database: Database, sequencer: Sequencer
):
    root = await api.superadmin()
    visitor = await root.register()
    await sequencer.step()
    [entry] = (await root.get("audit/", subject=visitor["id"])).json()["items"]
    assert entry | {"hash": "", "previous_hash": "", "id": ""} == {
        "id": "",
        "seq": 2,
        "at": "2026-11-23T08:00:00.000000Z",
        "actor": {
            "kind": "user",
            "id": entry["actor"]["id"],
            "name": "Super Admin",
            "role": "superadmin",
        },
        "action": "visitor.registered",
        "subject": {"type": "visitor", "id": visitor["id"]},
        "site": visitor["site"],
        "address": "127.0.0.1",
        "request_id": entry["request_id"],
        "details": {},
        "previous_hash": "",
        "hash": "",
    }


async def test_entries_are_listed_once_they_are_chained(
    api: Api, database: Database, sequencer: Sequencer
):
    root = await api.superadmin()
    assert (await root.get("audit/")).json()["items"] == []
    await sequencer.step()
    assert len((await root.get("audit/")).json()["items"]) == 1


async def test_filters_narrow_the_list(
    api: Api, database: Database, sequencer: Sequencer, clock: SettableClock
):
    root = await api.superadmin()
    visitor = await root.register()
    await write(database, 2, AT)
    await sequencer.step()

    async def numbers(**chosen: str) -> list[int]:
        answer = await root.get("audit/", **chosen)
        assert answer.status_code == 200, answer.text
        return [entry["seq"] for entry in answer.json()["items"]]

    now, later = clock.now().isoformat(), (clock.now() + timedelta(seconds=1)).isoformat()
    assert await numbers() == [4, 3, 2, 1]
    assert await numbers(actor=root.user_id) == [2, 1]
    assert await numbers(actor=str(DESK.id)) == [4, 3]
    assert await numbers(action="site.updated") == [4, 3]
    assert await numbers(action="visitor.registered") == [2]
    assert await numbers(subject=visitor["id"]) == [2]
    assert await numbers(site=visitor["site"]) == [2]
    assert await numbers(since=now) == [2, 1]
    assert await numbers(until=now) == [4, 3]
    assert await numbers(since=now, until=later, action="user.signed_in") == [1]
    problem(await root.get("audit/", action="registered"), 422, "invalid")


async def test_pages_neither_repeat_nor_skip(api: Api, database: Database, sequencer: Sequencer):
    root = await api.superadmin()
    await write(database, 6)
    await sequencer.step()
    found: list[int] = []
    cursor: str | None = None
    while len(found) < 20:
        more: dict[str, str] = {} if cursor is None else {"cursor": cursor}
        page = (await root.get("audit/", limit=3, include_total=True, **more)).json()
        found += [entry["seq"] for entry in page["items"]]
        assert page["total"] == 7
        await write(database)
        if (cursor := page["next_cursor"]) is None:
            break
    assert found == [7, 6, 5, 4, 3, 2, 1]


async def test_a_page_takes_two_statements(
    api: Api, app: FastAPI, database: Database, sequencer: Sequencer
):
    root = await api.superadmin()
    await sequencer.step()
    with statements(app) as sent:
        await root.get("audit/")
    assert len(sent) == 2, sent


async def test_reading_the_lines_is_recorded(api: Api, database: Database, sequencer: Sequencer):
    root = await api.superadmin()
    await sequencer.step()
    headers = root.headers | LINES
    answer = await api.http.get("/api/audit/?action=user.signed_in", headers=headers)
    assert len(answer.text.splitlines()) == 1
    assert answer.headers["content-disposition"].endswith('"audit-2026-11-23.ndjson"')
    await sequencer.step()
    newest = (await root.get("audit/")).json()["items"][0]
    assert (newest["action"], newest["details"]) == ("audit.exported", {"filters": ["action"]})


@pytest.mark.parametrize(
    ("path", "action"),
    [("audit/?", "audit.exported"), ("visitors/export-excel/?format=csv&", "visitors.exported")],
)
async def test_an_export_leaves_nothing_in_the_log_of_another_site(
    api: Api, database: Database, sequencer: Sequencer, path: str, action: str
):
    sites = [await add_site(database, name) for name in ("Annex", "Barn")]
    local, other = [
        await api.of_role(Role.ADMIN, site, email=f"{site}@example.com") for site in sites
    ]
    for site in sites:
        headers = local.headers | LINES
        answer = await api.http.get(f"/api/{path}site={site}", headers=headers)
        assert answer.status_code == 200
    await sequencer.step()
    found = [await entries(each, action) for each in (local, other)]
    assert [len(each) for each in found] == [1, 0]


async def entries(client: Client, action: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await client.get("audit/", action=action)).json()["items"]
    return items


async def test_a_failed_sign_in_has_nobody(api: Api, database: Database, sequencer: Sequencer):
    root = await api.superadmin()
    body = {"email": "root@example.com", "password": "wrong"}
    await api.http.post("/api/auth/login/", json=body)
    await sequencer.step()
    [entry] = (await root.get("audit/", action="user.sign_in_failed")).json()["items"]
    assert entry["actor"] == {"kind": "anonymous", "id": None, "name": "", "role": "anonymous"}
    assert entry["subject"] == {"type": "user", "id": root.user_id}


async def test_a_device_is_a_device(api: Api, database: Database, sequencer: Sequencer):
    gate = await add_device(api)
    root = await api.superadmin()
    visitor = await root.register()
    await gate.scan(visitor["qr_code"])
    await sequencer.step()
    [entry] = (await root.get("audit/", action="visitor.checked_in")).json()["items"]
    assert entry["actor"]["kind"] == "device"
    assert (entry["actor"]["id"], entry["actor"]["role"]) == (gate.user_id, "scanner")


async def test_an_instant_that_is_none_in_utc_is_refused(api: Api):
    root = await api.superadmin()
    for path in ("audit/", "auth/events/"):
        for instant in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:00:00-01:00"):
            assert faulty_fields(await root.get(path, since=instant)) == {"since"}
