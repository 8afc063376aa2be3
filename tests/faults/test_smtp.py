"""A mail server that is away, hangs, cuts connections and refuses."""

from collections.abc import Callable
from random import Random

import pytest
from sqlalchemy import select

from app.core.db.database import Database
from app.notifications.models import Notification, NotificationStatus
from tests.e2e.installation import eventually, free_port
from tests.faults.mail_server import ChaosServer, Plan
from tests.faults.mails import latest, none_waits
from tests.faults.processes import Service
from tests.faults.report import Finding

pytestmark = [pytest.mark.faults]

SEED = 1


async def test_every_mail_ends_as_it_should(
    service: Service, database: Database, find: Callable[[str], Finding]
) -> None:
    port = free_port()
    early = {f"early-{number}@example.com": Plan(()) for number in range(5)}
    random = Random(SEED)  # noqa: S311 - the same every time
    plans = {f"chaos-{number}@example.com": Plan.drawn(random) for number in range(60)}
    server = ChaosServer(early | plans)

    away = find("the mail server is away")
    await service.register(list(early))
    service.worker(EMAIL_PORT=str(port), EMAIL_TIMEOUT_SECONDS="1")
    await eventually(lambda: all_tried(database))
    async with server.listening(port):
        await none_waits(database)
        away.lost = len(early.keys() - server.taken.keys())
        away.late = [f"mails {await latest(database, early):.1f} s, its absence and the pause"]

        chaos = find("the mail server hangs, cuts and refuses")
        await service.register(list(plans))
        await none_waits(database)
    chaos.lost = sum(plan.taken and not server.taken[to] for to, plan in plans.items())
    chaos.twice = sum(max(server.taken[to] - 1, 0) for to in plans)
    unhurt = [to for to, plan in plans.items() if not plan.faults]
    chaos.late = [
        f"mails {await latest(database, plans):.1f} s",
        f"those without a fault {await latest(database, unhurt):.1f} s",
    ]
    assert away.lost == chaos.lost == 0
    assert {to: server.taken[to] for to in plans} == {to: plans[to].taken for to in plans}
    assert await endings(database) == {to: plan.last_answer for to, plan in server.plans.items()}


async def all_tried(database: Database) -> bool:
    async with database.read() as session:
        return not await session.scalar(select(Notification.id).where(Notification.attempts == 0))


async def endings(database: Database) -> dict[str, str | None]:
    """Return what was said of each mail that has failed; None of those that were sent."""
    async with database.read() as session:
        mails = await session.scalars(select(Notification))
        return {
            mail.recipient: None if mail.status is NotificationStatus.SENT else mail.last_error
            for mail in mails
        }
