"""The record, metrics and log of a job run."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from arq.typing import WorkerCoroutine

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.core.job_runs import last_runs
from app.settings import Settings
from app.webhooks.client import Poster
from tests.health.figures import figures
from tests.support.api import Api
from tests.support.database import all_mails
from workers.context import WorkerContext, make_delivery, make_webhooks
from workers.runs import watched
from workers.visits import send_reminders

JOB_ID = "cron:tidy_up:1795386900123"
Ctx = dict[Any, Any]


async def tidy_up(ctx: Ctx) -> None:
    """Do nothing."""


@pytest.fixture
def ctx(settings: Settings, database: Database, clock: SettableClock) -> Ctx:
    delivery = make_delivery(settings, database, clock)
    waits = asyncio.Event()
    webhooks = make_webhooks(settings, database, clock, Poster(None), waits)
    context = WorkerContext(database, clock, delivery, webhooks, waits, None, 180)
    return {"context": context, "job_id": JOB_ID}


async def run(job: WorkerCoroutine, ctx: Ctx) -> None:
    """Run the job in a separate task, as ARQ does."""
    await asyncio.create_task(watched(job)(ctx))


async def test_the_last_run_and_the_last_success_are_kept(
    ctx: Ctx, database: Database, clock: SettableClock, http: httpx.AsyncClient
):
    first = clock.now()
    await run(tidy_up, ctx)
    clock.advance(timedelta(minutes=5))
    await run(failing("tidy_up"), ctx)
    async with database.read() as session:
        [kept] = await last_runs(session)
    assert (kept.job, kept.succeeded_at, kept.ended_at) == ("tidy_up", first, clock.now())
    now = await figures(http)
    times = "vms_job_last_{}_timestamp_seconds"
    assert now.of(times.format("success"), job_name="tidy_up") == first.timestamp()
    assert now.of(times.format("end"), job_name="tidy_up") == clock.now().timestamp()


async def test_runs_are_counted_by_their_end(ctx: Ctx, http: httpx.AsyncClient):
    before = await figures(http)
    await run(tidy_up, ctx)
    await run(failing("tidy_up"), ctx)
    stuck = asyncio.create_task(watched(sleeping)(ctx))
    await asyncio.sleep(0)
    stuck.cancel()
    await asyncio.wait({stuck})
    grown = (await figures(http)).since(before)
    counts = {name: n for name, n in grown.items() if "duration_seconds_count{" in name}
    assert {name: n for name, n in counts.items() if "job" in name} == {
        "vms_job_duration_seconds_count{succeeded,tidy_up}": 1,
        "vms_job_duration_seconds_count{failed,tidy_up}": 1,
        "vms_job_duration_seconds_count{cancelled,sleeping}": 1,
    }


async def sleeping(ctx: Ctx) -> None:
    await asyncio.Event().wait()


def failing(name: str) -> WorkerCoroutine:
    async def job(ctx: Ctx) -> None:
        raise ValueError("a row that nobody expected")

    job.__qualname__ = name
    return job


async def test_a_failure_is_logged_once_with_the_id_of_the_run(
    ctx: Ctx, log: Callable[[], list[dict[str, Any]]]
):
    await run(failing("tidy_up"), ctx)
    [line] = [line for line in log() if "exception" in line]
    assert (line["job"], line["request_id"], line["level"]) == ("tidy_up", JOB_ID, "error")
    assert "a row that nobody expected" in line["exception"]


async def test_a_job_ends_well_while_the_database_is_away(ctx: Ctx):
    lost = Database("postgresql+asyncpg://nobody@127.0.0.1:9/vms")
    known: WorkerContext = ctx["context"]
    await run(tidy_up, ctx | {"context": replace(known, database=lost)})
    await lost.close()


async def test_the_mails_of_a_job_name_its_run(
    ctx: Ctx, api: Api, database: Database, clock: SettableClock
):
    await (await api.admin()).register(visit_date="2026-11-25", host_email=None)
    clock.set(datetime(2026, 11, 24, 11, tzinfo=UTC))
    await run(send_reminders, ctx)
    [reminder] = [mail for mail in await all_mails(database) if "reminder" in mail.kind]
    assert reminder.request_id == JOB_ID
