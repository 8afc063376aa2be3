"""Rate limits (OWASP ASVS 5, 6.3.1): counted in Redis by all processes together.

While Redis is down or frozen each process counts for itself, and goes on from what Redis last told
it: who was refused stays refused, and nobody else is locked out. When Redis is back, it gets what
was counted meanwhile. Windows are measured by the clock of whoever counts, not by the service's,
since Redis lets them expire.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from time import monotonic
from typing import Annotated

from fastapi import Depends, Request
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from app.core.errors import Problem
from app.core.keys import KeyRing, mac
from app.core.logging import logger
from app.core.metrics import LIMITS_STOOD_STILL, LIMITS_WITHOUT_REDIS
from app.core.patience import StoodStillError, patiently
from app.core.request_context import current_client_address
from app.core.windows import Answer, Counter, OwnWindows, SharedWindows

REDIS_SECONDS = 0.25
# How long Redis is left alone after it has failed; then one request tries it again.
PAUSE_SECONDS = 5.0
# Enough for any number of requests: a question takes less than a millisecond.
CONNECTIONS = 16
KEY_BYTES = 16
RATE = re.compile(r"([0-9]+)/([0-9]*)(second|minute|hour|day)")
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
# A limit that is taken in lots is that many lots, or a few more.
LOTS = 60


class TooManyRequests(Problem):
    """429 with `Retry-After` in seconds (RFC 6585, section 4)."""

    status, code, title = 429, "too_many_requests", "Too many requests: try again later"

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            f"Too many requests: try again in {retry_after} seconds",
            headers={"Retry-After": str(retry_after)},
        )


@dataclass(frozen=True)
class Rule:
    """`rate` hits, such as `10/15minute`; the name keeps the counters apart from other rules'.

    `times` makes it that many times wider.
    """

    name: str
    rate: str
    times: int = 1

    @cached_property
    def most(self) -> int:
        return _parse(self.rate)[0] * self.times

    @cached_property
    def seconds(self) -> int:
        return _parse(self.rate)[1]

    def of(self, *keys: str) -> "Limit":
        """This rule for one caller, account or both."""
        return Limit(self, keys)


@dataclass(frozen=True)
class Limit:
    """What one counter counts."""

    rule: Rule
    keys: tuple[str, ...]


@lru_cache
def _parse(rate: str) -> tuple[int, int]:
    found = RATE.fullmatch(rate)
    if found is None:
        raise ValueError(f"{rate} is no rate")
    return int(found[1]), int(found[2] or 1) * SECONDS[found[3]]


class RateLimiter:
    """Counts what callers do. Keys (addresses, accounts, ids) are kept as a keyed hash alone."""

    def __init__(self, redis_url: str, ring: KeyRing) -> None:
        self._key = ring.keys("rate limit")[0]
        self._pool: BlockingConnectionPool = BlockingConnectionPool.from_url(
            redis_url, max_connections=CONNECTIONS, timeout=None
        )
        self.shared = SharedWindows(Redis(connection_pool=self._pool))
        self.own = OwnWindows()
        self._breaker = Breaker()
        self._counted_alone = False

    async def hit(self, rule: Rule, *keys: str, cost: int = 1) -> None:
        """Count one, or `cost` at once; raises `TooManyRequests` where that is too many."""
        await self.count(rule.of(*keys), cost=cost)

    async def check(self, rule: Rule, *keys: str) -> None:
        """Count nothing; raises `TooManyRequests` where one more would be too many."""
        await self.look(rule.of(*keys))

    async def count(self, *limits: Limit, cost: int = 1) -> None:
        """Count for each of these; where one of them is reached, for none.

        The last that is let through may go beyond the limit: see `reserve`.
        """
        answer = await self._ask(limits, cost)
        _refuse(limits, answer)

    async def reserve(self, *limits: Limit, number: int = 1) -> None:
        """Count so many for each of these, or none where one of them has not as many left."""
        answer = await self._ask(limits, number, whole=True)
        _refuse(limits, answer, number)

    async def take(self, limit: Limit, number: int) -> float:
        """Count several at once; return the seconds that their window has left."""
        answer = await self._ask([limit], number)
        _refuse([limit], answer)
        return answer.windows[0].ends_in

    async def look(self, *limits: Limit) -> list[int]:
        """Return what each has counted; raises `TooManyRequests` where one of them is reached."""
        answer = await self._ask(limits, 0)
        _refuse(limits, answer)
        return [window.hits for window in answer.windows]

    async def give_back(self, *limits: Limit, number: int = 1) -> None:
        """Take back what was counted too often."""
        await self._ask(limits, -number)

    async def clear(self, *limits: Limit) -> None:
        """Forget what was counted."""
        await self._ask(limits, -max(2 * limit.rule.most for limit in limits))

    async def close(self) -> None:
        await self._pool.disconnect()

    def _counter(self, limit: Limit, room: int) -> Counter:
        name = "\0".join((limit.rule.name, *limit.keys))
        key = mac(self._key, name.encode(), KEY_BYTES).hex()
        return Counter(key, limit.rule.most - room + 1, limit.rule.seconds)

    async def _ask(self, limits: Sequence[Limit], number: int, *, whole: bool = False) -> Answer:
        room = number if whole else 1
        counters = [self._counter(limit, room) for limit in limits]
        if self._breaker.lets_through():
            answer = await self._ask_redis(counters, number)
            if answer is not None:
                self.own.note(counters, answer.windows)
                return answer
        self._counted_alone = True
        return self.own.add(counters, number)

    async def _ask_redis(self, counters: Sequence[Counter], number: int) -> Answer | None:
        """The answer of Redis; None where it has none, or we can't hear it."""
        try:
            answer, stood_still = await patiently(self._add(counters, number), REDIS_SECONDS)
        except StoodStillError:
            LIMITS_STOOD_STILL.inc()
            return None
        except (RedisError, OSError) as error:  # an OSError is also what a time-out raises
            self._breaker.open(error)
            LIMITS_WITHOUT_REDIS.set(1)
            return None
        LIMITS_STOOD_STILL.inc(stood_still)
        self._breaker.close()
        LIMITS_WITHOUT_REDIS.set(0)
        return answer

    async def _add(self, counters: Sequence[Counter], number: int) -> Answer:
        if self._counted_alone:
            await self._restore()
        return await self.shared.add(counters, number)

    async def _restore(self) -> None:
        """Tell Redis what it has missed, or lost: it may have come back empty."""
        self._counted_alone = False
        try:
            await self.shared.restore(self.own.open())
        except BaseException:
            self._counted_alone = True
            raise


