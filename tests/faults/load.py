"""Repeated registrations during a fault."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from time import monotonic
from typing import Self

import httpx

from tests.e2e.installation import Installation
from tests.faults.processes import visitor

CLIENTS = 8
PATIENCE = 30.0  # seconds, for what should take two
AGAIN = 0.05


class Load:
    """Clients that each register visitors, one after the other and once, and record the responses.

    `name` keeps the visitors apart from those of other loads; `pause` is in seconds, between two
    requests of a client.
    """

    def __init__(self, installation: Installation, name: str, *, pause: float = 0.0) -> None:
        self._installation = installation
        self._name = name
        self._pause = pause
        self._stop = False
        self.clients: list[httpx.AsyncClient] = []
        """One for each server, all of them an admin's."""
        self._numbers = count()
        self.registered: dict[str, str] = {}
        """The id of each visitor of whom a 201 says that they are registered, by e-mail address."""
        self.codes: list[str] = []
        self.answers: Counter[int] = Counter()
        self.unanswered = 0
        self.took: defaultdict[int, list[float]] = defaultdict(list)
        """Seconds until each answer, by its status."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Register while the block runs, and wait at its end for every answer."""
        async with AsyncExitStack() as stack:
            self.clients = await self._installation.signed_in()
            for client in self.clients:
                await stack.enter_async_context(client)
            tasks = [asyncio.create_task(self._register(number)) for number in range(CLIENTS)]
            stack.push_async_callback(_end, tasks)
            await self.goes_on()
            yield self
            self._stop = True
            await asyncio.gather(*tasks)

    async def goes_on(self, registrations: int = 10) -> float:
        """Wait until some more have been registered; return the seconds until the first of them."""
        return await self._count(lambda: len(self.registered), registrations)

    async def is_refused(self, requests: int = 10) -> float:
        """Wait until some more have been refused with 503."""
        return await self._count(lambda: self.answers[503], requests)

    async def is_unanswered(self, requests: int = CLIENTS) -> None:
        """Wait until so many more have ended without an answer, one of each client."""
        await self._count(lambda: self.unanswered, requests)

    async def _count(self, number: Callable[[], int], more: int) -> float:
        began, before, first = monotonic(), number(), 0.0
        async with asyncio.timeout(PATIENCE):
            while number() < before + more:
                await asyncio.sleep(0.005)
                if number() > before and not first:
                    first = monotonic() - began
        return first

    async def _register(self, client: int) -> None:
        while not self._stop:
            number = next(self._numbers)
            await self._send(self.clients[client % len(self.clients)], number)
            await asyncio.sleep(self._pause)

    async def _send(self, client: httpx.AsyncClient, number: int) -> None:
        email, began = f"{self._name}-{number}@example.com", monotonic()
        try:
            answer = await client.post("/api/visitors/", json=visitor(email, hour=number % 24))
        except httpx.TransportError:
            self.unanswered += 1
            await asyncio.sleep(AGAIN)
            return
        self.answers[answer.status_code] += 1
        self.took[answer.status_code].append(monotonic() - began)
        if answer.status_code == 201:
            self.registered[email] = answer.json()["id"]
            self.codes.append(answer.json()["qr_code"])
        else:
            await asyncio.sleep(AGAIN)


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
