from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.audit.models import VisitorAction
from app.audit.repository import event_row
from app.auth.caller import Caller
from app.core.db.database import AfterCommit, WriteSession
from app.core.errors import NotAuthenticated, Unavailable
from app.core.security.qr_token import QrTokens
from app.musters.passages import Followed, OpenMuster, Passage, follow
from app.musters.statements import find_rostered
from app.musters.telling import event_of
from app.notifications.repository import mail_row
from app.scans.errors import ScanIdReused, UnknownToken, shown_by
from app.scans.limits import GenuineScans
from app.scans.models import OPENED, Scan, ScanDirection, ScanVerdict
from app.scans.passage import arrival_mails, body_hash, decide_scan, entry, go_out
from app.scans.schemas import ScanCreate
from app.scans.shown import RescheduledVisitor, shown_of
from app.scans.statements import Found, find, record, record_noted, record_passage, seen
from app.scans.telling import events_of
from app.scans.verdict import Decision, Gate, decide, in_emergency, not_current, opens
from app.sites.models import Site
from app.visitors.lifecycle import HOLDS_SEAT, enter
from app.visitors.models import Visitor
from app.visitors.stay_models import Stay
from app.visitors.stays import require_stay

# Another transaction may be faster; the second try nearly always finds its result.
LOOKS = 10


@dataclass(frozen=True, slots=True)
class ScanOutcome:
    scan: Scan
    visitor: Visitor | None
    replayed: bool
    shown: RescheduledVisitor | None = None
    """The visitor in a refusal."""


class ScanService:
    """Scans, each in a single-statement unit."""

    def __init__(
        self,
        unit: WriteSession,
        codes: QrTokens,
        wake: AfterCommit,
        limit: GenuineScans,
        caller: Caller,
        now: datetime,
    ) -> None:
        if caller.id is None:
            raise NotAuthenticated
        self.caller = caller
        self.caller_id = caller.id
        self.unit = unit
        self._codes = codes
        self._wake = wake
        self._limit = limit
        self._now = now

    async def scan(self, body: ScanCreate) -> ScanOutcome:
        """Decide on a scan; refusals are returned, to be stored.

        Raise `UnknownToken` (without a query), `ScanIdReused` or `TooManyRequests`.
        """
        if not self._codes.is_genuine(body.token):
            raise UnknownToken
        for looks in range(LOOKS):
            found = await find(self.unit, body, self.caller_id, self._place)
            if found.earlier is not None:
                return self._again(found, found.earlier, body)
            found = found.within(self.caller.scope, self._place)
            if looks == 0:
                await self._limit.hit(self.caller_id)
            scan = await self._decided(found, body)
            if scan is not None:
                return self._outcome(scan, found, body, replayed=False)
        raise Unavailable("Too many gates are scanning this code at once: try again")

    def _again(self, found: Found, earlier: Scan, body: ScanCreate) -> ScanOutcome:
        visitor = found.visitor
        if visitor is not None and not self.caller.scope.has_site(visitor.site_id):
            raise UnknownToken
        if earlier.body_hash != body_hash(body):
            raise ScanIdReused
        return self._outcome(earlier, found, body, replayed=True)

    def _outcome(
        self, scan: Scan, found: Found, body: ScanCreate, *, replayed: bool
    ) -> ScanOutcome:
        shown = shown_of(
            shown_by(scan.code),
            found.visitor or found.owner,
            body.token,
            is_rescheduled=found.is_replaced is False,
            gate_site=self.caller.site_id,
        )
        return ScanOutcome(scan, found.visitor, replayed, shown)

    @property
    def _place(self) -> UUID | None:
        """Return the site where the caller is, as far as that is known without the code."""
        return self.caller.site_id or self.caller.scope.only_site

    async def _decided(self, found: Found, body: ScanCreate) -> Scan | None:
        """Return the stored scan, or None if another transaction was faster."""
        is_emergency = found.muster is not None and found.muster.is_real
        name = body.gate or self.caller.gate
        gate = Gate(self.caller.site_id, name, is_emergency=is_emergency)
        scan = entry(body, gate, self.caller_id, self._now)
        decision, visitor_id = self._decision(found, body.direction, gate)
        decide_scan(scan, decision, visitor_id)
        visitor, site = found.visitor, found.site
        told = events_of(scan, visitor or found.owner, self.caller, self._now)
        if visitor is None or site is None:
            return scan if await record(self.unit, scan, told) else None
        followed = await self._followed(scan, visitor, found.muster)
        if followed is not None and followed.on_roster is not None:
            told.append(event_of(followed, visitor.site_id, self.caller, self._now))
        if scan.verdict in OPENED:
            done = await self._pass(scan, visitor, site, found.newest, followed, told)
        elif followed is not None and followed.marks:
            done = await record_noted(self.unit, scan, told, followed, self._now)
        else:
            done = await record(self.unit, scan, told)
        return scan if done else None

    def _decision(
        self, found: Found, direction: ScanDirection, gate: Gate
    ) -> tuple[Decision, UUID | None]:
        """Return the decision, and the visitor whom it is about."""
        if found.visitor is None or found.site is None:
            owner = found.owner
            about = owner.id if owner else None
            decision = not_current(owner, is_replaced=bool(found.is_replaced))
        else:
            about = found.visitor.id
            decision = decide(found.visitor, found.site, found.newest, direction, gate, self._now)
        return (in_emergency(decision, direction) if gate.is_emergency else decision), about

    async def _followed(
        self, scan: Scan, visitor: Visitor, muster: OpenMuster | None
    ) -> Followed | None:
        """Return what a gate that opens does to the roster of an open muster."""
        is_elsewhere = scan.site_id not in {None, visitor.site_id}
        if muster is None or is_elsewhere or not opens(scan):
            return None
        passage = Passage(
            visitor.id,
            visitor.site_id,
            is_entry=scan.direction is ScanDirection.IN,
            at=self._now,
            gate=scan.gate,
            by=self.caller.name,
        )
        known = await find_rostered(self.unit, muster.id, visitor.id)
        return follow(muster, visitor.id, known, [passage], self._now)

    async def _pass(
        self,
        scan: Scan,
        visitor: Visitor,
        site: Site,
        newest: Stay | None,
        followed: Followed | None,
        told: Sequence[dict[str, Any]],
    ) -> bool:
        was = seen(visitor)
        mails, details = [], {"gate": scan.gate}
        if scan.verdict is ScanVerdict.ADMITTED:
            action = VisitorAction.CHECKED_IN
            stay = enter(visitor, newest, scan.gate, self._now, self._now)
            # The host hears of the first entry only.
            mails = [] if newest else arrival_mails(visitor, site, scan.gate, self._now)
        else:
            action, stay = VisitorAction.CHECKED_OUT, require_stay(newest)
            details |= go_out(visitor, site, stay, self._now, self._now)
        done = await record_passage(
            self.unit,
            scan,
            visitor,
            site,
            stay,
            followed,
            self._now,
            was=was,
            event=event_row(
                visitor.id,
                action,
                self.caller,
                self._now,
                site=visitor.site_id,
                host=visitor.host_id,
                is_final_exit=was["status"] in HOLDS_SEAT and visitor.status not in HOLDS_SEAT,
                **details,
            ),
            mails=[mail_row(mail, self._now) for mail in mails],
            told=told,
        )
        if done and mails:
            self.unit.after_commit(self._wake)
        return done
