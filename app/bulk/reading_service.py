from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# More would starve other requests; the limit also bounds the memory.
CONCURRENT = 2

_limiter: RunVar[CapacityLimiter] = RunVar("workbooks")  # a limiter belongs to one event loop


async def in_thread(function: Callable[[*Ts], T], *arguments: *Ts) -> T:
    """Run CPU work in a thread, at most `CONCURRENT` at once per process."""
    limiter = _limiter.get(None)
    if limiter is None:
        limiter = CapacityLimiter(CONCURRENT)
        _limiter.set(limiter)
    return await to_thread.run_sync(function, *arguments, limiter=limiter)
