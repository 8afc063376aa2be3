"""The service as real processes that are frozen, killed and started again."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from asgi_lifespan import LifespanManager

from app.core.clock import Clock
from app.core.observability.logging import configure_logging
from app.main import create_app
from app.settings import Settings
from devserver.process import Child, Program
from tests.devserver.helpers import children
from tests.e2e.installation import ADMIN, Installation, all_ready, free_port

STOP_SECONDS = 30.0  # for anything with a shorter time limit


def visitor(address: str, hour: int) -> dict[str, str]:
    """Return a registration for the day after the day after tomorrow."""
    day = datetime.now(UTC).date() + timedelta(days=3)
    return {
        "name": f"Visitor {address.partition('@')[0]}",
        "email": address,
        "visit_date": day.isoformat(),
        "visit_time": f"{hour:02}:00",
    }


@dataclass
class Service:
    """Starts processes of one installation, and ends those that are left."""

    environment: dict[str, str]
    folder: Path
    mail: Path
    log: Path | None = None
    """Where all of them log; one file for each in `folder` unless it is set."""
    running: list[Child] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        given: dict[str, Any] = {name.lower(): value for name, value in self.environment.items()}
        return Settings(_env_file=None, **given)

    async def serve(self, *options: str, servers: int = 1, **settings: str) -> Installation:
        """Start `vms serve` with so many processes and wait until it is ready."""
        ports = [free_port() for _ in range(servers)]
        for port in ports:
            self.start("serve", "--port", str(port), *options, **settings)
        addresses = tuple(f"http://127.0.0.1:{port}" for port in ports)
        await all_ready(addresses)
        return Installation(addresses, self.environment, self.mail)

    def worker(self, **settings: str) -> Child:
        return self.start("worker", **settings)

    def start(self, *arguments: str, module: str = "app.cli", **settings: str) -> Child:
        """Start a process of ours."""
        name = f"{arguments[0]}-{len(self.running)}"
        program = Program(
            name=name,
            command=[sys.executable, "-m", module, *arguments],
            environment=self.environment | settings,
            log=self.log or self.folder / f"{name}.log",
        )
        return self.again(program)

    def again(self, program: Program) -> Child:
        """Start the same process once more, when it has ended."""
        self.running.append(Child(program))
        return self.running[-1]

    @asynccontextmanager
    async def application(self, clock: Clock | None = None) -> AsyncIterator[httpx.AsyncClient]:
        """Yield an admin's client of the application in this process, at another time if wanted."""
        configure_logging(debug=False)
        app = create_app(self.settings, clock=clock)
        transport = httpx.ASGITransport(app)
        async with (
            LifespanManager(app),
            httpx.AsyncClient(transport=transport, base_url="http://test") as client,
        ):
            login = await client.post("/api/auth/login/", json=ADMIN)
            client.headers["Authorization"] = f"Bearer {login.json()['access']}"
            yield client

    async def register(self, addresses: Sequence[str]) -> None:
        """Register a visitor for each address, with no process running."""
        async with self.application() as client:
            for number, address in enumerate(addresses):
                answer = await client.post("/api/visitors/", json=visitor(address, number % 24))
                assert answer.status_code == 201, answer.text

    def stop(self) -> None:
        for child in reversed(self.running):
            child.stop(STOP_SECONDS)


def kill(child: Child) -> None:
    """Kill the process and its children, as `kill -9` does."""
    os.kill(child.pid, signal.SIGKILL)
    child.stop()


async def ended(child: Child, seconds: float = STOP_SECONDS) -> int:
    """Return the exit code of a process that is to end by itself."""
    async with asyncio.timeout(seconds):
        while child.exit_code is None:  # noqa: ASYNC110 - another process is watched
            await asyncio.sleep(0.02)
    return child.exit_code


@contextmanager
def frozen(pid: int | None) -> Iterator[None]:
    """Stop a server and all its processes, so that it says nothing while its sockets stay open."""
    assert pid
    os.kill(pid, signal.SIGSTOP)  # first, so that it starts no others
    others = children(pid)
    try:
        _tell(others, signal.SIGSTOP)
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
        _tell(others, signal.SIGCONT)


def _tell(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # a server may close an idle one
            os.kill(pid, number)


async def until_ready(client: httpx.AsyncClient, says: Callable[[httpx.Response], bool]) -> None:
    """Wait until `/health/ready/` responds."""
    async with asyncio.timeout(STOP_SECONDS):
        while not says(await client.get("/health/ready/")):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.02)
