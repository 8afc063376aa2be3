"""A scan at the gate: look the token up, decide, keep the scan, let in or out."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app.audit.models import VisitorAction
from app.auth.caller import Caller
from app.scans.errors import ScanIdReused, UnknownToken
from app.scans.models import Scan, ScanVerdict
from app.scans.passage import arrival_mails, body_hash, entry, settle
from app.scans.repository import ScanRepository
from app.scans.schemas import ScanCreate
from app.scans.verdict import Decision, Gate, decide, not_current
from app.sites.models import Site
from app.sites.repository import SiteReader
from app.visitors.lifecycle import enter
from app.visitors.models import Visitor
from app.visitors.service import VisitorDesk


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the gate is told: the scan as it is kept, the visitor it concerns."""

    scan: Scan
    visitor: Visitor | None
    replayed: bool


class GateDesk:
    """Scans, within one unit of work."""

    def __init__(self, desk: VisitorDesk, caller_id: UUID, caller: Caller) -> None:
        self.desk = desk
        self.caller = caller
        self.caller_id = caller_id
        self.now = desk.now
        self.scans = ScanRepository(desk.unit)

    async def scan(self, body: ScanCreate) -> Outcome:
        """Decide on one scan.

        Raises `UnknownToken` for a forged token, without a look at the database, and
        `ScanIdReused`. Every other refusal is handed back, so that the ledger keeps it.
        """
        if not self.desk.codes.is_genuine(body.token):
            raise UnknownToken
        if body.scan_id is not None:
            earlier = await self.scans.earlier(self.caller_id, body.scan_id)
            if earlier is not None:
                return await self._replay(earlier, body)
        visitor = await self.desk.visitors.lock_by_code(body.token)
        gate = Gate(self.caller.site_id, body.gate or self.caller.gate)
        if visitor is None:
            return await self._not_current(body, gate)
        site = await self._site(visitor)
        decision = decide(
            visitor,
            body.direction,
            gate,
            self.now,
            timezone=site.timezone,
            early=timedelta(minutes=site.early_arrival_minutes),
        )
        await self._apply(decision, visitor, site, gate)
        return Outcome(self._keep(body, gate, decision, visitor.id), visitor, replayed=False)

    async def _replay(self, earlier: Scan, body: ScanCreate) -> Outcome:
        if earlier.body_hash != body_hash(body):
            raise ScanIdReused
        visitor = None
        if earlier.visitor_id is not None:
            visitor = await self.desk.visitors.get(earlier.visitor_id)
        return Outcome(earlier, visitor, replayed=True)

    async def _not_current(self, body: ScanCreate, gate: Gate) -> Outcome:
        owner = await self.desk.visitors.retired_owner(body.token)
        decision = not_current(owner)
        return Outcome(self._keep(body, gate, decision, owner), None, replayed=False)

    async def _site(self, visitor: Visitor) -> Site:
        site = await SiteReader(self.desk.unit).get(visitor.site_id)
        if site is None:
            raise LookupError("a visitor's site can't be missing")
        return site

    async def _apply(self, decision: Decision, visitor: Visitor, site: Site, gate: Gate) -> None:
        if decision.verdict is ScanVerdict.ADMITTED:
            self._let_in(visitor, site, gate)
        elif decision.verdict is ScanVerdict.CHECKED_OUT:
            await self.desk.complete(
                visitor, VisitorAction.CHECKED_OUT, self.caller, gate=gate.name
            )

    def _let_in(self, visitor: Visitor, site: Site, gate: Gate) -> None:
        enter(visitor, gate.name, self.now, self.now)
        self.desk.events.record(
            visitor.id, VisitorAction.CHECKED_IN, self.caller, self.now, gate=gate.name
        )
        for mail in arrival_mails(visitor, site, gate.name, self.now):
            self.desk.outbox.put(mail, self.now)

    def _keep(
        self, body: ScanCreate, gate: Gate, decision: Decision, visitor_id: UUID | None
    ) -> Scan:
        scan = entry(body, gate, self.caller_id, self.now)
        settle(scan, decision, visitor_id)
        self.scans.keep(scan)
        return scan
