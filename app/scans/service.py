"""A scan at the gate: look the token up, decide, keep the scan, let in or out."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from app.audit.models import Action
from app.auth.caller import Caller
from app.core.qr_token import token_hash
from app.notifications.kinds import NotificationKind
from app.notifications.payloads import ArrivalPayload
from app.scans.errors import ScanIdReused, UnknownToken
from app.scans.models import Scan, Verdict
from app.scans.repository import ScanRepository
from app.scans.schemas import ScanIn
from app.scans.verdict import Decision, Gate, decide, refuse
from app.sites.models import Site
from app.sites.repository import SiteReader
from app.visitors import mails
from app.visitors.models import Visitor, VisitorStatus
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

    async def scan(self, body: ScanIn) -> Outcome:
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

    async def _replay(self, earlier: Scan, body: ScanIn) -> Outcome:
        if earlier.body_hash != _body_hash(body):
            raise ScanIdReused
        visitor = None
        if earlier.visitor_id is not None:
            visitor = await self.desk.visitors.get(earlier.visitor_id)
        return Outcome(earlier, visitor, replayed=True)

    async def _not_current(self, body: ScanIn, gate: Gate) -> Outcome:
        owner = await self.desk.visitors.retired_owner(body.token)
        decision = (
            refuse("rescheduled", "The visit was moved: use the code of the newest mail")
            if owner
            else refuse("unknown", "This code is not in use any more")
        )
        return Outcome(self._keep(body, gate, decision, owner), None, replayed=False)

    async def _site(self, visitor: Visitor) -> Site:
        site = await SiteReader(self.desk.unit).get(visitor.site_id)
        if site is None:
            raise LookupError("a visitor's site can't be missing")
        return site

    async def _apply(self, decision: Decision, visitor: Visitor, site: Site, gate: Gate) -> None:
        if decision.verdict is Verdict.ADMITTED:
            self._let_in(visitor, site, gate)
        elif decision.verdict is Verdict.CHECKED_OUT:
            await self.desk.complete(visitor, Action.CHECKED_OUT, self.caller, gate=gate.name)

    def _let_in(self, visitor: Visitor, site: Site, gate: Gate) -> None:
        visitor.status = VisitorStatus.VERIFIED
        visitor.checked_in_at = visitor.updated_at = self.now
        visitor.checked_in_gate = gate.name
        self.desk.events.record(
            visitor.id, Action.CHECKED_IN, self.caller, self.now, gate=gate.name
        )
        payload = ArrivalPayload(
            **mails.visit_payload(visitor, site).model_dump(), arrived_at=self.now, gate=gate.name
        )
        for mail in mails.to_host(NotificationKind.host_arrival, visitor, site, payload, 0):
            self.desk.outbox.put(mail, self.now)

    def _keep(self, body: ScanIn, gate: Gate, decision: Decision, visitor_id: UUID | None) -> Scan:
        return self.scans.add(
            Scan(
                visitor_id=visitor_id,
                caller_id=self.caller_id,
                scan_id=body.scan_id,
                body_hash=_body_hash(body),
                token_hash=token_hash(body.token),
                direction=body.direction,
                gate=gate.name,
                site_id=gate.site_id,
                scanned_at=body.scanned_at,
                verdict=decision.verdict,
                code=decision.code,
                message=decision.message,
                details=decision.details,
                created_at=self.now,
            )
        )


def _body_hash(body: ScanIn) -> bytes:
    return hashlib.sha256(body.model_dump_json(exclude={"scan_id"}).encode()).digest()
