from dataclasses import dataclass
from datetime import datetime

from app.audit.models import VisitorAction
from app.audit.repository import event_row
from app.auth.caller import Caller
from app.core.db.database import AfterCommit, WriteSession
from app.core.errors import NotAuthenticated, Unavailable
from app.core.security.qr_token import QrTokens
from app.notifications.repository import mail_row
from app.scans.errors import ScanIdReused, UnknownToken
from app.scans.limits import GenuineScans
from app.scans.models import OPENED, Scan, ScanVerdict
from app.scans.passage import arrival_mails, body_hash, decide_scan, entry, go_out
from app.scans.schemas import ScanCreate
from app.scans.statements import Found, find, record, record_passage
from app.scans.verdict import Gate, decide, not_current
from app.sites.models import Site
from app.visitors.lifecycle import enter
from app.visitors.models import Visitor

# Another transaction may be faster; the second try nearly always finds its result.
LOOKS = 10


@dataclass(frozen=True, slots=True)
class ScanOutcome:
    scan: Scan
    visitor: Visitor | None
    replayed: bool


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
            found = await find(self.unit, body, self.caller_id)
            if found.earlier is not None:
                return self._again(found.earlier, found.visitor, body)
            found = found.within(self.caller.scope)
            if looks == 0:
                await self._limit.hit(self.caller_id)
            scan = await self._decided(found, body)
            if scan is not None:
                return ScanOutcome(scan, found.visitor, replayed=False)
        raise Unavailable("Too many gates are scanning this code at once: try again")

    def _again(self, earlier: Scan, visitor: Visitor | None, body: ScanCreate) -> ScanOutcome:
        if visitor is not None and not self.caller.scope.has_site(visitor.site_id):
            raise UnknownToken
        if earlier.body_hash != body_hash(body):
            raise ScanIdReused
        return ScanOutcome(earlier, visitor, replayed=True)

    async def _decided(self, found: Found, body: ScanCreate) -> Scan | None:
        """Return the stored scan, or None if another transaction was faster."""
        gate = Gate(self.caller.site_id, body.gate or self.caller.gate)
        visitor, scan = found.visitor, entry(body, gate, self.caller_id, self._now)
        if visitor is None or found.site is None:
            refusal = not_current(found.owner, is_replaced=found.is_replaced)
            decide_scan(scan, refusal, found.owner)
            return scan if await record(self.unit, scan) else None
        decide_scan(scan, decide(visitor, found.site, body.direction, gate, self._now), visitor.id)
        if scan.verdict in OPENED:
            done = await self._pass(scan, visitor, found.site)
        else:
            done = await record(self.unit, scan)
        return scan if done else None

    async def _pass(self, scan: Scan, visitor: Visitor, site: Site) -> bool:
        was, was_automatic = visitor.status, visitor.checked_out_automatically
        mails, details = [], {"gate": scan.gate}
        if scan.verdict is ScanVerdict.ADMITTED:
            action = VisitorAction.CHECKED_IN
            enter(visitor, scan.gate, self._now, self._now)
            mails = arrival_mails(visitor, site, scan.gate, self._now)
        else:
            action = VisitorAction.CHECKED_OUT
            details |= go_out(visitor, self._now, self._now)
        done = await record_passage(
            self.unit,
            scan,
            visitor,
            was=was,
            was_automatic=was_automatic,
            event=event_row(
                visitor.id, action, self.caller, self._now, site=visitor.site_id, **details
            ),
            mails=[mail_row(mail, self._now) for mail in mails],
        )
        if done and mails:
            self.unit.after_commit(self._wake)
        return done
