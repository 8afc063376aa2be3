"""The audit log of visitors."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.models import Entity, words


class VisitorAction(StrEnum):
    REGISTERED = "registered"
    UPDATED = "updated"
    RESCHEDULED = "rescheduled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    CHECKED_IN = "checked_in"
    CHECKED_OUT = "checked_out"
    COMPLETED = "completed"
    EMAIL_RESENT = "email_resent"
    CODE_REPLACED = "code_replaced"
    DELETED = "deleted"
    ANONYMISED = "anonymised"
    PERSONAL_DATA_EXPORTED = "personal_data_exported"


class VisitorEvent(Entity):
    """An entry of the audit log, without personal data of the visitor.

    Entries outlive visitors, so `visitor_id` is no foreign key.
    """

    __tablename__ = "visitor_events"
    __table_args__ = (Index("ix_visitor_events_visitor_id_id", "visitor_id", "id"),)

    visitor_id: Mapped[UUID]
    action: Mapped[VisitorAction] = mapped_column(words(VisitorAction))
    actor_role: Mapped[str] = mapped_column(String(20))
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str] = mapped_column(String(401))
    client_address: Mapped[str | None] = mapped_column(String(64))
    request_id: Mapped[str] = mapped_column(String(128))
    details: Mapped[dict[str, Any]]
