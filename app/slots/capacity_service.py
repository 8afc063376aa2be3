"""Change opening rules, closures and capacities; booked visitors stay.

The site is locked first, so that no slot is created with the former capacity, then the slots in
order.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from app.audit.models import AuditAction
from app.audit.repository import Actor, record
from app.core.db.database import ReadSession, WriteSession
from app.core.db.rollout import is_under_way, require_finished
from app.core.db.scope import Scope
from app.core.errors import InUse, NotFound
from app.core.localtime import local_now
from app.sites.models import Site, SiteClosure
from app.sites.repository import ClosureRepository, SiteReader, SiteRepository
from app.sites.service import ChangedFacts, change_site, locked_site
from app.slots.capacity_repository import CapacityRepository
from app.slots.errors import SlotClosed, SlotInPast
from app.slots.keys import SlotKey
from app.slots.models import Slot
from app.slots.rules import ONE_DAY, day_slots, is_open, shift_of, shift_slots
from app.slots.seat_repository import SeatRepository
from app.slots.seats import HeldSeat


class SiteRules:
    """Changes the booking rules of sites in scope within one unit of work."""

    def __init__(self, unit: WriteSession, now: datetime, scope: Scope) -> None:
        self.unit = unit
        self.now = now
        self.scope = scope
        self.sites = SiteRepository(unit)
        self.closures = ClosureRepository(unit)
        self.slots = CapacityRepository(unit)

    async def change(self, site_id: UUID, values: dict[str, Any]) -> tuple[ChangedFacts, int]:
        """Change a site; return it and the number of taken seats outside its rules."""
        changed = await change_site(self.sites, site_id, values, self.now, self.scope)
        site, today = changed.site, today_at(changed.site, self.now)
        if values.keys() & {"opens_at", "closes_at"}:
            await self._close_again(site, today)
        await self.slots.follow_site(site, today)
        return changed, await self.slots.out_of_rules(site, day_slots(site, today), today)

    async def delete(self, site_id: UUID) -> None:
        """Delete a site that was never booked; raise `InUse`."""
        site = await locked_site(self.sites, site_id, self.scope)
        if site.is_default:
            raise InUse("The default site cannot be deleted: make another site the default first")
        await self.slots.lock_site(site.id)  # the cascade would lock them after the site
        await self.sites.delete(site)

    async def close(self, site_id: UUID, day: date, reason: str) -> tuple[Site, SiteClosure]:
        """Close the shift of a day, also for concurrent bookings; raise `ClosureExists`."""
        site = await locked_site(self.sites, site_id, self.scope)
        closure = SiteClosure(site_id=site.id, date=day, reason=reason, created_at=self.now)
        await self.closures.save(closure)
        await self._close_shifts(site, [day])
        return site, closure

    async def reopen(self, site_id: UUID, closure_id: UUID) -> None:
        site = await locked_site(self.sites, site_id, self.scope)
        closure = await self.closures.get(closure_id)
        if closure is None or closure.site_id != site.id:
            raise NotFound
        await self.closures.delete(closure)
        await self.slots.reopen(site.id, [closure.date])

    async def set_capacity(
        self, site_id: UUID, day: date, at: time, capacity: int
    ) -> tuple[Site, Slot]:
        """Set an hour's own capacity; raise `SlotInPast` or `SlotClosed`."""
        site = await locked_site(self.sites, site_id, self.scope)
        await self._require_open(site, day, at)
        key = SlotKey.of(site.id, day, at)
        await self.slots.create([key], self.now)
        return site, await self.slots.set_own_capacity(key, capacity)

    async def drop_capacity(self, site_id: UUID, slot_id: UUID) -> tuple[Site, Slot]:
        site = await locked_site(self.sites, site_id, self.scope)
        slot = await self.slots.drop_own_capacity(site, slot_id)
        if slot is None:
            raise NotFound
        return site, slot

    async def _close_shifts(self, site: Site, days: Collection[date]) -> None:
        """Mark the slots of closed shifts.

        Not during a rollout: the previous release would reopen a day without its slots.
        """
        if await is_under_way(self.unit):
            return
        shifts: defaultdict[SlotKey, list[date]] = defaultdict(list)
        for day in days:
            for begins in shift_slots(site, day):
                shifts[SlotKey.of(site.id, *begins)].append(day)
        if shifts:
            await self.slots.close(shifts, self.now)

    async def _close_again(self, site: Site, today: date) -> None:
        """Mark closed shifts again after a change of opening hours."""
        days = await self.closures.days(site.id, today - ONE_DAY, date.max)
        if days:
            await self.slots.reopen(site.id, days)
            await self._close_shifts(site, days)

    async def _require_open(self, site: Site, day: date, at: time) -> None:
        if day < today_at(site, self.now):
            raise SlotInPast
        shift = shift_of(site, day, at)
        closed = await self.closures.days(site.id, shift, shift)
        if not is_open(site, day, at, closed):
            raise SlotClosed


async def require_site(session: ReadSession, site_id: UUID, scope: Scope) -> Site:
    """Return a site in scope for reading; raise `NotFound`."""
    site = await SiteReader(session).reached(site_id, scope)
    if site is None:
        raise NotFound
    return site


async def take_added(
    unit: WriteSession, slot: Slot, seat: HeldSeat, by: Actor, now: datetime
) -> None:
    """Give a locked slot a seat more, as its own capacity, and take it."""
    await require_finished(unit)
    capacity = await SeatRepository(unit).take_added(seat)
    record_capacity(unit, AuditAction.SLOT_CAPACITY_RAISED, slot, by, now, capacity=capacity)


def record_capacity(
    unit: WriteSession, action: AuditAction, slot: Slot, by: Actor, now: datetime, **details: Any
) -> None:
    """Record a change of an hour's capacity."""
    hour = {"visit_date": slot.visit_date.isoformat(), "hour": slot.hour}
    record(unit, action, slot.id, by, now, site=slot.site_id, **hour, **details)


def seats_above(site: Site, slot: Slot, now: datetime) -> int:
    """Return the taken seats above the capacity, unless the day is over."""
    return slot.excess if slot.visit_date >= today_at(site, now) else 0


def begin_of(site: Site, slot: Slot) -> time:
    """Return the start of a slot that the site offers, otherwise the full hour."""
    day = slot.visit_date
    offered = (found.begins for found in day_slots(site, day))
    return next((at for at in offered if SlotKey.of(site.id, day, at) == slot.key), slot.key.begins)


def today_at(site: Site, now: datetime) -> date:
    return local_now(now, site.timezone).date()
