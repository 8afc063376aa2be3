"""Outages of a server, which end with the block."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from devserver.server import Server
from tests.faults.processes import frozen


@asynccontextmanager
async def stopped(server: Server) -> AsyncIterator[None]:
    # In a thread, so that concurrent measurements of response times are not delayed.
    await asyncio.to_thread(server.stop)
    yield
    server.launch()  # the caller measures how long it takes


@asynccontextmanager
async def killed(server: Server) -> AsyncIterator[None]:
    assert server.pid
    os.kill(server.pid, signal.SIGKILL)
    yield
    server.launch()


@asynccontextmanager
async def stands_still(server: Server) -> AsyncIterator[None]:
    with frozen(server.pid):
        yield


OUTAGES: dict[str, Callable[[Server], AbstractAsyncContextManager[None]]] = {
    "stopped": stopped,
    "killed": killed,
    "frozen": stands_still,
}
