"""Changing a visitor by PUT and PATCH."""

from typing import Any

import pytest

from app.core.db.database import Database
from app.visitors.models import VisitorStatus
from tests.support.api import VISITOR, Api
from tests.support.database import (
    add_department,
    add_site,
    all_events,
    all_mails,
    assert_seats_are_visitors,
    booked,
    set_status,
)
from tests.support.mailbox import Mailbox
from tests.support.problems import faulty_fields, problem

READ_ONLY = [
    "id", "status", "qr_code", "checked_in_at", "checked_out_at", "created_at", "updated_at",
    "is_rescheduled", "original_visit_date", "original_visit_time", "department_name", "site_name",
    "revision", "slot_id", "checked_out_automatically",
]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Augusta King"),
        ("phone", "112"),
        ("company", "King & Sons"),
        ("visitor_type", "student"),
        ("visitor_category", "other"),
        ("purpose", "delivery"),
        ("notes", "by bicycle"),
        ("host_name", "Mary"),
    ],
)
async def test_patch_changes_what_is_sent_and_nothing_else(api: Api, field: str, value: str):
    admin = await api.admin()
    before = await admin.register(phone="123", company="Ltd", notes="none", purpose="interview")
    answer = await admin.patch(f"visitors/{before['id']}/", {field: value})
    assert answer.status_code == 200
    assert answer.json() == before | {field: value}
    assert (await admin.get(f"visitors/{before['id']}/")).json() == answer.json()


async def test_an_empty_patch_changes_nothing(api: Api, database: Database):
    admin = await api.admin()
    before = await admin.register()
    assert (await admin.patch(f"visitors/{before['id']}/", {})).json() == before
    assert [event.action for event in await all_events(database)] == ["registered"]


@pytest.mark.parametrize("method", ["put", "patch"])
@pytest.mark.parametrize("field", READ_ONLY)
async def test_read_only_fields_are_422(api: Api, method: str, field: str):
    admin = await api.admin()
    visitor = await admin.register()
    body = (VISITOR if method == "put" else {}) | {field: visitor.get(field)}
    answer = await admin.request(method.upper(), f"visitors/{visitor['id']}/", json=body)
    assert faulty_fields(answer) == {field}


@pytest.mark.parametrize(
    "field",
    ["email", "phone", "company", "department", "host_name", "host_email", "notes", "language"],
)
async def test_null_empties_what_may_be_empty(api: Api, database: Database, field: str):
    admin, department = await api.admin(), await add_department(database)
    filled = {"phone": "112", "company": "x", "notes": "x", "language": "de"}
    visitor = await admin.register(**filled, department=department)
    answer = await admin.patch(f"visitors/{visitor['id']}/", {field: None})
    assert answer.status_code == 200
    assert answer.json()[field] is None


@pytest.mark.parametrize(
    "field",
    ["name", "visitor_type", "visitor_category", "purpose", "visit_date", "visit_time",
     "site"],
)  # fmt: skip
async def test_null_is_422_elsewhere(api: Api, field: str):
    admin = await api.admin()
    visitor = await admin.register()
    problem(await admin.patch(f"visitors/{visitor['id']}/", {field: None}), 422, "invalid")
    assert (await admin.get(f"visitors/{visitor['id']}/")).json() == visitor


async def test_put_replaces_everything(api: Api, database: Database):
    admin, department = await api.admin(), await add_department(database)
    visitor = await admin.register(
        phone="112", company="x", notes="x", department=department, purpose="training"
    )
    answer = await admin.put(f"visitors/{visitor['id']}/", VISITOR | {"name": "Augusta"})
    assert answer.status_code == 200
    emptied = {"phone": None, "company": None, "notes": None, "department": None}
    defaults = {"department_name": None, "purpose": "other", "name": "Augusta"}
    assert answer.json() == visitor | emptied | defaults


@pytest.mark.parametrize("field", ["name", "visit_date", "visit_time"])
async def test_put_needs_every_required_field(api: Api, field: str):
    admin = await api.admin()
    visitor = await admin.register()
    body = {name: value for name, value in VISITOR.items() if name != field}
    assert faulty_fields(await admin.put(f"visitors/{visitor['id']}/", body)) == {field}


