"""Concurrent registrations that are repeated until they are answered, as good clients do."""

import asyncio
import ssl
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from uuid import uuid4

import httpx

from tests.e2e.installation import ADMIN
from tests.scaling.servers import HOST, Nginx

AGAIN_SECONDS = 0.2
PATIENCE_SECONDS = 60
CLIENTS = 16


def opened(nginx: Nginx) -> httpx.AsyncClient:
    """Return a client that reaches nginx as the world does: by TLS and name."""
    context = ssl.create_default_context(cafile=nginx.certificate)
    transport = httpx.AsyncHTTPTransport(verify=context, limits=httpx.Limits(max_connections=64))
    return httpx.AsyncClient(
        transport=Named(transport, nginx.port), base_url=f"https://{HOST}", timeout=30
    )


class Named(httpx.AsyncBaseTransport):
    """Resolves the name of the server."""

    def __init__(self, transport: httpx.AsyncBaseTransport, port: int) -> None:
        self.transport, self.port = transport, port

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions = {**request.extensions, "sni_hostname": HOST}
        request.url = request.url.copy_with(host="127.0.0.1", port=self.port)
        return await self.transport.handle_async_request(request)

    async def aclose(self) -> None:
        await self.transport.aclose()


async def signed_in(
    client: httpx.AsyncClient, credentials: dict[str, str] = ADMIN
) -> httpx.AsyncClient:
    answer = await client.post("/api/auth/login/", json=credentials)
    client.headers["Authorization"] = f"Bearer {answer.json()['access']}"
    return client


@dataclass
class Crowd:
    """The outcome of all requests of a kind."""

    client: httpx.AsyncClient
    answers: Counter[int] = field(default_factory=Counter)
    unanswered: int = 0
    registered: dict[str, str] = field(default_factory=dict)
    """The id of each visitor of whom a 201 says that they are registered, by e-mail address."""
    seconds: list[float] = field(default_factory=list)
    took: float = 0.0

    async def register(self, bodies: Iterable[dict[str, Any]]) -> None:
        """Register them all, a few at a time, each until there is an answer that stands."""
        waiting, began = iter(list(bodies)), monotonic()
        await asyncio.gather(*(self._work(waiting) for _ in range(CLIENTS)))
        self.took = monotonic() - began

    async def _work(self, waiting: Iterable[dict[str, Any]]) -> None:
        for body in waiting:
            await self._until_answered(body)

    async def _until_answered(self, body: dict[str, Any]) -> None:
        key, began = {"Idempotency-Key": str(uuid4())}, monotonic()
        while monotonic() - began < PATIENCE_SECONDS:
            try:
                answer = await self.client.post("/api/visitors/", json=body, headers=key)
            except httpx.TransportError:
                self.unanswered += 1
            else:
                self.answers[answer.status_code] += 1
                if self._stands(answer, body):
                    self.seconds.append(monotonic() - began)
                    return
            await asyncio.sleep(AGAIN_SECONDS)
        raise AssertionError(f"no answer in {PATIENCE_SECONDS} seconds")

    def _stands(self, answer: httpx.Response, body: dict[str, Any]) -> bool:
        if answer.status_code == 201:
            self.registered[body["email"]] = answer.json()["id"]
        is_full = answer.status_code == 409 and answer.json()["code"] == "slot_full"
        return is_full or answer.status_code == 201

    def summary(self) -> str:
        """Return the figures in one line."""
        ordered = sorted(self.seconds)
        middle, late = (ordered[int(len(ordered) * part)] for part in (0.5, 0.95))
        answers = ", ".join(f"{n} x {status}" for status, n in sorted(self.answers.items()))
        return (
            f"{len(ordered) / self.took:.0f} registrations/s, median {middle * 1000:.0f} ms, "
            f"95 % {late * 1000:.0f} ms; {answers}, {self.unanswered} unanswered"
        )
