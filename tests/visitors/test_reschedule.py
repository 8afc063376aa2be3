"""Moving a visit."""

import pytest

from app.core.db.database import Database
from app.visitors.models import VisitorStatus
from tests.support.api import Api
from tests.support.database import (
    all_events,
    all_mails,
    assert_seats_are_visitors,
    booked,
    set_status,
)
from tests.support.mailbox import Mailbox
from tests.support.problems import faulty_fields, problem

MOVE = {"visit_date": "2026-11-24", "visit_time": "14:30"}


async def test_the_seat_moves(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register()
    answer = await admin.post(f"visitors/{visitor['id']}/reschedule/", MOVE)
    assert answer.status_code == 200
    assert answer.json().items() >= MOVE.items()
    assert await booked(database, "2026-11-23", 10) == 0
    assert await booked(database, "2026-11-24", 14) == 1


async def test_the_new_code_opens_and_every_old_one_is_refused(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    codes = [visitor["qr_code"]]
    for time in ("11:00", "09:30"):
        path = f"visitors/{visitor['id']}/reschedule/"
        moved = await admin.post(path, {"visit_date": "2026-11-23", "visit_time": time})
        codes.append(moved.json()["qr_code"])
    assert len(set(codes)) == 3
    for old in codes[:-1]:
        problem(await admin.scan(old), 409, "rescheduled")
    assert (await admin.scan(codes[-1])).status_code == 200


async def test_the_first_time_of_all_is_remembered(api: Api):
    admin = await api.admin()
    visitor = await admin.register()
    for time in ("11:00", "12:00"):
        path = f"visitors/{visitor['id']}/reschedule/"
        answer = await admin.post(path, {"visit_date": "2026-11-24", "visit_time": time})
        moved = answer.json()
        assert moved["is_rescheduled"]
        assert moved["original_visit_date"] == "2026-11-23"
        assert moved["original_visit_time"] == "10:00"


async def test_a_full_target_changes_nothing(api: Api, database: Database):
    admin = await api.admin()
    for _ in range(20):
        await admin.register(visit_date="2026-11-24", visit_time="14:00")
    visitor = await admin.register()
    events = len(await all_events(database))
    answer = await admin.post(f"visitors/{visitor['id']}/reschedule/", MOVE)
    found = problem(answer, 409, "slot_full")["alternatives"]
    assert [slot["visit_time"] for slot in found] == ["15:00", "16:00", "09:00"]
    assert (await admin.get(f"visitors/{visitor['id']}/")).json() == visitor
    assert len(await all_events(database)) == events
    assert (await admin.scan(visitor["qr_code"])).status_code == 200
    await assert_seats_are_visitors(database)


async def test_the_hour_that_it_has_is_no_alternative(api: Api):
    admin = await api.admin()
    visitor = await admin.register(visit_time="11:00")
    for _ in range(20):
        await admin.register(visit_time="10:00")
    body = {"visit_date": "2026-11-23", "visit_time": "10:00"}
    answer = await admin.post(f"visitors/{visitor['id']}/reschedule/", body)
    offered = problem(answer, 409, "slot_full")["alternatives"]
    assert [slot["visit_time"] for slot in offered] == ["12:00", "13:00", "14:00"]


async def test_moved_twice_to_one_time_is_moved_once(api: Api, database: Database):
    admin = await api.admin()
    path = f"visitors/{(await admin.register())['id']}/reschedule/"
    moved = (await admin.post(path, MOVE)).json()
    events, mails = await all_events(database), await all_mails(database)
    assert (await admin.post(path, MOVE)).json() == moved
    assert len(await all_events(database)) == len(events)
    assert len(await all_mails(database)) == len(mails)


async def test_within_a_full_hour_a_visit_can_move(api: Api, database: Database):
    admin = await api.admin()
    visitor, *_ = [await admin.register() for _ in range(20)]
    body = {"visit_date": "2026-11-23", "visit_time": "10:45"}
    answer = await admin.post(f"visitors/{visitor['id']}/reschedule/", body)
    assert answer.json()["visit_time"] == "10:45"
    await assert_seats_are_visitors(database)


@pytest.mark.parametrize(
    ("day", "time", "code"),
    [
        ("2026-11-22", "10:00", "slot_in_past"),
        ("2026-11-28", "10:00", "slot_closed"),
        ("2027-03-01", "10:00", "slot_too_far"),
    ],
)
async def test_the_rules_of_a_registration_hold(api: Api, day: str, time: str, code: str):
    admin = await api.admin()
    visitor = await admin.register()
    body = {"visit_date": day, "visit_time": time}
    problem(await admin.post(f"visitors/{visitor['id']}/reschedule/", body), 422, code)
    assert (await admin.get(f"visitors/{visitor['id']}/")).json() == visitor


@pytest.mark.parametrize(
    "status", [each for each in VisitorStatus if each is not VisitorStatus.PENDING]
)
async def test_only_a_pending_visit_moves(api: Api, database: Database, status: VisitorStatus):
    admin = await api.admin()
    visitor = await admin.register()
    await set_status(database, visitor["id"], status)
    answer = await admin.post(f"visitors/{visitor['id']}/reschedule/", MOVE)
    assert problem(answer, 409, "invalid_transition")["current_status"] == status.value


async def test_both_are_mailed_the_new_time_and_not_the_old(api: Api, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.post(f"visitors/{visitor['id']}/reschedule/", MOVE)
    mails = await mailbox.deliver()
    assert {mail["To"].addresses[0].addr_spec for mail in mails} == {
        "ada@example.com",
        "charles@example.com",
    }
    for mail in mails:
        text = mail.get_body(("plain",))
        assert text is not None
        assert "14:30" in text.get_content()
        assert "10:00" in text.get_content()


@pytest.mark.parametrize("field", ["visit_date", "visit_time"])
async def test_both_fields_are_needed_and_no_other(api: Api, field: str):
    admin = await api.admin()
    path = f"visitors/{(await admin.register())['id']}/reschedule/"
    body = {name: value for name, value in MOVE.items() if name != field}
    assert faulty_fields(await admin.post(path, body)) == {field}
    assert faulty_fields(await admin.post(path, MOVE | {"site": None})) == {"site"}
