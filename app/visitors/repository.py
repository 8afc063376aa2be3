"""SQL of visitors."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Date,
    LargeBinary,
    Row,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    cast,
    delete,
    exists,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import joinedload

from app.auth.caller import Caller
from app.core.qr_token import token_hash
from app.core.repository import ReadRepository, Repository
from app.core.update_many import update_many
from app.notifications.kinds import NotificationKind
from app.notifications.models import Notification
from app.sites.models import Site
from app.sites.repository import SiteReader
from app.visitors.models import HELD, RetiredQrCode, Visitor, VisitorStatus

# What changes when a visitor passes a gate, with the key by which the row is found.
PASSAGE = ("id", "status", "checked_in_at", "checked_in_gate", "checked_out_at", "updated_at")


def visible_to(caller: Caller) -> list[ColumnElement[bool]]:
    """Hosts see the visitors that they receive; the front desk sees all."""
    return [Visitor.host_id == caller.id] if caller.is_host else []


def retention_over(sites: Mapping[date, Collection[UUID]], days: int) -> list[ColumnElement[bool]]:
    """Ended visits more than `days` before today on their site's calendar, of held visitors.

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


class VisitorReader(ReadRepository[Visitor]):
    """Looks visitors up, with their site and department."""

    model = Visitor

    def statement(self) -> Select[Visitor]:
        return select(Visitor).options(joinedload(Visitor.site), joinedload(Visitor.department))

    async def visible(self, visitor_id: UUID, caller: Caller) -> Visitor | None:
        return await self.session.scalar(
            self.statement().where(Visitor.id == visitor_id, *visible_to(caller))
        )

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


class VisitorRepository(VisitorReader, Repository[Visitor]):
    """Changes visitors."""

    async def lock_visible(self, visitor_id: UUID, caller: Caller) -> Visitor | None:
        return await self.lock(Visitor.id == visitor_id, *visible_to(caller))

    async def lock_by_code(self, token: str) -> Visitor | None:
        return await self.lock(Visitor.qr_code == token)

    async def lock_by_codes(self, tokens: Collection[str]) -> list[Visitor]:
        """Lock the visitors of many codes in one order, that of their ids.

        `FOR NO KEY UPDATE`: others go on writing rows that name one of them, or two transactions
        of many visitors each could wait for one another. Handed back are copies that the session
        does not follow; `save_passages` stores what became of them.
        """
        columns = [column for column in Visitor.__table__.c if column.name != "search"]
        found = await self.unit.rows(
            select(*columns)
            .where(Visitor.qr_code == any_(literal(list(tokens), ARRAY(Text))))
            .order_by(Visitor.id)
            .with_for_update(key_share=True)
        )
        return [Visitor(**row) for row in found.mappings()]

    async def save_passages(self, visitors: Iterable[Visitor]) -> None:
        """Store who came in and who left among locked visitors, with one UPDATE."""
        rows = [{name: getattr(visitor, name) for name in PASSAGE} for visitor in visitors]
        await update_many(self.unit, Visitor, rows)

    async def with_relations(self, visitor: Visitor) -> Visitor:
        """The same row with site and department, which a lock leaves out."""
        await self.unit.flush()
        found = await self.session.scalar(
            self.statement()
            .where(Visitor.id == visitor.id)
            .execution_options(populate_existing=True)
        )
        if found is None:
            raise LookupError("a locked visitor can't vanish")
        return found

    async def close_past(
        self, present: VisitorStatus, values: dict[str, Any], now: datetime, *, at_most: int
    ) -> Sequence[UUID]:
        """Give `values` to visits of a status whose day is over on their site's calendar.

        Rows that another transaction holds are passed over. Hands back the ids.
        """
        today = cast(func.timezone(Site.timezone, now), Date)
        over = (
            select(Visitor.id)
            .join(Site, Site.id == Visitor.site_id)
            .where(Visitor.status == present, Visitor.visit_date < today)
            .order_by(Visitor.visit_date, Visitor.id)
            .limit(at_most)
            .with_for_update(of=Visitor, skip_locked=True)
        )
        closed = await self.unit.returning(
            update(Visitor)
            .where(Visitor.id.in_(over))
            .values(**values)
            .returning(Visitor.id)
            .execution_options(synchronize_session=False)
        )
        return closed.scalars().all()

    async def lock_past_retention(
        self, now: datetime, days: int, *, at_most: int
    ) -> Sequence[Row[UUID, datetime]]:
        """Whom to anonymise: id, and when they were registered.

        Rows that another transaction holds are passed over.
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
        """Replace what tells who locked visitors are, and drop the codes that they had.

        What statistics count stays, and so does the host: that is an employee's data.
        """
        await self.unit.write(
            update(Visitor)
            .where(Visitor.id.in_(visitor_ids))
            .values(
                name="Anonymised visitor",
                email=func.concat(Visitor.id, "@anonymised.invalid"),  # RFC 2606: nobody's
                phone=None,
                company=None,
                notes=None,
                qr_code=func.concat("anonymised-", Visitor.id),  # unique, and never genuine
                anonymised_at=now,
                updated_at=now,
            )
            .execution_options(synchronize_session=False)
        )
        await self.unit.write(
            delete(RetiredQrCode).where(RetiredQrCode.visitor_id.in_(visitor_ids))
        )

    async def lock_unreminded(
        self, site_id: UUID, day: date, told_since: datetime, *, at_most: int
    ) -> Sequence[Visitor]:
        """Pending visitors of a day without a reminder and without a mail since an instant."""
        reminded = exists().where(
            Notification.visitor_id == Visitor.id,
            Notification.kind == NotificationKind.visitor_reminder,
            Notification.version == Visitor.revision,
        )
        told = exists().where(
            Notification.visitor_id == Visitor.id,
            Notification.kind.in_(
                [NotificationKind.visitor_confirmation, NotificationKind.visitor_rescheduled]
            ),
            Notification.created_at >= told_since,
        )
        found = await self.session.scalars(
            select(Visitor)
            .where(
                Visitor.site_id == site_id,
                Visitor.status == VisitorStatus.PENDING,
                Visitor.visit_date == day,
                ~reminded,
                ~told,
            )
            .order_by(Visitor.id)
            .limit(at_most)
            .with_for_update(skip_locked=True)
        )
        return found.all()

    def retire_code(self, visitor: Visitor, now: datetime) -> None:
        """Remember the present code as one that a reschedule has replaced."""
        self.unit.add(
            RetiredQrCode(
                token_hash=token_hash(visitor.qr_code), visitor_id=visitor.id, retired_at=now
            )
        )

    async def retired_owners(self, tokens: Collection[str]) -> dict[str, UUID]:
        """Of these codes those that were replaced, with their visitor."""
        by_hash = {token_hash(token): token for token in tokens}
        if not by_hash:
            return {}
        found = await self.session.rows(
            select(RetiredQrCode.token_hash, RetiredQrCode.visitor_id).where(
                RetiredQrCode.token_hash == any_(literal(list(by_hash), ARRAY(LargeBinary)))
            )
        )
        return {by_hash[hash_]: visitor_id for hash_, visitor_id in found}
