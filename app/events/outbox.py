"""Events that no entry of the audit log makes, stored with what causes them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from app.audit.chain import kind_of
from app.audit.repository import WORKER, Actor
from app.core.db.database import WriteSession
from app.core.ids import new_id
from app.core.request_context import current_request_id
from app.events.kinds import WITHOUT_ID, EventType, actor_kind
from app.events.models import PendingEvent

OUTBOX_COLUMNS = (
    "id",
    "type",
    "created_at",
    "site_id",
    "host_id",
    "subject_type",
    "subject_id",
    "subject_version",
    "actor_kind",
    "actor_id",
    "request_id",
    "fields",
)
"""The columns of a pending event, for an `insertion` in a larger statement."""


def emit(
    unit: WriteSession,
    type_: EventType,
    subject_type: str,
    subject_id: UUID | None,
    now: datetime,
    **about: Any,
) -> None:
    """Emit an event in the unit of work that causes it; `about` is as for `pending_row`."""
    unit.append(PendingEvent, pending_row(type_, subject_type, subject_id, now, **about))


def pending_row(
    type_: EventType,
    subject_type: str,
    subject_id: UUID | None,
    now: datetime,
    *,
    site: UUID | None = None,
    host: UUID | None = None,
    by: Actor = WORKER,
    version: int | None = None,
    fields: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the row of an event about a subject, with the site and the host of this moment.

    Without a `version`, that of a visitor is read when the event gets its number.
    """
    kind = kind_of(by.role)
    return {
        "id": new_id(),
        "type": type_.value,
        "created_at": now,
        "site_id": site,
        "host_id": host,
        "subject_type": subject_type,
        "subject_id": subject_id,
        "subject_version": version,
        "actor_kind": actor_kind(kind).value,
        "actor_id": None if kind in WITHOUT_ID else by.id,
        "request_id": current_request_id(),
        "fields": list(fields),
    }
