"""SQL of capacities, shares and closed shifts; the site is locked first."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, case, func, literal, or_, select, update

from app.core.db.update_many import update_many
from app.sites.models import Site
from app.slots.keys import SlotKey
from app.slots.models import Slot
from app.slots.repository import SlotReader
from app.slots.seat_repository import SeatRepository, above, in_lock_order, is_slot


class CapacityRepository(SlotReader, SeatRepository):
    """Changes the rules of slots; taken seats stay taken."""

    async def lock_site(self, site_id: UUID) -> None:
        await self._lock_unseen(Slot.site_id == site_id)

    async def follow_site(self, site: Site, today: date) -> None:
        """Apply a site's rules to its slots from today on.

        Slots with their own capacity only get the share.
        """
        share = site.self_registration_share
        capacity = case((Slot.has_own_capacity, Slot.capacity), else_=site.slot_capacity)
        which = (
            Slot.site_id == site.id,
            Slot.visit_date >= today,
            or_(Slot.capacity != capacity, Slot.self_share != share),
        )
        values = {"capacity": capacity, "self_share": share}
        await self._set(values | above(capacity, share), *which)

    async def set_own_capacity(self, key: SlotKey, capacity: int) -> Slot:
        """Set the slot's own capacity; its row must exist."""
        await self._set_capacity(capacity, is_slot(*key), own=True)
        return (await self.session.scalars(self.statement().where(is_slot(*key)))).one()

    async def drop_own_capacity(self, site: Site, slot_id: UUID) -> Slot | None:
        """Restore the site's capacity; return None if the slot has none of its own."""
        own = (Slot.id == slot_id, Slot.site_id == site.id, Slot.has_own_capacity.is_(True))
        if not await self.exists(*own):
            return None
        await self._set_capacity(site.slot_capacity, *own, own=False)
        return await self.get(slot_id)

    async def close(self, shifts: Mapping[SlotKey, Collection[date]], now: datetime) -> None:
        """Mark closed shifts in their slots.

        Every slot gets a row, which concurrent bookings read under the lock.
        """
        await self.create(shifts.keys(), now)
        slots = await self.lock_keys(shifts.keys())
        await self._note({slot.id: {*slot.closed_shifts, *shifts[slot.key]} for slot in slots})

    async def reopen(self, site_id: UUID, shifts: Collection[date]) -> None:
        """Remove these marks."""
        marked = select(Slot.id, Slot.closed_shifts).where(
            Slot.site_id == site_id, Slot.closed_shifts.overlap(list(shifts))
        )
        found = await self.session.rows(in_lock_order(marked))
        await self._note({slot_id: {*closed} - {*shifts} for slot_id, closed in found})

    async def _note(self, closed: Mapping[UUID, Collection[date]]) -> None:
        changes = [
            {"id": slot_id, "closed_shifts": sorted(shifts)} for slot_id, shifts in closed.items()
        ]
        await update_many(self.unit, Slot, changes)

    async def _set_capacity(self, capacity: int, *which: ColumnElement[bool], own: bool) -> None:
        values = {"capacity": capacity, "has_own_capacity": own}
        seats = literal(capacity, BigInteger())  # a product of smallints would overflow
        await self._set(values | above(seats, Slot.self_share), *which)

    async def _set(self, values: dict[str, Any], *which: ColumnElement[bool]) -> None:
        """Set rules of slots, locking them in order, which an UPDATE alone does not."""
        await self._lock_unseen(*which)
        await self.unit.write(
            update(Slot).where(*which).values(values).execution_options(synchronize_session=False)
        )

    async def _lock_unseen(self, *which: ColumnElement[bool]) -> None:
        """Lock rows without fetching them, since they may cover a year."""
        ordered = in_lock_order(select(Slot.id).where(*which)).subquery()
        await self.session.scalar(select(func.count()).select_from(ordered))
