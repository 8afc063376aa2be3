"""Ways for a server to be away, and to come back when the block ends."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from app.embedded.server import Server
from tests.faults.processes import frozen


@contextmanager
def stopped(server: Server) -> Iterator[None]:
    server.stop()
    yield
    server.launch()  # who waits for it sees itself how long it takes


@contextmanager
def killed(server: Server) -> Iterator[None]:
    assert server.pid
    os.kill(server.pid, signal.SIGKILL)
    yield
    server.launch()


def stands_still(server: Server) -> AbstractContextManager[None]:
    return frozen(server.pid)


OUTAGES: dict[str, Callable[[Server], AbstractContextManager[None]]] = {
    "stopped": stopped,
    "killed": killed,
    "frozen": stands_still,
}
