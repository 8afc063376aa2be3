"""An installation of real processes: two API servers, a worker, a mail catcher."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import httpx

from devserver.mail import MailCatcher

STOP_SECONDS = 20
ADMIN = {"email": "admin@ifactory.com", "password": "admin123"}
SUPERADMIN = {"email": "superadmin@ifactory.com", "password": "superadmin123"}


@dataclass(frozen=True)
class Installation:
    """The addresses of its servers, and the settings of its processes."""

    addresses: tuple[str, ...]
    environment: dict[str, str]
    mail: Path

    def mails_to(self, address: str) -> list[EmailMessage]:
        """Return the mails to one address, in the order of arrival."""
        mails = (_read(path) for path in sorted(self.mail.glob("*.eml")))
        return [mail for mail in mails if mail["To"].addresses[0].addr_spec == address]

    async def signed_in(self, credentials: dict[str, str] = ADMIN) -> list[httpx.AsyncClient]:
        """Return a client for each server, all with the token of one user."""
        async with httpx.AsyncClient(base_url=self.addresses[0]) as client:
            answer = await client.post("/api/auth/login/", json=credentials)
        headers = {"Authorization": f"Bearer {answer.json()['access']}"}
        limits = httpx.Limits(max_connections=None)
        return [
            httpx.AsyncClient(base_url=address, headers=headers, limits=limits, timeout=60)
            for address in self.addresses
        ]


def _read(path: Path) -> EmailMessage:
    message = message_from_bytes(path.read_bytes(), policy=default)
    assert isinstance(message, EmailMessage)
    return message


@contextmanager
def running(
    settings: dict[str, str], catcher: MailCatcher, *, servers: int, logs: Path
) -> Iterator[Installation]:
    """Migrate and start everything; stop it at the end of the block."""
    environment = {**os.environ, **settings}
    vms("migrate", environment)
    vms("dev-accounts", environment)
    ports = [free_port() for _ in range(servers)]
    with ExitStack() as stack:
        for port in ports:
            stack.enter_context(
                process(["serve", "--port", str(port)], environment, logs / f"api-{port}.log")
            )
        stack.enter_context(process(["worker"], environment, logs / "worker.log"))
        addresses = tuple(f"http://127.0.0.1:{port}" for port in ports)
        asyncio.run(all_ready(addresses))
        yield Installation(addresses, environment, catcher.directory)


def vms(command: str, environment: dict[str, str]) -> None:
    subprocess.run([sys.executable, "-m", "app.cli", command], env=environment, check=True)


@contextmanager
def process(
    arguments: list[str],
    environment: dict[str, str],
    log: Path,
    module: str = "app.cli",
    code: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process of ours, which must end by itself at SIGTERM. `code` is another release's."""
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=environment,
            cwd=code,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield child
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait(STOP_SECONDS)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def all_ready(addresses: tuple[str, ...]) -> None:
    async with httpx.AsyncClient() as client:
        for address in addresses:
            await eventually(lambda address=address: _ready(client, address))


async def _ready(client: httpx.AsyncClient, address: str) -> bool:
    try:
        return (await client.get(f"{address}/health/ready/")).status_code == 200
    except httpx.TransportError:
        return False


async def eventually(condition: Any, seconds: float = 180) -> Any:
    """Return what `condition()` gives as soon as that is true; fail after `seconds`."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        value = condition()
        if asyncio.iscoroutine(value):
            value = await value
        if value:
            return value
        assert asyncio.get_running_loop().time() < deadline, "it did not happen in time"
        await asyncio.sleep(0.05)


@dataclass(frozen=True)
class Today:
    """A zone in which it is about ten in the morning, so that no test crosses midnight."""

    timezone: str
    ahead: timedelta

    @classmethod
    def somewhere(cls) -> "Today":
        hours = (10 - datetime.now(UTC).hour) % 24
        hours -= 24 if hours > 14 else 0
        # The signs of Etc zones are reversed.
        return cls(f"Etc/GMT{-hours:+d}", timedelta(hours=hours))

    @property
    def now(self) -> datetime:
        """Return the time of the installation's clock, even late in a test."""
        return datetime.now(UTC) + self.ahead

    @property
    def in_five_minutes(self) -> dict[str, str]:
        """Return the time of a visit that the gate admits immediately."""
        return self.fields(self.now + timedelta(minutes=5))

    def tomorrow(self, hour: int) -> dict[str, str]:
        return self.fields((self.now + timedelta(days=1)).replace(hour=hour, minute=0))

    @staticmethod
    def fields(moment: datetime) -> dict[str, str]:
        return {"visit_date": f"{moment:%Y-%m-%d}", "visit_time": f"{moment:%H:%M}"}
