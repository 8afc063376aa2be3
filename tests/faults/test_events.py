"""A reader that follows sees every event once and in order, whatever is killed meanwhile."""

import asyncio
from collections.abc import Callable
from time import monotonic

import pytest

from app.core.db.database import Database
from app.events.kinds import EventType
from app.events.repository import EventReader
from devserver.postgres import EmbeddedPostgres
from tests.e2e.installation import eventually
from tests.events.following import Follower
from tests.faults.load import Load
from tests.faults.outages import killed
from tests.faults.processes import Service, kill
from tests.faults.report import Finding
from tests.faults.visits import registered

pytestmark = [pytest.mark.faults]

KILLS = 3


async def test_nothing_is_missed_while_workers_and_postgres_are_killed(
    service: Service,
    postgres: EmbeddedPostgres,
    database: Database,
    find: Callable[[str], Finding],
) -> None:
    found = find(f"workers are killed {KILLS} times, and PostgreSQL once, while a system follows")
    installation = await service.serve()
    follower, done, late = Follower(database, at_most=50), asyncio.Event(), 0.0
    workers = [service.worker(), service.worker()]
    async with asyncio.TaskGroup() as group:
        group.create_task(follower.keep_on(done))
        async with Load(installation, "events", pause=0.02).running() as load:
            await _some_more(follower)
            for _ in range(KILLS):
                kill(workers.pop(0))  # perhaps the one that gives the numbers
                began = monotonic()
                await _some_more(follower)
                late = max(late, monotonic() - began)
                workers.append(service.worker())
            async with killed(postgres):
                await load.is_refused()
            await load.goes_on()
            await _some_more(follower)
        there = await registered(database)
        await eventually(lambda: len(_registrations(follower)) >= len(there))
        done.set()
    ids = _registrations(follower)
    found.lost = len({*load.registered.values()} - ids.keys())
    found.twice = sum(times - 1 for times in ids.values())
    found.late = [f"events {late:.1f} s after a worker was killed"]
    assert not found.lost
    assert not found.twice
    assert len(ids) == len(there)
    follower.assert_in_order()


def _registrations(follower: Follower) -> dict[str, int]:
    """Return how often each visitor was told to be registered."""
    told: dict[str, int] = {}
    for event in follower.events:
        if event.type == EventType.VISIT_REGISTERED:
            told[str(event.subject_id)] = told.get(str(event.subject_id), 0) + 1
    return told


async def _some_more(follower: Follower) -> None:
    """Wait until events have been read that are numbered from now on, by a living worker."""
    async with follower.database.read() as session:
        head = await EventReader(session).head()
    await eventually(lambda: follower.after > head + 3)
