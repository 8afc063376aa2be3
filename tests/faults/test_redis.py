"""Redis stopped, killed and frozen, while people register, log in and get mail."""

from collections.abc import Callable
from statistics import median

import httpx
import pytest

from app.core.db.database import Database
from devserver.redis import EmbeddedRedis
from tests.e2e.installation import ADMIN
from tests.faults.load import Load
from tests.faults.mails import arrived, latest, reached
from tests.faults.outages import OUTAGES
from tests.faults.processes import Service, until_ready
from tests.faults.report import Finding
from tests.faults.visits import registered

pytestmark = [pytest.mark.faults]

# Half of what a question to a Redis without an answer costs. A single request may take longer: on
# a machine that is busy, or since it is the one that finds out.
AT_ONCE = 1.0
TIMES = 3


async def test_everything_goes_on_without_it(
    service: Service, redis: EmbeddedRedis, database: Database, find: Callable[[str], Finding]
) -> None:
    worker = service.worker()
    installation = await service.serve()
    for name, outage in OUTAGES.items():
        found = find(f"Redis is {name} under load")
        async with Load(installation, f"redis-{name}", pause=0.3).running() as load:
            client = load.clients[0]
            async with outage(redis):
                await until_ready(client, lambda answer: answer.json()["redis"] == "down")
                await load.goes_on(20)
                await nobody_notices(client, next(iter(load.codes)))
                await reached(database, set(load.registered))
            await until_ready(client, lambda answer: answer.json()["redis"] == "up")
            await load.goes_on()
        await reached(database, load.registered)
        came = arrived(installation.mail, f"redis-{name}")
        found.lost = len(load.registered.keys() - came.keys())
        found.twice = came.total() - len(came)
        slowest, mail = max(load.took[201]), await latest(database, load.registered)
        found.late = [f"registrations {slowest:.1f} s at most", f"mails {mail:.1f} s at most"]
        assert load.answers.keys() == {201}
        assert load.registered.keys() <= await registered(database)
        assert (found.lost, found.twice, load.unanswered) == (0, 0, 0)
        assert median(load.took[201]) < AT_ONCE
    assert worker.running


async def nobody_notices(client: httpx.AsyncClient, code: str) -> None:
    """Log in, read and scan, which answer at once, and as ever."""
    logins = [await client.post("/api/auth/login/", json=ADMIN) for _ in range(TIMES)]
    lists = [await client.get("/api/visitors/") for _ in range(TIMES)]
    scans = [
        await client.post("/api/visitors/verify-qr/", json={"token": code}) for _ in range(TIMES)
    ]
    assert {scan.json()["code"] for scan in scans} == {"wrong_day"}
    for answers, status in ((logins, 200), (lists, 200), (scans, 409)):
        assert {answer.status_code for answer in answers} == {status}
        assert min(answer.elapsed.total_seconds() for answer in answers) < AT_ONCE
