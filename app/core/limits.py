"""Rate limits (OWASP ASVS 5, 6.3.1): counted in Redis by all processes together.

While Redis is down or frozen each process counts for itself, from nothing: a limit is then as many
times higher as there are processes, but there is one, and nobody is locked out. Windows are fixed:
they begin with the first hit and end by themselves, so that `Retry-After` is exact. They are
measured by the clock of whoever counts, not by the service's, since Redis lets them expire.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from time import monotonic, time
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from app.core.errors import Problem
from app.core.keys import KeyRing, mac
from app.core.logging import logger
from app.core.metrics import LIMITS_WITHOUT_REDIS
from app.core.request_context import current_client_address

T = TypeVar("T")

REDIS_SECONDS = 0.25
# How long Redis is left alone after it has failed; then one request tries it again.
PAUSE_SECONDS = 5.0
KEY_BYTES = 16


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
    """`rate` hits, such as `10/15minute`; the name keeps the counters apart from other rules'."""

    name: str
    rate: str

    @cached_property
    def item(self) -> RateLimitItem:
        return _parse(self.rate)


@lru_cache
def _parse(rate: str) -> RateLimitItem:
    return parse(rate)


class RateLimiter:
    """Counts what callers do. Keys (addresses, accounts, ids) are kept as a keyed hash alone."""

    def __init__(self, redis_url: str, ring: KeyRing) -> None:
        self._key = ring.keys("rate limit")[0]
        self._pool: ConnectionPool = ConnectionPool.from_url(
            redis_url, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS
        )
        options: dict[str, Any] = {"connection_pool": self._pool}  # the library has no type for it
        self.shared = RedisStorage(
            "redis://", implementation="redispy", key_prefix="limit", **options
        )
        self.own = MemoryStorage()
        self._breaker = Breaker()

    async def hit(self, rule: Rule, *keys: str, cost: int = 1) -> None:
        """Count one, or `cost` at once; raises `TooManyRequests` where that is too many."""
        counter = self._counter(rule, keys)

        async def question(windows: FixedWindowRateLimiter) -> float | None:
            allowed = await windows.hit(rule.item, counter, cost=cost)
            return None if allowed else await _reset_time(windows, rule, counter)

        _refuse_until(await self._ask(question))

    async def check(self, rule: Rule, *keys: str) -> None:
        """Count nothing; raises `TooManyRequests` where one more would be too many."""
        counter = self._counter(rule, keys)

        async def question(windows: FixedWindowRateLimiter) -> float | None:
            allowed = await windows.test(rule.item, counter)
            return None if allowed else await _reset_time(windows, rule, counter)

        _refuse_until(await self._ask(question))

    async def clear(self, rule: Rule, *keys: str) -> None:
        """Forget what was counted."""
        counter = self._counter(rule, keys)
        await self._ask(lambda windows: windows.clear(rule.item, counter))

    async def close(self) -> None:
        await self._pool.disconnect()

    def _counter(self, rule: Rule, keys: tuple[str, ...]) -> str:
        return mac(self._key, "\0".join((rule.name, *keys)).encode(), KEY_BYTES).hex()

    async def _ask(self, question: Callable[[FixedWindowRateLimiter], Awaitable[T]]) -> T:
        if self._breaker.lets_through():
            try:
                async with asyncio.timeout(REDIS_SECONDS):
                    answer = await question(FixedWindowRateLimiter(self.shared))
            except (RedisError, OSError) as error:  # an OSError is also what a time-out raises
                self._breaker.open(error)
                LIMITS_WITHOUT_REDIS.set(1)
            else:
                self._breaker.close()
                LIMITS_WITHOUT_REDIS.set(0)
                return answer
        return await question(FixedWindowRateLimiter(self.own))


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


async def _reset_time(windows: FixedWindowRateLimiter, rule: Rule, counter: str) -> float:
    return (await windows.get_window_stats(rule.item, counter)).reset_time


def _refuse_until(reset_time: float | None) -> None:
    if reset_time is not None:
        raise TooManyRequests(max(1, ceil(reset_time - time())))


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
