"""How many codes one caller may send, ours and others."""

from asyncio import Lock
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

from app.core.errors import Unavailable
from app.core.http.limits import Lots, RateLimiter, Rule, TooManyRequests

# More batches of one caller than a device that repeats itself ever sends at once.
MOST_BATCHES = 5


class BatchTurns:
    """Batches of one caller run one after the other in a process; more than a few are refused.

    Whoever waits holds no connection: in the database the batches of other processes wait alone.
    """

    def __init__(self) -> None:
        self.under_way: Counter[UUID] = Counter()
        self._locks: dict[UUID, Lock] = {}

    @asynccontextmanager
    async def turn(self, caller: UUID) -> AsyncIterator[None]:
        """Wait for a turn and hold it during the block; raise `Unavailable` if too many wait."""
        if self.under_way[caller] >= MOST_BATCHES:
            raise Unavailable("Too many batches of this device at once: try again")
        self.under_way[caller] += 1
        try:
            async with self._locks.setdefault(caller, Lock()):
                yield
        finally:
            self.under_way[caller] -= 1
            if not self.under_way[caller]:
                del self.under_way[caller], self._locks[caller]


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
