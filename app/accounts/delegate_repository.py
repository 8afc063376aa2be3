"""SQL of delegates."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select

from app.core.db.repository import ReadRepository, Repository
from app.users.models import Delegate, User


class DelegateReader(ReadRepository[Delegate]):
    model = Delegate

    async def of_host(self, host_id: UUID) -> Sequence[UUID]:
        """Return the active accounts that act for the host, in the order they were named."""
        found = await self.session.scalars(
            select(Delegate.delegate_id)
            .join(User, User.id == Delegate.delegate_id)
            .where(Delegate.host_id == host_id, User.is_active)
            .order_by(Delegate.id)
        )
        return found.all()


class DelegateRepository(DelegateReader, Repository[Delegate]):
    async def lock_accounts(self, ids: Collection[UUID]) -> dict[UUID, User]:
        """Lock and return these accounts, so that none is closed or deleted meanwhile."""
        found = await self.session.scalars(
            select(User)
            .where(User.id.in_(ids))
            .order_by(User.id)
            .with_for_update(read=True)
            .execution_options(populate_existing=True)
        )
        return {user.id: user for user in found}

    async def replace(self, host_id: UUID, ids: Sequence[UUID], now: datetime) -> None:
        """Let exactly these accounts act for the host."""
        await self.unit.write(delete(Delegate).where(Delegate.host_id == host_id))
        for id_ in ids:
            self.add(Delegate(host_id=host_id, delegate_id=id_, created_at=now))
