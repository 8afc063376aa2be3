"""SQL of the end of retention."""

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
    """Select ended visits more than `days` before today on their site's calendar.

    `sites` are all of them, by today there.
    """
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
        Visitor.visit_date < max(sites) - timedelta(days),  # a bound that the index can use
        or_(*over),
        literal_column(HELD, Boolean()),
    ]


class RetentionReader(ReadRepository[Visitor]):
    """Looks up whom the next run would anonymise."""

    model = Visitor

    async def past_retention(
        self, now: datetime, days: int
    ) -> Sequence[Row[UUID, date, str, VisitorStatus]]:
        """Whom the next run would anonymise, oldest visit first: id, date, site, status."""
        found = await self.session.rows(
            select(Visitor.id, Visitor.visit_date, Site.name, Visitor.status)
            .join(Site, Site.id == Visitor.site_id)
            .where(*await self._retention_over(now, days))
            .order_by(Visitor.visit_date, Visitor.id)
        )
        return found.all()

    async def count_past_retention(self, now: datetime, days: int) -> int:
        """How many the next run would anonymise."""
        counted = select(func.count()).select_from(Visitor)
        return await self.session.scalar(counted.where(*await self._retention_over(now, days))) or 0

    async def _retention_over(self, now: datetime, days: int) -> list[ColumnElement[bool]]:
        return retention_over(await SiteReader(self.session).by_today(now), days)


class RetentionRepository(RetentionReader, Repository[Visitor]):
    """Anonymises visitors."""

    async def lock_past_retention(
        self, now: datetime, days: int, *, at_most: int
    ) -> Sequence[Row[UUID, datetime]]:
        """Whom to anonymise: id, and when they were registered.

        Rows locked by other transactions are skipped.
        """
        found = await self.unit.rows(
            select(Visitor.id, Visitor.created_at)
            .where(*await self._retention_over(now, days))
            .order_by(Visitor.visit_date, Visitor.id)
            .limit(at_most)
            .with_for_update(of=Visitor, skip_locked=True)
        )
        return found.all()

    async def anonymise(self, visitor_ids: Collection[UUID], now: datetime) -> None:
        """Replace the personal data of locked visitors and delete their former codes.

        The columns of statistics stay, and so does the host, whose data is that of an employee.
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
