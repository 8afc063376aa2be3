"""How many requests of one network are under way at once where strangers send passwords."""

import asyncio
from collections import Counter
from typing import Any

from starlette.types import Receive, Scope, Send

from app.core.http.crowds import MOST_OF_NETWORK, CrowdMiddleware
from app.core.request_context import RequestContext, set_request_context


class Held:
    """An application that answers 204 when it is let go."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        await self.go_on.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})


async def ask(app: CrowdMiddleware, address: str, path: str = "/login") -> int:
    """The status of the answer."""
    set_request_context(RequestContext("x", address))
    answers: list[int] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answers.append(message["status"])

    async def receive() -> Any:
        raise AssertionError

    await app({"type": "http", "path": path, "method": "POST"}, receive, send)
    return answers[0]


async def test_a_crowd_of_one_network_is_sent_away():
    held = Held()
    app = CrowdMiddleware(held, ["/login/"])
    crowd = [asyncio.create_task(ask(app, f"2001:db8::{n + 1}", "/login/")) for n in range(300)]
    others = [asyncio.create_task(ask(app, f"192.0.2.{n}")) for n in range(50)]
    elsewhere = [asyncio.create_task(ask(app, "2001:db8::1", "/other/")) for n in range(50)]
    await asyncio.sleep(0)
    held.go_on.set()
    assert Counter(await asyncio.gather(*crowd)) == {
        204: MOST_OF_NETWORK,
        503: 300 - MOST_OF_NETWORK,
    }
    assert set(await asyncio.gather(*others, *elsewhere)) == {204}
    assert await ask(app, "2001:db8::1") == 204
    assert not app._under_way
