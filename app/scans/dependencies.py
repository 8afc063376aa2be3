"""What the routes of scans work with."""

from typing import Annotated

from fastapi import Depends, Request

from app.auth.guards import Gatekeeper
from app.core.limits import RateLimiter, Rule, TooManyRequests
from app.scans.service import GateDesk
from app.settings import Settings


class ForgedScans:
    """How many codes that are not ours one caller may send."""

    def __init__(self, request: Request) -> None:
        settings: Settings = request.app.state.settings
        self._limiter: RateLimiter = request.app.state.limiter
        self._rule = Rule("forged scan", settings.forged_scan_limit_per_device)

    async def hit(self, caller: str, *, cost: int = 1) -> None:
        await self._limiter.hit(self._rule, caller, cost=cost)

    async def check(self, caller: str) -> None:
        await self._limiter.check(self._rule, caller)


# Each asks FastAPI for as little as it can: all that it depends on is solved for each request.
async def _gate_desk(request: Request, caller: Gatekeeper) -> GateDesk:
    state = request.app.state
    return GateDesk(
        state.database.journeys, state.qr_tokens, state.wake_outbox, caller, state.clock.now()
    )


async def _forged(request: Request) -> ForgedScans:
    return ForgedScans(request)


_forged.problems = (TooManyRequests,)  # type: ignore[attr-defined] # read by ApiRoute

AtTheGate = Annotated[GateDesk, Depends(_gate_desk)]
Forged = Annotated[ForgedScans, Depends(_forged)]
