"""`GET /api/events/`."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.ids import new_id
from app.events.repository import WINDOW
from app.events.sequencer_service import Sequencer
from app.users.models import Role
from tests.audit.entries import sql
from tests.devices.devices import add_device
from tests.events.following import write_entry, write_pending
from tests.support.api import VISITOR, Api, Client
from tests.support.database import add_site
from tests.support.problems import faulty_fields, problem


async def events(client: Client, **asked: Any) -> dict[str, Any]:
    answer = await client.get("events/", **asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def types(client: Client, **asked: Any) -> list[str]:
    return [event["type"] for event in (await events(client, **asked))["items"]]


async def test_who_reads_visits_reads_events(api: Api, http: httpx.AsyncClient):
    readers = (Role.SUPERADMIN, Role.ADMIN, Role.RECEPTIONIST, Role.HOST)
    for role in readers:
        assert (await (await api.of_role(role)).get("events/")).status_code == 200
    kiosk = await add_device(api, name="Lobby", kind="kiosk")
    for client in (await api.of_role(Role.GUARD), await add_device(api), kiosk):
        problem(await client.get("events/"), 403, "forbidden")
    problem(await http.get("/api/events/"), 401, "not_authenticated")


async def test_an_event_says_what_happened_by_ids_alone(api: Api, sequencer: Sequencer):
    root = await api.superadmin()
    answer = await root.post("visitors/", VISITOR)
    visitor = answer.json()
    await sequencer.step()
    found = await events(root)
    event = found["items"][-1]
    assert event | {"id": "", "seq": 0} == {
        "id": "",
        "seq": 0,
        "type": "visit.registered",
        "created_at": "2026-11-23T08:00:00Z",
        "site": visitor["site"],
        "subject": {"type": "visitor", "id": visitor["id"], "version": 1},
        "actor": {"kind": "user", "id": root.user_id},
        "request_id": answer.headers["X-Request-ID"],
        "fields": [],
    }
    assert found["next_after"] == found["head"] == event["seq"]


async def test_a_day_of_a_visit_is_told_in_order(
    api: Api, clock: SettableClock, sequencer: Sequencer
):
    clock.set(clock.now().replace(hour=9))
    root = await api.superadmin()
    visitor = await root.register(visit_time="11:00")
    path = f"visitors/{visitor['id']}"
    await root.patch(f"{path}/", {"phone": "+49 30 1234"})
    await root.post(f"{path}/reschedule/", {"visit_date": "2026-11-23", "visit_time": "10:00"})
    await root.post(f"{path}/cancel/")
    await root.post(f"{path}/undo/", {})
    code = (await root.get(f"{path}/")).json()["qr_code"]
    assert (await root.scan(code)).status_code == 200
    assert (await root.scan(code, direction="out")).status_code == 200
    await root.delete(f"{path}/")
    await sequencer.step()
    told = (await events(root))["items"]
    assert [event["type"] for event in told] == [
        "visit.registered",
        "visit.updated",
        "visit.rescheduled",
        "visit.cancelled",
        "visit.undone",
        "visit.checked_in",
        "visit.checked_out",
        "visit.completed",
        "visit.erased",
    ]
    assert [event["fields"] for event in told[1:3]] == [["phone"], ["visit_time"]]
    assert {event["subject"]["id"] for event in told} == {visitor["id"]}
    assert len({event["id"] for event in told}) == len(told)
    scanned = [event["subject"]["version"] for event in told[5:8]]
    assert scanned == [scanned[0], scanned[0] + 1, scanned[0] + 1]


async def test_each_change_of_a_visit_raises_its_version(
    api: Api, database: Database, sequencer: Sequencer
):
    root = await api.superadmin()
    visitor = await root.register()
    versions = []
    for phone in ("+49 30 1", "+49 30 2", "+49 30 2"):
        await root.patch(f"visitors/{visitor['id']}/", {"phone": phone})
        await sequencer.step()
        versions.append((await events(root))["items"][-1]["subject"]["version"])
    assert versions == [2, 3, 3]


async def test_hosts_read_events_of_their_own_visits(
    api: Api, sequencer: Sequencer, database: Database
):
    host, other = await api.host(), await api.host("grace@example.com", "Grace")
    root = await api.superadmin()
    visitor = await host.register()
    await other.register(email="second@example.com")
    async with database.write() as unit:
        write_pending(unit)
        write_entry(unit)
    await sequencer.step()
    assert await types(host) == ["visit.registered"]
    await root.put(f"auth/users/{other.user_id}/delegates/", {"user_ids": [host.user_id]})
    assert await types(host) == ["visit.registered"] * 2
    # The event keeps the host of its moment.
    await root.patch(f"visitors/{visitor['id']}/", {"host_id": other.user_id})
    await sequencer.step()
    assert await types(other) == ["visit.registered", "visit.updated"]


async def test_an_event_keeps_its_host_while_no_sequencer_runs(
    api: Api, sequencer: Sequencer, database: Database
):
    host, other = await api.host(), await api.host("grace@example.com", "Grace")
    root, visitor = await api.superadmin(), await host.register()
    await root.patch(f"visitors/{visitor['id']}/", {"host_id": other.user_id})
    await sequencer.step()
    assert await types(host) == ["visit.registered"]
    assert await types(other) == ["visit.updated"]


async def test_an_entry_of_the_previous_release_has_the_host_of_now(
    api: Api, sequencer: Sequencer, database: Database
):
    host = await api.host()
    await host.register()
    await sql(database, "UPDATE audit_entries SET is_host_known = false, host_id = NULL")
    await sequencer.step()
    assert await types(host) == ["visit.registered"]


async def test_limited_callers_read_events_of_their_sites(
    api: Api, sequencer: Sequencer, database: Database
):
    root = await api.superadmin()
    own, annex = (await root.register())["site"], await add_site(database)
    async with database.write() as unit:
        write_pending(unit, UUID(annex))
        write_pending(unit)
    await sequencer.step()
    desk = await api.of_role(Role.RECEPTIONIST, own)
    found = await events(desk)
    assert [event["type"] for event in found["items"]] == ["visit.registered"]
    assert found["next_after"] == found["head"] == 3
    assert (await events(desk, site=str(annex)))["items"] == []
    assert await types(root, site=str(annex)) == ["slot.full"]
    assert await types(root) == ["visit.registered", "slot.full", "slot.full"]


async def test_a_page_goes_on_past_events_that_are_left_out(
    api: Api, sequencer: Sequencer, database: Database
):
    root = await api.superadmin()
    async with database.write() as unit:
        for _ in range(3):
            write_entry(unit)
            write_pending(unit)
    await sequencer.step()
    first = await events(root, types="slot.full", limit=2)
    assert ([e["seq"] for e in first["items"]], first["next_after"]) == ([2, 4], 4)
    rest = await events(root, types="slot.full,visit.expired", after=4, limit=2)
    assert ([e["seq"] for e in rest["items"]], rest["next_after"]) == ([6], 6)
    none = await events(root, types="visit.expired")
    assert (none["items"], none["next_after"], none["head"]) == ([], 6, 6)


async def test_one_page_looks_through_so_many_numbers(
    api: Api, sequencer: Sequencer, database: Database
):
    root = await api.superadmin()
    await sql(database, "INSERT INTO event_log VALUES (1, :head)", head=2 * WINDOW)
    async with database.write() as unit:
        write_entry(unit)
    await sequencer.step()
    pages: list[dict[str, Any]] = []
    after = 0
    while not pages or after < pages[-1]["head"]:
        pages.append(await events(root, after=after))
        after = pages[-1]["next_after"]
    assert [len(page["items"]) for page in pages] == [0, 0, 1]
    assert after == 2 * WINDOW + 1


async def test_an_after_beyond_the_head_is_answered_like_the_head(
    api: Api, sequencer: Sequencer, database: Database
):
    root = await api.superadmin()
    async with database.write() as unit:
        write_entry(unit)
    await sequencer.step()
    assert await events(root, after=2**53 - 1) == {"items": [], "next_after": 1, "head": 1}


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"types": "visit.registered,visit.vanished"}, "types"),
        ({"types": ""}, "types"),
        ({"after": "-1"}, "after"),
        ({"after": str(2**53)}, "after"),
        ({"after": "now"}, "after"),
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"site": "annex"}, "site"),
    ],
)
async def test_what_cannot_be_asked_is_refused(api: Api, asked: dict[str, str], field: str):
    answer = await (await api.host()).get("events/", **asked)
    assert faulty_fields(answer) == {field}


async def test_an_unknown_site_has_no_events(api: Api):
    assert (await events(await api.superadmin(), site=str(new_id())))["items"] == []


async def test_an_upload_is_told_to_the_host_who_made_it(
    api: Api, sequencer: Sequencer, database: Database
):
    from tests.bulk.files import rows, upload, workbook

    host = await api.host()
    answer = await upload(host, workbook(rows(2)))
    assert answer.status_code == 201, answer.text
    await sequencer.step()
    told = (await events(host))["items"]
    assert [e["type"] for e in told] == ["visit.registered"] * 2 + ["import.completed"]
    assert told[-1]["subject"] == {"type": "import", "id": None, "version": None}
    assert {e["request_id"] for e in told} == {answer.headers["X-Request-ID"]}
