"""The days on which the clocks change."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from app.core.clock import SettableClock
from app.core.db.database import Database
from tests.faults.mails import arrived
from tests.faults.processes import Service, visitor
from tests.faults.report import Finding
from tests.faults.visits import registered, still_pending
from tests.support.database import change_default_site
from tests.support.mailbox import sweep
from workers.context import open_context
from workers.visits import close_visits, send_reminders

pytestmark = [pytest.mark.faults]


@dataclass(frozen=True)
class Change:
    """A day on which the clocks of Berlin change, and its end in UTC."""

    day: date
    skipped: set[int]
    ends: datetime


CHANGES = {
    "forward": Change(date(2026, 3, 29), {2}, datetime(2026, 3, 29, 22, tzinfo=UTC)),
    "back": Change(date(2026, 10, 25), set(), datetime(2026, 10, 25, 23, tzinfo=UTC)),
}


@pytest.mark.parametrize("direction", CHANGES)
async def test_a_visit_can_be_at_every_hour_and_is_closed_at_midnight(
    direction: str, service: Service, database: Database, find: Callable[[str], Finding]
) -> None:
    found = find(f"the clocks go {direction}")
    change, name = CHANGES[direction], f"clocks-{direction}"
    await change_default_site(database, timezone="Europe/Berlin", late_arrival_minutes=0)
    clock = SettableClock(change.ends - timedelta(days=3))
    async with service.application(clock) as client:
        answers = {hour: await register(client, change.day, hour, name) for hour in range(24)}
    assert {hour for hour, status in answers.items() if status != 201} == change.skipped
    visitors = await registered(database)

    async with open_context(service.settings, clock) as context:
        job = {"context": context}
        clock.set(change.ends - timedelta(hours=38))
        await send_reminders(job)
        await sweep(context.delivery)
        clock.set(change.ends - timedelta(seconds=1))
        await close_visits(job)
        assert await still_pending(database) == visitors
        clock.set(change.ends)
        await close_visits(job)
        assert await still_pending(database) == set()
    came = arrived(service.mail, name)
    found.lost = len(visitors - came.keys())
    found.twice = came.total() - 2 * len(visitors)
    assert came == dict.fromkeys(visitors, 2)  # the confirmation and the reminder


async def register(client: httpx.AsyncClient, day: date, hour: int, name: str) -> int:
    body = visitor(f"{name}-{hour}@example.com", hour) | {"visit_date": day.isoformat()}
    return (await client.post("/api/visitors/", json=body)).status_code
