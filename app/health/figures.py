import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from redis.asyncio import Redis

from app.core.db.database import Database
from app.core.db.errors import OUTAGES
from app.core.job_runs import JobRun, last_runs
from app.core.observability.metrics import of_all_processes
from app.health import redis as redis_server
from app.health.repository import COUNTED_TO, Due, OutboxReader, OutboxState, WebhookFigures
from app.notifications.models import NotificationStatus

# Prometheus gives up after ten seconds.
LOOK_UP_SECONDS = 2.0
WAITING = {NotificationStatus.QUEUED, NotificationStatus.SENDING}


@dataclass(frozen=True, slots=True)
class LookedUp:
    """The outbox and the jobs; the same from every process, even while no worker runs."""

    now: datetime
    due: Due
    outbox: Sequence[OutboxState]
    jobs: Sequence[JobRun]
    deliveries: int
    webhooks: Mapping[str, int]

    def families(self) -> Iterator[Metric]:
        yield self._mails()
        yield _gauge(
            "vms_outbox_oldest_waiting_age_seconds",
            "Age of the oldest unsent mail, 0 if there is none",
            max(self._age(state.oldest) for state in self.outbox if state.status in WAITING),
        )
        yield _gauge(
            "vms_outbox_overdue_seconds",
            "Time since the most overdue mail became due",
            self._age(self.due.first),
        )
        yield _gauge(
            "vms_clock_offset_seconds",
            "Clock of this process minus clock of the database",
            (self.now - self.due.asked_at).total_seconds(),
        )
        yield _gauge(
            "vms_webhook_deliveries_waiting",
            f"Deliveries that wait for active webhooks, counted up to {COUNTED_TO}",
            self.deliveries,
        )
        yield self._webhooks()
        yield from self._job_times()

    def _age(self, since: datetime | None) -> float:
        return max((self.now - since).total_seconds(), 0.0) if since else 0.0

    def _mails(self) -> Metric:
        text = f"Unsent mails, counted up to {COUNTED_TO}"
        mails = GaugeMetricFamily("vms_outbox_mails", text, labels=["state"])
        for state in self.outbox:
            mails.add_metric([state.status.value], state.number)
        return mails

    def _webhooks(self) -> Metric:
        webhooks = GaugeMetricFamily("vms_webhooks", "Webhooks by state", labels=["state"])
        for state, number in self.webhooks.items():
            webhooks.add_metric([state], number)
        return webhooks

    def _job_times(self) -> Iterator[Metric]:
        ended = GaugeMetricFamily(
            "vms_job_last_end_timestamp_seconds",
            "Time at which the job last ended",
            labels=["job_name"],
        )
        succeeded = GaugeMetricFamily(
            "vms_job_last_success_timestamp_seconds",
            "Time at which the job last succeeded",
            labels=["job_name"],
        )
        for run in self.jobs:
            ended.add_metric([run.job], run.ended_at.timestamp())
            if run.succeeded_at:
                succeeded.add_metric([run.job], run.succeeded_at.timestamp())
        yield from (ended, succeeded)


@dataclass(frozen=True, slots=True)
class Figures:
    """A collector of all metrics."""

    looked_up: LookedUp | None
    redis_up: bool

    def collect(self) -> Iterator[Metric]:
        yield from of_all_processes().collect()
        yield from self.asked()

    def asked(self) -> Iterator[Metric]:
        """Yield the metrics queried from database and Redis."""
        up = self.looked_up is not None
        yield _gauge("vms_database_up", "1 if the database answered for this scrape", up)
        yield _gauge("vms_redis_up", "1 if Redis answered for this scrape", self.redis_up)
        if self.looked_up:
            yield from self.looked_up.families()


async def exposition(database: Database, redis: Redis, now: datetime) -> bytes:
    """Return the metrics in Prometheus's text format, rendered in a thread."""
    asked = await asyncio.gather(_look_up(database, now), redis_server.answers(redis))
    return await asyncio.to_thread(generate_latest, Figures(*asked))


async def _look_up(database: Database, now: datetime) -> LookedUp | None:
    try:
        async with asyncio.timeout(LOOK_UP_SECONDS), database.read() as session:
            outbox = OutboxReader(session)
            due = await outbox.due()  # first: it compares the clocks
            hooks = WebhookFigures(session)
            return LookedUp(
                now,
                due,
                await outbox.states(),
                await last_runs(session),
                await hooks.waiting(),
                await hooks.webhooks(),
            )
    except OUTAGES:  # includes time-outs
        return None


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)
