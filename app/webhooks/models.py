"""Webhooks, and what is to be delivered to them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.encrypted import encrypted
from app.core.db.models import Base, Entity, words

WEBHOOK_SECRETS = "webhooks"
TEST_TYPE = "webhook.test"


class PayloadKind(StrEnum):
    """What a message tells: the event alone, or the record that it is about, too."""

    THIN = "thin"
    FULL = "full"


class WebhookStatus(StrEnum):
    """Whether messages are sent."""

    ACTIVE = "active"
    DISABLED = "disabled"


class DisabledReason(StrEnum):
    """Why none are sent: 410, three days of failures, a user, or the end of the maker's rights."""

    GONE = "gone"
    FAILING = "failing"
    BY_HAND = "by_hand"
    MAKER_CLOSED = "maker_closed"


class DeliveryStatus(StrEnum):
    """The state of a delivery; one that is being tried is pending, too."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Webhook(Entity):
    """A receiver of events that its maker may see.

    Events up to the number `starts_after` are not for it, unless a replay from `replay_after` to
    `replay_until` brings them. `failing_since` is the first failure since the last success.
    """

    __tablename__ = "webhooks"

    url: Mapped[str] = mapped_column(String(2000))
    types: Mapped[list[str]] = mapped_column(ARRAY(String(40)))
    site_id: Mapped[UUID | None] = mapped_column(ForeignKey("sites.id"), index=True)
    payload: Mapped[PayloadKind] = mapped_column(words(PayloadKind))
    status: Mapped[WebhookStatus] = mapped_column(words(WebhookStatus))
    disabled_reason: Mapped[DisabledReason | None] = mapped_column(words(DisabledReason))
    maker_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), index=True
    )
    secret: Mapped[bytes] = mapped_column(LargeBinary, info=encrypted(WEBHOOK_SECRETS))
    previous_secret: Mapped[bytes | None] = mapped_column(
        LargeBinary, info=encrypted(WEBHOOK_SECRETS)
    )
    previous_secret_until: Mapped[datetime | None]
    older_secret: Mapped[bytes | None] = mapped_column(LargeBinary, info=encrypted(WEBHOOK_SECRETS))
    older_secret_until: Mapped[datetime | None]
    starts_after: Mapped[int]
    replay_after: Mapped[int | None]
    replay_until: Mapped[int | None]
    failing_since: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]


class WebhookDelivery(Entity):
    """One event for one webhook.

    `attempts` is the fencing token of a claim, which ends at `next_attempt_at`; `tries` are those
    since `tries_began_at`. A test has no `event_seq`.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("webhook_id", "event_id"),
        Index(
            "ix_webhook_deliveries_due",
            "webhook_id",
            "next_attempt_at",
            postgresql_where=text("status = 'pending'"),
        ),
        Index("ix_webhook_deliveries_status", "webhook_id", "status", "id"),
        Index("ix_webhook_deliveries_tries_began_at", "tries_began_at"),
    )

    webhook_id: Mapped[UUID] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    event_id: Mapped[UUID]
    event_seq: Mapped[int | None]
    type: Mapped[str] = mapped_column(String(40))
    status: Mapped[DeliveryStatus] = mapped_column(words(DeliveryStatus))
    attempts: Mapped[int]
    tries: Mapped[int]
    tries_began_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime]
    last_attempt_at: Mapped[datetime | None]
    last_status: Mapped[int | None]
    last_error: Mapped[str | None] = mapped_column(Text)
    delivered_at: Mapped[datetime | None]


class WebhookCursor(Base):
    """The number of the last event that was given to all webhooks; the table has one row."""

    __tablename__ = "webhook_cursor"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int]
