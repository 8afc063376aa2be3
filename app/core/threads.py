"""CPU work beside the event loop."""

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Threads:
    """Runs functions in threads, at most `most` at once per event loop."""

    def __init__(self, name: str, most: int) -> None:
        self._most = most
        self._limiter: RunVar[CapacityLimiter] = RunVar(name)  # belongs to one event loop

    async def run(self, function: Callable[[*Ts], T], *arguments: *Ts) -> T:
        limiter = self._limiter.get(None)
        if limiter is None:
            limiter = CapacityLimiter(self._most)
            self._limiter.set(limiter)
        return await to_thread.run_sync(function, *arguments, limiter=limiter)
