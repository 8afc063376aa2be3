"""Closing a day: what becomes of the visits that are booked in its shift."""

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

# How often the visits of a shift are locked anew because somebody has one in hand.
TRIES = 20


@dataclass(frozen=True, slots=True)
class Made:
    """A new closure, the seats that stay taken in its shift, the visits cancelled with it."""

    closure: SiteClosure
    affected: int
    cancelled: int = 0


class _Overtaken(Exception):  # noqa: N818 - not an error
    """Somebody has a visit of the shift in hand."""


class ClosureService:
    """Closes and reopens days, within one unit of work."""

    def __init__(self, service: VisitorService) -> None:
        self.service = service
        self.unit = service.unit
        self.rules = SiteRules(service.unit, service.now)

    async def close(self, site_id: UUID, day: date, reason: str) -> Made:
        """Close a day and leave its visits alone. Raises `NotFound` and `ClosureExists`."""
        site, closure = await self.rules.close(site_id, day, reason)
        return await self._made(site, closure)

    async def close_and_cancel(self, site_id: UUID, day: date, reason: str, caller: Caller) -> Made:
        """Close a day and cancel every pending visit of its shift, or do nothing of it.

        Raises `NotFound`, `ClosureExists` and `UpdateUnderWay`. Visits are locked before their
        site and its slots, as everywhere; who has come in between is looked for afterwards, when
        nobody can come in any more. If somebody has that visit in hand, who may be waiting for the
        site, all locks are let go of and it begins anew.
        """
        await require_finished(self.unit)
        for _ in range(TRIES):
            try:
                async with self.unit.savepoint():
                    site, closure, visitors = await self._closed(site_id, day, reason)
            except _Overtaken:
                continue
            await self.service.cancel_all(visitors, site, caller)
            return await self._made(site, closure, len(visitors))
        raise Unavailable("The visits of that day are being changed: try again")

    async def _closed(
        self, site_id: UUID, day: date, reason: str
    ) -> tuple[Site, SiteClosure, Sequence[Visitor]]:
        known = await SiteReader(self.unit).get(site_id)
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
    """Return how many are booked in the shift of each of these days that is not over."""
    present = present_shift(site, now)
    ahead = [day for day in days if day >= present]
    return await VisitorReader(session).booked_by_shift(site, ahead) if ahead else {}
