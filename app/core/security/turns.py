"""A fair queue for work that only a few callers can do at once.

Known callers come first, then networks with the fewest failures and requests in the queue, so that
a flood keeps nobody out.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from app.core.errors import Unavailable
from app.core.observability.metrics import PASSWORDS_TURNED_AWAY, PASSWORDS_WAITING
from app.core.request_context import until_hung_up

Reason = Literal["share", "full", "passed", "hung_up"]
_refused = {
    reason: PASSWORDS_TURNED_AWAY.labels(reason)
    for reason in ("share", "full", "passed", "hung_up")
}


@dataclass(frozen=True, slots=True)
class Standing:
    network: str
    known: bool
    failures: int = 0


@dataclass(eq=False, slots=True)
class _Waiting:
    standing: Standing
    place: int
    """Lower is sooner, among known callers and among the others."""
    called: "asyncio.Future[None]" = field(default_factory=asyncio.Future)

    @property
    def order(self) -> tuple[bool, int]:
        return (not self.standing.known, self.place)


class Turns:
    """Lets `at_once` callers run; `of_network` per network and `in_all` in total may wait.

    `for_known` of the running places are for known callers only.
    """

    def __init__(self, at_once: int, *, for_known: int, of_network: int, in_all: int) -> None:
        self._at_once, self._for_strangers = at_once, at_once - for_known
        self._of_network, self._in_all = of_network, in_all
        self._served: list[Standing] = []
        self._line: list[_Waiting] = []

    @property
    def waiting(self) -> list[str]:
        """Return the networks of the waiting callers, the next first."""
        return [each.standing.network for each in sorted(self._line, key=_order)]

    @asynccontextmanager
    async def turn(self, standing: Standing) -> AsyncIterator[None]:
        """Hold a turn during the block; raise `Unavailable` if too many wait."""
        await self._called(self._join(standing))
        try:
            yield
        finally:
            self._leave(standing)

    def require_room(self, standing: Standing) -> None:
        """Raise `Unavailable` if the network's share is used up."""
        same = self._of(standing.network)
        if len(same) >= self._of_network:
            self._last(same, _Waiting(standing, self._place(standing)), "share")

    def _join(self, standing: Standing) -> _Waiting:
        me = _Waiting(standing, self._place(standing))
        if self._may_begin(standing):
            self._call(me)
        else:
            self._make_room(me)
            self._line.append(me)
            PASSWORDS_WAITING.set(len(self._line))
        return me

    async def _called(self, me: _Waiting) -> None:
        """Wait to be called; leave the queue on disconnect or cancellation."""
        hung_up = asyncio.ensure_future(until_hung_up())
        try:
            await asyncio.sleep(0)  # a disconnect may have happened already
            await asyncio.wait({me.called, hung_up}, return_when=asyncio.FIRST_COMPLETED)
            if hung_up.done():
                raise _refusal("hung_up")
            me.called.result()
        except BaseException:
            self._give_up(me)
            raise
        finally:
            hung_up.cancel()

    def _may_begin(self, standing: Standing) -> bool:
        strangers = sum(not each.known for each in self._served)
        is_place = standing.known or strangers < self._for_strangers
        return is_place and len(self._served) < self._at_once

    def _place(self, standing: Standing) -> int:
        network = standing.network
        served = sum(each.network == network for each in self._served)
        return standing.failures + len(self._of(network)) + served

    def _of(self, network: str) -> list[_Waiting]:
        return [each for each in self._line if each.standing.network == network]

    def _make_room(self, me: _Waiting) -> None:
        same = self._of(me.standing.network)
        if len(same) >= self._of_network:
            self._evict(self._last(same, me, "share"))
        if len(self._line) >= self._in_all:
            self._evict(self._last(self._line, me, "full"))

    def _last(self, line: Sequence[_Waiting], me: _Waiting, reason: Reason) -> _Waiting:
        """Return the entry that must make room; raise `Unavailable` if it is the new one."""
        last = max(reversed(line), key=_order)
        if last.order <= me.order:
            raise _refusal(reason)
        return last

    def _evict(self, last: _Waiting) -> None:
        self._line.remove(last)
        last.called.set_exception(_refusal("passed"))

    def _give_up(self, me: _Waiting) -> None:
        if me in self._line:
            self._line.remove(me)
            PASSWORDS_WAITING.set(len(self._line))
        elif me.called.exception() is None:
            self._leave(me.standing)

    def _leave(self, standing: Standing) -> None:
        self._served.remove(standing)
        following = [each for each in self._line if self._may_begin(each.standing)]
        if following:
            called = min(following, key=_order)
            self._line.remove(called)
            self._call(called)
        PASSWORDS_WAITING.set(len(self._line))

    def _call(self, following: _Waiting) -> None:
        self._served.append(following.standing)
        following.called.set_result(None)


def _order(waiting: _Waiting) -> tuple[bool, int]:
    return waiting.order


def _refusal(reason: Reason) -> Unavailable:
    _refused[reason].inc()
    return Unavailable("Too many passwords are being checked: try again")
