"""An installation to measure: real servers, one API process, one worker, as in production."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.embedded.mail import MailCatcher
from app.embedded.postgres import EmbeddedPostgres
from app.embedded.redis import EmbeddedRedis

SECRET = "a secret of the benchmark, long enough to be one"  # noqa: S105 - guards nothing
EMAIL, PASSWORD = "bench@example.com", "a password of the benchmark"
READY_SECONDS = 60


@dataclass(frozen=True)
class Running:
    """Where the installation is reached; `dsn` is asyncpg's, `pid` the API's process."""

    port: int
    dsn: str
    pid: int


@contextmanager
def installation(folder: Path) -> Iterator[Running]:
    """Start everything, stop everything."""
    postgres = EmbeddedPostgres(folder / "postgres")
    redis = EmbeddedRedis(folder / "redis")
    catcher = MailCatcher(folder / "mail")
    with ExitStack() as stack:
        for server in (postgres, redis, catcher):
            server.start()
            stack.callback(server.stop)
        postgres.create_database("vms")
        url = postgres.url("vms")
        environment = _environment(url, redis.url, catcher)
        _run(_vms("migrate"), environment)
        _run(_vms("create-superadmin", "--email", EMAIL, "--password-stdin"), environment)
        port = _free_port()
        api = stack.enter_context(_process(_vms("serve", "--port", str(port)), environment))
        stack.enter_context(_process(_vms("worker"), environment))
        _wait_ready(port)
        yield Running(port, url.replace("postgresql+asyncpg", "postgresql"), api.pid)


def sign_in(port: int) -> str:
    """An access token of the account that `installation` has made; good for 15 minutes."""
    body = json.dumps({"email": EMAIL, "password": PASSWORD}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/auth/login/", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - our own server
        access: str = json.load(answer)["access"]
    return access


def _environment(url: str, redis_url: str, catcher: MailCatcher) -> dict[str, str]:
    return {
        **os.environ,
        "DEBUG": "false",
        "ALLOWED_HOSTS": "127.0.0.1",
        "SECRET_KEY": SECRET,
        "DATABASE_URL": url,
        "REDIS_URL": redis_url,
        "EMAIL_HOST": catcher.host,
        "EMAIL_PORT": str(catcher.port),
        "EMAIL_USE_TLS": "false",
    }


def _run(command: list[str], environment: dict[str, str]) -> None:
    subprocess.run(command, env=environment, input=PASSWORD.encode(), check=True)


def _vms(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "app.cli", *arguments]


@contextmanager
def _process(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield child
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_ready(port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready/"):
                return
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
