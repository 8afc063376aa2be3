from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, case, func, literal, select, union_all

from app.core.db.database import ReadSession
from app.notifications.models import Notification, NotificationStatus
from app.webhooks.models import DeliveryStatus, Webhook, WebhookDelivery, WebhookStatus

# The other states grow without limit.
OPEN = (NotificationStatus.QUEUED, NotificationStatus.SENDING, NotificationStatus.FAILED)
# Without a mail server there are many, and counting all would slow the database.
COUNTED_TO = 50_000


@dataclass(frozen=True, slots=True)
class OutboxState:
    """The number of notifications in a state, and the time of the oldest."""

    status: NotificationStatus
    number: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Due:
    """When the first queued notification is due; `asked_at` is by the database's clock."""

    first: datetime | None
    asked_at: datetime


class OutboxReader:
    """Queries pending notifications, each from an index alone."""

    def __init__(self, session: ReadSession) -> None:
        self.session = session

    async def states(self) -> list[OutboxState]:
        """Return the open states, each counted up to `COUNTED_TO`."""
        found = await self.session.rows(select(union_all(*map(_state, OPEN)).subquery()))
        return [OutboxState(NotificationStatus(word), *rest) for word, *rest in found]

    async def due(self) -> Due:
        found = await self.session.rows(
            select(func.min(Notification.next_attempt_at), func.clock_timestamp()).where(
                Notification.status == NotificationStatus.QUEUED
            )
        )
        return Due(*found.one())


class WebhookFigures:
    """Queries what waits for webhooks that are active, and how many are not."""

    def __init__(self, session: ReadSession) -> None:
        self.session = session

    async def waiting(self) -> int:
        """Count pending deliveries, up to `COUNTED_TO`."""
        of_active = Webhook.status == WebhookStatus.ACTIVE
        some = (
            select(WebhookDelivery.id)
            .join(Webhook, Webhook.id == WebhookDelivery.webhook_id)
            .where(WebhookDelivery.status == DeliveryStatus.PENDING, of_active)
            .limit(COUNTED_TO)
            .subquery()
        )
        return await self.session.scalar(select(func.count()).select_from(some)) or 0

    async def webhooks(self) -> dict[str, int]:
        """Return the number of webhooks that work, fail and are disabled."""
        fails = Webhook.failing_since.is_not(None)
        disabled = Webhook.status == WebhookStatus.DISABLED
        state = case((disabled, "disabled"), (fails, "failing"), else_="working")
        found = await self.session.rows(select(state, func.count()).group_by(state))
        return dict.fromkeys(("working", "failing", "disabled"), 0) | dict(found.all())


def _state(status: NotificationStatus) -> Select[Any]:
    these = select(Notification.created_at).where(Notification.status == status)
    some = these.limit(COUNTED_TO).subquery()
    number = select(func.count()).select_from(some).scalar_subquery()
    first = these.order_by(Notification.created_at).limit(1).scalar_subquery()
    return select(literal(status.value), number, first)
