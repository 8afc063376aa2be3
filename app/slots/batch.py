"""SQL of many slots of one site at once.

They are plain copies: what is set in them goes nowhere.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Date,
    FromClause,
    Select,
    SmallInteger,
    Uuid,
    bindparam,
    column,
    func,
    literal,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from app.core.ids import new_id
from app.core.plain import plain_copy, stored_columns
from app.core.prepared import Prepared
from app.core.update_many import update_many
from app.sites.models import Site
from app.slots.models import Slot
from app.slots.repository import SlotRepository
from app.slots.rules import SlotKey


def _given(**kinds: Any) -> FromClause:
    """Rows that come as one array for each column."""
    arrays = [bindparam(f"{name}s", type_=ARRAY(kind)) for name, kind in kinds.items()]
    columns = [column(name, kind) for name, kind in kinds.items()]
    return func.unnest(*arrays).table_valued(*columns).render_derived(name="given")


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

    async def shut(
        self, site_id: UUID, shifts: Mapping[SlotKey, Collection[date]], now: datetime
    ) -> None:
        """Note in slots of a locked site which of their shifts are closed from now on.

        Every slot gets its row: who is about to book in it finds the note under the lock.
        """
        await self.create_all_missing(site_id, shifts, now)
        slots = await self.lock_some(site_id, shifts)
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


def _columns(keys: Collection[SlotKey]) -> dict[str, list[Any]]:
    ordered = sorted(keys)
    return {"days": [day for day, _ in ordered], "hours": [hour for _, hour in ordered]}
