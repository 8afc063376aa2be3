from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from app.audit.models import VisitorAction
from app.audit.repository import Actor, VisitorEventRepository
from app.core.db.database import WriteSession
from app.musters.models import Muster
from app.notifications.repository import MailKeeper
from app.sites.models import Site
from app.sites.repository import SiteReader
from app.slots.seat_repository import SeatRepository
from app.visitors.arrival import may_return
from app.visitors.lifecycle import HOLDS_SEAT, leave
from app.visitors.models import Presence, Visitor
from app.visitors.repository import VisitorRepository
from app.visitors.stay_models import OutMethod
from app.visitors.stay_repository import StayRepository
from app.visitors.stays import require_stay


class CheckOutService:
    """Ends the stays of those who had left before a muster, as wardens know."""

    def __init__(self, unit: WriteSession, by: Actor, now: datetime) -> None:
        self.unit = unit
        self.by = by
        self.now = now
        self.visitors = VisitorRepository(unit)
        self.stays = StayRepository(unit)

    async def lock_inside(self, visitor_ids: Collection[UUID]) -> dict[UUID, Visitor]:
        """Lock those of some visitors who are inside, in the order of their ids."""
        locked = await self.visitors.lock_by_ids(visitor_ids)
        return {v.id: v for v in locked if v.presence is Presence.INSIDE}

    async def check_out(self, muster: Muster, left: Mapping[Visitor, datetime]) -> None:
        """Check out locked visitors at the times of their marks; slots are locked last.

        The clock of a warden's device may be fast, but nobody has left in the future.
        """
        if not left:
            return
        site = (await SiteReader(self.unit).by_id([muster.site_id]))[muster.site_id]
        stays = await self.stays.newest(left)
        for visitor, marked_at in left.items():
            at = min(marked_at, self.now)
            stay, returns = require_stay(stays.get(visitor.id)), may_return(visitor, site, at)
            leave(visitor, stay, at, self.now, OutMethod.MUSTER, may_return=returns)
        await self.visitors.save_passages(left)
        await self.stays.save(stays.values())
        await self._close([visitor for visitor in left if visitor.status not in HOLDS_SEAT])
        self._record(muster, site, left)

    async def _close(self, over: Collection[Visitor]) -> None:
        if over:
            await MailKeeper(self.unit).supersede([visitor.id for visitor in over], self.now)
            await self.unit.flush()
            await SeatRepository(self.unit).free(*(visitor.seat for visitor in over))

    def _record(self, muster: Muster, site: Site, left: Collection[Visitor]) -> None:
        events = VisitorEventRepository(self.unit)
        for visitor in left:
            events.record(
                visitor.id,
                VisitorAction.CHECKED_OUT,
                self.by,
                self.now,
                site=site.id,
                host=visitor.host_id,
                is_final_exit=visitor.status not in HOLDS_SEAT,
                muster=str(muster.id),
            )
