from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.audit.models import VisitorAction
from app.auth.caller import Caller
from app.core.db.inserting import values_of
from app.core.errors import Forbidden, NotAuthenticated, NotFound
from app.core.observability.metrics import counted
from app.devices.errors import UnknownSite
from app.events.models import PendingEvent
from app.musters.passage_service import PassageService, SiteMusters
from app.musters.passages import Passage as RosterPassage
from app.scans.by_hand import entry_by_hand, instant_of
from app.scans.errors import Emergency, OverrideMismatch
from app.scans.metrics import scans_like
from app.scans.models import Scan, ScanDirection, ScanVerdict
from app.scans.override_schemas import Override
from app.scans.override_service import OverrideService
from app.scans.passage import arrival_mails, decide_scan, go_out
from app.scans.replay import HOST_NOTIFIED_WITHIN
from app.scans.telling import events_of
from app.scans.verdict import WELCOME, Decision, Gate, decide, in_conflict, refusals
from app.sites.models import Site
from app.sites.repository import SiteReader
from app.users.roles import Permission
from app.visitors.lifecycle import HOLDS_SEAT, enter
from app.visitors.models import Visitor, VisitorStatus
from app.visitors.service import VisitorService
from app.visitors.stay_models import InMethod, OutMethod, Stay
from app.visitors.stays import require_stay
from app.visitors.undo import done_by


@dataclass(frozen=True, slots=True)
class Passage:
    """A visitor before the desk: the site, the newest stay, and the instant of the passage."""

    visitor: Visitor
    site: Site
    newest: Stay | None
    at: datetime
    scan: Scan
    musters: SiteMusters


@dataclass(frozen=True, slots=True)
class Passed:
    """The row of the ledger, and the visitor.

    `refusals` are the codes of all refusals that hold.
    """

    scan: Scan
    visitor: Visitor
    refusals: Sequence[str] = ()


