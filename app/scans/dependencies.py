from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request

from app.auth.guards import Gatekeeper
from app.core.errors import NotAuthenticated
from app.core.http.limits import Rule, TooManyRequests
from app.scans.limits import ForgedScans, GenuineScans
from app.scans.service import ScanService
from app.services import services


# FastAPI resolves every dependency for each request, so there are few.
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


async def _turn_of_batch(request: Request, caller: Gatekeeper) -> AsyncIterator[None]:
    """Count a batch, and wait for the caller's other batches."""
    if caller.id is None:
        raise NotAuthenticated
    ours = services(request)
    await ours.limiter.hit(Rule("batch", ours.settings.batch_limit_per_device), str(caller.id))
    async with ours.batch_turns.turn(caller.id):
        yield


_turn_of_batch.problems = (TooManyRequests,)  # type: ignore[attr-defined] # read by ApiRoute
_forged.problems = (TooManyRequests,)  # type: ignore[attr-defined] # read by ApiRoute

ScanServiceDep = Annotated[ScanService, Depends(_scan_service)]
Forged = Annotated[ForgedScans, Depends(_forged)]
Genuine = Annotated[GenuineScans, Depends(_genuine)]
# The turn ends after the commit, so it precedes anything that opens a unit of work.
TurnOfBatch = Depends(_turn_of_batch, scope="function")
