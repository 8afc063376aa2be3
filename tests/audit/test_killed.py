"""A sequencer that is killed loses nothing, and another takes over."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from uuid import UUID

import pytest
from sqlalchemy import select

from app.audit.chain import Signer
from app.audit.verification_service import verify
from app.core.db.database import Database
from app.core.db.leases import Lease
from app.events.sequencer_service import Sequencer
from app.settings import Settings
from tests.audit.entries import all_entries, sql, write
from tests.e2e.installation import eventually

STEPS = 24


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    ours = {
        "DATABASE_URL": settings.database_url,
        "SECRET_KEY": settings.secret_key.get_secret_value(),
    }
    return os.environ | ours


@contextmanager
def running(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.audit.sequencing"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
async def two(
    database: Database, environment: dict[str, str]
) -> AsyncIterator[dict[UUID, subprocess.Popen[str]]]:
    """Two sequencers in processes of their own."""
    with ExitStack() as stack:
        started = [stack.enter_context(running(environment)) for _ in range(2)]
        yield {await asyncio.to_thread(_name, process): process for process in started}


def _name(process: subprocess.Popen[str]) -> UUID:
    assert process.stdout is not None
    return UUID(process.stdout.readline().strip())


async def until_chained(database: Database, number: int) -> None:
    await eventually(lambda: _are_chained(database, number))


async def _are_chained(database: Database, number: int) -> bool:
    found = await all_entries(database)
    return len(found) == number and all(entry.seq is not None for entry in found)


async def holder(database: Database) -> UUID:
    async with database.read() as session:
        [lease] = (await session.scalars(select(Lease))).all()
    return lease.holder


async def test_another_process_takes_over_from_a_killed_one(
    database: Database, signer: Signer, two: dict[UUID, subprocess.Popen[str]]
):
    await write(database, 5)
    await until_chained(database, 5)
    first = await holder(database)
    two[first].kill()
    await write(database, 5)
    await until_chained(database, 10)
    assert {first, await holder(database)} == two.keys()
    verdict = await verify(database, signer)
    assert (verdict.faults, verdict.entries) == ([], 10)


async def test_a_sequencer_killed_at_any_step_leaves_an_unbroken_chain(
    database: Database, signer: Signer, environment: dict[str, str], sequencer: Sequencer
):
    command = [sys.executable, "-m", "tests.audit.mortal_sequencer", str(STEPS)]
    run = await asyncio.to_thread(subprocess.run, command, env=environment, check=False)
    assert 10 < run.returncode <= STEPS
    await sql(database, "DELETE FROM leases")
    while await sequencer.step():
        pass
    verdict = await verify(database, signer)
    assert (verdict.faults, verdict.entries) == ([], 3 * STEPS)
