"""SQL of delegates."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import aliased

from app.core.db.repository import ReadRepository, Repository
from app.users.models import Delegate, Role, User
from app.users.roles import may_represent

REPRESENTING = [role for role in Role if may_represent(role)]
_host = aliased(User)


class DelegateReader(ReadRepository[Delegate]):
    model = Delegate

    async def of_host(self, host_id: UUID) -> Sequence[UUID]:
        """Return the accounts that act for the host, in the order they were named."""
        found = await self.session.scalars(
            select(Delegate.delegate_id)
            .join(User, User.id == Delegate.delegate_id)
            .join(_host, _host.id == Delegate.host_id)
            .where(Delegate.host_id == host_id, _host.sites.is_(None))
            .where(User.is_active, User.role.in_(REPRESENTING))
            .order_by(Delegate.id)
        )
        return found.all()

    async def is_delegate(self, user_id: UUID) -> bool:
        """Return whether the account was chosen by a host."""
        return await self.exists(Delegate.delegate_id == user_id)


class DelegateRepository(DelegateReader, Repository[Delegate]):
    async def lock_choice(self, host_id: UUID) -> None:
        """Block other choices of the host's delegates; take before any row lock."""
        key = func.hashtextextended(f"delegates of {host_id}", 0)
        await self.unit.scalar(select(func.pg_advisory_xact_lock(key)))

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
