"""Dependencies of the scan routes."""

from typing import Annotated

from fastapi import Depends, Request

from app.auth.guards import Gatekeeper
from app.core.http.limits import TooManyRequests
from app.scans.limits import ForgedScans, GenuineScans
from app.scans.service import ScanService


# Few dependencies, since FastAPI solves them all for every request.
async def _gate_desk(request: Request, caller: Gatekeeper) -> ScanService:
    state, limit = request.app.state, await _genuine(request)
    return ScanService(
        state.database.journeys,
        state.qr_tokens,
        state.wake_outbox,
        limit,
        caller,
        state.clock.now(),
    )


async def _forged(request: Request) -> ForgedScans:
    state = request.app.state
    return ForgedScans(state.limiter, state.settings.forged_scan_limit_per_device)


async def _genuine(request: Request) -> GenuineScans:
    state = request.app.state
    return GenuineScans(state.limiter, state.lots, state.settings.scan_limit_per_device)


_forged.problems = (TooManyRequests,)  # type: ignore[attr-defined] # read by ApiRoute

AtTheGate = Annotated[ScanService, Depends(_gate_desk)]
Forged = Annotated[ForgedScans, Depends(_forged)]
Genuine = Annotated[GenuineScans, Depends(_genuine)]
