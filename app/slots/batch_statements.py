"""SQL of many slots at once.

They are plain copies: what is set in them goes nowhere.
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
    Uuid,
    and_,
    any_,
    bindparam,
    column,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from app.core.db.plain import plain_copy, stored_columns
from app.core.db.prepared import Command, Prepared, Query
from app.core.db.update_many import update_many
from app.core.ids import new_id
from app.sites.models import Site
from app.slots.models import Slot
from app.slots.repository import COUNTERS, SlotRepository
from app.slots.rules import SiteSlot, SlotKey


def _among(name: str, kind: Any) -> ColumnElement[Any]:
    return any_(bindparam(name, type_=ARRAY(kind)))


def given_rows(**kinds: Any) -> FromClause:
    """Rows that come as one array for each column."""
    arrays = [bindparam(f"{name}s", type_=ARRAY(kind)) for name, kind in kinds.items()]
    columns = [column(name, kind) for name, kind in kinds.items()]
    return func.unnest(*arrays).table_valued(*columns).render_derived(name="given")


def _chosen_slots() -> Select[Any]:
    given = given_rows(site=Uuid, day=Date, hour=SmallInteger)
    same = and_(
        Slot.site_id == given.c.site, Slot.visit_date == given.c.day, Slot.hour == given.c.hour
    )
    return (
        select(*stored_columns(Slot))
        .join_from(Slot, given, same)
        .order_by(Slot.site_id, Slot.visit_date, Slot.hour)
    )


def _missing_slots() -> Command:
    given = given_rows(id=Uuid, site=Uuid, day=Date, hour=SmallInteger)
    # All sites are locked before the first slot is made: the rows are sorted after the locks.
    site = (
        select(Site.id, Site.slot_capacity, Site.self_registration_share)
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
        Slot.self_share: site.c.self_registration_share,
        Slot.created_at: bindparam("now", type_=Slot.created_at.type),
        Slot.has_own_capacity: literal(value=False),
        **dict.fromkeys(COUNTERS, literal(0)),
    }
    rows = (
        select(*values.values())
        .join_from(site, given, site.c.id == given.c.site)
        .order_by(given.c.site, given.c.day, given.c.hour)
    )
    return Command(
        insert(Slot)
        .from_select(list(values), rows, include_defaults=False)
        .on_conflict_do_nothing()
    )


def _more_seats() -> Command:
    given = given_rows(id=Uuid, seat=BigInteger)
    return Command(
        update(Slot).where(Slot.id == given.c.id).values(booked=Slot.booked + given.c.seat)
    )


_SLOTS = Query(_chosen_slots())
_SLOTS_LOCKED = Command(_chosen_slots().with_for_update(of=Slot))
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

    async def shut(
        self, site_id: UUID, shifts: Mapping[SlotKey, Collection[date]], now: datetime
    ) -> None:
        """Note in slots of a locked site which of their shifts are closed from now on.

        Every slot gets its row: who is about to book in it finds the note under the lock.
        """
        keys = [(site_id, *key) for key in shifts]
        await self.create_all_missing(keys, now)
        slots = await self.lock_some(keys)
        await self._note(
            {slot: {*slot.closed_shifts, *shifts[slot.visit_date, slot.hour]} for slot in slots}
        )

    async def reopen(self, site_id: UUID, shifts: Collection[date]) -> None:
        """Take such notes back."""
        found = await self.session.scalars(
            self.statement()
            .where(Slot.site_id == site_id, Slot.closed_shifts.overlap(list(shifts)))
            .order_by(Slot.visit_date, Slot.hour)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        await self._note({slot: {*slot.closed_shifts} - {*shifts} for slot in found})

    async def _note(self, closed: Mapping[Slot, Collection[date]]) -> None:
        changes = [
            {"id": slot.id, "closed_shifts": sorted(shifts)} for slot, shifts in closed.items()
        ]
        await update_many(self.unit, Slot, changes)


def _columns(keys: Collection[SiteSlot]) -> dict[str, list[Any]]:
    ordered = sorted(keys)
    return {
        "sites": [site for site, _, _ in ordered],
        "days": [day for _, day, _ in ordered],
        "hours": [hour for _, _, hour in ordered],
    }
