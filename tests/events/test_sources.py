"""Events that no entry of the audit log makes: once each, with site and host of the moment."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.ids import new_id
from app.devices.presence_jobs import tell_of_silent
from app.events.models import PendingEvent
from app.events.outbox import OUTBOX_COLUMNS
from app.notifications.claim_statements import DeliveryOutcome, DeliveryQueue
from app.notifications.models import Notification, NotificationStatus
from app.visitors.models import Visitor
from app.visitors.overdue_jobs import tell_of_overdue
from tests.devices.devices import HEARTBEAT
from tests.events.acts import Scene, check_in, fill_slot, scene_of, settle_mail
from tests.support.api import Api, app_of
from tests.support.counting import statements
from workers.settings import calendar

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
async def scene(api: Api, clock: SettableClock) -> Scene:
    return await scene_of(api, clock)


async def pending(database: Database, *types: str) -> list[dict[str, Any]]:
    """Return the events that wait, in order."""
    columns = [PendingEvent.__table__.c[name] for name in OUTBOX_COLUMNS]
    async with database.read() as session:
        found = await session.rows(select(*columns).order_by(PendingEvent.id))
    rows = [dict(row) for row in found.mappings()]
    return [row for row in rows if not types or row["type"] in types]


async def types_of(database: Database) -> list[str]:
    return [row["type"] for row in await pending(database)]


async def host_of(scene: Scene) -> UUID:
    """Give the visit a host with an account."""
    host = await scene.api.host()
    async with scene.database.write() as unit:
        await unit.write(update(Visitor).values(host_id=UUID(host.user_id)))
    return UUID(host.user_id)


def assert_of_the_visit(scene: Scene, host: UUID, event: dict[str, Any]) -> None:
    known = {name: event[name] for name in ("site_id", "host_id", "subject_type", "subject_id")}
    visit = scene.visitor
    assert known == {
        "site_id": UUID(visit["site"]),
        "host_id": host,
        "subject_type": "visitor",
        "subject_id": UUID(visit["id"]),
    }


# -- mails ------------------------------------------------------------------------------------


async def test_a_mail_is_told_when_it_is_settled(scene: Scene):
    host = await host_of(scene)
    await settle_mail(scene, NotificationStatus.QUEUED)
    assert await pending(scene.database) == []
    await settle_mail(scene, NotificationStatus.SENT)
    await settle_mail(scene, NotificationStatus.FAILED)
    sent, failed = await pending(scene.database)
    assert (sent["type"], failed["type"]) == ("mail.sent", "mail.failed")
    for event in (sent, failed):
        assert_of_the_visit(scene, host, event)
        assert (event["actor_kind"], event["actor_id"]) == ("system", None)
        assert (event["created_at"], event["fields"]) == (scene.clock.now(), [])
    async with scene.database.read() as session:
        caused_by = (await session.scalars(select(Notification.request_id))).all()
    assert {sent["request_id"], failed["request_id"]} <= {*caused_by} - {None}


async def test_mails_of_no_visit_and_lost_claims_are_not_told(scene: Scene):
    now = scene.clock.now()
    async with scene.database.write(single_statement=True) as unit:
        queue = DeliveryQueue(unit)
        claim = await queue.claim(now, HOUR)
        assert claim is not None
    async with scene.database.write() as unit:
        await unit.write(update(Notification).values(attempts=9))
    async with scene.database.write(single_statement=True) as unit:
        outcome = DeliveryOutcome(status=NotificationStatus.SENT)
        assert not await DeliveryQueue(unit).record(claim, outcome, now)
    async with scene.database.write() as unit:
        of_nobody = {"visitor_id": None, "attempts": 0, "status": NotificationStatus.QUEUED}
        await unit.write(update(Notification).values(**of_nobody))
    await settle_mail(scene, NotificationStatus.SENT)
    assert await pending(scene.database) == []


async def test_a_mail_that_no_worker_finishes_is_told_as_failed(scene: Scene):
    host, now = await host_of(scene), scene.clock.now()
    async with scene.database.write(single_statement=True) as unit:
        assert await DeliveryQueue(unit).claim(now, timedelta(seconds=1))
    async with scene.database.write() as unit:
        await unit.write(update(Notification).values(pointless_after=None))
    for later, types in ((HOUR, []), (2 * DAY, ["mail.failed"]), (2 * DAY, ["mail.failed"])):
        async with scene.database.write() as unit:
            await unit.write(
                update(Notification)
                .where(Notification.status == NotificationStatus.QUEUED, Notification.attempts > 0)
                .values(status=NotificationStatus.SENDING, lease_until=now)
            )
        async with scene.database.write() as unit:
            await DeliveryQueue(unit).take_over(now + later)
        assert await types_of(scene.database) == types
    assert_of_the_visit(scene, host, (await pending(scene.database))[0])


# -- scans ------------------------------------------------------------------------------------


async def test_a_refused_scan_is_one_statement_and_told_once(scene: Scene):
    host = await host_of(scene)
    await scene.admin.post(f"{scene.visit}cancel/")
    await scene.gate.post(HEARTBEAT)
    scan = {"scan_id": str(new_id())}
    with statements(app_of(scene.api)) as sent:
        await scene.gate.scan(scene.visitor["qr_code"], **scan)
    assert len(sent) == 3, sent  # the device, the facts, and all that is stored
    await scene.gate.scan(scene.visitor["qr_code"], **scan)
    [event] = await pending(scene.database)
    assert_of_the_visit(scene, host, event)
    assert (event["type"], event["actor_kind"]) == ("scan.refused", "device")
    assert event["actor_id"] is not None
    assert event["request_id"] is not None


# -- overdue ----------------------------------------------------------------------------------


async def test_an_overdue_stay_is_told_once_by_whoever_is_first(scene: Scene):
    host = await host_of(scene)
    await check_in(scene)
    now = scene.clock.now()
    assert await tell_of_overdue(scene.database, now + HOUR) == 0
    late = now + 3 * HOUR
    told = await asyncio.gather(*(tell_of_overdue(scene.database, late) for _ in range(4)))
    assert sum(told) <= 1  # a locked one waits for the next run
    assert await tell_of_overdue(scene.database, late) + sum(told) == 1
    [event] = await pending(scene.database)
    assert_of_the_visit(scene, host, event)
    assert (event["type"], event["created_at"]) == ("visit.overdue", late)


async def test_a_visit_that_lasts_longer_is_not_overdue(scene: Scene):
    await check_in(scene)
    late = scene.clock.now() + 3 * HOUR
    async with scene.database.write() as unit:
        await unit.write(update(Visitor).values(duration_minutes=600))
    assert await tell_of_overdue(scene.database, late) == 0
    async with scene.database.write() as unit:
        await unit.write(update(Visitor).values(duration_minutes=60))
    assert await tell_of_overdue(scene.database, late) == 1


# -- devices ----------------------------------------------------------------------------------


async def test_a_silent_device_is_told_once_and_once_when_it_is_back(scene: Scene):
    database, clock = scene.database, scene.clock
    seen = clock.now()
    assert await tell_of_silent(database, seen + DAY) == 0  # it was never heard of
    await scene.gate.post(HEARTBEAT)
    assert await tell_of_silent(database, seen + timedelta(minutes=5)) == 0
    silent = seen + timedelta(minutes=5, seconds=1)
    assert sum(await asyncio.gather(*(tell_of_silent(database, silent) for _ in range(3)))) == 1
    clock.set(seen + timedelta(minutes=9))
    await asyncio.gather(*(scene.gate.post(HEARTBEAT) for _ in range(4)))
    clock.set(seen + timedelta(minutes=11))
    await scene.gate.post(HEARTBEAT)
    offline, online = await pending(database)
    gate = {"subject_type": "device", "site_id": UUID(scene.visitor["site"]), "host_id": None}
    for event in (offline, online):
        assert {name: event[name] for name in gate} == gate
    assert (offline["type"], offline["created_at"]) == ("device.offline", silent)
    assert (offline["actor_kind"], online["actor_kind"]) == ("system", "device")
    assert online["type"] == "device.online"
    assert online["subject_id"] == online["actor_id"] == offline["subject_id"]


async def test_a_heartbeat_costs_no_statement_more_when_it_is_back(scene: Scene):
    numbers = []
    for minutes in (0, 2, 20):
        scene.clock.set(scene.clock.now() + timedelta(minutes=minutes))
        await tell_of_silent(scene.database, scene.clock.now())
        with statements(app_of(scene.api)) as sent:
            await scene.gate.post(HEARTBEAT)
        numbers.append(len(sent))
    assert numbers == [2, 2, 2]
    assert await types_of(scene.database) == ["device.offline", "device.online"]


# -- slots ------------------------------------------------------------------------------------


async def test_each_time_an_hour_is_full_is_told_in_order(scene: Scene):
    await fill_slot(scene)
    for _ in range(2):
        await scene.admin.post(f"{scene.visit}cancel/")
        await scene.admin.post(f"{scene.visit}undo/", {})
    events = await pending(scene.database)
    assert [e["type"] for e in events] == ["slot.full", *["slot.reopened", "slot.full"] * 2]
    assert {e["site_id"] for e in events} == {UUID(scene.visitor["site"])}
    assert len({e["subject_id"] for e in events}) == 1
    assert {(e["actor_kind"], e["host_id"]) for e in events} == {("system", None)}
    assert all(e["id"].version == 7 for e in events)


async def test_ids_of_the_trigger_sort_among_others(scene: Scene):
    ids = [new_id()]
    for number in range(5):
        capacity = 1 + number % 2
        hour = {"visit_date": "2026-11-23", "visit_time": "10:00", "capacity": capacity}
        await scene.admin.post(f"{scene.site}slot-capacities/", hour)
    ids += [event["id"] for event in await pending(scene.database)]
    ids.append(new_id())
    assert len(ids) == 7
    assert ids == sorted(ids)


# -- the clock --------------------------------------------------------------------------------


@pytest.mark.parametrize("job", ["close_visits", "tell_of_the_clock"])
def test_what_the_clock_causes_is_looked_for_every_minute(job: str):
    [found] = [each for each in calendar() if each.name == f"cron:{job}"]
    assert (found.minute, found.hour, found.second) == (None, None, 0)
