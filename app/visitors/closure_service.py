"""Closures and the visits booked in their shifts."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from app.auth.caller import Caller
from app.core.db.database import ReadSession
from app.core.db.rollout import require_finished
from app.core.errors import NotFound, Unavailable
from app.sites.models import Site, SiteClosure
from app.sites.repository import SiteReader
from app.slots.capacity_service import SiteRules
from app.slots.rules import present_shift, shift_bounds
from app.visitors.models import Visitor
from app.visitors.repository import VisitorReader
from app.visitors.service import VisitorService

# How often to lock the visits of a shift again if another transaction has locked one.
TRIES = 20


@dataclass(frozen=True, slots=True)
class Made:
    """A new closure with its taken seats and cancelled visits."""

    closure: SiteClosure
    affected: int
    cancelled: int = 0


class _Overtaken(Exception):  # noqa: N818 - not an error
    """Another transaction has locked a visit of the shift."""


class ClosureService:
    """Closes and reopens days for a caller within one unit of work."""

    def __init__(self, service: VisitorService, caller: Caller) -> None:
        self.caller = caller
        self.service = service
        self.unit = service.unit
        self.rules = SiteRules(service.unit, service.now, caller.scope)

    async def close(self, site_id: UUID, day: date, reason: str) -> Made:
        """Close a day without changing its visits; raise `NotFound` or `ClosureExists`."""
        site, closure = await self.rules.close(site_id, day, reason)
        return await self._made(site, closure)

    async def close_and_cancel(self, site_id: UUID, day: date, reason: str) -> Made:
        """Close a day and cancel all pending visits of its shift, or do neither.

        Visits are locked before the site and its slots, as everywhere; those booked in between are
        found afterwards. If one of them is locked, its transaction may wait for the site, so all
        locks are released and it starts again.
        """
        await require_finished(self.unit)
        for _ in range(TRIES):
            try:
                async with self.unit.savepoint():
                    site, closure, visitors = await self._closed(site_id, day, reason)
            except _Overtaken:
                continue
            await self.service.cancel_all(visitors, site, self.caller)
            return await self._made(site, closure, len(visitors))
        raise Unavailable("The visits of that day are being changed: try again")

    async def _closed(
        self, site_id: UUID, day: date, reason: str
    ) -> tuple[Site, SiteClosure, Sequence[Visitor]]:
        known = await SiteReader(self.unit).reached(site_id, self.caller.scope)
        if known is None:
            raise NotFound
        bounds = shift_bounds(known, day)
        visitors = self.service.visitors
        await visitors.lock_pending_between(site_id, *bounds)
        site, closure = await self.rules.close(site_id, day, reason)
        if shift_bounds(site, day) != bounds:
            raise _Overtaken
        locked = await visitors.lock_pending_between(site_id, *bounds, skip_locked=True)
        if await visitors.count_pending_between(site_id, *bounds) > len(locked):
            raise _Overtaken
        return site, closure, locked

    async def _made(self, site: Site, closure: SiteClosure, cancelled: int = 0) -> Made:
        booked = await booked_in(self.unit, site, [closure.date], self.service.now)
        return Made(closure, booked.get(closure.date, 0), cancelled)


async def booked_in(
    session: ReadSession, site: Site, days: Collection[date], now: datetime
) -> dict[date, int]:
    """Return the number of visitors booked in the shifts of these days that are not over."""
    present = present_shift(site, now)
    ahead = [day for day in days if day >= present]
    return await VisitorReader(session).booked_by_shift(site, ahead) if ahead else {}
