"""Rate limits (OWASP ASVS 5, 6.3.1), counted in Redis.

While Redis is down each process counts on its own, from the last known counts, and later restores
them. Windows use the machine's clock, as Redis does.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import ceil
from time import monotonic
from typing import NamedTuple

from fastapi.responses import JSONResponse
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from app.core.errors import Problem
from app.core.http.patience import StalledError, wait_for_answer
from app.core.http.windows import Answer, Counter, OwnWindows, SharedWindows, Window
from app.core.keys import KeyRing, mac
from app.core.observability.logging import logger
from app.core.observability.metrics import LIMITS_STALLED, LIMITS_WITHOUT_REDIS
from app.core.request_context import Quota, note_quota

REDIS_SECONDS = 0.25
# The pause after a failure, before Redis is tried again.
PAUSE_SECONDS = 5.0
# A call takes less than a millisecond.
CONNECTIONS = 16
KEY_BYTES = 16
RATE = re.compile(r"([0-9]+)/([0-9]*)(second|minute|hour|day)")
UNUSUAL = re.compile(r"[^a-z0-9]+")
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
# The approximate number of lots in a limit.
LOTS = 60


class TooManyRequests(Problem):
    """429 with `Retry-After` in seconds (RFC 6585, section 4)."""

    status, code, title = 429, "too_many_requests", "Too many requests"

    def __init__(self, retry_after: int, quotas: Sequence[Quota] = ()) -> None:
        super().__init__(
            f"Try again in {retry_after} seconds",
            headers={"Retry-After": str(retry_after)},
        )
        self.quotas = quotas

    def response(self) -> JSONResponse:
        """Return the answer, which also names limits that are hidden until they are reached."""
        for quota in self.quotas:
            note_quota(quota)
        return super().response()


@dataclass(frozen=True)
class Rule:
    """A limit such as `10/15minute`, multiplied by `times`, with counters under its name.

    One that is not `shown` counts what others did, too: it stands in no header until it is reached.
    """

    name: str
    rate: str
    times: int = 1
    shown: bool = True

    @cached_property
    def most(self) -> int:
        return _parse(self.rate)[0] * self.times

    @cached_property
    def seconds(self) -> int:
        return _parse(self.rate)[1]

    @cached_property
    def policy(self) -> str:
        """Return the name in headers."""
        return UNUSUAL.sub("-", self.name)

    def of(self, *keys: str) -> "Limit":
        return Limit(self, keys)

    def quota(self, window: Window) -> Quota:
        left = max(0, self.most - window.hits)
        ends_in = max(1, ceil(window.ends_in)) if window.hits else self.seconds
        return Quota(self.policy, self.most, self.seconds, left, ends_in)


@dataclass(frozen=True)
class Limit:
    """A rule for one key."""

    rule: Rule
    keys: tuple[str, ...]


@lru_cache
def _parse(rate: str) -> tuple[int, int]:
    found = RATE.fullmatch(rate)
    if found is None:
        raise ValueError(f"{rate} is not a rate")
    return int(found[1]), int(found[2] or 1) * SECONDS[found[3]]


class RateLimiter:
    """Counts actions of callers; keys are stored as hashes."""

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
        """Count `cost` hits; raise `TooManyRequests` if the limit is exceeded."""
        await self.count(rule.of(*keys), cost=cost)

    async def check(self, rule: Rule, *keys: str) -> None:
        """Raise `TooManyRequests` if the limit is reached; count nothing."""
        await self.look(rule.of(*keys))

    async def count(self, *limits: Limit, cost: int = 1) -> None:
        """Count a hit against every limit, or none if one is reached; `reserve` is exact."""
        answer = await self._ask(limits, cost)
        _refuse(limits, answer)

    async def reserve(self, *limits: Limit, number: int = 1) -> None:
        """Count hits against every limit, or none if one has too few left."""
        answer = await self._ask(limits, number, whole=True)
        _refuse(limits, answer, number)

    async def take(self, limit: Limit, number: int) -> Window:
        """Count hits; return the window."""
        answer = await self._ask([limit], number)
        _refuse([limit], answer)
        return answer.windows[0]

    async def look(self, *limits: Limit) -> None:
        """Do the same for several limits."""
        _refuse(limits, await self._ask(limits, 0))

    async def number(self, limit: Limit) -> int:
        return (await self._ask([limit], 0)).windows[0].hits

    async def give_back(self, *limits: Limit, number: int = 1) -> None:
        await self._ask(limits, -number)

    async def clear(self, *limits: Limit) -> None:
        await self._ask(limits, -max(2 * limit.rule.most for limit in limits))

    async def close(self) -> None:
        await self._pool.disconnect()

    def _counter(self, limit: Limit, room: int) -> Counter:
        name = "\0".join((limit.rule.name, *limit.keys))
        key = mac(self._key, name.encode(), KEY_BYTES).hex()
        return Counter(key, limit.rule.most - room + 1, limit.rule.seconds)

    async def _ask(self, limits: Sequence[Limit], number: int, *, whole: bool = False) -> Answer:
        answer = await self._counted(limits, number, whole=whole)
        for limit, window in zip(limits, answer.windows, strict=True):
            if limit.rule.shown:
                note_quota(limit.rule.quota(window))
        return answer

    async def _counted(self, limits: Sequence[Limit], number: int, *, whole: bool) -> Answer:
        room = number if whole else 1
        counters = [self._counter(limit, room) for limit in limits]
        if self._breaker.allows():
            answer = await self._ask_redis(counters, number)
            if answer is not None:
                self.own.note(counters, answer.windows)
                return answer
        self._counted_alone = True
        return self.own.add(counters, number)

    async def _ask_redis(self, counters: Sequence[Counter], number: int) -> Answer | None:
        """Return Redis's answer, or None if there is none in time."""
        try:
            answer, stalled = await wait_for_answer(self._add(counters, number), REDIS_SECONDS)
        except StalledError:
            LIMITS_STALLED.inc()
            return None
        except (RedisError, OSError) as error:  # includes time-outs
            self._breaker.open(error)
            LIMITS_WITHOUT_REDIS.set(1)
            return None
        LIMITS_STALLED.inc(stalled)
        self._breaker.close()
        LIMITS_WITHOUT_REDIS.set(0)
        return answer

    async def _add(self, counters: Sequence[Counter], number: int) -> Answer:
        if self._counted_alone:
            await self._restore()
        return await self.shared.add(counters, number)

    async def _restore(self) -> None:
        """Send Redis the counts it missed or lost."""
        self._counted_alone = False
        try:
            await self.shared.restore(self.own.open())
        except BaseException:
            self._counted_alone = True
            raise


