"""`/api/visitors/scans/`: offline scans reported by gates, and the list of scans."""

from collections import Counter
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from prometheus_client import Counter as PrometheusCounter

from app.auth.guards import AtDesk, Gatekeeper, VisitorViewer
from app.core.errors import NotAuthenticated
from app.core.http.dependencies import Paging, Reading
from app.core.http.limits import TooManyRequests
from app.core.http.pagination import Page
from app.core.http.routing import ApiRoute
from app.core.observability.metrics import counted
from app.scans import metrics
from app.scans.dependencies import Forged, Genuine, TurnOfBatch
from app.scans.limits import ForgedScans
from app.scans.offline_service import OfflineScanService, Reported
from app.scans.repository import ScanFilter, ScanReader
from app.scans.schemas import (
    KeptScan,
    OfflineResult,
    OfflineScanResults,
    OfflineScans,
    ScanQuery,
)
from app.visitors.dependencies import VisitorServiceDep

PATH = "/api/visitors/scans/batch/"
MOST_BYTES = 512 * 1024  # about a kilobyte per scan
router = APIRouter(prefix="/api/visitors", tags=["scans"], route_class=ApiRoute)


async def _offline_service(
    visitors: VisitorServiceDep, limit: Genuine, caller: Gatekeeper
) -> OfflineScanService:
    if caller.id is None:
        raise NotAuthenticated
    return OfflineScanService(visitors, limit, caller.id, caller)


OfflineScanServiceDep = Annotated[OfflineScanService, Depends(_offline_service)]


@router.get("/scans/", operation_id="scans_list", summary="List scans", dependencies=[AtDesk])
async def list_scans(
    caller: VisitorViewer, session: Reading, chosen: Annotated[ScanQuery, Query()], page: Paging
) -> Page[KeptScan]:
    """Return scans of genuine QR tokens, newest first; `verdict=conflict` lists those to check.

    Who is limited to sites gets the scans at their gates, and those by users of their visitors. A
    conflict is a scan for which an offline gate opened although the visit did not permit it.
    """
    rows, next_cursor, total = await ScanReader(session).page(
        ScanFilter(**chosen.model_dump()), caller.scope, page
    )
    return Page(
        items=[KeptScan.of(row, caller.scope) for row in rows], next_cursor=next_cursor, total=total
    )


@router.post(
    "/scans/batch/",
    operation_id="scans_report",
    summary="Report offline scans",
    dependencies=[TurnOfBatch],
)
async def report_offline_scans(
    body: OfflineScans, service: OfflineScanServiceDep, forged: Forged
) -> OfflineScanResults:
    """Report scans for which a gate opened while it was offline; repeat until answered.

    A batch is processed completely or not at all, in the order of `scanned_at`; the visitor is
    checked in or out at that time. A scan that does not fit its visit is stored as a `conflict` and
    changes nothing.

    429 means too many batches without a genuine code, or too many new scans: nothing is stored, and
    the batch can be repeated after `Retry-After`.
    """
    await _limit(forged, service, body)
    reported = await service.report(body.scans)
    for series, number in Counter(_series(scan) for scan in reported).items():
        service.unit.after_commit(counted(series, number))
    return OfflineScanResults(results=[scan.answer() for scan in reported])


def _series(reported: Reported) -> PrometheusCounter:
    if reported.scan is None and reported.result is OfflineResult.UNKNOWN:
        return metrics.FORGED
    if reported.scan is None or reported.result is OfflineResult.DUPLICATE:
        return metrics.REPLAYED
    return metrics.scans_like(reported.scan)


async def _limit(forged: ForgedScans, service: OfflineScanService, body: OfflineScans) -> None:
    """Count forged codes, but accept any batch that begins below the limit.

    Otherwise a long queue could never be sent.
    """
    number, caller = service.forged(body.scans), str(service.caller_id)
    if number == len(body.scans):
        await forged.check(caller)
    if number:
        with suppress(TooManyRequests):
            await forged.hit(caller, cost=number)
