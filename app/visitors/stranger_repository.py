from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import exists, select

from app.audit.models import VISITOR, AuditEntry, VisitorAction
from app.auth.caller import CallerRole
from app.core.db.repository import Repository
from app.visitors.lifecycle import HOLDS_SEAT
from app.visitors.models import Visitor


class StrangerRepository(Repository[Visitor]):
    model = Visitor

    async def lock_strangers(self, *, at_most: int) -> Sequence[Visitor]:
        """Lock open visits of strangers that are not marked yet, ordered by id."""
        by_stranger = exists().where(
            AuditEntry.subject_id == Visitor.id,
            AuditEntry.subject_type == VISITOR,
            AuditEntry.action == VisitorAction.REGISTERED,
            AuditEntry.actor_role == CallerRole.ANONYMOUS,
        )
        found = await self.session.scalars(
            select(Visitor)
            .where(Visitor.status.in_(HOLDS_SEAT), ~Visitor.is_self_registered, by_stranger)
            .order_by(Visitor.id)
            .limit(at_most)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return found.all()

    async def self_registrations(self, slot_ids: Collection[UUID]) -> set[tuple[UUID, str | None]]:
        """Return the addresses with an open self-registered visit, by slot."""
        found = await self.session.rows(
            select(Visitor.slot_id, Visitor.self_registration_key).where(
                Visitor.slot_id.in_(slot_ids),
                Visitor.status.in_(HOLDS_SEAT),
                Visitor.self_registration_key.is_not(None),
            )
        )
        return {(slot_id, key) for slot_id, key in found}
