"""Demo data equals that of a used installation, and sends no mail."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

from app.auth.caller import CallerRole
from app.core.clock import SettableClock
from app.core.db.database import Database
from app.departments.models import Department
from app.notifications.kinds import NotificationKind
from app.notifications.models import Notification, NotificationStatus
from app.settings import Settings
from app.sites.models import Site
from app.slots.models import Slot
from app.visitors.closing_jobs import close_past_visits
from app.visitors.models import Visitor, VisitorStatus
from app.visitors.reminder_jobs import remind
from devserver.demo import company, filling
from devserver.demo.people import CAME
from tests.support.api import Api
from tests.support.database import all_events, all_mails, all_scans, assert_seats_are_visitors

VISITORS = 1_500
Fill = Callable[..., Awaitable[filling.Filled]]


@pytest.fixture
def fill(app: FastAPI, settings: Settings, clock: SettableClock) -> Fill:
    """Return a function that fills the database of the other fixtures, at the time of the clock."""

    async def fill(visitors: int = VISITORS) -> filling.Filled:
        codes = app.state.qr_tokens
        return await filling.fill(
            settings.database_url, codes, visitors, clock.now(), lambda _: None
        )

    return fill


async def visitors(database: Database) -> list[Visitor]:
    async with database.read() as session:
        return list(await session.scalars(select(Visitor)))


async def counts(database: Database) -> dict[str, int]:
    """Return the number of rows of every table that a demonstration fills."""
    async with database.read() as session:
        return {
            model.__tablename__: await session.scalar(select(func.count()).select_from(model)) or 0
            for model in (Site, Slot, Visitor, Notification, Department)
        }


async def test_seats_are_visitors_and_none_too_many(database: Database, fill: Fill):
    filled = await fill()
    assert len(await visitors(database)) == filled.visitors == VISITORS
    await assert_seats_are_visitors(database)
    async with database.read() as session:
        slots = list(await session.scalars(select(Slot)))
    assert len(slots) == filled.slots
    assert all(slot.booked <= slot.capacity and not slot.excess for slot in slots)


async def test_every_status_is_where_it_can_be(
    database: Database, fill: Fill, clock: SettableClock
):
    clock.advance(timedelta(hours=5))
    await fill()
    people = await visitors(database)
    assert {visitor.status for visitor in people} == set(VisitorStatus)
    for visitor in people:
        came = visitor.status in CAME
        assert (visitor.checked_in_at is not None, visitor.checked_in_gate is not None) == (
            came,
            came,
        )
        assert (visitor.checked_out_at is not None) == (visitor.status is VisitorStatus.COMPLETED)
        assert visitor.updated_at <= clock.now()
        assert visitor.created_at <= visitor.updated_at


async def test_nothing_is_left_to_close(database: Database, fill: Fill, clock: SettableClock):
    await fill()
    closed = await close_past_visits(database, clock.now())
    assert (closed.expired, closed.completed) == (0, 0)


async def test_no_mail_is_sent_now_or_on_any_day_to_come(
    database: Database, fill: Fill, clock: SettableClock
):
    await fill()

    async def nobody_is_woken() -> None:
        raise AssertionError

    for _ in range(75):
        for hours in (-7, 2, 8):  # the mornings of Osaka, of Europe and of Austin
            now = clock.now() + timedelta(hours=hours)
            assert await remind(database, nobody_is_woken, now) == 0
        clock.advance(timedelta(days=1))
    mails = await all_mails(database)
    assert {mail.status for mail in mails} == {
        NotificationStatus.SENT,
        NotificationStatus.SUPERSEDED,
    }
    assert all(mail.recipient.endswith("@example.com") for mail in mails)


async def test_the_worker_could_read_every_mail(database: Database, fill: Fill):
    await fill()
    mails = await all_mails(database)
    assert {mail.kind for mail in mails} == {
        NotificationKind.visitor_confirmation,
        NotificationKind.host_registration,
        NotificationKind.visitor_reminder,
        NotificationKind.host_arrival,
    }
    for mail in mails:
        mail.kind.mail.payload.model_validate(mail.payload)


async def test_visitors_who_came_have_events_and_scans(database: Database, fill: Fill):
    await fill()
    inside = {v.id for v in await visitors(database) if v.checked_in_at is not None}
    events = [event for event in await all_events(database) if event.action == "checked_in"]
    assert {event.subject_id for event in events} == inside
    assert {event.actor_role for event in events} == {CallerRole.SCANNER.value}
    scans = [scan for scan in await all_scans(database) if scan.direction.value == "in"]
    assert {scan.visitor_id for scan in scans} == inside


async def test_events_are_listed_in_their_order(api: Api, fill: Fill):
    await fill()
    admin = await api.admin()
    [visitor] = (await admin.get("visitors/", status="completed", limit=1)).json()["items"]
    events = (await admin.get(f"visitors/{visitor['id']}/events/")).json()
    events = events if isinstance(events, list) else events["items"]
    assert [event["action"] for event in events] == ["registered", "checked_in", "checked_out"]


async def test_it_is_there_for_the_api(api: Api, fill: Fill):
    await fill()
    admin = await api.admin()
    sites = (await admin.get("sites/")).json()["items"]
    assert {site["name"] for site in sites} > {site.name for site in company.SITES}
    stats = (await admin.get("visitors/dashboard-stats/")).json()
    assert stats["total_this_month"] > 100
    hosts = (await admin.get("visitors/hosts/")).json()
    assert "Ada King" in {host["name"] for host in hosts}
    scans = (await admin.get("visitors/scans/")).json()["items"]
    assert all(scan["device_name"] for scan in scans)


async def test_a_gate_opens_for_who_comes_today(api: Api, fill: Fill, clock: SettableClock):
    await fill()
    clock.advance(timedelta(hours=4))
    admin = await api.admin()
    today = {"visit_date": "2026-11-23", "site": str(company.SITES[0].id), "status": "pending"}
    [first, *_] = (await admin.get("visitors/", **today, ordering="visit_date")).json()["items"]
    answer = await admin.scan(first["qr_code"])
    assert (answer.status_code, answer.json()["verdict"]) == (200, "admitted")


async def test_it_moves_in_once(fill: Fill):
    await fill(10)
    with pytest.raises(filling.AlreadyThere):
        await fill(10)


async def test_it_leaves_nothing_and_takes_nothing_else_along(
    api: Api, database: Database, fill: Fill, settings: Settings
):
    admin = await api.admin()
    theirs = await admin.register(name="Not Invented")
    department = (await admin.post("departments/", {"name": "legal"})).json()
    before = await counts(database)
    await fill()
    assert await filling.remove(settings.database_url)
    assert await counts(database) == before
    assert (await admin.get(f"visitors/{theirs['id']}/")).status_code == 200
    assert (await admin.get(f"departments/{department['id']}/")).status_code == 200
    assert await all_scans(database) == []
    assert UUID(theirs["id"]) in {event.subject_id for event in await all_events(database)}
    assert not await filling.remove(settings.database_url)
