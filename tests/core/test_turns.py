"""The queue for password checks: who waits, who is next, who is refused."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest

from app.core.errors import Unavailable
from app.core.request_context import RequestContext, set_request_context
from app.core.security.turns import Standing, Turns

AT_ONCE, OF_NETWORK, IN_ALL = 2, 4, 32


class Line:
    """Callers that stay until released; `served` is the order in which they were served."""

    def __init__(self, *, for_known: int = 0) -> None:
        self.turns = Turns(AT_ONCE, for_known=for_known, of_network=OF_NETWORK, in_all=IN_ALL)
        self.served: list[str] = []
        self.callers: list[asyncio.Task[None]] = []
        self._enough: dict[str, asyncio.Event] = {}

    async def come(self, *names: str, known: bool = False, failures: int = 0) -> None:
        """Queue callers one after the other; the network of `a1` is `a`."""
        for name in names:
            standing = Standing(name.rstrip("0123456789"), known, failures)
            self.callers.append(asyncio.create_task(self._stay(name, standing)))
        await settled()

    async def go(self, name: str) -> None:
        self._enough[name].set()
        await settled()

    async def go_all(self) -> None:
        """Let those who are served go, one after the other, until nobody is left."""
        gone = 0
        while gone < len(self.served):
            await self.go(self.served[gone])
            gone += 1

    def sent_away(self) -> int:
        done = [caller for caller in self.callers if caller.done() and not caller.cancelled()]
        return sum(isinstance(caller.exception(), Unavailable) for caller in done)

    async def _stay(self, name: str, standing: Standing) -> None:
        async with self.turns.turn(standing):
            self.served.append(name)
            self._enough[name] = asyncio.Event()
            await self._enough[name].wait()


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    line = Line()
    yield line
    await line.go_all()
    assert line.turns.waiting == []
    await line.come("x1", "x2")  # no place was lost
    assert line.served[-2:] == ["x1", "x2"]
    await line.go_all()
    await asyncio.gather(*line.callers, return_exceptions=True)


def numbered(name: str, numbers: Iterable[int]) -> list[str]:
    return [f"{name}{number}" for number in numbers]


async def test_of_one_network_four_wait(line: Line):
    await line.come(*numbered("flood", range(300)))
    assert len(line.served) == AT_ONCE
    assert line.turns.waiting == ["flood"] * OF_NETWORK
    assert line.sent_away() == 300 - AT_ONCE - OF_NETWORK


async def test_in_all_thirty_two_wait(line: Line):
    for network in "abcdefghijklmnop":
        await line.come(*numbered(network, range(10)))
    assert len(line.served) == AT_ONCE
    assert len(line.turns.waiting) == IN_ALL


async def test_whoever_comes_from_elsewhere_is_next(line: Line):
    await line.come(*numbered("flood", range(300)), "other")
    await line.go("flood0")
    assert line.served == ["flood0", "flood1", "other"]


async def test_networks_take_turns(line: Line):
    await line.come("x1", "x2", *numbered("a", range(4)), *numbered("b", range(4)))
    await line.go_all()
    assert line.served[2:] == ["a0", "b0", "a1", "b1", "a2", "b2", "a3", "b3"]


async def test_who_has_failed_least_is_next(line: Line):
    await line.come("x1", "x2")
    await line.come("a", failures=9)
    await line.come("b", failures=3)
    await line.come("c")
    await line.go_all()
    assert line.served[2:] == ["c", "b", "a"]


async def test_the_known_come_first(line: Line):
    await line.come("x1", "x2", "a")
    await line.come("b", known=True, failures=49)
    await line.go_all()
    assert line.served[2:] == ["b", "a"]


async def test_a_place_is_kept_for_the_known():
    line = Line(for_known=1)
    await line.come("a1", "a2", "b1")
    assert line.served == ["a1"]
    await line.come("c1", known=True)
    await line.come("c2", known=True)
    assert line.served == ["a1", "c1"]
    await line.go("c1")
    assert line.served == ["a1", "c1", "c2"]
    await line.go("c2")
    assert line.served == ["a1", "c1", "c2"]
    await line.go("a1")
    assert line.served == ["a1", "c1", "c2", "b1"]
    await line.go("b1")
    await line.go("a2")
    await asyncio.gather(*line.callers)


async def test_the_known_take_the_place_of_the_last_of_their_network(line: Line):
    await line.come(*numbered("flood", range(6)))
    await line.come("flood7", known=True)
    assert line.sent_away() == 1
    await line.go_all()
    assert line.served == ["flood0", "flood1", "flood7", "flood2", "flood3", "flood4"]


async def test_a_full_line_has_a_place_for_who_failed_less(line: Line):
    await line.come("x1", "x2")
    for number in range(IN_ALL):
        await line.come(f"{'n' * (number + 1)}1", failures=number)
    await line.come("late", failures=IN_ALL)
    assert line.sent_away() == 1
    await line.come("other")
    assert line.sent_away() == 2
    assert len(line.turns.waiting) == IN_ALL
    await line.go("x1")
    await line.go("x2")
    assert line.served[2:] == ["n1", "other"]


async def test_who_hangs_up_leaves_the_line(line: Line):
    hung_up = asyncio.Event()

    async def receive() -> dict[str, str]:
        await hung_up.wait()
        return {"type": "http.disconnect"}

    await line.come("x1", "x2")
    set_request_context(RequestContext("gone", receive=receive))
    await line.come("a1", "a2")
    set_request_context(None)
    await line.come("b1")
    hung_up.set()
    await settled()
    assert line.turns.waiting == ["b"]
    await line.come("x3")
    await line.go_all()
    assert line.served[2:] == ["b1", "x3"]


async def test_who_has_hung_up_before_is_not_served(line: Line):
    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    set_request_context(RequestContext("gone", receive=receive))
    await line.come("a1", "a2", "a3")
    set_request_context(None)
    assert line.served == []


async def test_who_is_cancelled_leaves_the_line(line: Line):
    await line.come("x1", "x2", "a1", "b1")
    line.callers[2].cancel()
    await settled()
    assert line.turns.waiting == ["b"]


async def test_who_is_cancelled_when_called_passes_the_turn_on(line: Line):
    await line.come("x1", "x2", "a1", "b1")
    line._enough["x1"].set()
    await asyncio.sleep(0)  # x1 has left, and a1 was called but has not run yet
    line.callers[2].cancel()
    await settled()
    assert line.served == ["x1", "x2", "b1"]
