"""The number of statements of each operation, including the look-up of the caller.

Every request pays for a number that grows. BEGIN and COMMIT are not counted.
"""

import pytest
from fastapi import FastAPI

from app.core.db.database import Database
from app.users.models import Role
from tests.api_keys.keys import program
from tests.bulk.files import rows, upload, workbook
from tests.conftest import MONDAY
from tests.groups.groups import HOST, add_group
from tests.reports.data import Visitors
from tests.support.api import VISITOR, Api
from tests.support.counting import statements

DAY = {"visit_date": "2026-11-23"}
READS = {
    "visitors/": 2,
    "visitors/?q=ada&status=pending&ordering=visit_date": 2,
    "visitors/?include_total=true": 3,
    "visitors/{id}/": 2,
    "visitors/{id}/events/": 3,
    "visitors/{id}/notifications/": 4,
    "visitors/{id}/qr.png": 2,
    "visitors/available-slots/?visit_date=2026-11-23": 2,
    "visitors/check-slot/?visit_date=2026-11-23&visit_time=10:00": 2,
    "visitors/hosts/": 2,
    "visitors/dashboard-stats/": 4,
    "desk/": 4,
    "desk/search/?q=ada": 3,
    "visitors/scans/": 2,
    "departments/": 2,
    "groups/": 3,
    "sites/": 2,
    "devices/": 2,
    "api-keys/": 2,
    "notifications/": 2,
    "auth/me/": 2,
    "auth/users/": 2,
    "auth/sessions/": 2,
    "auth/events/": 2,
}


# Bytes of an answer with every field filled: fifty visitors, a month's dashboard, a day of slots.
BYTES = {
    "visitors/?limit=50": 55_000,
    "visitors/dashboard-stats/": 10_000,
    "visitors/available-slots/?visit_date=2026-11-23": 2_500,
}


@pytest.mark.parametrize("path", BYTES)
async def test_an_answer_keeps_its_size(api: Api, database: Database, path: str):
    filled = {
        "phone": "+49 30 123456",
        "company": "Analytical Engines Ltd",
        "host_name": "Charles Babbage",
        "host_email": "charles@example.com",
        "notes": "Comes by bicycle",
        "checked_in_at": MONDAY,
        "checked_out_at": MONDAY,
    }
    await Visitors(database).add(*({**filled, "name": f"Ada Lovelace {n}"} for n in range(60)))
    answer = await (await api.admin()).request("GET", path)
    assert answer.status_code == 200, answer.text
    assert len(answer.content) <= BYTES[path]


async def test_an_upload_keeps_its_budget(api: Api, app: FastAPI):
    admin = await api.admin()
    with statements(app) as sent:
        assert (await upload(admin, workbook(rows(20)))).status_code == 201
    assert len(sent) <= 7, sent


async def test_a_group_of_a_hundred_keeps_its_budget(api: Api, app: FastAPI):
    admin = await api.admin()
    site = (await admin.register())["site"]
    root = await api.superadmin()
    await root.patch(f"sites/{site}/", {"slot_capacity": 200})
    with statements(app) as sent:
        group = await add_group(admin, 100, visit_time="11:00", **HOST)
    assert len(group["visitors"]) == 100
    assert len(sent) <= 7, sent


@pytest.mark.parametrize("path", READS)
async def test_a_read_keeps_its_budget(api: Api, app: FastAPI, path: str):
    root = await api.superadmin()
    visitors = [await root.register(email=f"guest{n}@example.com") for n in range(3)]
    with statements(app) as sent:
        answer = await root.request("GET", path.format(id=visitors[0]["id"]))
    assert answer.status_code == 200, answer.text
    assert len(sent) <= READS[path], sent


@pytest.mark.parametrize("path", READS)
async def test_a_limit_to_sites_costs_no_statement(api: Api, app: FastAPI, path: str):
    root = await api.superadmin()
    visitor = await root.register()
    admin = await api.of_role(Role.ADMIN, visitor["site"])
    asked = path.format(id=visitor["id"])
    with statements(app) as without:
        await root.request("GET", asked)
    with statements(app) as sent:
        assert (await admin.request("GET", asked)).status_code == 200
    assert len(sent) == len(without), sent


@pytest.mark.parametrize("caller", ["every site", "one site", "key"])
async def test_a_registration_is_one_statement_beside_two_reads(
    api: Api, app: FastAPI, caller: str
):
    admin = await api.admin()
    if caller == "one site":
        admin = await api.of_role(Role.RECEPTIONIST, (await admin.register())["site"])
    if caller == "key":
        admin = await program(api, admin, "visitors:write")
    await admin.register()
    with statements(app) as sent:
        await admin.register(email="second@example.com")
    assert len(sent) == 3, sent
    assert "FOR UPDATE" in sent[2]


async def test_a_full_slot_is_refused_with_two_reads_more(api: Api, app: FastAPI):
    admin = await api.admin()
    for number in range(20):
        await admin.register(email=f"guest{number}@example.com")
    with statements(app) as sent:
        assert (await admin.post("visitors/", VISITOR)).status_code == 409
    assert len(sent) <= 7, sent


@pytest.mark.parametrize(("scan", "budget"), [("first", 3), ("again", 3), ("way out", 3)])
@pytest.mark.parametrize("limited", [False, True], ids=["every site", "one site"])
async def test_a_scan_keeps_its_budget(
    api: Api, app: FastAPI, scan: str, budget: int, limited: bool
):
    admin = await api.admin()
    visitor = await admin.register()
    if limited:
        admin = await api.of_role(Role.GUARD, visitor["site"])
    if scan != "first":
        await admin.scan(visitor["qr_code"])
    direction = "out" if scan == "way out" else "in"
    with statements(app) as sent:
        await admin.scan(visitor["qr_code"], direction=direction)
    assert len(sent) <= budget, sent


async def test_a_change_of_state_keeps_its_budget(api: Api, app: FastAPI):
    admin = await api.admin()
    visitor = await admin.register()
    with statements(app) as sent:
        await admin.post(f"visitors/{visitor['id']}/cancel/")
    assert len(sent) <= 9, sent
