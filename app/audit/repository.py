"""SQL of the audit log."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import update

from app.audit.models import VisitorAction, VisitorEvent
from app.auth.caller import Caller, CallerRole
from app.core.db.repository import ReadRepository, Repository
from app.core.ids import new_id
from app.core.request_context import current_client_address, current_request_id

# Their client address is the visitor's.
THEMSELVES = (CallerRole.ANONYMOUS.value, CallerRole.VISITOR.value)


class VisitorEventReader(ReadRepository[VisitorEvent]):
    model = VisitorEvent

    async def of_visitor(self, visitor_id: UUID) -> Sequence[VisitorEvent]:
        """Return the entries of a visitor, oldest first."""
        found = await self.session.scalars(
            self.statement().where(VisitorEvent.visitor_id == visitor_id).order_by(VisitorEvent.id)
        )
        return found.all()


class VisitorEventRepository(VisitorEventReader, Repository[VisitorEvent]):
    def record(
        self, visitor_id: UUID, action: VisitorAction, caller: Caller, now: datetime, **details: Any
    ) -> None:
        """Record an action; `details` hold no personal data."""
        self.unit.append(VisitorEvent, event_row(visitor_id, action, caller, now, **details))

    async def forget_addresses(self, visitor_ids: Collection[UUID]) -> None:
        """Delete the addresses from which these visitors acted."""
        await self.unit.write(
            update(VisitorEvent)
            .where(
                VisitorEvent.visitor_id.in_(visitor_ids),
                VisitorEvent.actor_role.in_(THEMSELVES),
            )
            .values(client_address=None)
            .execution_options(synchronize_session=False)
        )


def event_row(
    visitor_id: UUID, action: VisitorAction, caller: Caller, now: datetime, **details: Any
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "visitor_id": visitor_id,
        "action": action,
        "actor_role": caller.role.value,
        "actor_id": caller.id,
        "actor_name": caller.name,
        "client_address": current_client_address(),
        "request_id": current_request_id(),
        "details": details,
        "created_at": now,
    }
