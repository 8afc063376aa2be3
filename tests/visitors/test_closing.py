"""The end of missed visits and forgotten stays, by each site's calendar."""

import asyncio
from datetime import UTC, datetime, time, timedelta

import pytest

from app.core.db.database import Database
from app.visitors import closing_jobs as closing
from app.visitors.closing_jobs import Closed, close_past_visits
from app.visitors.models import Visitor, VisitorStatus
from app.visitors.repository import VisitorRepository
from tests.support.api import Api
from tests.support.database import (
    add_site,
    all_events,
    assert_seats_are_visitors,
    booked,
    change_default_site,
    set_status,
)

NIGHT = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


async def test_a_visit_is_open_until_its_last_moment(api: Api, database: Database):
    admin = await api.admin()
    pending, inside = await admin.register(), await admin.register()
    await admin.scan(inside["qr_code"])
    assert await close_past_visits(database, NIGHT - MOMENT) == Closed(0, 1)
    assert await close_past_visits(database, NIGHT) == Closed(1, 0)
    expired = (await admin.get(f"visitors/{pending['id']}/")).json()
    completed = (await admin.get(f"visitors/{inside['id']}/")).json()
    assert (expired["status"], completed["status"]) == ("expired", "completed")
    assert expired["checked_out_at"] is None
    assert not expired["checked_out_automatically"]
    assert completed["checked_out_automatically"]
    assert completed["checked_out_at"] == "2026-11-23T22:00:00Z"  # 14 hours after the check-in


@pytest.mark.parametrize(
    ("zone", "midnight"),
    [
        ("Pacific/Kiritimati", datetime(2026, 11, 24, 10, tzinfo=UTC)),
        ("Asia/Kolkata", datetime(2026, 11, 24, 18, 30, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 11, 24, 23, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 25, 5, tzinfo=UTC)),
        ("Pacific/Pago_Pago", datetime(2026, 11, 25, 11, tzinfo=UTC)),
    ],
)
async def test_the_day_ends_when_it_ends_at_the_site(
    api: Api, database: Database, zone: str, midnight: datetime
):
    site = await add_site(database, timezone=zone)
    await (await api.admin()).register(site=site, visit_date="2026-11-24")
    assert await close_past_visits(database, midnight - MOMENT) == Closed(0, 0)
    assert await close_past_visits(database, midnight) == Closed(1, 0)


async def test_a_day_of_23_hours_ends_an_hour_earlier(api: Api, database: Database):
    await change_default_site(
        database, timezone="Europe/Berlin", open_weekdays=[7], booking_horizon_days=365
    )
    await (await api.admin()).register(visit_date="2027-03-28")
    end = datetime(2027, 3, 28, 22, tzinfo=UTC)
    assert await close_past_visits(database, end - MOMENT) == Closed(0, 0)
    assert await close_past_visits(database, end) == Closed(1, 0)


async def test_each_site_keeps_its_own_calendar(api: Api, database: Database):
    admin = await api.admin()
    east = await add_site(database, "East", timezone="Pacific/Auckland")
    west = await add_site(database, "West", timezone="America/Los_Angeles")
    day = "2026-11-24"
    eastern = await admin.register(site=east, visit_date=day)
    western = await admin.register(site=west, visit_date=day)
    assert await close_past_visits(database, datetime(2026, 11, 24, 12, tzinfo=UTC)) == Closed(1, 0)
    states = [
        (await admin.get(f"visitors/{visitor['id']}/")).json()["status"]
        for visitor in (eastern, western)
    ]
    assert states == ["expired", "pending"]


async def test_what_has_ended_stays_as_it_ended(api: Api, database: Database):
    admin = await api.admin()
    for status in (VisitorStatus.CANCELLED, VisitorStatus.COMPLETED, VisitorStatus.EXPIRED):
        visitor = await admin.register()
        await set_status(database, visitor["id"], status)
    assert await close_past_visits(database, NIGHT) == Closed(0, 0)


async def test_twice_counts_once(api: Api, database: Database):
    await (await api.admin()).register()
    assert await close_past_visits(database, NIGHT) == Closed(1, 0)
    assert await close_past_visits(database, NIGHT) == Closed(0, 0)
    events = await all_events(database)
    assert [(event.action, event.actor_role) for event in events] == [
        ("registered", "admin"),
        ("expired", "system"),
    ]
    assert events[1].details == {"automatic": True}


async def test_two_at_once_count_once(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(closing, "BATCH", 3)
    admin = await api.admin()
    for number in range(14):
        visitor = await admin.register()
        if number % 2:
            await admin.scan(visitor["qr_code"])
    both = await asyncio.gather(*(close_past_visits(database, NIGHT) for _ in range(2)))
    left = await close_past_visits(database, NIGHT)
    runs = [*both, left]
    assert sum(run.expired for run in runs) == sum(run.completed for run in runs) == 7
    assert len(await all_events(database)) == 14 + 7 + 14


async def test_many_batches_are_one_run(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(closing, "BATCH", 2)
    admin = await api.admin()
    for _ in range(6):
        await admin.register()
    assert await close_past_visits(database, NIGHT) == Closed(6, 0)


async def test_a_visitor_in_other_hands_is_passed_over(api: Api, database: Database):
    admin = await api.admin()
    busy, _ = await admin.register(), await admin.register()
    async with database.write() as unit:
        await VisitorRepository(unit).lock(Visitor.qr_code == busy["qr_code"])
        assert await close_past_visits(database, NIGHT) == Closed(1, 0)
    assert await close_past_visits(database, NIGHT) == Closed(1, 0)


async def test_a_closed_visit_is_refused_at_the_gate(api: Api, database: Database):
    admin = await api.admin()
    visitor = await admin.register()
    await close_past_visits(database, NIGHT)
    answer = await admin.scan(visitor["qr_code"])
    assert (answer.status_code, answer.json()["code"]) == (409, "expired")


async def test_what_is_not_over_yet_keeps_nothing_else_open(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
):
    """Late visits of yesterday may fill a whole batch."""
    monkeypatch.setattr(closing, "BATCH", 2)
    await change_default_site(database, closes_at=time(0))
    admin = await api.admin()
    for at in ("23:30", "23:30", "23:30", "09:00", "23:30", "09:00"):
        await admin.register(visit_time=at)
    assert await close_past_visits(database, NIGHT) == Closed(2, 0)
    assert await close_past_visits(database, NIGHT + timedelta(hours=2, minutes=30)) == Closed(4, 0)
    await assert_seats_are_visitors(database)


async def test_seats_are_given_back_with_what_is_closed(api: Api, database: Database):
    admin = await api.admin()
    for number in range(3):
        visitor = await admin.register()
        if number:
            await admin.scan(visitor["qr_code"])
    assert await booked(database, "2026-11-23", 10) == 3
    assert await close_past_visits(database, NIGHT) == Closed(1, 2)
    assert await booked(database, "2026-11-23", 10) == 0
