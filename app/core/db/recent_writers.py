"""Callers whose latest changes a replica may not have yet.

Shared through Redis, since their next request may reach another process.
"""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any

from arq.connections import ArqRedis
from redis.exceptions import RedisError

from app.core.db.replica import MAX_LAG_SECONDS

REDIS_SECONDS = 0.25
# The pause after a failure; the replica has caught up by then.
PAUSE_SECONDS = MAX_LAG_SECONDS


class RecentWriters:
    """The callers that wrote in the last seconds; everybody while Redis is down."""

    def __init__(self, redis: ArqRedis) -> None:
        self._redis = redis
        self._pause_until = 0.0

    async def note(self, writer: str) -> None:
        """Record a write, after its commit."""
        milliseconds = int(MAX_LAG_SECONDS * 1000)
        await self._ask(lambda: self._redis.set(_key(writer), 1, px=milliseconds))

    async def include(self, writer: str) -> bool:
        noted: int | None = await self._ask(lambda: self._redis.exists(_key(writer)))
        return noted != 0

    async def _ask(self, question: Callable[[], Any]) -> Any:
        if monotonic() < self._pause_until:
            return None
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                return await question()
        except (RedisError, OSError):  # includes time-outs
            self._pause_until = monotonic() + PAUSE_SECONDS
            return None


def _key(writer: str) -> str:
    return f"wrote:{writer}"
