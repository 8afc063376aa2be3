from collections.abc import Sequence
from uuid import UUID

from app.audit.models import AuditAction, VisitorAction
from app.audit.repository import record
from app.auth.caller import Caller
from app.core.errors import NotAuthenticated, NotFound, Unavailable
from app.scans.by_hand import entry_by_hand
from app.scans.errors import CountChanged
from app.scans.models import Scan, ScanDirection, ScanMethod
from app.scans.passage import decide_scan
from app.scans.repository import ScanRepository
from app.scans.verdict import GOODBYE
from app.sites.repository import SiteReader, SiteRepository
from app.sites.service import locked_site
from app.visitors.lifecycle import end_away, leave
from app.visitors.models import Visitor
from app.visitors.service import VisitorService
from app.visitors.stay_models import OutMethod
from app.visitors.stays import require_stay

# Attempts to lock everybody who is on site.
TRIES = 20


class _Overtaken(Exception):  # noqa: N818 - not an error
    """Somebody has come in meanwhile."""


class CheckOutAllService:
    """Ends all visits at a site at once, by a few statements in one transaction."""

    def __init__(self, service: VisitorService, caller: Caller) -> None:
        self.service = service
        self.unit = service.unit
        self.now = service.now
        self.caller = caller

    async def check_out_all(self, site_id: UUID, expected: int, reason: str) -> int:
        """Check out everybody inside, and end the visits of those away; return how many.

        Raise `CountChanged` unless as many as `expected` are inside.
        """
        if await SiteReader(self.unit).reached(site_id, self.caller.scope) is None:
            raise NotFound
        present = await self._locked(site_id)
        if self.unit.is_conditional:
            await locked_site(SiteRepository(self.unit), site_id)
        inside = [visitor for visitor in present if not visitor.is_away]
        if len(inside) != expected:
            detail = f"{len(inside)} visitors are inside, not {expected}: nobody was checked out"
            raise CountChanged(detail, count=len(inside))
        if present:
            await self._end(present, inside)
        action = AuditAction.SITE_CHECKED_OUT
        facts = {"visitors": len(present), "reason": reason}
        record(self.unit, action, site_id, self.caller, self.now, site=site_id, **facts)
        return len(present)

    async def _locked(self, site_id: UUID) -> list[Visitor]:
        """Lock everybody who is inside or away, so that their number is certain.

        Anyone who came in while this waited for a lock is counted afterwards: release all locks and
        start again.
        """
        visitors = self.service.visitors
        for _ in range(TRIES):
            try:
                async with self.unit.savepoint():
                    present = await visitors.lock_present(site_id)
                    if await visitors.count_present(site_id) != len(present):
                        raise _Overtaken
                    return present
            except _Overtaken:
                continue
        raise Unavailable("Visitors are coming in at this moment: try again")

    async def _end(self, present: Sequence[Visitor], inside: Sequence[Visitor]) -> None:
        """Store the changes; slots are locked last."""
        stays = self.service.stays
        newest = await stays.newest(inside) if inside else {}
        for visitor in present:
            if visitor.is_away:
                end_away(visitor, self.now)
                self._record(VisitorAction.COMPLETED, visitor)
            else:
                stay = require_stay(newest.get(visitor.id))
                leave(visitor, stay, self.now, self.now, OutMethod.BULK)
                self._record(VisitorAction.CHECKED_OUT, visitor, is_final_exit=True)
        ScanRepository(self.unit).add_new([self._row(visitor) for visitor in inside])
        await self.service.visitors.save_passages(present)
        await stays.save(newest.values())
        await self.service.outbox.supersede([visitor.id for visitor in present], self.now)
        await self.service.seats.free(*(visitor.seat for visitor in present))

    def _record(
        self, action: VisitorAction, visitor: Visitor, *, is_final_exit: bool = False
    ) -> None:
        self.service.events.record(
            visitor.id,
            action,
            self.caller,
            self.now,
            site=visitor.site_id,
            host=visitor.host_id,
            is_final_exit=is_final_exit,
            bulk=True,
        )

    def _row(self, visitor: Visitor) -> Scan:
        if self.caller.id is None:
            raise NotAuthenticated
        out, by = ScanDirection.OUT, ScanMethod.BULK
        row = entry_by_hand(visitor, out, None, None, self.caller.id, self.now, by)
        decide_scan(row, GOODBYE, visitor.id)
        return row
