"""How long a server is waited for, and how its silence is told from our own standing still."""

import asyncio
from collections.abc import Coroutine
from time import monotonic
from typing import Any, TypeVar

T = TypeVar("T")

LOOKS = 5
# With those that come late: whoever waits is to get an answer at some time.
MOST_LOOKS = 8 * LOOKS


class StoodStillError(Exception):
    """No answer was heard, and this process was too busy to listen for one."""


async def patiently(question: Coroutine[Any, Any, T], seconds: float) -> tuple[T, bool]:
    """Return the answer, and whether it took longer than `seconds` since we stood still.

    Raises TimeoutError for a server that is silent, and `StoodStillError` where nothing can be said
    of it: the answer is looked for five times, and a look that comes late counts for nothing.
    """
    began, asked, left = monotonic(), asyncio.ensure_future(question), LOOKS
    try:
        for _ in range(MOST_LOOKS):
            in_time = await _look(asked, seconds / LOOKS)
            if asked.done():
                return asked.result(), monotonic() - began > seconds
            left -= in_time
            if not left:
                raise TimeoutError
        raise StoodStillError
    finally:
        if not asked.done():
            asked.cancel()
            await asyncio.wait({asked})


async def _look(asked: "asyncio.Future[Any]", seconds: float) -> bool:
    """Wait for an answer; return whether the loop came back when it was to."""
    began = monotonic()
    await asyncio.wait({asked}, timeout=seconds)
    return monotonic() - began < 2 * seconds