class ByHandService:
    """Check visitors in and out at the desk, as a gate would.

    The visitor is locked, so that of two desks the second sees what the first did.
    """

    def __init__(self, service: VisitorService, caller: Caller) -> None:
        if caller.id is None:
            raise NotAuthenticated
        self.service = service
        self.unit = service.unit
        self.now = service.now
        self.caller = caller
        self.caller_id = caller.id
        self.rosters = PassageService(self.unit, caller, self.now)

    async def check_in(
        self,
        visitor_id: UUID,
        gate: str | None,
        observed_at: datetime | None,
        override: Override | None = None,
    ) -> Passed:
        """Check in; a refusal is returned, to be stored.

        Raise `InvalidObservedAt`, `OverrideMismatch`, or `Forbidden` for an override of a guard and
        at a site where the caller only acts for the host.
        """
        if override is not None and Permission.OVERRIDE not in self.caller.permissions:
            raise Forbidden("You cannot override refusals")
        visitor = await self._locked(visitor_id)
        if not self.caller.scope.has_site(visitor.site_id):
            raise Forbidden("Delegates admit nobody at sites of others")
        came = await self._before(visitor, ScanDirection.IN, gate, observed_at)
        if refused := await self._refusals(came, override):
            return Passed(came.scan, came.visitor, refused)
        at = came.at
        stay = enter(visitor, came.newest, gate, at, self.now, InMethod.DESK)
        if came.newest is None and self.now - at <= HOST_NOTIFIED_WITHIN:
            for mail in arrival_mails(visitor, came.site, gate, at):
                self.service.outbox.put(mail, self.now)
        details = override.details() if override else {}
        return await self._stored(came, stay, VisitorAction.CHECKED_IN, **details)

    async def check_out(self, visitor_id: UUID, observed_at: datetime | None) -> Passed:
        """Check out; a visitor who is away is not inside.

        Raise `InvalidTransition` unless the visit is open.
        """
        visitor = await self._locked(visitor_id)
        await self.service.require_change(visitor, VisitorStatus.COMPLETED)
        left = await self._before(visitor, ScanDirection.OUT, None, observed_at)
        out = ScanDirection.OUT
        # At the desk no exit corrects an assumed one, so the stays do not matter.
        decision = decide(visitor, left.site, None, out, self._desk(left), left.at)
        await self._note(left, decision)
        if decision.code is not None:
            return Passed(left.scan, visitor, [decision.code])
        stay = require_stay(left.newest)
        details = go_out(visitor, left.site, stay, left.at, self.now, OutMethod.DESK)
        passed = await self._stored(left, stay, VisitorAction.CHECKED_OUT, **details)
        if visitor.status not in HOLDS_SEAT:
            await self.service.outbox.supersede([visitor.id], self.now)
            await self.service.seats.free(visitor.seat)
        return passed

    async def faster(self, visitor: Visitor) -> str | None:
        """Return the name of whoever brought a visitor where they are."""
        return done_by(visitor.presence, await self.service.events.of_visitor(visitor.id))

    # -- steps --------------------------------------------------------------------------------

    async def _locked(self, visitor_id: UUID) -> Visitor:
        visitor = await self.service.visitors.lock_visible(visitor_id, self.caller)
        if visitor is None:
            raise NotFound
        return visitor

    async def _before(
        self,
        visitor: Visitor,
        direction: ScanDirection,
        gate: str | None,
        observed_at: datetime | None,
    ) -> Passage:
        """Return everything that the decision on a locked visitor depends on."""
        site = await SiteReader(self.unit).get(visitor.site_id)
        if site is None:
            raise UnknownSite
        newest = (await self.service.stays.newest([visitor])).get(visitor.id)
        at = instant_of(observed_at, visitor, newest, self.now)
        scan = entry_by_hand(visitor, direction, gate, observed_at, self.caller_id, self.now)
        musters = await self.rosters.musters([site.id], at)
        return Passage(visitor, site, newest, at, scan, musters)

    def _desk(self, passage: Passage) -> Gate:
        """Return the place of the decision: people are at no gate that could be the wrong one."""
        is_emergency = passage.musters.is_emergency(passage.site.id, passage.at)
        return Gate(site_id=None, name=None, is_emergency=is_emergency)

    async def _refusals(self, came: Passage, override: Override | None) -> Sequence[str]:
        """Decide on an entry and take the seat that it needs; return what refuses it."""
        visitor, desk = came.visitor, OverrideService(self.service, self.caller)
        place = self._desk(came)
        held = [*refusals(visitor, came.site, came.newest, ScanDirection.IN, place, came.at)]
        answer, seat = await desk.decide(visitor, came.site, held, came.at, override)
        if isinstance(answer, OverrideMismatch):
            raise answer
        refused = None if answer is None else answer.code
        decision = next((each for each in held if each.code == refused), WELCOME)
        if refused == Emergency.code and came.scan.scanned_at is not None:
            decision = in_conflict(decision)  # they have come in, as somebody observed
        await self._note(came, decision)
        if answer is not None:
            codes: list[str] = answer.members["refusals"]
            return codes
        if held:
            await desk.admit(visitor, seat)
        return ()

    async def _note(self, passage: Passage, decision: Decision) -> None:
        """Store a decision in the ledger, and keep the roster of an open muster up."""
        scan = passage.scan
        decide_scan(scan, decision, passage.visitor.id)
        self.unit.append(Scan, values_of(scan))
        for event in events_of(scan, passage.visitor, self.caller, self.now):
            self.unit.append(PendingEvent, event)
        self.unit.after_commit(counted(scans_like(scan)))
        if scan.verdict is not ScanVerdict.REFUSED:
            await self._follow(passage)

    async def _follow(self, passage: Passage) -> None:
        scan, visitor = passage.scan, passage.visitor
        passed = RosterPassage(
            visitor.id,
            visitor.site_id,
            is_entry=scan.direction is ScanDirection.IN,
            at=passage.at,
            gate=scan.gate,
            by=self.caller.name,
            is_permitted=scan.verdict is not ScanVerdict.CONFLICT,
        )
        await self.rosters.follow([passed], passage.musters)

    async def _stored(
        self, passage: Passage, stay: Stay, action: VisitorAction, **details: Any
    ) -> Passed:
        visitor, scan = passage.visitor, passage.scan
        await self.service.stays.save([stay])
        said = {"gate": scan.gate} if scan.gate else {}
        if scan.scanned_at is not None:
            said["observed_at"] = f"{passage.at:%Y-%m-%dT%H:%M:%SZ}"
        self.service.events.record(
            visitor.id,
            action,
            self.caller,
            self.now,
            site=visitor.site_id,
            host=visitor.host_id,
            is_final_exit=visitor.status not in HOLDS_SEAT,
            **said,
            **details,
        )
        return Passed(scan, await self.service.visitors.with_relations(visitor))
