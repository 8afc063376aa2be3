"""`/api/visitors/scans/`: what gates report late, and what reception sees of it."""

from collections import Counter
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from prometheus_client import Counter as PrometheusCounter

from app.auth.guards import Gatekeeper, ScanLedgerViewer
from app.core.db.database import Reading
from app.core.errors import NotAuthenticated
from app.core.http.limits import TooManyRequests
from app.core.http.pagination import Page, Paging
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
from app.visitors.dependencies import Desk

PATH = "/api/visitors/scans/batch/"
MOST_BYTES = 512 * 1024  # about a kilobyte for each scan
router = APIRouter(prefix="/api/visitors", tags=["scans"], route_class=ApiRoute)


async def _offline_desk(desk: Desk, limit: Genuine, caller: Gatekeeper) -> OfflineScanService:
    if caller.id is None:
        raise NotAuthenticated
    return OfflineScanService(desk, limit, caller.id, caller)


@router.get("/scans/", operation_id="scans_list", summary="List scans")
async def list_scans(
    _: ScanLedgerViewer, session: Reading, chosen: Annotated[ScanQuery, Query()], page: Paging
) -> Page[KeptScan]:
    """Every scan of a genuine code, newest first; `verdict=conflict` is what reception looks into.

    A conflict is a scan for which an offline gate has opened although the visit did not allow it.
    """
    rows, next_cursor, total = await ScanReader(session).page(
        ScanFilter(**chosen.model_dump()), page
    )
    return Page(items=[KeptScan.of(row) for row in rows], next_cursor=next_cursor, total=total)


@router.post(
    "/scans/batch/",
    operation_id="scans_report",
    summary="Report offline scans",
    dependencies=[TurnOfBatch],
)
async def report_offline_scans(
    body: OfflineScans, desk: Annotated[OfflineScanService, Depends(_offline_desk)], forged: Forged
) -> OfflineScanResults:
    """Report what a gate has let through while it was offline; safe to repeat until answered.

    All of a batch is done or nothing. Its scans are gone through by `scanned_at`; the visit is
    checked in or out at that time. What does not fit is kept as a `conflict` and changes no visit.
    429 is for a batch without a single code of ours, from a caller that goes on sending such, and
    for more new scans than a device may report in a minute: nothing is kept then, and the batch can
    be sent again once `Retry-After` is over.
    """
    await _limit(forged, desk, body)
    reported = await desk.report(body.scans)
    for series, number in Counter(_series(scan) for scan in reported).items():
        desk.desk.unit.after_commit(counted(series, number))
    return OfflineScanResults(results=[scan.answer() for scan in reported])


def _series(reported: Reported) -> PrometheusCounter:
    if reported.scan is None and reported.result is OfflineResult.UNKNOWN:
        return metrics.FORGED
    if reported.scan is None or reported.result is OfflineResult.DUPLICATE:
        return metrics.REPLAYED
    return metrics.scans_like(reported.scan)


async def _limit(forged: ForgedScans, desk: OfflineScanService, body: OfflineScans) -> None:
    """Count each forged code, but take what begins below the limit: a queue must come to an end."""
    number, caller = desk.forged(body.scans), str(desk.caller_id)
    if number == len(body.scans):
        await forged.check(caller)
    if number:
        with suppress(TooManyRequests):
            await forged.hit(caller, cost=number)
