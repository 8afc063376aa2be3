"""The worker that mails the changes of sites: woken, late, killed."""

import asyncio
import os
import sys

from sqlalchemy import func, select

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.jobs import TELL_OF_SITE_CHANGES
from app.settings import Settings
from app.sites.models import SiteChange
from app.visitors.site_change_jobs import bring_to_visits
from devserver.redis import EmbeddedRedis
from tests.conftest import MONDAY
from tests.support.api import Api, Client
from tests.support.database import all_mails
from tests.workers.test_worker import admin, eventually, redis, register, worker
from workers.settings import calendar

__all__ = ["admin", "redis"]

VISITS, BATCHES = 6, 3
STEPS, EVERY = 60, 3


async def told(database: Database) -> list[str]:
    mails = await all_mails(database)
    return sorted(mail.recipient for mail in mails if mail.kind.value == "visitor_updated")


async def waiting(database: Database) -> int:
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(SiteChange)) or 0


async def test_a_change_wakes_the_worker(
    admin: Client,
    api: Api,
    clock: SettableClock,
    database: Database,
    settings: Settings,
    redis: EmbeddedRedis,
):
    await register(admin, clock, "one@example.com")
    site = (await admin.get("sites/")).json()["items"][0]["id"]
    root = await Api(admin._http, database, api.hasher).superadmin()
    async with worker(settings, redis.url):
        await eventually(lambda: sent(database, "visitor_confirmation"))
        answer = await root.patch(f"sites/{site}/", {"address": "New Street 2"})
        assert answer.json()["affected_visitors"] == 1
        await eventually(lambda: sent(database, "visitor_updated"))
    assert await waiting(database) == 0


async def sent(database: Database, kind: str) -> bool:
    mails = await all_mails(database)
    return any(mail.kind.value == kind and mail.status.value == "sent" for mail in mails)


def test_a_lost_wake_up_costs_seconds():
    [job] = [job for job in calendar() if job.name == f"cron:{TELL_OF_SITE_CHANGES}"]
    assert job.second == {0, 15, 30, 45}
    assert job.minute is None
    assert job.run_at_startup


async def test_a_worker_killed_at_any_step_mails_everybody_once(
    api: Api, database: Database, settings: Settings
):
    root = await api.superadmin()
    addresses = [f"v{number}@example.com" for number in range(VISITS)]
    for address in addresses:
        visitor = await root.register(email=address, host_email=None)
    await root.patch(f"sites/{visitor['site']}/", {"name": "Plant"})
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.workers.mortal_site_changes", str(STEPS), str(EVERY)),
        env={"PATH": os.environ["PATH"], "DATABASE_URL": settings.database_url},
    )
    assert await process.wait() > BATCHES
    await bring_to_visits(database, _nobody, MONDAY)
    assert await told(database) == addresses
    assert await waiting(database) == 0


async def _nobody() -> None: ...
