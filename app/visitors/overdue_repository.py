"""SQL of stays that nobody has been told to be overdue."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, time
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, update

from app.core.db.repository import Repository
from app.sites.models import Site
from app.visitors.models import Visitor
from app.visitors.repository import IS_INSIDE, IS_UNTOLD
from app.visitors.stay_models import Stay


class Untold(NamedTuple):
    """A visit whose visitor is inside."""

    id: UUID
    site_id: UUID
    host_id: UUID | None
    visit_date: date
    visit_time: time
    duration_minutes: int
    timezone: str
    stay_id: UUID


class OverdueRepository(Repository[Stay]):
    model = Stay

    async def lock_untold(self, visitor_ids: Collection[UUID]) -> Sequence[Untold]:
        """Lock those of the visitors who are still inside; skip locked ones."""
        visit = (Visitor.id, Visitor.site_id, Visitor.host_id)
        when = (Visitor.visit_date, Visitor.visit_time, Visitor.duration_minutes)
        found = await self.unit.returning(
            select(*visit, *when, Site.timezone, Stay.id)
            .join_from(Visitor, Site)
            .join(Stay, IS_UNTOLD)
            .where(*IS_INSIDE, Visitor.id.in_(visitor_ids))
            .order_by(Visitor.id)
            .with_for_update(of=Visitor, key_share=True, skip_locked=True)
        )
        return [Untold(*tuple(row)) for row in found]

    async def set_told(self, stay_ids: Collection[UUID], now: datetime) -> None:
        """Note that these stays are told of; their visitors are locked."""
        if stay_ids:
            await self.unit.write(
                update(Stay)
                .where(Stay.id.in_(stay_ids))
                .values(overdue_at=now)
                .execution_options(synchronize_session=False)
            )
