from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from app.auth.caller import Caller
from app.core.errors import Problem
from app.events.models import PendingEvent
from app.musters.passage_service import PassageService, SiteMusters
from app.scans.errors import ScanIdReused, UnknownToken, shown_by
from app.scans.limits import GenuineScans
from app.scans.models import OPENED, Scan, ScanVerdict
from app.scans.passage import body_hash, decide_scan, entry
from app.scans.replay import ScanReplay, happened_at
from app.scans.repository import ScanRepository
from app.scans.schemas import OfflineResult, OfflineScan, OfflineScanResult
from app.scans.shown import RescheduledVisitor, shown_of
from app.scans.telling import events_of
from app.scans.verdict import Gate, in_conflict, not_current
from app.sites.repository import SiteReader
from app.visitors.models import Visitor, VisitorStatus
from app.visitors.service import VisitorService


@dataclass(frozen=True, slots=True)
class Reported:
    """A scan of a batch with its row."""

    body: OfflineScan
    scan: Scan | None
    result: OfflineResult | None = None
    """Set in advance for repeats and for scans that are not stored."""
    shown: RescheduledVisitor | None = None
    """The visitor in a refusal."""

    def answer(self) -> OfflineScanResult:
        if self.scan is None:
            return self._not_kept()
        return OfflineScanResult(
            scan_id=self.body.scan_id,
            result=self.result or _result_of(self.scan),
            verdict=self.scan.verdict,
            code=self.scan.code,
            message=self.scan.message,
            visitor=self.shown,
        )

    def _not_kept(self) -> OfflineScanResult:
        is_forged = self.result is OfflineResult.UNKNOWN
        refusal: type[Problem] = UnknownToken if is_forged else ScanIdReused
        return OfflineScanResult(
            scan_id=self.body.scan_id,
            result=OfflineResult.UNKNOWN if is_forged else OfflineResult.CONFLICT,
            verdict=None,
            code=refusal.code,
            message=refusal.title,
        )


def _result_of(scan: Scan) -> OfflineResult:
    if scan.verdict in OPENED:
        return OfflineResult.ACCEPTED
    is_unknown = scan.code == UnknownToken.code
    return OfflineResult.UNKNOWN if is_unknown else OfflineResult.CONFLICT


