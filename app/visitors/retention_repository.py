from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Row,
    Uuid,
    and_,
    any_,
    delete,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY

from app.core.db.personal import erasure
from app.core.db.repository import ReadRepository, Repository
from app.sites.models import Site
from app.sites.repository import SiteReader
from app.visitors.models import HELD, RetiredQrCode, Visitor, VisitorStatus


def retention_over(sites: Mapping[date, Collection[UUID]], days: int) -> list[ColumnElement[bool]]:
    """Select ended visits older than `days`; `sites` are all sites by their date."""
    if not sites:
        return [false()]
    over = (
        and_(
            Visitor.site_id == any_(literal(list(ids), ARRAY(Uuid))),
            Visitor.visit_date < today - timedelta(days),
        )
        for today, ids in sites.items()
    )
    return [
        Visitor.visit_date < max(sites) - timedelta(days),  # lets the planner use the index
        or_(*over),
        literal_column(HELD, Boolean()),
    ]


class RetentionReader(ReadRepository[Visitor]):
    model = Visitor

    async def past_retention(
        self, now: datetime, days: int
    ) -> Sequence[Row[UUID, date, str, VisitorStatus]]:
        """Return the visitors to anonymise, oldest visit first."""
        found = await self.session.rows(
            select(Visitor.id, Visitor.visit_date, Site.name, Visitor.status)
            .join(Site, Site.id == Visitor.site_id)
            .where(*await self._retention_over(now, days))
            .order_by(Visitor.visit_date, Visitor.id)
        )
        return found.all()

    async def count_past_retention(self, now: datetime, days: int) -> int:
        counted = select(func.count()).select_from(Visitor)
        return await self.session.scalar(counted.where(*await self._retention_over(now, days))) or 0

    async def _retention_over(self, now: datetime, days: int) -> list[ColumnElement[bool]]:
        return retention_over(await SiteReader(self.session).by_today(now), days)


class RetentionRepository(RetentionReader, Repository[Visitor]):
    async def lock_past_retention(
        self, now: datetime, days: int, *, at_most: int
    ) -> Sequence[Row[UUID, datetime, UUID | None, UUID, UUID | None]]:
        """Lock visitors to anonymise, skipping locked ones."""
        found = await self.unit.rows(
            select(
                Visitor.id, Visitor.created_at, Visitor.group_id, Visitor.site_id, Visitor.host_id
            )
            .where(*await self._retention_over(now, days))
            .order_by(Visitor.visit_date, Visitor.id)
            .limit(at_most)
            .with_for_update(of=Visitor, skip_locked=True)
        )
        return found.all()

    async def anonymise(self, visitor_ids: Collection[UUID], now: datetime) -> None:
        """Replace personal data and delete former codes.

        Statistics stay, and so does the host, who is an employee.
        """
        await self.unit.write(
            update(Visitor)
            .where(Visitor.id.in_(visitor_ids))
            .values(**erasure(Visitor), anonymised_at=now, updated_at=now)
            .execution_options(synchronize_session=False)
        )
        await self.unit.write(
            delete(RetiredQrCode).where(RetiredQrCode.visitor_id.in_(visitor_ids))
        )
