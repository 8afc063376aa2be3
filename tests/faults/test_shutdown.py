"""SIGTERM, while there is something to do."""

import os
import signal
from collections.abc import Callable
from time import monotonic

import pytest

from app.core.db.database import Database
from devserver.postgres import EmbeddedPostgres
from devserver.process import Child
from devserver.redis import EmbeddedRedis
from tests.e2e.installation import eventually, free_port
from tests.faults.load import Load
from tests.faults.mail_server import ChaosServer, Fault, Plan
from tests.faults.processes import Service, ended, frozen
from tests.faults.report import Finding
from tests.faults.visits import registered

pytestmark = [pytest.mark.faults]

# Orchestrators allow 30 seconds by default; the worker takes 18 at most.
GRACE = 25.0


async def terminated(child: Child) -> float:
    """Return the seconds from SIGTERM to an orderly end."""
    began = monotonic()
    os.kill(child.pid, signal.SIGTERM)
    assert await ended(child) == 0
    return monotonic() - began


async def test_an_api_answers_what_it_has_begun(
    service: Service, database: Database, find: Callable[[str], Finding]
) -> None:
    found = find("SIGTERM to an API of two processes under load")
    installation = await service.serve("--workers", "2")
    async with Load(installation, "terminated").running() as load:
        await load.goes_on(50)
        seconds = await terminated(service.running[-1])
    kept = await registered(database)
    found.lost = len(load.registered.keys() - kept)
    found.late = [f"its end {seconds:.1f} s"]
    assert kept == load.registered.keys()  # neither lost nor done without a response
    assert load.answers.keys() == {201}


async def test_a_worker_ends_while_nothing_answers(
    service: Service,
    postgres: EmbeddedPostgres,
    redis: EmbeddedRedis,
    find: Callable[[str], Finding],
) -> None:
    found = find("SIGTERM to a worker while mail server, Redis and PostgreSQL are silent")
    server = ChaosServer({"silent@example.com": Plan((Fault.SILENCE,) * 100)})
    port = free_port()
    await service.register(["silent@example.com"])
    worker = service.worker(EMAIL_PORT=str(port))
    async with server.listening(port):
        await eventually(lambda: server.tries["silent@example.com"])
        with frozen(redis.pid), frozen(postgres.pid):
            seconds = await terminated(worker)
    found.late = [f"its end {seconds:.1f} s"]
    assert seconds < GRACE
