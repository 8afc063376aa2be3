import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.core.keys import KeyRing
from app.core.security.qr_token import QrTokens
from devserver.address import is_ready
from devserver.postgres import EmbeddedPostgres
from devserver.process import Child, Program
from devserver.redis import EmbeddedRedis

SECRET = "a secret of the benchmark, long enough to be one"  # noqa: S105 - guards nothing
EMAIL, PASSWORD = "bench@example.com", "a password of the benchmark"
HOST = "127.0.0.1"
READY_SECONDS = 60.0
STOP_SECONDS = 30.0


@dataclass(frozen=True)
class Process:
    port: int
    pid: int


class Installation:
    """PostgreSQL, Redis and the service in one directory; mail goes to `mail_port`.

    PostgreSQL is durable, except within `hurrying`.
    """

    def __init__(self, folder: Path, mail_port: int, *, retention_days: int) -> None:
        self.folder = folder
        self.codes = QrTokens(KeyRing([SECRET]))
        self.postgres = EmbeddedPostgres(folder / "postgres")
        self._redis = EmbeddedRedis(folder / "redis")
        self._mail_port = mail_port
        self._retention_days = retention_days

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run PostgreSQL, with a migrated database and an account, and Redis."""
        try:
            self.postgres.start()
            self._redis.start()
            self.postgres.create_database("vms")
            self.vms("migrate")
            self.vms("create-superadmin", "--email", EMAIL, "--password-stdin")
            yield
        finally:
            self._redis.stop()
            self.postgres.stop()

    @contextmanager
    def hurrying(self) -> Iterator[None]:
        """Disable the durability of PostgreSQL in the block."""
        self.postgres.stop()
        hurried = EmbeddedPostgres(self.folder / "postgres", durable=False)
        hurried.start()
        try:
            yield
        finally:
            hurried.stop()
            self.postgres.start()

    @property
    def dsn(self) -> str:
        """Return the database's address for asyncpg."""
        return self.postgres.url("vms").replace("postgresql+asyncpg", "postgresql")

    def vms(self, *arguments: str) -> None:
        subprocess.run(
            [sys.executable, "-m", "app.cli", *arguments],
            env=self._environment(),
            input=PASSWORD.encode(),
            stdout=subprocess.DEVNULL,
            check=True,
        )

    @contextmanager
    def api(self, workers: int = 1) -> Iterator[Process]:
        port = free_port()
        arguments = ("serve", "--port", str(port), "--workers", str(workers))
        with self._child(f"api-{workers}", "app.cli", *arguments) as child:
            child.wait_until(lambda: is_ready(HOST, port), READY_SECONDS)
            yield Process(port, child.pid)

    @contextmanager
    def floor(self) -> Iterator[Process]:
        port = free_port()
        with self._child("floor", "bench.floor", str(port), self.dsn, SECRET) as child:
            child.wait_until(lambda: _listens(port), READY_SECONDS)
            yield Process(port, child.pid)

    @contextmanager
    def worker(self, **settings: str) -> Iterator[int]:
        """Run `vms worker`; yield its process id."""
        environment = self._environment() | settings
        with self._child("worker", "app.cli", "worker", environment=environment) as child:
            yield child.pid

    @contextmanager
    def dev(self, port: int) -> Iterator[Child]:
        """Start `vms dev`, with its own servers, without waiting."""
        arguments = ("dev", "--port", str(port), "--data-dir", str(self.folder / "dev"))
        with self._child("dev", "app.cli", *arguments, environment=dict(os.environ)) as child:
            yield child

    @contextmanager
    def _child(
        self, name: str, module: str, *arguments: str, environment: dict[str, str] | None = None
    ) -> Iterator[Child]:
        child = Child(
            Program(
                name,
                [sys.executable, "-m", module, *arguments],
                environment=environment or self._environment(),
                log=self.folder / "logs" / f"{name}.log",
            )
        )
        try:
            yield child
        finally:
            child.stop(STOP_SECONDS)

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DEBUG": "false",
            "ALLOWED_HOSTS": HOST,
            "SECRET_KEY": SECRET,
            "DATABASE_URL": self.postgres.url("vms"),
            "REDIS_URL": self._redis.url,
            "EMAIL_HOST": HOST,
            "EMAIL_PORT": str(self._mail_port),
            "EMAIL_USE_TLS": "false",
            "ACCESS_TOKEN_MINUTES": "60",
            "RETENTION_DAYS": str(self._retention_days),
            "WORKER_HEARTBEAT_FILE": str(self.folder / "heartbeat"),
            # Floods simulate many networks.
            "TRUSTED_PROXIES": HOST,
            # Measurements send thousands of scans.
            "SCAN_LIMIT_PER_DEVICE": "999999/second",
            "FORGED_SCAN_LIMIT_PER_DEVICE": "999999/second",
            "EVENT_STREAMS_PER_ACCOUNT": "9999",
        }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0
