"""Processes of the service, killed with `kill -9`."""

from collections import Counter
from collections.abc import Callable

import pytest
from sqlalchemy import select

from app.core.db.database import Database
from app.notifications.models import Notification
from tests.e2e.installation import eventually
from tests.faults.load import Load
from tests.faults.mails import arrived, latest, reached
from tests.faults.processes import Service, ended, kill
from tests.faults.report import Finding
from tests.faults.visits import registered

pytestmark = [pytest.mark.faults]

KILLS = 2
STEPS = 80
PATIENCE = 120.0  # seconds for as many workers
SENDERS = 4  # mails that a worker sends at a time


async def test_a_worker_during_200_mails(
    service: Service, database: Database, find: Callable[[str], Finding]
) -> None:
    found = find(f"the worker is killed {KILLS} times during 200 mails")
    addresses = [f"killed-worker-{number}@example.com" for number in range(200)]
    await service.register(addresses)
    for turn in range(KILLS):
        worker = service.worker(EMAIL_TIMEOUT_SECONDS="2")
        await arrive(service, 40 * (turn + 1))
        kill(worker)
    service.worker(EMAIL_TIMEOUT_SECONDS="2")
    await reached(database, addresses)
    came = arrived(service.mail, "killed-worker")
    found.lost = len(set(addresses) - came.keys())
    found.twice = came.total() - len(came)
    found.late = [f"mails {await latest(database, addresses):.1f} s after their registration"]
    assert not found.lost
    assert found.twice <= KILLS * SENDERS


async def test_a_worker_at_each_of_its_steps(
    service: Service, database: Database, find: Callable[[str], Finding]
) -> None:
    found = find(f"a worker is killed at each fourth of its first {STEPS} steps")
    addresses = [f"step-{number}@example.com" for number in range(STEPS)]
    await service.register(addresses)
    mortal = "tests.faults.mortal_workers"
    killed = service.start(str(STEPS), "4", module=mortal, EMAIL_TIMEOUT_SECONDS="1")
    assert await ended(killed, seconds=PATIENCE) == 0
    service.worker(EMAIL_TIMEOUT_SECONDS="1")
    await reached(database, addresses)
    came = arrived(service.mail, "step")
    found.lost = len(set(addresses) - came.keys())
    found.twice = came.total() - len(came)
    found.late = [f"mails {await latest(database, addresses):.1f} s after their registration"]
    assert not found.lost
    assert came <= await tries(database)


async def tries(database: Database) -> Counter[str]:
    """Return how often a worker tried each address's mail."""
    async with database.read() as session:
        taken = await session.rows(select(Notification.recipient, Notification.attempts))
        return Counter(dict(taken.all()))


async def arrive(service: Service, number: int) -> None:
    """Wait until so many mails have arrived."""
    await eventually(lambda: arrived(service.mail, "killed-worker").total() >= number)


async def test_an_api_under_load(
    service: Service, database: Database, find: Callable[[str], Finding]
) -> None:
    found = find("the API is killed under load")
    async with Load(await service.serve(), "killed-api").running() as load:
        await load.goes_on(50)
        [api] = service.running
        kill(api)
        await load.is_unanswered()  # earlier responses have been read
        service.again(api.program)
        away = await load.goes_on()
    kept = await registered(database)
    found.lost = len(load.registered.keys() - kept)
    found.late = [
        f"registrations {away:.1f} s, the time of its start",
        f"{len(kept - load.registered.keys())} registered without an answer",
    ]
    assert not found.lost
    assert load.answers.keys() == {201}
