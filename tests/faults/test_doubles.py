"""Two processes of each kind at work on the same rows."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import date, timedelta

import httpx
import pytest
from sqlalchemy import select

from app.core.db.database import Database
from app.notifications.kinds import NotificationKind
from app.notifications.models import Notification
from tests.e2e.installation import Today, eventually
from tests.faults.mails import arrived, none_waits
from tests.faults.processes import Service, visitor
from tests.faults.report import Finding
from tests.faults.visits import registered
from tests.support.database import change_default_site

pytestmark = [pytest.mark.faults]

SEATS = 15
WISHES = 60
DAYS = 3  # until the visits


async def test_no_seat_no_mail_and_no_job_twice(
    service: Service, database: Database, find: Callable[[str], Finding]
) -> None:
    found = find("two APIs and two workers")
    today = Today.somewhere()  # reminders are sent in the daytime of the site
    await change_default_site(database, timezone=today.timezone, slot_capacity=SEATS)
    day = (today.now + timedelta(days=DAYS)).date()
    async with AsyncExitStack() as stack:
        clients = await (await service.serve(servers=2)).signed_in()
        for client in clients:
            await stack.enter_async_context(client)
        answers = await asyncio.gather(
            *(register(clients[number % 2], day, number) for number in range(WISHES))
        )
    assert Counter(answers) == {201: SEATS, 409: WISHES - SEATS}
    visitors = await registered(database)

    for _ in range(2):
        service.start(str(DAYS - 1), module="tests.e2e.later_worker")
    await eventually(lambda: reminded(database))
    await none_waits(database)
    came = arrived(service.mail, "double")
    found.lost = len(visitors - came.keys())
    found.twice = came.total() - 2 * SEATS
    assert came == dict.fromkeys(visitors, 2)  # the confirmation and the reminder


async def register(client: httpx.AsyncClient, day: date, number: int) -> int:
    body = visitor(f"double-{number}@example.com", hour=12) | {"visit_date": day.isoformat()}
    return (await client.post("/api/visitors/", json=body)).status_code


async def reminded(database: Database) -> bool:
    async with database.read() as session:
        kind = Notification.kind == NotificationKind.visitor_reminder
        return len((await session.scalars(select(Notification.id).where(kind))).all()) == SEATS
