"""Undo of what a check-in did besides, and of mails that are on their way."""

from datetime import date, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from app.audit.models import AuditEntry, VisitorAction
from app.audit.repository import event_row
from app.auth.caller import SYSTEM
from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.db.inserting import values_of
from app.notifications.models import Notification, NotificationStatus
from app.slots.keys import SlotKey
from app.slots.seat_repository import SeatRepository
from app.visitors.lifecycle import enter
from app.visitors.models import Visitor, VisitorStatus
from app.visitors.repository import VisitorRepository
from app.visitors.stay_models import Stay
from tests.conftest import MONDAY
from tests.devices.devices import add_device
from tests.scans.test_check_in_overrides import check_in
from tests.scans.walk_ins import admitted
from tests.support.api import Api
from tests.support.database import assert_seats_are_visitors, booked, change_default_site
from tests.support.mailbox import Mailbox
from tests.support.problems import problem
from tests.support.stays import assert_presence_follows_stays
from tests.visitors.test_undo import undo, undone
from tests.visitors.told import waiting


async def admit(database: Database, visitor_id: str, **details: Any) -> None:
    """Admit a pending visitor now, as a walk-in or an override does."""
    async with database.write() as unit:
        visitor = await VisitorRepository(unit).lock(Visitor.id == UUID(visitor_id))
        assert visitor is not None
        unit.append(Stay, values_of(enter(visitor, None, None, MONDAY, MONDAY)))
        action = VisitorAction.CHECKED_IN
        unit.append(AuditEntry, event_row(visitor.id, action, SYSTEM, MONDAY, host=None, **details))


async def move_to_now(database: Database, visitor_id: str) -> None:
    """Move a visit of another day to the present hour, as an override does before it admits."""
    day, at = date(2026, 11, 23), time(9)
    async with database.write() as unit:
        visitor = await VisitorRepository(unit).lock(Visitor.id == UUID(visitor_id))
        assert visitor is not None
        before = {"before": f"{visitor.visit_date} {visitor.visit_time:%H:%M}"}
        seats, key = SeatRepository(unit), SlotKey.of(visitor.site_id, day, at)
        await seats.create([key], MONDAY)
        _, slot = await seats.lock_to_move(visitor.seat, key)
        assert slot is not None
        await seats.move(visitor.seat, slot.id)
        details: dict[str, Any] = {
            **before,
            "after": f"{day} {at:%H:%M}",
            "was": visitor.status.value,
        }
        visitor.original_visit_date = visitor.visit_date
        visitor.original_visit_time = visitor.visit_time
        visitor.slot_id, visitor.visit_date, visitor.visit_time = slot.id, day, at
        visitor.is_rescheduled = True
        action = VisitorAction.RESCHEDULED
        unit.append(AuditEntry, event_row(visitor.id, action, SYSTEM, MONDAY, host=None, **details))
    await admit(database, visitor_id, overridden=["wrong_day"], reason="Expected today")


async def assert_consistent(database: Database) -> None:
    await assert_seats_are_visitors(database)
    await assert_presence_follows_stays(database)


async def test_undo_of_a_walk_in_cancels_the_visit(
    api: Api, database: Database, clock: SettableClock
):
    clock.set(MONDAY + timedelta(hours=2))
    admin = await api.admin()
    visitor = await admitted(admin)
    cancelled = await undone(admin, visitor, "checked_in")
    assert (cancelled["status"], cancelled["presence"]) == ("cancelled", None)
    assert await booked(database, "2026-11-23", MONDAY.hour) == 0
    states = await waiting(admin, visitor)
    assert states["visitor_cancelled", "ada@example.com"] == "queued"
    problem(await undo(admin, visitor), 409, "nothing_to_undo")
    await assert_consistent(database)


async def test_undo_of_a_check_in_that_moved_the_visit_moves_it_back(api: Api, database: Database):
    await change_default_site(database, slot_capacity=1)
    admin = await api.admin()
    visitor = await admin.register(visit_date="2026-11-24")
    await move_to_now(database, visitor["id"])
    other = await admin.register(visit_date="2026-11-24", email="eve@example.com")
    problem(await undo(admin, visitor), 409, "seat_gone")
    await admin.delete(f"visitors/{other['id']}/")
    back = await undone(admin, visitor, "checked_in")
    facts = ("visit_date", "visit_time", "is_rescheduled", "original_visit_date", "qr_code")
    assert {name: back[name] for name in facts} == {name: visitor[name] for name in facts}
    assert (back["status"], await booked(database, "2026-11-23", 9)) == ("pending", 0)
    await assert_consistent(database)


async def test_undo_of_an_expired_visit_that_came_expires_it(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register(visit_date="2026-11-24")
    await move_to_now(database, visitor["id"])
    async with database.write() as unit:
        entry = await unit.scalar(select(AuditEntry).where(AuditEntry.action == "rescheduled"))
        assert entry is not None
        entry.details = {**entry.details, "was": VisitorStatus.EXPIRED.value}
    assert (await undone(admin, visitor, "checked_in"))["status"] == "expired"
    await assert_consistent(database)


async def test_a_visit_that_was_moved_twice_and_back_is_as_it_was(
    api: Api, database: Database, clock: SettableClock
):
    clock.set(MONDAY + timedelta(hours=2))
    admin = await api.admin()
    visitor = await admin.register(visit_date="2026-11-24")
    for _ in range(2):
        came = await check_in(admin, visitor, "wrong_day")
        assert came.json()["is_rescheduled"] is True
        back = await undone(admin, visitor, "checked_in")
        assert (back["is_rescheduled"], back["original_visit_date"]) == (False, None)
    await assert_consistent(database)


async def test_who_was_away_before_a_moving_check_in_is_away_again(
    api: Api, database: Database, clock: SettableClock
):
    await change_default_site(database, re_entry="same_day")
    visitor = await (await api.admin()).register()
    gate = await add_device(api)
    await gate.scan(visitor["qr_code"])
    await gate.scan(visitor["qr_code"], direction="out")
    clock.set(clock.now() + timedelta(days=1, hours=2))
    admin = await api.admin("late@example.com")
    assert (await check_in(admin, visitor, "already_completed")).status_code == 200
    back = await undone(admin, visitor, "checked_in")
    assert (back["presence"], back["visit_date"]) == ("away", visitor["visit_date"])
    await assert_consistent(database)


async def test_a_mail_on_its_way_is_withdrawn_only_if_it_leaves(
    api: Api, database: Database, mailbox: Mailbox
):
    admin = await api.admin()
    for email, ends in (
        ("ada@example.com", NotificationStatus.SENT),
        ("eve@example.com", NotificationStatus.SUPERSEDED),
    ):
        visitor = await admin.register(email=email)
        await admin.scan(visitor["qr_code"])
        of_arrival = update(Notification).where(
            Notification.kind == "host_arrival", Notification.visitor_id == UUID(visitor["id"])
        )
        async with database.write() as unit:
            await unit.write(of_arrival.values(status=NotificationStatus.SENDING))
        assert (await undo(admin, visitor)).json()["consequences"] == []
        async with database.write() as unit:
            await unit.write(of_arrival.values(status=ends))
        await mailbox.deliver()
        states = await waiting(admin, visitor)
        assert states["host_arrival_withdrawn", "charles@example.com"] == ends
