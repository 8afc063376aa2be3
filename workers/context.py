import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.audit.chain import Signer
from app.core.clock import Clock
from app.core.db.database import Database
from app.core.http.limits import RateLimiter
from app.core.security.encryption import Encryption
from app.notifications.delivery_service import Delivery
from app.notifications.links import Links
from app.notifications.message import Mailbox
from app.notifications.smtp_client import Mailer, SmtpSettings
from app.notifications.stranger_mail_limits import StrangerMails
from app.settings import Settings
from app.webhooks.client import Poster
from app.webhooks.delivery_service import WebhookDeliverer
from app.webhooks.mails import WebhookMails
from app.webhooks.models import WEBHOOK_SECRETS
from workers.heartbeat import heartbeat_of


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """The resources of jobs."""

    database: Database
    clock: Clock
    delivery: Delivery
    webhooks: WebhookDeliverer
    mail_waits: asyncio.Event
    retention_days: int | None
    account_event_days: int
    strangers: StrangerMails | None = None
    audit_days: int = 730
    signer: Signer | None = None
    event_days: int = 90

    async def wake_outbox(self) -> None:
        """Make the delivery of this process check the outbox now."""
        self.mail_waits.set()


@asynccontextmanager
async def open_context(settings: Settings, clock: Clock) -> AsyncIterator[WorkerContext]:
    database = Database(settings.database_url, pool_size=settings.database_pool_size)
    limiter = RateLimiter(settings.redis_url, settings.key_ring)
    poster, mail_waits = Poster(settings.opened_to_webhooks), asyncio.Event()
    try:
        delivery = make_delivery(settings, database, clock, heartbeat_of(settings).beat)
        webhooks = make_webhooks(settings, database, clock, poster, mail_waits)
        async with database.monitor.running():
            yield WorkerContext(
                database,
                clock,
                delivery,
                webhooks,
                mail_waits,
                settings.retention_days,
                settings.account_event_days,
                StrangerMails(limiter),
                settings.audit_days,
                Signer(settings.key_ring),
                settings.event_days,
            )
    finally:
        await poster.close()
        await limiter.close()
        await database.close()


def make_delivery(
    settings: Settings, database: Database, clock: Clock, beat: Callable[[], None] = lambda: None
) -> Delivery:
    password = settings.email_host_password
    smtp = SmtpSettings(
        host=settings.email_host,
        port=settings.email_port,
        username=settings.email_host_user,
        password=password.get_secret_value() if password else None,
        tls=settings.email_tls,
        timeout=settings.email_timeout_seconds,
    )
    return Delivery(
        database=database,
        clock=clock,
        mailer=lambda: Mailer(smtp),
        sender=Mailbox.parse(settings.default_from_email),
        links=Links(settings.service_url, settings.map_url),
        timeout=timedelta(seconds=settings.email_timeout_seconds),
        beat=beat,
    )


def make_webhooks(
    settings: Settings,
    database: Database,
    clock: Clock,
    poster: Poster,
    mail_waits: asyncio.Event,
) -> WebhookDeliverer:
    async def wake_outbox() -> None:
        mail_waits.set()

    secrets = Encryption(settings.key_ring, WEBHOOK_SECRETS)
    return WebhookDeliverer(database, clock, secrets, poster, WebhookMails(wake_outbox))


def context_of(ctx: dict[Any, Any]) -> WorkerContext:
    context: WorkerContext = ctx["context"]
    return context
