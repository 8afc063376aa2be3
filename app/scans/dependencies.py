"""Dependencies of the scan routes."""

from typing import Annotated

from fastapi import Depends, Request

from app.auth.guards import Gatekeeper
from app.core.http.limits import TooManyRequests
from app.scans.limits import ForgedScans, GenuineScans
from app.scans.service import ScanService
from app.services import services


# Few dependencies, since FastAPI solves them all for every request.
async def _scan_service(request: Request, caller: Gatekeeper) -> ScanService:
    ours, limit = services(request), await _genuine(request)
    unit = ours.database.write(single_statement=True)
    return ScanService(unit, ours.qr_tokens, ours.wake_outbox, limit, caller, ours.clock.now())


async def _forged(request: Request) -> ForgedScans:
    ours = services(request)
    return ForgedScans(ours.limiter, ours.settings.forged_scan_limit_per_device)


async def _genuine(request: Request) -> GenuineScans:
    ours = services(request)
    return GenuineScans(ours.limiter, ours.lots, ours.settings.scan_limit_per_device)


_forged.problems = (TooManyRequests,)  # type: ignore[attr-defined] # read by ApiRoute

ScanServiceDep = Annotated[ScanService, Depends(_scan_service)]
Forged = Annotated[ForgedScans, Depends(_forged)]
Genuine = Annotated[GenuineScans, Depends(_genuine)]
