"""What the routes of scans work with."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request

from app.auth.guards import Gatekeeper
from app.core.errors import NotAuthenticated
from app.core.http.limits import Rule, TooManyRequests
from app.scans.limits import ForgedScans, GenuineScans
from app.scans.service import ScanService


# Each asks FastAPI for as little as it can: all that it depends on is solved for each request.
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


async def _turn_of_batch(request: Request, caller: Gatekeeper) -> AsyncIterator[None]:
    """Count a batch, repeats too, and have it wait for the caller's others."""
    if caller.id is None:
        raise NotAuthenticated
    state = request.app.state
    await state.limiter.hit(Rule("batch", state.settings.batch_limit_per_device), str(caller.id))
    async with state.batch_turns.turn(caller.id):
        yield


_turn_of_batch.problems = (TooManyRequests,)  # type: ignore[attr-defined] # read by ApiRoute
_forged.problems = (TooManyRequests,)  # type: ignore[attr-defined] # read by ApiRoute

AtTheGate = Annotated[ScanService, Depends(_gate_desk)]
Forged = Annotated[ForgedScans, Depends(_forged)]
Genuine = Annotated[GenuineScans, Depends(_genuine)]
# Before anything that opens a unit of work: the turn ends after its commit.
TurnOfBatch = Depends(_turn_of_batch, scope="function")
