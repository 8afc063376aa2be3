"""The list of scans, as reception reads it."""

from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app.core.clock import SettableClock
from app.core.db.database import Database
from tests.devices.devices import add_device
from tests.scans.offline import happened, report
from tests.support.api import Api, Client
from tests.support.counting import statements
from tests.support.database import add_site
from tests.support.problems import faulty_fields

PATH = "visitors/scans/"


async def codes(admin: Client, **chosen: Any) -> list[str | None]:
    answer = await admin.get(PATH, **chosen)
    assert answer.status_code == 200, answer.text
    return [item["code"] for item in answer.json()["items"]]


async def test_a_scan_is_shown_with_whom_where_when_and_why(api: Api):
    admin, gate = await api.admin(), await add_device(api, gate="North")
    visitor = await admin.register(visit_time="16:00", company="Ltd")
    scan = happened(visitor["qr_code"], "07:59")
    await report(gate, scan)
    (item,) = (await admin.get(PATH)).json()["items"]
    facts = ("id", "name", "company", "host_name", "visit_date", "visit_time", "purpose")
    assert item.pop("visitor") == {name: visitor[name] for name in facts} | {"checked_in_at": None}
    assert len(item.pop("id")) == 36
    assert item == {
        "received_at": "2026-11-23T08:00:00Z",
        "scanned_at": "2026-11-23T07:59:00Z",
        "scan_id": scan["scan_id"],
        "method": "gate",
        "verdict": "conflict",
        "code": "too_early",
        "message": "This visit begins at 16:00: the gate opens from 14:00",
        "direction": "in",
        "site": visitor["site"],
        "gate": "North",
        "scanned_by": gate.user_id,
        "device_name": "North gate",
    }


async def test_scans_of_users_and_deleted_devices_have_no_device(api: Api):
    admin, gate = await api.admin(), await add_device(api)
    visitor = await admin.register()
    await admin.scan(visitor["qr_code"])
    await gate.scan(visitor["qr_code"])
    await admin.delete(f"devices/{gate.user_id}/")
    by_gate, by_admin = (await admin.get(PATH)).json()["items"]
    assert (by_gate["scanned_by"], by_gate["device_name"]) == (gate.user_id, None)
    assert (by_admin["scanned_by"], by_admin["device_name"]) == (admin.user_id, None)
    assert by_admin["site"] is None


async def test_the_list_is_narrowed_by_every_filter(
    api: Api, database: Database, clock: SettableClock
):
    admin, site = await api.admin(), await add_site(database)
    north = await add_device(api, name="North", gate="North")
    annex = await add_device(api, name="Annex", gate="South", site=site)
    ada, eve = await admin.register(), await admin.register(email="eve@example.com")
    await north.scan(ada["qr_code"])
    await annex.scan(ada["qr_code"])
    clock.advance(timedelta(minutes=5))
    await report(north, happened(ada["qr_code"]))
    await north.scan(eve["qr_code"], direction="out")
    assert await codes(admin) == ["not_inside", "already_inside", "wrong_site", None]
    assert await codes(admin, verdict="conflict") == ["already_inside"]
    assert await codes(admin, verdict="admitted") == [None]
    assert await codes(admin, verdict="refused") == ["not_inside", "wrong_site"]
    assert await codes(admin, site=site) == ["wrong_site"]
    assert await codes(admin, scanned_by=annex.user_id) == ["wrong_site"]
    assert await codes(admin, gate="North", verdict="refused") == ["not_inside"]
    assert await codes(admin, visitor=eve["id"]) == ["not_inside"]
    five = "2026-11-23T08:05:00Z"
    assert await codes(admin, received_from=five) == ["not_inside", "already_inside"]
    assert await codes(admin, received_before=five) == ["wrong_site", None]


async def test_pages_follow_one_another(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    for _ in range(7):
        await admin.scan(visitor["qr_code"])
    seen, cursor = [], None
    while True:
        page = (await admin.get(PATH, limit=3, **({"cursor": cursor} if cursor else {}))).json()
        seen += [item["id"] for item in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    everything = (await admin.get(PATH, include_total=True)).json()
    assert seen == [item["id"] for item in everything["items"]]
    assert everything["total"] == 7


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("verdict", "maybe"),
        ("site", "x"),
        ("received_from", "2026-11-23"),
        ("received_before", "yesterday"),
        ("gate", "\0"),
        ("device", "x"),
    ],
)
async def test_a_wrong_filter_is_422(api: Api, name: str, value: str):
    assert faulty_fields(await (await api.admin()).get(PATH, **{name: value})) == {name}


async def test_conflicts_are_found_without_a_look_at_the_rest(
    api: Api, app: FastAPI, database: Database
):
    admin, gate = await api.admin(), await add_device(api)
    visitor = await admin.register()
    await gate.scan(visitor["qr_code"])
    await report(gate, happened(visitor["qr_code"]))
    await _fill(database, 5_000)
    with statements(app) as sent:
        assert await codes(admin, verdict="conflict") == ["already_inside"]
    (listing,) = [statement for statement in sent if "FROM scans" in statement]
    plan = await _generic_plan(database, listing)
    assert "ix_scans_conflicts" in plan
    assert "Seq Scan on scans" not in plan


async def _fill(database: Database, count: int) -> None:
    """Add this many scans like the admitted one, each a second older."""
    statement = text(
        "INSERT INTO scans SELECT (jsonb_populate_record(s, jsonb_build_object("
        "'id', gen_random_uuid(), 'created_at', s.created_at - n * interval '1 second'))).*"
        " FROM scans AS s, generate_series(1, :count) AS n WHERE verdict = 'admitted'"
    )
    async with database.engine.begin() as connection:
        await connection.execute(statement, {"count": count})
        await connection.execute(text("ANALYZE scans"))


async def _generic_plan(database: Database, statement: str) -> str:
    """Return the plan of a prepared statement that has been run many times, with one parameter."""
    async with database.engine.begin() as connection:
        await connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.exec_driver_sql(f"PREPARE listing AS {statement}")
        lines = await connection.exec_driver_sql("EXPLAIN EXECUTE listing(51)")
        await connection.exec_driver_sql("DEALLOCATE listing")
        return "\n".join(lines.scalars())
