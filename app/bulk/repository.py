"""SQL of uploads: many slots, hosts and visitors at once.

Sites and slots are plain copies: what is set in them goes nowhere.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Date,
    FromClause,
    Select,
    SmallInteger,
    String,
    Uuid,
    any_,
    bindparam,
    column,
    func,
    literal,
    literal_column,
    select,
    true,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from app.core.database import ReadSession
from app.core.ids import new_id
from app.core.plain import plain_copy, stored_columns
from app.core.prepared import Prepared
from app.core.text import account_key
from app.sites.models import Site, SiteClosure
from app.slots.models import Slot
from app.slots.repository import SlotRepository
from app.slots.rules import ONE_DAY
from app.slots.service import SlotKey
from app.users.models import User
from app.visitors.models import Visitor, VisitorStatus

VisitKey = tuple[str, date, int]
"""The case-folded e-mail address of a visitor, and the slot."""


def _among(name: str, kind: Any) -> ColumnElement[Any]:
    return any_(bindparam(name, type_=ARRAY(kind)))


def _given(**kinds: Any) -> FromClause:
    """Rows that come as one array for each column."""
    arrays = [bindparam(f"{name}s", type_=ARRAY(kind)) for name, kind in kinds.items()]
    columns = [column(name, kind) for name, kind in kinds.items()]
    return func.unnest(*arrays).table_valued(*columns).render_derived(name="given")


def _site(chosen: ColumnElement[bool]) -> Prepared:
    closed = (
        select(func.array_agg(SiteClosure.date))
        .where(SiteClosure.site_id == Site.id, SiteClosure.date == _among("days", Date))
        .scalar_subquery()
    )
    return Prepared(select(closed, *stored_columns(Site)).where(chosen))


_CHOSEN_SITE = _site(Site.id == bindparam("site"))
_DEFAULT_SITE = _site(Site.is_default.is_(True))

_HOSTS = Prepared(
    select(User.email_key, User.id).where(User.email_key == _among("keys", String), User.is_active)
)

_AWAITED = Prepared(
    select(Visitor.email, Visitor.visit_date, Visitor.visit_time).where(
        Visitor.site_id == bindparam("site"),
        Visitor.visit_date == _among("days", Date),
        type_coerce(Visitor.status, String) == literal_column(f"'{VisitorStatus.PENDING}'", String),
        func.lower(Visitor.email) == _among("emails", String),
    )
)


class UploadReader:
    """Looks up what the rows of an upload refer to, each with one query."""

    def __init__(self, session: ReadSession) -> None:
        self.session = session

    async def site(self, site_id: UUID | None, days: set[date]) -> tuple[Site, set[date]] | None:
        """A site (the default one for None), and its closures of these days and of their eves."""
        eves = {day - ONE_DAY for day in days if day > date.min}
        values: dict[str, Any] = {"days": list(days | eves)}
        if site_id is None:
            row = await self.session.row(_DEFAULT_SITE, **values)
        else:
            row = await self.session.row(_CHOSEN_SITE, **values, site=site_id)
        site = plain_copy(Site, row[1:]) if row else None
        return (site, set(row[0] or ())) if site and row else None

    async def host_ids(self, emails: Collection[str]) -> dict[str, UUID]:
        """The active accounts behind these addresses, by `account_key`."""
        keys = {account_key(email) for email in emails}
        found = await self.session.fetch(_HOSTS, keys=list(keys))
        return {row[0]: row[1] for row in found}

    async def awaited(
        self, site_id: UUID, days: Collection[date], emails: Collection[str]
    ) -> set[VisitKey]:
        """The visits of these people on these days that are registered and still lie ahead."""
        lowered = list({email.lower() for email in emails})
        found = await self.session.fetch(_AWAITED, site=site_id, days=list(days), emails=lowered)
        return {(account_key(email), day, at.hour) for email, day, at in found}


def _chosen_slots() -> Select[Any]:
    given = _given(day=Date, hour=SmallInteger)
    return (
        select(*stored_columns(Slot))
        .join_from(Slot, given, (Slot.visit_date == given.c.day) & (Slot.hour == given.c.hour))
        .where(Slot.site_id == bindparam("site"))
        .order_by(Slot.site_id, Slot.visit_date, Slot.hour)
    )


def _missing_slots() -> Prepared:
    given = _given(id=Uuid, day=Date, hour=SmallInteger)
    values: dict[Any, Any] = {
        Slot.id: given.c.id,
        Slot.site_id: Site.id,
        Slot.visit_date: given.c.day,
        Slot.hour: given.c.hour,
        Slot.capacity: Site.slot_capacity,
        Slot.created_at: bindparam("now", type_=Slot.created_at.type),
        Slot.has_own_capacity: literal(value=False),
        Slot.booked: literal(0),
        Slot.excess: literal(0),
    }
    rows = (
        select(*values.values())
        .select_from(Site)
        .join(given, true())  # each of them with the site
        .where(Site.id == bindparam("site"))
        .order_by(given.c.day, given.c.hour)
        .with_for_update(read=True, of=Site)
    )
    return Prepared(
        insert(Slot)
        .from_select(list(values), rows, include_defaults=False)
        .on_conflict_do_nothing()
    )


def _more_seats() -> Prepared:
    given = _given(id=Uuid, seat=BigInteger)
    return Prepared(
        update(Slot).where(Slot.id == given.c.id).values(booked=Slot.booked + given.c.seat)
    )


_SLOTS = Prepared(_chosen_slots())
_SLOTS_LOCKED = Prepared(_chosen_slots().with_for_update(of=Slot))
_MISSING_SLOTS = _missing_slots()
_MORE_SEATS = _more_seats()


class SlotBatch(SlotRepository):
    """Takes seats in several slots of one site."""

    async def some(self, site_id: UUID, keys: Collection[SlotKey]) -> Sequence[Slot]:
        """Those of the slots that have a row, as they are now."""
        return await self._read(_SLOTS, site_id, keys)

    async def lock_some(self, site_id: UUID, keys: Collection[SlotKey]) -> Sequence[Slot]:
        """Lock the slots in the one order that every transaction keeps."""
        return await self._read(_SLOTS_LOCKED, site_id, keys)

    async def _read(
        self, statement: Prepared, site_id: UUID, keys: Collection[SlotKey]
    ) -> Sequence[Slot]:
        rows = await self.unit.fetch(statement, site=site_id, **_columns(keys))
        return [slot for row in rows if (slot := plain_copy(Slot, row)) is not None]

    async def create_all_missing(
        self, site_id: UUID, keys: Collection[SlotKey], now: datetime
    ) -> None:
        """Make the rows of slots, as `create_missing` does, in the order in which they are locked:
        a row that another transaction is making is waited for."""
        ids = [new_id() for _ in keys]
        await self.unit.run(_MISSING_SLOTS, site=site_id, now=now, ids=ids, **_columns(keys))

    async def take_all(self, wanted: Mapping[UUID, int]) -> None:
        """So many seats more in each of these locked slots."""
        await self.unit.run(_MORE_SEATS, ids=list(wanted), seats=list(wanted.values()))


def _columns(keys: Collection[SlotKey]) -> dict[str, list[Any]]:
    ordered = sorted(keys)
    return {"days": [day for day, _ in ordered], "hours": [hour for _, hour in ordered]}
