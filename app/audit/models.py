"""The audit log: one table of everything that was done, chained after the commit.

The chain is described in `app/audit/chain.py`.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, LargeBinary, String, false, text, true
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db.models import Base, Entity

VISITOR, USER = "visitor", "user"
"""Types of subjects that have actions of their own."""


class VisitorAction(StrEnum):
    REGISTERED = "registered"
    UPDATED = "updated"
    RESCHEDULED = "rescheduled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    CHECKED_IN = "checked_in"
    CHECKED_OUT = "checked_out"
    COMPLETED = "completed"
    UNDONE = "undone"
    EMAIL_RESENT = "email_resent"
    CODE_REPLACED = "code_replaced"
    DELETED = "deleted"
    ANONYMISED = "anonymised"
    PERSONAL_DATA_EXPORTED = "personal_data_exported"


class AuditAction(StrEnum):
    """What is done to anything else: `subject type.what`."""

    SITE_CREATED = "site.created"
    SITE_UPDATED = "site.updated"
    SITE_DELETED = "site.deleted"
    SITE_CHECKED_OUT = "site.checked_out"
    CLOSURE_CREATED = "closure.created"
    CLOSURE_DELETED = "closure.deleted"
    SLOT_CAPACITY_SET = "slot.capacity_set"
    SLOT_CAPACITY_DROPPED = "slot.capacity_dropped"
    SLOT_CAPACITY_RAISED = "slot.capacity_raised"
    DEPARTMENT_CREATED = "department.created"
    DEPARTMENT_UPDATED = "department.updated"
    DEPARTMENT_DELETED = "department.deleted"
    DEVICE_CREATED = "device.created"
    DEVICE_UPDATED = "device.updated"
    DEVICE_KEY_ROTATED = "device.key_rotated"
    DEVICE_DELETED = "device.deleted"
    API_KEY_CREATED = "api_key.created"
    API_KEY_UPDATED = "api_key.updated"
    API_KEY_ROTATED = "api_key.rotated"
    API_KEY_DELETED = "api_key.deleted"
    NOTIFICATION_RETRIED = "notification.retried"
    GROUP_CREATED = "group.created"
    GROUP_UPDATED = "group.updated"
    WORKBOOK_UPLOADED = "workbook.uploaded"
    VISITORS_EXPORTED = "visitors.exported"
    MUSTER_STARTED = "muster.started"
    MUSTER_TURNED_REAL = "muster.turned_real"
    MUSTER_MARKED = "muster.marked"
    MUSTER_PERSON_ADDED = "muster.person_added"
    MUSTER_ENDED = "muster.ended"
    MUSTER_REOPENED = "muster.reopened"
    MUSTER_REPORTED = "muster.reported"
    MUSTER_LINK_CREATED = "muster.link_created"
    MUSTER_LINK_DELETED = "muster.link_deleted"
    WEBHOOK_CREATED = "webhook.created"
    WEBHOOK_UPDATED = "webhook.updated"
    WEBHOOK_TAKEN_OVER = "webhook.taken_over"
    WEBHOOK_SECRET_ROTATED = "webhook.secret_rotated"  # noqa: S105 - an action
    WEBHOOK_DELETED = "webhook.deleted"
    WEBHOOK_TESTED = "webhook.tested"
    WEBHOOK_REPLAYED = "webhook.replayed"
    WEBHOOK_REDELIVERED = "webhook.redelivered"
    WEBHOOK_DISABLED = "webhook.disabled"
    AUDIT_EXPORTED = "audit.exported"
    AUDIT_CUT = "audit.cut"
    DATABASE_MIGRATED = "database.migrated"
    UPDATE_FINISHED = "database.update_finished"
    VISITORS_PURGED = "visitors.purged"


class AuditEntry(Entity):
    """One entry: who did what to what, when and from where.

    No id is a foreign key, because the log outlives what it names. The columns from `seq` on are
    null until the sequencer has chained the entry. `value_key` is deleted with the values of
    `client_address`, `details` and a `request_id` that the client made; `macs` remain.

    The columns from `makes_event` on are for the event of the entry, and not hashed.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_subject_id_id", "subject_id", "id"),
        Index("ix_audit_entries_unchained", "id", postgresql_where=text("seq IS NULL")),
        Index("ix_audit_entries_users", "id", postgresql_where=text("subject_type = 'user'")),
        # Only chained entries are listed, so these cost nothing when an entry is written.
        Index("ix_audit_entries_seq", "seq", unique=True, postgresql_where=text("seq IS NOT NULL")),
        Index(
            "ix_audit_entries_actor", "actor_id", "seq", postgresql_where=text("seq IS NOT NULL")
        ),
        Index("ix_audit_entries_site", "site_id", "seq", postgresql_where=text("seq IS NOT NULL")),
        Index(
            "ix_audit_entries_action",
            "subject_type",
            "action",
            "seq",
            postgresql_where=text("seq IS NOT NULL"),
        ),
    )

    # The default is for processes of the previous release during a rollout.
    subject_type: Mapped[str] = mapped_column(String(40), server_default=VISITOR)
    subject_id: Mapped[UUID | None]
    action: Mapped[str] = mapped_column(String(40))
    actor_role: Mapped[str] = mapped_column(String(20))
    actor_id: Mapped[UUID | None]
    actor_name: Mapped[str] = mapped_column(String(401))
    site_id: Mapped[UUID | None]
    client_address: Mapped[str | None] = mapped_column(String(64))
    request_id: Mapped[str | None] = mapped_column(String(128))
    is_request_id_of_client: Mapped[bool] = mapped_column(server_default=true())
    details: Mapped[dict[str, Any]]
    seq: Mapped[int | None]
    previous_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    value_key: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    macs: Mapped[bytes | None] = mapped_column(LargeBinary)
    # Entries from before events were kept make none.
    makes_event: Mapped[bool] = mapped_column(server_default=true())
    # Processes of the previous release name no host.
    is_host_known: Mapped[bool] = mapped_column(server_default=false())
    host_id: Mapped[UUID | None]
    subject_version: Mapped[int | None]
    is_final_exit: Mapped[bool] = mapped_column(server_default=false())


class AuditHead(Base):
    """A signed position of the chain: its end at `signed_at`, or the last entry that was cut off.

    There is at most one anchor.
    """

    __tablename__ = "audit_heads"

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    is_anchor: Mapped[bool] = mapped_column(primary_key=True, server_default=false())
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    signed_at: Mapped[datetime]
    key_id: Mapped[str] = mapped_column(String(16))
    signature: Mapped[bytes] = mapped_column(LargeBinary(32))


class FormerAccountEvent(Entity):
    """An account event of older releases, until `vms migrate` has moved it to the audit log."""

    __tablename__ = "former_account_events"

    account_id: Mapped[UUID | None]
    action: Mapped[str] = mapped_column(String(40))
    actor_id: Mapped[UUID | None]
    client_address: Mapped[str | None] = mapped_column(String(64))
    request_id: Mapped[str] = mapped_column(String(128))
    details: Mapped[dict[str, Any]]
