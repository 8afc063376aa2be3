"""The limit of concurrent requests with passwords from one network."""

import asyncio
from collections import Counter
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from app.core.http.crowds import MOST_OF_NETWORK, CrowdMiddleware
from app.core.request_context import RequestContext, set_request_context
from tests.support.api import PASSWORD, Api


class Held:
    """An application that answers 204 when it is released."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        await self.go_on.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})


async def no_more() -> Any:
    await asyncio.Event().wait()


async def ask(app: ASGIApp, address: str, path: str = "/login", *, body: bool = True) -> int:
    """Return the status of the answer; without a `body` its second half never comes."""
    set_request_context(RequestContext("x", address))
    answers: list[int] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            answers.append(message["status"])

    messages = [{"type": "http.request", "body": b"{", "more_body": True}]
    messages += [{"type": "http.request", "body": b"}", "more_body": False}] * body

    async def receive() -> Any:
        return messages.pop(0) if messages else await no_more()

    scope = {"type": "http", "path": path, "method": "POST", "query_string": b"", "root_path": ""}
    headers = [(b"host", b"test"), (b"content-type", b"application/json")]
    await app(
        {**scope, "headers": headers, "client": (address, 1), "scheme": "http"}, receive, send
    )
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


async def test_requests_whose_body_does_not_arrive_keep_nobody_out(app: FastAPI, api: Api):
    await api.admin()
    dripping = [
        asyncio.create_task(ask(app, "127.0.0.1", "/api/auth/login/", body=False))
        for _ in range(2 * MOST_OF_NETWORK)
    ]
    await asyncio.sleep(0)
    body = {"email": "desk@example.com", "password": PASSWORD}
    assert (await api.http.post("/api/auth/login/", json=body)).status_code == 200
    assert not any(each.done() for each in dripping)
    for each in dripping:
        each.cancel()
    await asyncio.gather(*dripping, return_exceptions=True)


async def test_a_body_that_a_crowd_waits_for_is_limited(http: httpx.AsyncClient):
    answer = await http.post("/api/auth/login/", content=b"{" + b" " * 65_536)
    assert answer.status_code == 413
