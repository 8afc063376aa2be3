"""Deleting a visitor erases the person."""

import pytest

from app.core.db.database import Database
from app.visitors.models import VisitorStatus
from tests.support.api import Api
from tests.support.database import (
    all_events,
    all_mails,
    all_scans,
    assert_seats_are_visitors,
    booked,
    places_holding,
    set_status,
)
from tests.support.mailbox import Mailbox
from tests.support.problems import problem

PERSON = {
    "name": "Zephyrine Quux",
    "email": "zephyrine@quux.example",
    "phone": "+49 999 1234567",
    "company": "Quuxworks",
    "notes": "likes xylophones",
    "host_email": None,
}
TRACES = ["zephyrine", "quux", "1234567", "xylophones"]


async def test_the_scan_for_traces_sees_them(api: Api, database: Database):
    visitor = await (await api.admin()).register(**PERSON)
    assert await places_holding(database, "zephyrine@quux") == {
        "visitors.email",
        "notifications.recipient",
    }
    assert "notifications.payload" in await places_holding(database, "Zephyrine Quux")
    assert await places_holding(database, "xylophones") == {"visitors.notes"}
    assert await places_holding(database, visitor["qr_code"])


async def test_nothing_of_the_person_is_left_anywhere(
    api: Api, database: Database, mailbox: Mailbox
):
    admin = await api.admin()
    visitor = await admin.register(**PERSON)
    path = f"visitors/{visitor['id']}/"
    moved = (await admin.patch(path, {"visit_time": "09:00", "name": "Zephyrine Q. Quux"})).json()
    await admin.scan(visitor["qr_code"])
    await admin.scan(moved["qr_code"], gate="North")
    await mailbox.deliver()
    await admin.post(f"{path}check-out/")
    assert (await admin.delete(path)).status_code == 204
    for trace in [*TRACES, visitor["qr_code"], moved["qr_code"]]:
        assert await places_holding(database, trace) == set(), trace


async def test_waiting_mail_goes_with_the_visitor(api: Api, database: Database, mailbox: Mailbox):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.delete(f"visitors/{visitor['id']}/?notify=false")
    assert await all_mails(database) == []
    assert await mailbox.deliver() == []


async def test_an_anonymous_event_is_left(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(**PERSON)
    await admin.delete(f"visitors/{visitor['id']}/")
    events = await all_events(database)
    assert [event.action for event in events] == ["registered", "deleted"]
    assert {str(event.subject_id) for event in events} == {visitor["id"]}
    assert {str(event.actor_id) for event in events} == {admin.user_id}


async def test_scans_stay_without_the_visitor(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register()
    await admin.scan(visitor["qr_code"])
    await admin.delete(f"visitors/{visitor['id']}/")
    [scan] = await all_scans(database)
    assert (scan.verdict, scan.visitor_id) == ("admitted", None)


@pytest.mark.parametrize("status", list(VisitorStatus))
async def test_a_seat_is_freed_where_one_is_held(
    api: Api, database: Database, status: VisitorStatus
):
    admin = await api.admin()
    visitor = await admin.register()
    await set_status(database, visitor["id"], status)
    assert (await admin.delete(f"visitors/{visitor['id']}/")).status_code == 204
    holds = status in {VisitorStatus.PENDING, VisitorStatus.VERIFIED}
    assert await booked(database, "2026-11-23", 10) == (0 if holds else 1)


async def test_a_visitor_ended_before_frees_the_seat_once(api: Api, database: Database):
    admin = await api.admin()
    await admin.register()
    visitor = await admin.register()
    await admin.post(f"visitors/{visitor['id']}/cancel/")
    await admin.delete(f"visitors/{visitor['id']}/")
    assert await booked(database, "2026-11-23", 10) == 1
    await assert_seats_are_visitors(database)


async def test_who_is_gone_is_not_there(api: Api):
    admin = await api.admin()
    path = f"visitors/{(await admin.register())['id']}/"
    await admin.delete(path)
    for answer in (
        await admin.get(path),
        await admin.delete(path),
        await admin.get(f"{path}events/"),
        await admin.post(f"{path}cancel/"),
    ):
        problem(answer, 404, "not_found")
