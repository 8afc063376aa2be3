from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.auth.caller import Caller
from app.core.errors import Problem
from app.scans.errors import ScanIdReused, UnknownToken
from app.scans.limits import GenuineScans
from app.scans.models import OPENED, Scan, ScanVerdict
from app.scans.passage import body_hash, decide_scan, entry
from app.scans.replay import ScanReplay
from app.scans.repository import ScanRepository
from app.scans.schemas import OfflineResult, OfflineScan, OfflineScanResult
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

    def answer(self) -> OfflineScanResult:
        if self.scan is None:
            return self._not_kept()
        return OfflineScanResult(
            scan_id=self.body.scan_id,
            result=self.result or _result_of(self.scan),
            verdict=self.scan.verdict,
            code=self.scan.code,
            message=self.scan.message,
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
        return reported

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
        passages = []
        for scan, body in new.items():
            if visitor := visitors.get(body.token):
                scan.visitor_id = visitor.id
                passages.append(scan)
            else:
                owner, is_replaced = owners.get(body.token, (None, False))
                refusal = not_current(owner, is_replaced=is_replaced)
                decide_scan(scan, in_conflict(refusal), owner)
        await self._store(list(new), await self._replayed(passages, visitors.values()))

    async def _replayed(
        self, passages: Sequence[Scan], visitors: Collection[Visitor]
    ) -> ScanReplay:
        sites = await SiteReader(self.unit).by_id({v.site_id for v in visitors})
        replay = ScanReplay({v.id: v for v in visitors}, sites, self.service.now)
        replay.run(passages, await self.scans.unmatched_exits(replay.visitors))
        return replay

    async def _store(self, new: Sequence[Scan], replay: ScanReplay) -> None:
        """Store the scans; slots are locked last."""
        await self.service.visitors.save_passages(replay.changed.values())
        left = [v.id for v in replay.changed.values() if v.status is VisitorStatus.COMPLETED]
        if left:
            await self.service.outbox.supersede(left, self.service.now)
        self.scans.add_new(new)
        for visitor_id, action, details in replay.events:
            site = replay.visitors[visitor_id].site_id
            self.service.events.record(
                visitor_id, action, self.caller, self.service.now, site=site, **details
            )
        for mail in replay.mails():
            self.service.outbox.put(mail, self.service.now)
        await self.unit.flush()
        await self.service.seats.free(*replay.freed)


def _is_same(earlier: Scan, body: OfflineScan) -> bool:
    """Return whether a body repeats a scan, which may have been sent without its time."""
    return earlier.body_hash in {body_hash(body), body_hash(body, with_time=False)}
