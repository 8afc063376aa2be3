"""The reminder on the day before a visit."""

import asyncio
from datetime import UTC, datetime

import pytest

from app.core.clock import SettableClock
from app.core.database import Database
from app.visitors import reminders
from app.visitors.models import VisitorStatus
from app.visitors.reminders import remind
from tests.api import Api
from tests.database import add_site, all_mails, set_status
from tests.mailbox import Mailbox

TOMORROW_NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
WEDNESDAY = "2026-11-25"


async def nobody() -> None: ...


async def reminded(database: Database) -> list[str]:
    return [mail.recipient for mail in await all_mails(database) if "reminder" in mail.kind]


async def test_a_visit_is_reminded_of_on_the_day_before(api: Api, database: Database):
    admin = await api.admin()
    for day in (24, 25, 26):
        await admin.register(email=f"on{day}@example.com", visit_date=f"2026-11-{day}")
    assert await remind(database, nobody, TOMORROW_NOON) == 1
    assert await reminded(database) == ["on25@example.com"]


async def test_once_is_enough(api: Api, database: Database):
    await (await api.admin()).register(visit_date=WEDNESDAY)
    assert [await remind(database, nobody, TOMORROW_NOON) for _ in range(3)] == [1, 0, 0]


async def test_two_at_once_remind_once(
    api: Api, database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reminders, "BATCH", 2)
    admin = await api.admin()
    for _ in range(7):
        await admin.register(visit_date=WEDNESDAY)
    both = await asyncio.gather(*(remind(database, nobody, TOMORROW_NOON) for _ in range(2)))
    assert sum(both) + await remind(database, nobody, TOMORROW_NOON) == 7
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
    assert await remind(database, nobody, TOMORROW_NOON) == 0


async def test_a_moved_visit_is_reminded_of_again(
    api: Api, database: Database, clock: SettableClock
):
    admin = await api.admin()
    visitor = await admin.register(visit_date=WEDNESDAY)
    assert await remind(database, nobody, TOMORROW_NOON) == 1
    clock.set(datetime(2026, 11, 24, 13, tzinfo=UTC))
    admin = await api.sign_in("desk@example.com", admin.user_id)
    await admin.patch(f"visitors/{visitor['id']}/", {"visit_date": "2026-11-27"})
    assert await remind(database, nobody, datetime(2026, 11, 26, 12, tzinfo=UTC)) == 1


@pytest.mark.parametrize(
    "status", [each for each in VisitorStatus if each is not VisitorStatus.PENDING]
)
async def test_only_a_pending_visit_is_reminded_of(
    api: Api, database: Database, status: VisitorStatus
):
    visitor = await (await api.admin()).register(visit_date=WEDNESDAY)
    await set_status(database, visitor["id"], status)
    assert await remind(database, nobody, TOMORROW_NOON) == 0


@pytest.mark.parametrize(
    ("hour", "minute", "count"), [(8, 59, 0), (9, 0, 1), (20, 59, 1), (21, 0, 0), (3, 0, 0)]
)
async def test_nobody_is_reminded_at_night(
    api: Api, database: Database, hour: int, minute: int, count: int
):
    await (await api.admin()).register(visit_date=WEDNESDAY)
    now = datetime(2026, 11, 24, hour, minute, tzinfo=UTC)
    assert await remind(database, nobody, now) == count


async def test_day_and_night_are_those_of_the_site(api: Api, database: Database):
    site = await add_site(database, timezone="Pacific/Auckland")
    await (await api.admin()).register(site=site, visit_date=WEDNESDAY)
    # Noon in UTC is an hour past midnight there, on the day of the visit.
    assert await remind(database, nobody, TOMORROW_NOON) == 0
    assert await remind(database, nobody, datetime(2026, 11, 23, 22, tzinfo=UTC)) == 1


async def test_the_mail_goes_out_with_the_code(
    api: Api, database: Database, clock: SettableClock, mailbox: Mailbox
):
    await (await api.admin()).register(visit_date=WEDNESDAY, host_email=None)
    await mailbox.deliver()
    clock.set(TOMORROW_NOON)
    await remind(database, nobody, TOMORROW_NOON)
    [_, reminder] = await mailbox.deliver()
    assert reminder["To"].addresses[0].addr_spec == "ada@example.com"
    assert any(part.get_content_type() == "image/png" for part in reminder.walk())
