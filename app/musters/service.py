from datetime import datetime, timedelta
from uuid import UUID

from app.audit.models import AuditAction
from app.audit.repository import Actor, record
from app.core.db.database import WriteSession
from app.core.db.scope import EVERYTHING, Scope
from app.core.errors import NotFound
from app.musters.check_out_service import CheckOutService
from app.musters.errors import MusterOpen, MusterTransition, ReopenExpired, UnaccountedChanged
from app.musters.models import Muster, MusterKind, MusterStatus
from app.musters.passage_service import PassageService, SiteMusters
from app.musters.repository import MusterRepository
from app.musters.schemas import Counts, MusterStart
from app.musters.statements import fill_roster, left_by_wardens, passed_since, states

REOPENED_WITHIN = timedelta(hours=24)
MARKED_WITHIN = timedelta(hours=1)
"""After the end."""


class MusterService:
    """Starts, changes and ends the musters of the sites in scope."""

    def __init__(self, unit: WriteSession, by: Actor, scope: Scope, now: datetime) -> None:
        self.unit = unit
        self.by = by
        self.scope = scope
        self.now = now
        self.musters = MusterRepository(unit)

    async def start(self, site_id: UUID, form: MusterStart) -> Muster:
        """Begin a muster with everybody on site; raise `NotFound` or `MusterOpen`.

        The site is locked until the commit: a scan meanwhile waits, and is decided again.
        """
        await self._lock_site(site_id)
        muster = Muster(
            site_id=site_id,
            kind=form.kind,
            status=MusterStatus.OPEN,
            note=form.note,
            started_at=self.now,
            started_by=self.by.name,
            real_since=self.now if form.kind is MusterKind.REAL else None,
            created_at=self.now,
        )
        await self.musters.save(muster)
        people = await fill_roster(self.unit, muster.id, site_id, self.now)
        self._record(AuditAction.MUSTER_STARTED, muster, kind=form.kind, people=people)
        return muster

    async def change(self, muster_id: UUID, kind: MusterKind) -> Muster:
        """Turn a drill into a real one; raise `NotFound` or `MusterTransition`."""
        muster = await self._locked(muster_id)
        if kind is muster.kind:
            return muster
        if muster.status is MusterStatus.ENDED or kind is MusterKind.DRILL:
            raise not_from(muster)
        await self.musters.lock_site(muster.site_id, EVERYTHING)
        muster.kind, muster.real_since = kind, self.now
        self._record(AuditAction.MUSTER_TURNED_REAL, muster)
        return muster

    async def end(self, muster_id: UUID, unaccounted: int) -> Muster:
        """End a muster, and the stays of those whom a warden marked as gone.

        Raise `NotFound`, `MusterTransition` or `UnaccountedChanged`.
        """
        muster = await self._locked(muster_id)
        if muster.status is MusterStatus.ENDED:
            raise not_from(muster)
        check_outs = CheckOutService(self.unit, self.by, self.now)
        # No mark of a warden comes in between, since the muster is locked.
        left = await left_by_wardens(self.unit, muster.id)
        inside = await check_outs.lock_inside(left)
        counts = Counts.of((await states(self.unit, [muster.id]))[muster.id])
        if counts.unaccounted != unaccounted:
            raise UnaccountedChanged(unaccounted=counts.unaccounted)
        gone = {visitor: left[id_] for id_, visitor in inside.items()}
        await check_outs.check_out(muster, gone)
        muster.status, muster.ended_at = MusterStatus.ENDED, self.now
        details = {"unaccounted": unaccounted, "checked_out": len(gone)}
        self._record(AuditAction.MUSTER_ENDED, muster, **details)
        return muster

    async def reopen(self, muster_id: UUID) -> Muster:
        """Go on with a muster, and with those who came in or went out meanwhile.

        Raise `NotFound`, `MusterTransition`, `ReopenExpired` or `MusterOpen`.
        """
        muster = await self._locked(muster_id)
        ended_at = muster.ended_at
        if ended_at is None:
            raise not_from(muster)
        if self.now > ended_at + REOPENED_WITHIN:
            raise ReopenExpired
        await self._lock_site(muster.site_id)
        muster.status, muster.ended_at = MusterStatus.OPEN, None
        await self.unit.flush()
        passed = await passed_since(self.unit, muster, ended_at, self.by.name)
        rosters = PassageService(self.unit, self.by, self.now)
        await rosters.follow(passed, SiteMusters({muster.site_id: [muster]}))
        await fill_roster(self.unit, muster.id, muster.site_id, self.now)
        self._record(AuditAction.MUSTER_REOPENED, muster)
        return muster

    async def _lock_site(self, site_id: UUID) -> None:
        """Lock a site in scope without an open muster."""
        if not await self.musters.lock_site(site_id, self.scope):
            raise NotFound
        if earlier := await self.musters.open_at(site_id):
            raise MusterOpen(muster=str(earlier.id), started_by=earlier.started_by)

    async def _locked(self, muster_id: UUID) -> Muster:
        muster = await self.musters.lock_reached(muster_id, self.scope)
        if muster is None:
            raise NotFound
        return muster

    def _record(self, action: AuditAction, muster: Muster, **details: object) -> None:
        site = muster.site_id
        record(self.unit, action, muster.id, self.by, self.now, site=site, **details)


def not_from(muster: Muster) -> MusterTransition:
    """Return the refusal of what the status or the kind of a muster does not permit."""
    return MusterTransition(
        f"The muster is {muster.status.value} and {muster.kind.value}",
        current_status=muster.status.value,
    )


def require_markable(muster: Muster, now: datetime) -> bool:
    """Return whether a mark is late; raise `MusterTransition` an hour after the end."""
    if muster.ended_at is not None and now > muster.ended_at + MARKED_WITHIN:
        raise not_from(muster)
    return muster.ended_at is not None
