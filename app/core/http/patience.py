"""Time-outs that distinguish a silent server from a busy process."""

import asyncio
from collections.abc import Coroutine
from time import monotonic
from typing import Any, TypeVar

T = TypeVar("T")

LOOKS = 5
# Including late ones, so that the wait ends.
MOST_LOOKS = 8 * LOOKS


class StalledError(Exception):
    """This process was too busy to read the answer."""


async def wait_for_answer(question: Coroutine[Any, Any, T], seconds: float) -> tuple[T, bool]:
    """Return the answer, and whether it took longer than `seconds`.

    Raise TimeoutError if the server is silent, `StalledError` if that is unknown: late polls do
    not count.
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
        raise StalledError
    finally:
        if not asked.done():
            asked.cancel()
            await asyncio.wait({asked})


async def _look(asked: "asyncio.Future[Any]", seconds: float) -> bool:
    """Wait; return whether the event loop was on time."""
    began = monotonic()
    await asyncio.wait({asked}, timeout=seconds)
    return monotonic() - began < 2 * seconds
