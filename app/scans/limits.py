"""How many codes one caller may send, ours and others."""

from contextlib import suppress
from uuid import UUID

from app.core.http.limits import Lots, RateLimiter, Rule, TooManyRequests


class ForgedScans:
    """Codes that are not ours."""

    def __init__(self, limiter: RateLimiter, rate: str) -> None:
        self._limiter = limiter
        self._rule = Rule("forged scan", rate)

    async def hit(self, caller: str, *, cost: int = 1) -> None:
        await self._limiter.hit(self._rule, caller, cost=cost)

    async def check(self, caller: str) -> None:
        await self._limiter.check(self._rule, caller)


class GenuineScans:
    """New scans of our codes; repeats cost nothing.

    What a gate has let through while it was offline counts apart: no door waits for it.
    """

    def __init__(self, limiter: RateLimiter, lots: Lots, rate: str) -> None:
        self._limiter, self._lots = limiter, lots
        self._rule, self._offline = Rule("scan", rate), Rule("offline scan", rate)

    async def hit(self, caller: UUID) -> None:
        """Count a scan; raises `TooManyRequests`."""
        await self._lots.hit(self._rule.of(str(caller)))

    async def report(self, caller: UUID, number: int) -> None:
        """Count a batch; raises `TooManyRequests`.

        It is taken where it begins below the limit: a queue must come to an end.
        """
        await self._limiter.check(self._offline, str(caller))
        with suppress(TooManyRequests):
            await self._limiter.hit(self._offline, str(caller), cost=number)