async def test_an_unknown_department_is_422(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    answer = await admin.patch(f"visitors/{visitor['id']}/", {"department": visitor["id"]})
    assert faulty_fields(answer) == {"department"}


@pytest.mark.parametrize("method", ["put", "patch"])
async def test_a_new_time_is_a_reschedule(api: Api, database: Database, method: str):
    admin = await api.admin()
    visitor = await admin.register()
    move = {"visit_date": "2026-11-24", "visit_time": "14:30"}
    body = (VISITOR if method == "put" else {}) | move
    answer = await admin.request(method.upper(), f"visitors/{visitor['id']}/", json=body)
    moved = answer.json()
    assert moved.items() >= move.items()
    assert moved["is_rescheduled"]
    assert moved["original_visit_date"] == visitor["visit_date"]
    assert moved["original_visit_time"] == visitor["visit_time"]
    assert moved["qr_code"] != visitor["qr_code"]
    assert await booked(database, "2026-11-23", 10) == 0
    assert await booked(database, "2026-11-24", 14) == 1
    problem(await admin.scan(visitor["qr_code"]), 409, "rescheduled")


async def test_a_move_to_a_full_hour_changes_nothing_at_all(api: Api, database: Database):
    admin = await api.admin()
    for _ in range(20):
        await admin.register(visit_time="15:00")
    visitor = await admin.register()
    body = {"visit_time": "15:30", "name": "Augusta", "email": "augusta@example.com"}
    found = problem(await admin.patch(f"visitors/{visitor['id']}/", body), 409, "slot_full")
    assert len(found["alternatives"]) == 3
    assert (await admin.get(f"visitors/{visitor['id']}/")).json() == visitor
    await assert_seats_are_visitors(database)


async def test_a_move_to_another_site_takes_the_seat_along(api: Api, database: Database):
    admin, annex = await api.admin(), await add_site(database)
    visitor = await admin.register()
    moved = (await admin.patch(f"visitors/{visitor['id']}/", {"site": annex})).json()
    assert (moved["site"], moved["site_name"]) == (annex, "Annex")
    assert moved["is_rescheduled"]
    assert await booked(database, "2026-11-23", 10) in {0, 1}
    await assert_seats_are_visitors(database)


async def test_a_move_to_an_unknown_site_is_422(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    answer = await admin.patch(f"visitors/{visitor['id']}/", {"site": visitor["id"]})
    assert faulty_fields(answer) == {"site"}


@pytest.mark.parametrize(
    "status", [each for each in VisitorStatus if each is not VisitorStatus.PENDING]
)
async def test_only_a_pending_visit_moves(api: Api, database: Database, status: VisitorStatus):
    admin = await api.admin()
    visitor = await admin.register()
    await set_status(database, visitor["id"], status)
    answer = await admin.patch(f"visitors/{visitor['id']}/", {"visit_time": "15:00"})
    assert problem(answer, 409, "invalid_transition")["current_status"] == status.value


async def test_the_same_time_again_is_no_reschedule(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    body = {"visit_time": "10:00", "visit_date": "2026-11-23", "site": visitor["site"]}
    assert (await admin.patch(f"visitors/{visitor['id']}/", body)).json() == visitor


async def test_a_new_address_is_sent_the_confirmation(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    await mailbox.deliver()
    await admin.patch(f"visitors/{visitor['id']}/", {"email": "augusta@example.com"})
    first, second = await mailbox.deliver()
    assert first["To"].addresses[0].addr_spec == "ada@example.com"
    assert second["To"].addresses[0].addr_spec == "augusta@example.com"


async def test_the_same_address_again_sends_nothing(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    await admin.patch(f"visitors/{visitor['id']}/", {"email": "ada@example.com"})
    assert len(await all_mails(database)) == 1


async def test_addresses_changed_to_and_fro_are_each_sent_one(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    for email in ("b@example.com", "ada@example.com", "b@example.com"):
        answer = await admin.patch(f"visitors/{visitor['id']}/", {"email": email})
        assert answer.status_code == 200
    assert [mail.version for mail in await all_mails(database)] == [0, 1, 2, 3]


async def test_a_new_address_and_a_new_time_mail_the_new_address_alone(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register(host_email=None)
    body = {"email": "augusta@example.com", "visit_time": "15:00"}
    await admin.patch(f"visitors/{visitor['id']}/", body)
    [mail] = await mailbox.deliver()
    assert mail["To"].addresses[0].addr_spec == "augusta@example.com"


async def test_a_host_cannot_give_a_visitor_away(api: Api):
    host = await api.host()
    visitor = await host.register()
    body: dict[str, Any] = {"host_name": "Mary", "host_email": "mary@example.com"}
    path = f"visitors/{visitor['id']}/"
    problem(await host.patch(path, body), 403, "not_your_visit")
    problem(await host.put(path, VISITOR | body), 403, "not_your_visit")
    assert (await host.get(path)).json() == visitor


async def test_admins_can_give_a_visitor_to_another_host(api: Api):
    admin, charles, mary = await api.admin(), await api.host(), await api.host("mary@example.com")
    visitor = await charles.register()
    await admin.patch(f"visitors/{visitor['id']}/", {"host_email": "mary@example.com"})
    assert (await mary.get(f"visitors/{visitor['id']}/")).status_code == 200
    problem(await charles.get(f"visitors/{visitor['id']}/"), 404, "not_found")
