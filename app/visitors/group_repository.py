from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, or_, select, update

from app.core.db.personal import erasure
from app.core.db.repository import Repository
from app.visitors.group_models import Group
from app.visitors.models import Visitor


def holds_personal_data() -> ColumnElement[bool]:
    """Return the condition of a visitor who is not anonymised, or was changed afterwards."""
    return or_(Visitor.anonymised_at.is_(None), Visitor.updated_at > Visitor.anonymised_at)


class GroupKeeper(Repository[Group]):
    """Removes what is left of groups whose visitors are gone."""

    model = Group

    async def tidy(self, ids: Collection[UUID]) -> None:
        """Delete groups without visitors; erase the names of those whose visitors are erased.

        The locks let only one of two transactions that erase the last visitors overlook the other.
        """
        await self.unit.rows(
            select(Group.id).where(Group.id.in_(ids)).order_by(Group.id).with_for_update()
        )
        of_group = Visitor.group_id == Group.id
        chosen = Group.id.in_(ids)
        await self.unit.write(
            delete(Group)
            .where(chosen, ~exists().where(of_group))
            .execution_options(synchronize_session=False)
        )
        await self.unit.write(
            update(Group)
            .where(chosen, ~exists().where(of_group, holds_personal_data()))
            .values(**erasure(Group))
            .execution_options(synchronize_session=False)
        )
