"""Time-outs that tell a silent server from a process too busy to read its answer."""

import asyncio
from collections.abc import Coroutine
from time import monotonic
from typing import Any, TypeVar

T = TypeVar("T")

LOOKS = 5
# Including late ones, so that the wait ends at some time.
MOST_LOOKS = 8 * LOOKS


class StoodStillError(Exception):
    """No answer was read, because this process was too busy to look for one."""


async def patiently(question: Coroutine[Any, Any, T], seconds: float) -> tuple[T, bool]:
    """Return the answer, and whether it took longer than `seconds` because we were busy.

    Raise TimeoutError if the server is silent, and `StoodStillError` if that is unknown: the answer
    is polled five times, and a late poll does not count.
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
    """Wait for an answer; return whether the event loop was on time."""
    began = monotonic()
    await asyncio.wait({asked}, timeout=seconds)
    return monotonic() - began < 2 * seconds
