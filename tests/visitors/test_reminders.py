"""The reminder on the day before a visit."""

import asyncio
from datetime import UTC, datetime, time, timedelta

import pytest

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.visitors import reminder_jobs as reminders
from app.visitors.models import VisitorStatus
from app.visitors.reminder_jobs import remind
from app.visitors.site_change_jobs import bring_to_visits
from tests.support.api import Api
from tests.support.database import (
    add_site,
    all_mails,
    change_default_site,
    close_default_site,
    set_status,
)
from tests.support.mailbox import Mailbox

TOMORROW = datetime(2026, 11, 24, 11, tzinfo=UTC)
WEDNESDAY = "2026-11-25"


async def nobody() -> None: ...


async def reminded(database: Database) -> list[str]:
    return [mail.recipient for mail in await all_mails(database) if "reminder" in mail.kind]


async def test_a_visit_is_reminded_of_on_the_day_before(api: Api, database: Database):
    admin = await api.admin()
    for day in (24, 25, 26):
        await admin.register(email=f"on{day}@example.com", visit_date=f"2026-11-{day}")
    assert await remind(database, nobody, TOMORROW) == 1
    assert await reminded(database) == ["on25@example.com"]


async def test_once_is_enough(api: Api, database: Database):
    await (await api.admin()).register(visit_date=WEDNESDAY)
    assert [await remind(database, nobody, TOMORROW) for _ in range(3)] == [1, 0, 0]


async def test_two_at_once_remind_once(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reminders, "BATCH", 2)
    admin = await api.admin()
    for _ in range(7):
        await admin.register(visit_date=WEDNESDAY)
    both = await asyncio.gather(*(remind(database, nobody, TOMORROW) for _ in range(2)))
    assert sum(both) + await remind(database, nobody, TOMORROW) == 7
    assert len(await reminded(database)) == 7


async def test_a_visit_booked_or_moved_today_is_not_reminded_of(
    api: Api, database: Database, clock: SettableClock
):
    admin = await api.admin()
    moved = await admin.register(visit_date="2026-11-26")
    clock.set(datetime(2026, 11, 24, 8, tzinfo=UTC))
    admin = await api.sign_in("desk@example.com", admin.user_id)
    await admin.register(visit_date=WEDNESDAY)
    await admin.patch(f"visitors/{moved['id']}/", {"visit_date": WEDNESDAY})
    assert await remind(database, nobody, TOMORROW) == 0


async def test_a_moved_visit_is_reminded_of_again(
    api: Api, database: Database, clock: SettableClock
):
    admin = await api.admin()
    visitor = await admin.register(visit_date=WEDNESDAY)
    assert await remind(database, nobody, TOMORROW) == 1
    clock.set(datetime(2026, 11, 24, 13, tzinfo=UTC))
    admin = await api.sign_in("desk@example.com", admin.user_id)
    await admin.patch(f"visitors/{visitor['id']}/", {"visit_date": "2026-11-27"})
    assert await remind(database, nobody, datetime(2026, 11, 26, 11, tzinfo=UTC)) == 1


@pytest.mark.parametrize(
    "status", [each for each in VisitorStatus if each is not VisitorStatus.PENDING]
)
async def test_only_a_pending_visit_is_reminded_of(
    api: Api, database: Database, status: VisitorStatus
):
    visitor = await (await api.admin()).register(visit_date=WEDNESDAY)
    await set_status(database, visitor["id"], status)
    assert await remind(database, nobody, TOMORROW) == 0


@pytest.mark.parametrize(
    ("hour", "minute", "count"), [(8, 59, 0), (9, 0, 1), (11, 59, 1), (12, 0, 0), (3, 0, 0)]
)
async def test_reminders_leave_in_the_morning(
    api: Api, database: Database, hour: int, minute: int, count: int
):
    await (await api.admin()).register(visit_date=WEDNESDAY)
    now = datetime(2026, 11, 24, hour, minute, tzinfo=UTC)
    assert await remind(database, nobody, now) == count


