"""SQL of uploads: many slots, hosts and visitors at once."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Date,
    Select,
    SmallInteger,
    Uuid,
    and_,
    case,
    func,
    literal,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from app.core.database import ReadSession
from app.core.ids import new_id
from app.core.text import account_key
from app.sites.models import Site, SiteClosure
from app.slots.models import Slot
from app.slots.repository import SlotRepository
from app.users.models import User
from app.visitors.models import Visitor, VisitorStatus

SlotKey = tuple[date, int]
"""The day and the hour of a slot at a site that is known."""
VisitKey = tuple[str, date, int]
"""The case-folded e-mail address of a visitor, and the slot."""


class UploadReader:
    """Looks up what the rows of an upload refer to, each with one query."""

    def __init__(self, session: ReadSession) -> None:
        self.session = session

    async def site(
        self, site_id: UUID | None, days: Collection[date]
    ) -> tuple[Site, set[date]] | None:
        """A site (the default one for None), and on which of these days it is closed."""
        closed = and_(SiteClosure.site_id == Site.id, SiteClosure.date.in_(days))
        chosen = Site.is_default if site_id is None else Site.id == site_id
        closures = func.array_agg(SiteClosure.date).filter(SiteClosure.date.is_not(None))
        statement = select(Site, closures).outerjoin(SiteClosure, closed).where(chosen)
        found = (await self.session.rows(statement.group_by(Site.id))).one_or_none()
        return (found[0], set(found[1] or ())) if found else None

    async def host_ids(self, emails: Collection[str]) -> dict[str, UUID]:
        """The active accounts behind these addresses, by `account_key`."""
        keys = {account_key(email) for email in emails}
        found = await self.session.rows(
            select(User.email_key, User.id).where(User.email_key.in_(keys), User.is_active)
        )
        return dict(found.all())

    async def awaited(
        self, site_id: UUID, days: Collection[date], emails: Collection[str]
    ) -> set[VisitKey]:
        """The visits of these people on these days that are registered and still lie ahead."""
        found = await self.session.rows(
            select(Visitor.email, Visitor.visit_date, Visitor.visit_time).where(
                Visitor.site_id == site_id,
                Visitor.visit_date.in_(days),
                Visitor.status == VisitorStatus.PENDING,
                func.lower(Visitor.email).in_({email.lower() for email in emails}),
            )
        )
        return {(account_key(email), day, at.hour) for email, day, at in found}


class SlotBatch(SlotRepository):
    """Takes seats in several slots of one site."""

    async def some(self, site_id: UUID, keys: Collection[SlotKey]) -> Sequence[Slot]:
        """Those of the slots that have a row, as they are now."""
        return (await self.session.scalars(self._chosen(site_id, keys))).all()

    async def lock_some(self, site_id: UUID, keys: Collection[SlotKey]) -> Sequence[Slot]:
        """Lock the slots in the one order that every transaction keeps."""
        statement = (
            self._chosen(site_id, keys).with_for_update().execution_options(populate_existing=True)
        )
        return (await self.session.scalars(statement)).all()

    def _chosen(self, site_id: UUID, keys: Collection[SlotKey]) -> Select[Slot]:
        return (
            self.statement()
            .where(Slot.site_id == site_id, tuple_(Slot.visit_date, Slot.hour).in_(keys))
            .order_by(Slot.site_id, Slot.visit_date, Slot.hour)
        )

    async def create_all_missing(
        self, site_id: UUID, keys: Collection[SlotKey], now: datetime
    ) -> None:
        """Make the rows of slots, as `create_missing` does, in the order in which they are locked:
        a row that another transaction is making is waited for."""
        ordered = sorted(keys)
        given = (
            func.unnest(
                literal([new_id() for _ in ordered], ARRAY(Uuid)),
                literal([day for day, _ in ordered], ARRAY(Date)),
                literal([hour for _, hour in ordered], ARRAY(SmallInteger)),
            )
            .table_valued("id", "visit_date", "hour")
            .render_derived(name="given")
        )
        values = {
            Slot.id: given.c.id,
            Slot.site_id: Site.id,
            Slot.visit_date: given.c.visit_date,
            Slot.hour: given.c.hour,
            Slot.capacity: Site.slot_capacity,
            Slot.created_at: literal(now),
            Slot.has_own_capacity: literal(False),
            Slot.booked: literal(0),
            Slot.excess: literal(0),
        }
        rows = (
            select(*values.values())
            .select_from(Site)
            .join(given, true())  # each of them with the site
            .where(Site.id == site_id)
            .order_by(given.c.visit_date, given.c.hour)
            .with_for_update(read=True, of=Site)
        )
        await self.unit.write(insert(Slot).from_select(list(values), rows).on_conflict_do_nothing())

    async def take_all(self, wanted: Mapping[UUID, int]) -> None:
        """So many seats more in each of these locked slots."""
        await self.unit.write(
            update(Slot)
            .where(Slot.id.in_(wanted))
            .values(booked=Slot.booked + case(dict(wanted), value=Slot.id))
            .execution_options(synchronize_session=False)
        )
