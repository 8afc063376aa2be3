"""A check-out reported first is a conflict until its check-in arrives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.audit.models import VisitorAction
from app.musters.passage_service import SiteMusters
from app.musters.passages import Passage
from app.notifications.repository import OutgoingMail
from app.scans.errors import AlreadyInside
from app.scans.models import OPENED, Scan, ScanDirection, ScanVerdict
from app.scans.passage import arrival_mails, decide_scan, go_out
from app.scans.verdict import Decision, Gate, decide_past
from app.sites.models import Site
from app.slots.seats import HeldSeat
from app.visitors.lifecycle import HOLDS_SEAT, enter
from app.visitors.models import Presence, Visitor
from app.visitors.stay_models import Stay
from app.visitors.stays import require_stay

# The host is not notified later, since they have met.
HOST_NOTIFIED_WITHIN = timedelta(minutes=30)


@dataclass(slots=True)
class ScanReplay:
    visitors: Mapping[UUID, Visitor]
    sites: Mapping[UUID, Site]
    now: datetime
    newest: dict[UUID, Stay]
    """The newest stay by visitor."""
    musters: SiteMusters
    seen_by: str
    """The name of the caller, who reports the scans."""
    changed: dict[UUID, Visitor] = field(default_factory=dict)
    stays: dict[UUID, Stay] = field(default_factory=dict)
    arrived: list[Visitor] = field(default_factory=list)
    freed: list[HeldSeat] = field(default_factory=list)
    events: list[tuple[UUID, VisitorAction, dict[str, Any]]] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    """Everybody who passed, whether permitted or not."""

    def run(self, reported: Sequence[Scan], exits: Sequence[Scan]) -> None:
        """Decide on the scans, and again on `exits` that were conflicts."""
        kept = {scan.id for scan in exits}
        for scan in sorted([*reported, *exits], key=happened_at):
            visitor = self.visitors[_visitor_of(scan)]
            decision = self._decide(scan, visitor)
            if scan.id not in kept or decision.verdict in OPENED:
                decide_scan(scan, decision, visitor.id)
                self._apply(scan, visitor)
                self._follow(scan, visitor)

    def mails(self) -> list[OutgoingMail]:
        """Return mails about visitors who arrived first and recently, and are still inside."""
        arrived = [
            (visitor, visitor.checked_in_at)
            for visitor in self.arrived
            if visitor.presence is Presence.INSIDE and visitor.checked_in_at is not None
        ]
        return [
            mail
            for visitor, at in arrived
            if self.now - at <= HOST_NOTIFIED_WITHIN
            for mail in arrival_mails(
                visitor, self.sites[visitor.site_id], visitor.checked_in_gate, at
            )
        ]

    def _decide(self, scan: Scan, visitor: Visitor) -> Decision:
        at = self._instant_of(scan)
        is_emergency = self.musters.is_emergency(scan.site_id or visitor.site_id, at)
        gate = Gate(scan.site_id, scan.gate, is_emergency=is_emergency)
        site, newest = self.sites[visitor.site_id], self.newest.get(visitor.id)
        return decide_past(visitor, site, newest, scan.direction, gate, at)

    def _apply(self, scan: Scan, visitor: Visitor) -> None:
        at = self._instant_of(scan)
        newest = self.newest.get(visitor.id)
        if scan.verdict is ScanVerdict.ADMITTED:
            if newest is None:
                self.arrived.append(visitor)
            self._keep(enter(visitor, newest, scan.gate, at, self.now))
            self._note(visitor, VisitorAction.CHECKED_IN, scan, at, {})
        elif scan.verdict is ScanVerdict.CHECKED_OUT:
            held_seat, stay = visitor.status in HOLDS_SEAT, require_stay(newest)
            details = go_out(visitor, self.sites[visitor.site_id], stay, at, self.now)
            self._keep(stay)
            is_over = held_seat and visitor.status not in HOLDS_SEAT
            if is_over:
                self.freed.append(visitor.seat)
            details["is_final_exit"] = is_over
            self._note(visitor, VisitorAction.CHECKED_OUT, scan, at, details)

    def _follow(self, scan: Scan, visitor: Visitor) -> None:
        """Note who passed at the site of the visit; the gate was open, whatever is decided."""
        if scan.site_id not in {None, visitor.site_id} or scan.code == AlreadyInside.code:
            return
        passage = Passage(
            visitor.id,
            visitor.site_id,
            is_entry=scan.direction is ScanDirection.IN,
            at=self._instant_of(scan),
            gate=scan.gate,
            by=self.seen_by,
            is_permitted=scan.verdict in OPENED,
        )
        self.passages.append(passage)

    def _keep(self, stay: Stay) -> None:
        self.newest[stay.visitor_id] = self.stays[stay.id] = stay

    def _note(
        self,
        visitor: Visitor,
        action: VisitorAction,
        scan: Scan,
        at: datetime,
        details: dict[str, Any],
    ) -> None:
        self.changed[visitor.id] = visitor
        details = {"gate": scan.gate, "scanned_at": f"{at:%Y-%m-%dT%H:%M:%SZ}", **details}
        self.events.append((visitor.id, action, details))

    def _instant_of(self, scan: Scan) -> datetime:
        # A later time means that the device's clock is fast.
        return min(happened_at(scan), self.now)


def happened_at(scan: Scan) -> datetime:
    return scan.scanned_at or scan.created_at


def _visitor_of(scan: Scan) -> UUID:
    if scan.visitor_id is None:
        raise LookupError("a scan of nobody cannot be decided on")
    return scan.visitor_id
