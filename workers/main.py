"""The worker process: delivers mail, and runs ARQ jobs while Redis is available."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from arq.worker import Worker
from redis.exceptions import RedisError

from app.audit.chain import Signer
from app.core.clock import Clock, SystemClock
from app.core.jobs import connect
from app.core.nudges import NEW_EVENTS, Nudger
from app.core.observability.logging import logger
from app.core.observability.outages import Outage
from app.events.sequencer_service import Sequencer
from app.settings import Settings
from app.webhooks.dispatch_service import Dispatcher
from workers.context import WorkerContext, open_context
from workers.metrics_server import metrics_served
from workers.settings import make_worker

RECONNECT_SECONDS = 1.0
JOBS_GRACE_SECONDS = 10.0
CANCEL_AGAIN_SECONDS = 0.5
# Longer than the default EMAIL_TIMEOUT_SECONDS, shorter than orchestrators wait.
STOP_SECONDS = 18.0


async def run(settings: Settings, clock: Clock | None = None) -> None:
    """Work until SIGTERM or SIGINT, then finish the work in progress."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with metrics_served(settings):
        await _work(settings, clock or SystemClock(), stop)


async def _work(settings: Settings, clock: Clock, stop: asyncio.Event) -> None:
    async with open_context(settings, clock) as context, _nudging(settings) as nudge:
        sequencer = Sequencer(context.database, clock, Signer(settings.key_ring), nudge)
        dispatcher = Dispatcher(context.database, clock, context.webhooks.wake)
        try:
            async with asyncio.timeout(None) as limit:
                await asyncio.gather(
                    context.delivery.run(context.mail_waits, stop),
                    sequencer.run(stop),
                    dispatcher.run(stop),
                    context.webhooks.run(stop),
                    _run_jobs(context, settings.redis_url, stop),
                    _end_on_stop(context, stop, limit),
                )
        except TimeoutError:
            if not limit.expired():
                raise
            logger.warning("worker stops with work in progress", seconds=STOP_SECONDS)


@asynccontextmanager
async def _nudging(settings: Settings) -> AsyncIterator[Nudger]:
    """Open what tells the streams of all processes that there are new events."""
    redis = connect(settings.redis_url)
    nudge = Nudger(redis, NEW_EVENTS)
    try:
        yield nudge
    finally:
        await nudge.close()
        await redis.aclose(close_connection_pool=True)


async def _end_on_stop(context: WorkerContext, stop: asyncio.Event, limit: asyncio.Timeout) -> None:
    """Wait for work in progress, then abandon it as a killed worker would."""
    await stop.wait()
    logger.info("worker stops")
    limit.reschedule(asyncio.get_running_loop().time() + STOP_SECONDS)
    await context.wake_outbox()


async def _run_jobs(context: WorkerContext, redis_url: str, stop: asyncio.Event) -> None:
    """Run ARQ workers one after another, since each ends when it loses Redis."""
    outage = Outage("jobs wait for Redis", "jobs run again")

    async def note_reconnection(ctx: dict[Any, Any]) -> None:  # noqa: ARG001 - of ARQ
        outage.over()

    while not stop.is_set():
        worker = make_worker(context, redis_url)
        worker.on_startup = note_reconnection
        try:
            await _until_stopped(worker, stop)
        except (RedisError, OSError) as error:
            outage.report(error)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), RECONNECT_SECONDS)
        finally:
            await _close(worker)


async def _until_stopped(worker: Worker, stop: asyncio.Event) -> None:
    jobs = asyncio.create_task(worker.async_run())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({jobs, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not jobs.done():
        worker.allow_pick_jobs = False
        if worker.tasks:
            await asyncio.wait(worker.tasks.values(), timeout=JOBS_GRACE_SECONDS)
    # The Redis client can swallow a cancellation that coincides with a time-out.
    while not jobs.done():
        jobs.cancel()
        await asyncio.wait({jobs}, timeout=CANCEL_AGAIN_SECONDS)
    with suppress(asyncio.CancelledError):
        await jobs


async def _close(worker: Worker) -> None:
    with suppress(RedisError, OSError, asyncio.CancelledError):
        await worker.close()