class OfflineScanService:
    def __init__(
        self, service: VisitorService, limit: GenuineScans, caller_id: UUID, caller: Caller
    ) -> None:
        self.service = service
        self.unit = service.unit
        self.limit = limit
        self.caller = caller
        self.caller_id = caller_id
        self.scans = ScanRepository(service.unit)
        self.rosters = PassageService(service.unit, caller, service.now)

    def forged(self, bodies: Sequence[OfflineScan]) -> int:
        return sum(not self.service.codes.is_genuine(body.token) for body in bodies)

    async def report(self, bodies: Sequence[OfflineScan]) -> list[Reported]:
        """Store new scans and apply them; raise `TooManyRequests`."""
        genuine = [body for body in bodies if self.service.codes.is_genuine(body.token)]
        ids = [body.scan_id for body in genuine]
        known = await self.scans.all_earlier(self.caller_id, ids) if ids else {}
        hidden = {id_ for id_, scan in known.items() if self._is_out_of_scope(scan)}
        reported = [self._reported(body, known, hidden) for body in bodies]
        new = {r.scan: r.body for r in reported if r.scan and r.result is None}
        if new:
            await self.limit.report(self.caller_id, len(new))
            await self._keep(new)
        return await self._shown(reported)

    async def _shown(self, reported: Sequence[Reported]) -> list[Reported]:
        """Add the visitors to refusals, as `verify-qr/` does."""
        tokens = {r.body.token for r in reported if r.scan and shown_by(r.scan.code)}
        scope = self.caller.scope
        current = await self.service.visitors.by_codes(tokens, scope) if tokens else {}
        former = await self.service.visitors.retired_owners(tokens - current.keys(), scope)
        owners = {token: (visitor, True) for token, visitor in current.items()} | former
        return [
            replace(each, shown=self._shown_in(each.scan, each.body, *owners[each.body.token]))
            if each.scan and each.body.token in owners
            else each
            for each in reported
        ]

    def _shown_in(
        self, scan: Scan, body: OfflineScan, visitor: Visitor, is_replaced: bool
    ) -> RescheduledVisitor | None:
        kind, site_id = shown_by(scan.code), self.caller.site_id
        return shown_of(
            kind, visitor, body.token, is_rescheduled=not is_replaced, gate_site=site_id
        )

    def _reported(
        self, body: OfflineScan, known: dict[UUID, Scan], hidden: Collection[UUID]
    ) -> Reported:
        if not self.service.codes.is_genuine(body.token) or body.scan_id in hidden:
            return Reported(body, None, OfflineResult.UNKNOWN)
        earlier = known.get(body.scan_id)
        if earlier is None:
            gate = Gate(self.caller.site_id, body.gate or self.caller.gate)
            known[body.scan_id] = entry(body, gate, self.caller_id, self.service.now)
            return Reported(body, known[body.scan_id])
        if not _is_same(earlier, body):
            return Reported(body, None, OfflineResult.CONFLICT)
        if earlier.verdict is ScanVerdict.REFUSED:
            # The gate opened because it did not receive the response.
            earlier.verdict = ScanVerdict.CONFLICT
            self._tell(earlier, earlier.visitor)
            return Reported(body, earlier, OfflineResult.CONFLICT)
        return Reported(body, earlier, OfflineResult.DUPLICATE)

    def _is_out_of_scope(self, earlier: Scan) -> bool:
        visitor = earlier.visitor
        return visitor is not None and not self.caller.scope.has_site(visitor.site_id)

    async def _keep(self, new: Mapping[Scan, OfflineScan]) -> None:
        tokens = {body.token for body in new.values()}
        scope, locked = self.caller.scope, await self.service.visitors.lock_by_codes(tokens)
        visitors = {v.qr_code: v for v in locked if scope.has_site(v.site_id)}
        owners = await self.service.visitors.retired_owners(tokens - visitors.keys(), scope)
        passages, about = [], dict[Scan, Visitor | None]()
        for scan, body in new.items():
            if visitor := visitors.get(body.token):
                scan.visitor_id = visitor.id
                passages.append(scan)
                about[scan] = visitor
            else:
                owner, is_replaced = owners.get(body.token, (None, False))
                refusal = not_current(owner, is_replaced=is_replaced)
                decide_scan(scan, in_conflict(refusal), owner.id if owner else None)
                about[scan] = owner
        await self._store(about, await self._replayed(passages, visitors.values()))

    def _tell(self, scan: Scan, visitor: Visitor | None) -> None:
        for event in events_of(scan, visitor, self.caller, self.service.now):
            self.unit.append(PendingEvent, event)

    async def _replayed(
        self, passages: Sequence[Scan], visitors: Collection[Visitor]
    ) -> ScanReplay:
        sites = await SiteReader(self.unit).by_id({v.site_id for v in visitors})
        newest = await self.service.stays.newest(visitors)
        musters = await self._musters(sites, passages)
        by_id = {v.id: v for v in visitors}
        replay = ScanReplay(by_id, sites, self.service.now, newest, musters, self.caller.name)
        replay.run(passages, await self.scans.unmatched_exits(replay.visitors))
        return replay

    async def _musters(self, sites: Collection[UUID], passages: Sequence[Scan]) -> SiteMusters:
        """Return the musters of the sites of the visits and of the gate."""
        at_gate = {scan.site_id for scan in passages if scan.site_id}
        since = min(map(happened_at, passages), default=self.service.now)
        return await self.rosters.musters({*sites, *at_gate}, since)

    async def _store(self, about: Mapping[Scan, Visitor | None], replay: ScanReplay) -> None:
        """Store the scans, and what they are about; slots are locked last."""
        await self.service.visitors.save_passages(replay.changed.values())
        await self.service.stays.save(replay.stays.values())
        left = [v.id for v in replay.changed.values() if v.status is VisitorStatus.COMPLETED]
        if left:
            await self.service.outbox.supersede(left, self.service.now)
        await self.rosters.follow(replay.passages, replay.musters)
        self.scans.add_new(list(about))
        for scan, owner in about.items():
            self._tell(scan, owner)
        for visitor_id, action, details in replay.events:
            visitor = replay.visitors[visitor_id]
            where: dict[str, Any] = {"site": visitor.site_id, "host": visitor.host_id}
            self.service.events.record(
                visitor_id, action, self.caller, self.service.now, **where, **details
            )
        for mail in replay.mails():
            self.service.outbox.put(mail, self.service.now)
        await self.unit.flush()
        await self.service.seats.free(*replay.freed)


def _is_same(earlier: Scan, body: OfflineScan) -> bool:
    """Return whether a body repeats a scan, which may have been sent without its time."""
    return earlier.body_hash in {body_hash(body), body_hash(body, with_time=False)}