class Breaker:
    """A circuit breaker, so that requests do not wait for a failed Redis."""

    def __init__(self) -> None:
        self._retry_at: float | None = None

    def allows(self) -> bool:
        """Return whether to call Redis; after a pause one caller may try."""
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


class Lot(NamedTuple):
    """Hits left of those reserved, all hits counted so far, and when the window ends."""

    left: int
    hits: int
    ends_at: float


class Lots:
    """Counts frequent hits with fewer calls to Redis, reserving a sixtieth of the limit at a time.

    One process may refuse while another has hits left, but the limit is never exceeded.
    """

    def __init__(self, limiter: RateLimiter) -> None:
        self._limiter = limiter
        self._lots: dict[Limit, Lot] = {}

    async def hit(self, limit: Limit) -> None:
        """Count a hit; raise `TooManyRequests` if the limit is exceeded."""
        while (lot := self._take(limit)) is None:
            size = _lot(limit.rule.most)
            window = await self._limiter.take(limit, size)
            former = self._lots.get(limit)
            left = size + (former.left if former else 0)
            self._lots[limit] = Lot(left, window.hits, monotonic() + window.ends_in)
        window = Window(lot.hits - lot.left, lot.ends_at - monotonic())
        note_quota(limit.rule.quota(window))

    def _take(self, limit: Limit) -> Lot | None:
        lot = self._lots.get(limit)
        if lot is None or lot.left == 0 or lot.ends_at <= monotonic():
            self._lots.pop(limit, None)
            return None
        self._lots[limit] = lot = lot._replace(left=lot.left - 1)
        return lot


@lru_cache
def _lot(most: int) -> int:
    """Return the size of a lot, which divides the limit."""
    return next(size for size in range(max(1, most // LOTS), 0, -1) if most % size == 0)


def _refuse(limits: Sequence[Limit], answer: Answer, room: int = 1) -> None:
    reached = [
        limit.rule.quota(window)
        for limit, window in zip(limits, answer.windows, strict=True)
        if window.hits > limit.rule.most or (answer.full and window.hits + room > limit.rule.most)
    ]
    if reached:
        raise TooManyRequests(max(quota.ends_in for quota in reached), reached)
