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
    and_,
    any_,
    bindparam,
    column,
    func,
    literal,
    literal_column,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from app.bulk.planning import Place, SiteSlot, VisitKey, name_key
from app.core.database import ReadSession
from app.core.ids import new_id
from app.core.plain import plain_copy, stored_columns
from app.core.prepared import Prepared
from app.core.text import account_key
from app.departments.models import Department
from app.sites.models import Site, SiteClosure
from app.slots.models import Slot
from app.slots.repository import SlotRepository
from app.slots.rules import ONE_DAY
from app.users.models import User, full_name
from app.users.repository import receives
from app.visitors.hosts import Host
from app.visitors.models import Visitor, VisitorStatus


def _among(name: str, kind: Any) -> ColumnElement[Any]:
    return any_(bindparam(name, type_=ARRAY(kind)))


def _given(**kinds: Any) -> FromClause:
    """Rows that come as one array for each column."""
    arrays = [bindparam(f"{name}s", type_=ARRAY(kind)) for name, kind in kinds.items()]
    columns = [column(name, kind) for name, kind in kinds.items()]
    return func.unnest(*arrays).table_valued(*columns).render_derived(name="given")


def _named(model: type[Site | Department]) -> ColumnElement[Any]:
    """Those of the given names that are the name of a row, whatever their case."""
    given = _given(name=String)
    return (
        select(func.array_agg(given.c.name))
        .where(func.lower(given.c.name) == func.lower(model.name))
        .scalar_subquery()
    )


def _sites() -> Prepared:
    closed = (
        select(func.array_agg(SiteClosure.date))
        .where(SiteClosure.site_id == Site.id, SiteClosure.date == _among("days", Date))
        .scalar_subquery()
    )
    chosen = bindparam("site", type_=Uuid())
    common = func.coalesce(Site.id == chosen, Site.is_default)
    named = _named(Site)
    return Prepared(
        select(common, named, closed, *stored_columns(Site)).where(common | named.is_not(None))
    )


_SITES = _sites()

_DEPARTMENTS = Prepared(
    select(_named(Department), Department.id).where(_named(Department).is_not(None))
)

_HOSTS = Prepared(
    select(User.email_key, User.id, User.first_name, User.last_name, User.email).where(
        User.email_key == _among("keys", String), receives()
    )
)

_AWAITED = Prepared(
    select(
        Visitor.email, Visitor.name, Visitor.site_id, Visitor.visit_date, Visitor.visit_time
    ).where(
        Visitor.site_id == _among("sites", Uuid),
        Visitor.visit_date == _among("days", Date),
        type_coerce(Visitor.status, String) == literal_column(f"'{VisitorStatus.PENDING}'", String),
        func.lower(Visitor.email) == _among("emails", String),
    )
)


class UploadReader:
    """Looks up what the rows of an upload refer to, each with one query."""

    def __init__(self, session: ReadSession) -> None:
        self.session = session

    async def sites(
        self, site_id: UUID | None, names: Collection[str], days: Collection[date]
    ) -> tuple[Place | None, dict[str, Place]]:
        """Return a site (the default one for None) and those of the names, by name as given.

        Each comes with its closures of these days and of their eves.
        """
        eves = {day - ONE_DAY for day in days if day > date.min}
        values = {"site": site_id, "names": list(names), "days": list(eves.union(days))}
        common, by_name = None, {}
        for is_common, called, closed, *columns in await self.session.fetch(_SITES, **values):
            site = plain_copy(Site, columns)
            if site is None:
                continue
            place = Place(site, set(closed or ()))
            common = place if is_common else common
            by_name.update(dict.fromkeys(called or (), place))
        return common, by_name

    async def departments(self, names: Collection[str]) -> dict[str, UUID]:
        """Return the departments of these names, by name as given."""
        found = await self.session.fetch(_DEPARTMENTS, names=list(names))
        return {name: department for called, department in found for name in called}

    async def hosts(self, emails: Collection[str]) -> dict[str, Host]:
        """Return the accounts behind these addresses, by `account_key`."""
        keys = {account_key(email) for email in emails}
        found = await self.session.fetch(_HOSTS, keys=list(keys))
        return {key: Host(id_, full_name(*names), email) for key, id_, *names, email in found}

    async def awaited(self, slots: Collection[SiteSlot], emails: Collection[str]) -> set[VisitKey]:
        """Return the visits of these people, at these sites and on these days, that are
        registered and still lie ahead."""
        found = await self.session.fetch(
            _AWAITED,
            sites=list({site for site, _, _ in slots}),
            days=list({day for _, day, _ in slots}),
            emails=list({email.lower() for email in emails}),
        )
        return {
            (account_key(email), name_key(name), (site, day, at.hour))
            for email, name, site, day, at in found
        }


