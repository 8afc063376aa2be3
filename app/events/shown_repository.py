"""SQL of changes of sites, departments and groups, which open visits show."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    RowMapping,
    String,
    Uuid,
    column,
    literal_column,
    select,
    table,
    update,
)

from app.audit.chain import kind_of
from app.audit.models import VISITOR
from app.audit.repository import Actor
from app.core.db.batches import BATCH
from app.core.db.database import WriteSession
from app.core.db.repository import Repository
from app.core.ids import new_id
from app.core.request_context import current_request_id
from app.events.kinds import WITHOUT_ID, EventType, actor_kind
from app.events.models import PendingEvent, ShownChange

Shown = Literal["site_id", "department_id", "group_id"]

BEFORE_ALL = UUID(int=0)
# Above this package, which tells of its changes.
_visitors = table(
    "visitors",
    column("id", Uuid()),
    column("status", String()),
    column("site_id", Uuid()),
    column("department_id", Uuid()),
    column("group_id", Uuid()),
    column("host_id", Uuid()),
    column("updated_at", DateTime(timezone=True)),
)
_IS_OPEN = _visitors.c.status.in_(
    [literal_column(f"'{word}'", String) for word in ("pending", "verified")]
)


def note_shown(
    unit: WriteSession,
    shown: Shown,
    record_id: UUID,
    fields: Sequence[str],
    by: Actor,
    now: datetime,
) -> None:
    """Let the worker tell the open visits of a record that they show something new."""
    kind = kind_of(by.role)
    change = {
        "id": new_id(),
        "column": shown,
        "record_id": record_id,
        "fields": list(fields),
        "actor_kind": actor_kind(kind).value,
        "actor_id": None if kind in WITHOUT_ID else by.id,
        "request_id": current_request_id(),
        "created_at": now,
        "done_through": None,
    }
    unit.append(ShownChange, change)


class ShownChangeRepository(Repository[ShownChange]):
    model = ShownChange

    async def lock_next(self) -> ShownChange | None:
        """Lock the oldest change that no other worker has."""
        oldest = self.statement().order_by(ShownChange.id).limit(1)
        return await self.session.scalar(oldest.with_for_update(skip_locked=True))

    async def tell(self, change: ShownChange, now: datetime) -> int:
        """Tell of a change for its next visits; return how many, 0 if none are left."""
        after = change.done_through or BEFORE_ALL
        ids = await self._lock(_visitors.c[change.column] == change.record_id, after)
        if not ids:
            return 0
        # With each change of the row a trigger raises the version.
        told = await self.unit.returning(
            update(_visitors)
            .where(_visitors.c.id.in_(ids))
            .values(updated_at=now)
            .returning(_visitors.c.id, _visitors.c.site_id, _visitors.c.host_id)
        )
        visits = {visit["id"]: visit for visit in told.mappings()}
        for id_ in ids:
            self.unit.append(PendingEvent, _event(change, now, visits[id_]))
        change.done_through = ids[-1]
        return len(ids)

    async def _lock(self, shows: ColumnElement[bool], after: UUID) -> Sequence[UUID]:
        """Lock the next visits in the order of ids, as everywhere."""
        found = await self.unit.rows(
            select(_visitors.c.id)
            .where(shows, _IS_OPEN, _visitors.c.id > after)
            .order_by(_visitors.c.id)
            .limit(BATCH)
            .with_for_update(key_share=True)
        )
        return [id_ for (id_,) in found]


def _event(change: ShownChange, now: datetime, visit: RowMapping) -> Mapping[str, Any]:
    return {
        "id": new_id(),
        "type": EventType.VISIT_UPDATED.value,
        "created_at": now,
        "site_id": visit["site_id"],
        "host_id": visit["host_id"],
        "subject_type": VISITOR,
        "subject_id": visit["id"],
        "subject_version": None,
        "actor_kind": change.actor_kind,
        "actor_id": change.actor_id,
        "request_id": change.request_id,
        "fields": change.fields,
    }
