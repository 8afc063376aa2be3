"""A check-out reported first is a conflict until its check-in arrives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.audit.models import VisitorAction
from app.notifications.repository import OutgoingMail
from app.scans.models import OPENED, Scan, ScanVerdict
from app.scans.passage import arrival_mails, decide_scan, go_out
from app.scans.verdict import Decision, Gate, decide_past
from app.sites.models import Site
from app.slots.seats import HeldSeat
from app.visitors.lifecycle import HOLDS_SEAT, enter
from app.visitors.models import Visitor, VisitorStatus

# The host is not notified later, since they have met.
HOST_NOTIFIED_WITHIN = timedelta(minutes=30)


@dataclass(slots=True)
class ScanReplay:
    visitors: Mapping[UUID, Visitor]
    sites: Mapping[UUID, Site]
    now: datetime
    changed: dict[UUID, Visitor] = field(default_factory=dict)
    freed: list[HeldSeat] = field(default_factory=list)
    events: list[tuple[UUID, VisitorAction, dict[str, Any]]] = field(default_factory=list)

    def run(self, reported: Sequence[Scan], exits: Sequence[Scan]) -> None:
        """Decide on the scans, and again on `exits` that were conflicts."""
        kept = {scan.id for scan in exits}
        for scan in sorted([*reported, *exits], key=happened_at):
            visitor = self.visitors[_visitor_of(scan)]
            decision = self._decide(scan, visitor)
            if scan.id not in kept or decision.verdict in OPENED:
                decide_scan(scan, decision, visitor.id)
                self._apply(scan, visitor)

    def mails(self) -> list[OutgoingMail]:
        """Return mails about visitors who arrived recently and are still inside."""
        arrived = [
            (visitor, visitor.checked_in_at)
            for visitor in self.changed.values()
            if visitor.status is VisitorStatus.VERIFIED and visitor.checked_in_at is not None
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
        gate = Gate(scan.site_id, scan.gate)
        at = self._instant_of(scan)
        return decide_past(visitor, self.sites[visitor.site_id], scan.direction, gate, at)

    def _apply(self, scan: Scan, visitor: Visitor) -> None:
        at = self._instant_of(scan)
        if scan.verdict is ScanVerdict.ADMITTED:
            enter(visitor, scan.gate, at, self.now)
            self._note(visitor, VisitorAction.CHECKED_IN, scan, at, {})
        elif scan.verdict is ScanVerdict.CHECKED_OUT:
            held_seat = visitor.status in HOLDS_SEAT
            details = go_out(visitor, at, self.now)
            if held_seat:
                self.freed.append(visitor.seat)
            self._note(visitor, VisitorAction.CHECKED_OUT, scan, at, details)

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