async def test_day_and_night_are_those_of_the_site(api: Api, database: Database):
    site = await add_site(database, timezone="Pacific/Auckland")
    await (await api.admin()).register(site=site, visit_date=WEDNESDAY)
    # Eleven in UTC is midnight there, on the day of the visit.
    assert await remind(database, nobody, TOMORROW) == 0
    assert await remind(database, nobody, datetime(2026, 11, 23, 22, tzinfo=UTC)) == 1


async def test_the_mail_goes_out_with_the_code(
    api: Api, database: Database, clock: SettableClock, mailbox: Mailbox
):
    await (await api.admin()).register(visit_date=WEDNESDAY, host_email=None)
    await mailbox.deliver()
    clock.set(TOMORROW)
    await remind(database, nobody, TOMORROW)
    [_, reminder] = await mailbox.deliver()
    assert reminder["To"].addresses[0].addr_spec == "ada@example.com"
    assert any(part.get_content_type() == "image/png" for part in reminder.walk())


async def test_a_reminder_that_cannot_leave_by_noon_is_dropped(
    api: Api, database: Database, clock: SettableClock, mailbox: Mailbox
):
    await (await api.admin()).register(visit_date=WEDNESDAY, host_email=None)
    assert len(await mailbox.deliver()) == 1
    await remind(database, nobody, TOMORROW)
    clock.set(TOMORROW + timedelta(hours=1))
    assert len(await mailbox.deliver()) == 1
    assert {mail.status.value for mail in await all_mails(database)} == {"sent", "superseded"}


async def test_nobody_is_reminded_of_a_day_on_which_the_site_is_closed(
    api: Api, database: Database
):
    await (await api.admin()).register(visit_date=WEDNESDAY)
    await close_default_site(database, WEDNESDAY)
    assert await remind(database, nobody, TOMORROW) == 0


async def test_a_closure_of_another_day_or_site_keeps_no_reminder(api: Api, database: Database):
    site = await add_site(database)
    await (await api.admin()).register(site=site, visit_date=WEDNESDAY)
    await (await api.admin("two@example.com")).register(visit_date=WEDNESDAY)
    await close_default_site(database, WEDNESDAY)
    await close_default_site(database, "2026-11-24")
    await close_default_site(database, "2026-11-26")
    assert await remind(database, nobody, TOMORROW) == 1


@pytest.mark.parametrize(
    ("closed", "hours"), [("2026-11-24", {"22:30"}), (WEDNESDAY, {"01:30"}), ("2026-11-26", None)]
)
async def test_a_closure_takes_the_hours_past_midnight_of_its_shift(
    api: Api, database: Database, closed: str, hours: set[str] | None
):
    admin = await api.admin()
    await change_default_site(database, opens_at=time(0), closes_at=time(0))
    visits = {"01:30", "22:30"}
    for at in visits:
        await admin.register(visit_date=WEDNESDAY, visit_time=at, email=f"at{at[:2]}@example.com")
    await change_default_site(database, opens_at=time(22), closes_at=time(6))
    await close_default_site(database, closed)
    await remind(database, nobody, TOMORROW)
    expected = {f"at{at[:2]}@example.com" for at in (hours or visits)}
    assert set(await reminded(database)) == expected


async def test_a_visitor_mailed_today_is_not_reminded(
    api: Api, database: Database, clock: SettableClock
):
    root = await api.superadmin()
    visitor = await root.register(visit_date=WEDNESDAY)
    clock.set(TOMORROW)
    root = await api.sign_in("root@example.com", root.user_id)
    await root.patch(f"sites/{visitor['site']}/", {"address": "Elsewhere"})
    assert await bring_to_visits(database, nobody, TOMORROW) == 1
    assert await remind(database, nobody, TOMORROW) == 0


async def test_a_visit_with_a_silent_change_is_reminded_of_once(
    api: Api, database: Database, clock: SettableClock
):
    root = await api.superadmin()
    visitor = await root.register(visit_date=WEDNESDAY)
    assert await remind(database, nobody, TOMORROW) == 1
    clock.set(TOMORROW)
    root = await api.sign_in("root@example.com", root.user_id)
    await root.patch(f"sites/{visitor['site']}/?notify=false", {"address": "Elsewhere"})
    assert await bring_to_visits(database, nobody, TOMORROW) == 1
    assert await remind(database, nobody, TOMORROW) == 0
