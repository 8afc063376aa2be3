from contextlib import suppress
from uuid import UUID

from app.core.http.limits import Lots, RateLimiter, Rule, TooManyRequests


class ForgedScans:
    def __init__(self, limiter: RateLimiter, rate: str) -> None:
        self._limiter = limiter
        self._rule = Rule("forged scan", rate)

    async def hit(self, caller: str, *, cost: int = 1) -> None:
        await self._limiter.hit(self._rule, caller, cost=cost)

    async def check(self, caller: str) -> None:
        await self._limiter.check(self._rule, caller)


class GenuineScans:
    """Limits new scans of genuine QR tokens; offline ones are counted separately."""

    def __init__(self, limiter: RateLimiter, lots: Lots, rate: str) -> None:
        self._limiter, self._lots = limiter, lots
        self._rule, self._offline = Rule("scan", rate), Rule("offline scan", rate)

    async def hit(self, caller: UUID) -> None:
        await self._lots.hit(self._rule.of(str(caller)))

    async def report(self, caller: UUID, number: int) -> None:
        """Count a batch; raise `TooManyRequests` only if the limit was reached before it.

        A long queue could otherwise never be sent.
        """
        await self._limiter.check(self._offline, str(caller))
        with suppress(TooManyRequests):
            await self._limiter.hit(self._offline, str(caller), cost=number)