def _chosen_slots() -> Select[Any]:
    given = _given(site=Uuid, day=Date, hour=SmallInteger)
    same = and_(
        Slot.site_id == given.c.site, Slot.visit_date == given.c.day, Slot.hour == given.c.hour
    )
    return (
        select(*stored_columns(Slot))
        .join_from(Slot, given, same)
        .order_by(Slot.site_id, Slot.visit_date, Slot.hour)
    )


def _missing_slots() -> Prepared:
    given = _given(id=Uuid, site=Uuid, day=Date, hour=SmallInteger)
    # All sites are locked before the first slot is made: the rows are sorted after the locks.
    site = (
        select(Site.id, Site.slot_capacity)
        .where(Site.id == _among("sites", Uuid))
        .order_by(Site.id)
        .with_for_update(read=True)
        .cte("site")
    )
    values: dict[Any, Any] = {
        Slot.id: given.c.id,
        Slot.site_id: site.c.id,
        Slot.visit_date: given.c.day,
        Slot.hour: given.c.hour,
        Slot.capacity: site.c.slot_capacity,
        Slot.created_at: bindparam("now", type_=Slot.created_at.type),
        Slot.has_own_capacity: literal(value=False),
        Slot.booked: literal(0),
        Slot.excess: literal(0),
    }
    rows = (
        select(*values.values())
        .join_from(site, given, site.c.id == given.c.site)
        .order_by(given.c.site, given.c.day, given.c.hour)
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
    """Takes seats in several slots, of one site or several."""

    async def some(self, keys: Collection[SiteSlot]) -> Sequence[Slot]:
        """Those of the slots that have a row, as they are now."""
        return await self._read(_SLOTS, keys)

    async def lock_some(self, keys: Collection[SiteSlot]) -> Sequence[Slot]:
        """Lock the slots in the one order that every transaction keeps."""
        return await self._read(_SLOTS_LOCKED, keys)

    async def _read(self, statement: Prepared, keys: Collection[SiteSlot]) -> Sequence[Slot]:
        rows = await self.unit.fetch(statement, **_columns(keys))
        return [slot for row in rows if (slot := plain_copy(Slot, row)) is not None]

    async def create_all_missing(self, keys: Collection[SiteSlot], now: datetime) -> None:
        """Make the rows of slots, as `create_missing` does, in the order in which they are locked:
        a row that another transaction is making is waited for."""
        ids = [new_id() for _ in keys]
        await self.unit.run(_MISSING_SLOTS, now=now, ids=ids, **_columns(keys))

    async def take_all(self, wanted: Mapping[UUID, int]) -> None:
        """So many seats more in each of these locked slots."""
        await self.unit.run(_MORE_SEATS, ids=list(wanted), seats=list(wanted.values()))


def _columns(keys: Collection[SiteSlot]) -> dict[str, list[Any]]:
    ordered = sorted(keys)
    return {
        "sites": [site for site, _, _ in ordered],
        "days": [day for _, day, _ in ordered],
        "hours": [hour for _, _, hour in ordered],
    }
