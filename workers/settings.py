from datetime import UTC

from arq import cron, func
from arq.cron import CronJob
from arq.worker import Worker

from app.core.jobs import DRAIN_OUTBOX, TELL_OF_SITE_CHANGES, connect, deserialize, serialize
from workers.accounts import purge_accounts
from workers.audit import cut_audit_log
from workers.context import WorkerContext
from workers.events import delete_events
from workers.mail import drain_outbox
from workers.repeats import forget_answers
from workers.runs import watched
from workers.telling import tell_of_the_clock
from workers.visits import (
    anonymise_visitors,
    close_visits,
    count_visits,
    send_reminders,
    tell_of_site_changes,
)
from workers.webhooks import delete_deliveries

# The job of a killed worker runs again ten seconds after this time.
JOB_SECONDS = 60
POLL_SECONDS = 0.05


def calendar() -> list[CronJob]:
    """Return the scheduled jobs, in UTC; keep the alerts in deploy/ in step."""
    return [
        # Every minute, since events tell of what they do.
        cron(watched(close_visits), run_at_startup=True),
        cron(watched(tell_of_the_clock), run_at_startup=True),
        cron(watched(count_visits), run_at_startup=True),
        # A fallback for a lost wake-up.
        cron(watched(tell_of_site_changes), second=set(range(0, 60, 15)), run_at_startup=True),
        cron(watched(send_reminders), minute=set(range(0, 60, 15)), run_at_startup=True),
        cron(watched(purge_accounts), hour=2, minute=40),
        cron(watched(cut_audit_log), hour=3, minute=40),
        cron(watched(delete_events), hour=3, minute=50),
        cron(watched(forget_answers), minute=20),
        cron(watched(delete_deliveries), hour=4, minute=10),
        # Work left at the time-out waits for the next night.
        cron(watched(anonymise_visitors), hour=3, minute=10),
    ]


def make_worker(context: WorkerContext, redis_url: str) -> Worker:
    return Worker(
        functions=[
            func(drain_outbox, name=DRAIN_OUTBOX),
            func(watched(tell_of_site_changes), name=TELL_OF_SITE_CHANGES),
        ],
        cron_jobs=calendar(),
        redis_pool=connect(redis_url),
        job_serializer=serialize,
        job_deserializer=deserialize,
        ctx={"context": context},
        job_timeout=JOB_SECONDS,
        keep_result=0,
        poll_delay=POLL_SECONDS,
        health_check_interval=10,
        handle_signals=False,
        timezone=UTC,
        log_results=False,
    )
