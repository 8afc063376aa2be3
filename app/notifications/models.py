from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.models import Entity, words
from app.notifications.kinds import NotificationKind


class NotificationStatus(StrEnum):
    """The state of a notification: queued, claimed, or final."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    SUPERSEDED = "superseded"


class Notification(Entity):
    """A mail to be sent, written in the transaction that causes it.

    (visitor, kind, version, co-host) is unique; `attempts` is the fencing token of a claim.
    `co_host` is the address of the co-host to whom it goes, and empty for everybody else.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        UniqueConstraint("visitor_id", "kind", "version", "co_host"),
        Index(
            "ix_notifications_due", "next_attempt_at", postgresql_where=text("status = 'queued'")
        ),
        Index(
            "ix_notifications_claimed", "lease_until", postgresql_where=text("status = 'sending'")
        ),
        Index("ix_notifications_created_at_id", "created_at", "id"),
        Index("ix_notifications_status_created_at_id", "status", "created_at", "id"),
    )

    visitor_id: Mapped[UUID | None] = mapped_column(ForeignKey("visitors.id", ondelete="CASCADE"))
    kind: Mapped[NotificationKind] = mapped_column(words(NotificationKind))
    version: Mapped[int]
    request_id: Mapped[str | None] = mapped_column(String(128))
    co_host: Mapped[str] = mapped_column(String(254), default="", server_default="")
    recipient: Mapped[str] = mapped_column(String(254))
    recipient_name: Mapped[str] = mapped_column(String(401))
    payload: Mapped[dict[str, Any]]
    status: Mapped[NotificationStatus] = mapped_column(words(NotificationStatus))
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None] = mapped_column(Text)
    tries_began_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    pointless_after: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    erase_when_done: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