class Breaker:
    """Keeps requests from waiting, one after the other, for a Redis that has just failed."""

    def __init__(self) -> None:
        self._retry_at: float | None = None

    def lets_through(self) -> bool:
        """Whether Redis may be asked; after a pause a single caller is let through to try it."""
        if self._retry_at is None:
            return True
        if monotonic() < self._retry_at:
            return False
        self._retry_at = monotonic() + PAUSE_SECONDS
        return True

    def open(self, error: Exception) -> None:
        if self._retry_at is None:
            logger.warning("limits count without Redis", error=type(error).__name__)
        self._retry_at = monotonic() + PAUSE_SECONDS

    def close(self) -> None:
        self._retry_at = None


class Lots:
    """Counts by the lot what comes too often for a question to Redis each.

    A process takes a sixtieth of the limit at once and goes on without asking until it is used up.
    Together processes never let more pass than the limit; the last of a window may lie unused at
    one while another refuses.
    """

    def __init__(self, limiter: RateLimiter) -> None:
        self._limiter = limiter
        self._left: dict[Limit, tuple[int, float]] = {}

    async def hit(self, limit: Limit) -> None:
        """Count one; raises `TooManyRequests` where that is too many."""
        while not self._take(limit):
            size = _lot(limit.rule.most)
            ends_at = monotonic() + await self._limiter.take(limit, size)
            left, _ = self._left.get(limit, (0, 0.0))
            self._left[limit] = (left + size, ends_at)

    def _take(self, limit: Limit) -> bool:
        left, ends_at = self._left.get(limit, (0, 0.0))
        if left == 0 or ends_at <= monotonic():
            self._left.pop(limit, None)
            return False
        self._left[limit] = (left - 1, ends_at)
        return True


@lru_cache
def _lot(most: int) -> int:
    """The largest size of which a limit is a whole number of lots."""
    return next(size for size in range(max(1, most // LOTS), 0, -1) if most % size == 0)


def _refuse(limits: Sequence[Limit], answer: Answer, room: int = 1) -> None:
    reached = [
        window.ends_in
        for limit, window in zip(limits, answer.windows, strict=True)
        if window.hits > limit.rule.most or (answer.full and window.hits + room > limit.rule.most)
    ]
    if reached:
        raise TooManyRequests(max(1, ceil(max(reached))))


def client_network() -> str:
    """The key of limits per address: an IPv6 caller owns at least a /64, and counts as that."""
    address = current_client_address()
    if address is None:
        return "-"
    try:
        known = ip_address(address)
    except ValueError:
        return address
    is_v6 = isinstance(known, IPv6Address)
    return str(ip_network((known, 64), strict=False)) if is_v6 else str(known)


async def _limiter(request: Request) -> RateLimiter:
    limiter: RateLimiter = request.app.state.limiter
    return limiter


_limiter.problems = (TooManyRequests,)  # type: ignore[attr-defined] # read by ApiRoute

Limiter = Annotated[RateLimiter, Depends(_limiter)]
