"""Who has changed something so lately that a replica may not have it yet.

Whoever registers a visitor looks for them in the list a moment later, and another process may be
the one that answers: so the processes tell each other through Redis.
"""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any

from arq.connections import ArqRedis
from fastapi import Request
from redis.exceptions import RedisError

from app.core.replica import MAX_LAG_SECONDS

REDIS_SECONDS = 0.25
# How long Redis is left alone after it has failed: what was not noted meanwhile is replayed then.
PAUSE_SECONDS = MAX_LAG_SECONDS
# The key in a request's scope under which its caller is known here.
WRITER = "vms.writer"


class RecentWriters:
    """Writers of the last seconds. While Redis is down everybody counts as one."""

    def __init__(self, redis: ArqRedis) -> None:
        self._redis = redis
        self._pause_until = 0.0

    async def note(self, writer: str) -> None:
        """To be called once it is committed."""
        milliseconds = int(MAX_LAG_SECONDS * 1000)
        await self._ask(lambda: self._redis.set(_key(writer), 1, px=milliseconds))

    async def include(self, writer: str) -> bool:
        """Whether a replica may lack what the writer wrote."""
        noted: int | None = await self._ask(lambda: self._redis.exists(_key(writer)))
        return noted != 0

    async def _ask(self, question: Callable[[], Any]) -> Any:
        if monotonic() < self._pause_until:
            return None
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                return await question()
        except (RedisError, OSError):  # an OSError is also what a time-out raises
            self._pause_until = monotonic() + PAUSE_SECONDS
            return None


def _key(writer: str) -> str:
    return f"wrote:{writer}"


async def note_write(request: Request) -> None:
    """Note the caller of a request whose changes are committed, where there is a replica."""
    writers: RecentWriters | None = request.app.state.recent_writers
    writer: str | None = request.scope.get(WRITER)
    if writers is not None and writer is not None:
        await writers.note(writer)
