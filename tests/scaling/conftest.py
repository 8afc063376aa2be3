"""A larger installation on one machine.

Two API processes behind nginx, two workers, PgBouncer in transaction mode, a primary and a
streaming replica.
"""

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import time
from pathlib import Path

import pytest

from app.core.db.database import Database
from app.settings import Settings
from devserver.mail import MailCatcher
from devserver.process import Child
from devserver.redis import EmbeddedRedis
from devserver.server import Server
from tests.container.database_role import make_role
from tests.e2e.installation import all_ready, free_port, vms
from tests.faults.processes import Service
from tests.scaling.servers import HOST, PASSWORD, Nginx, PgBouncer, Postgres
from tests.support.database import change_default_site
from tests.support.replication import make_standby

STOP_SECONDS = 30
OPEN_ALWAYS = {
    "opens_at": time(0),
    "closes_at": time(0),
    "open_weekdays": [1, 2, 3, 4, 5, 6, 7],
    "booking_lead_minutes": 0,
}


class Cluster:
    """All servers, and the means to stop them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.primary = Postgres(folder / "primary")
        self.replica = Postgres(folder / "replica")
        self.redis = EmbeddedRedis(folder / "redis")
        self.mail = MailCatcher(folder / "mail")
        self.ports = (free_port(), free_port())
        self.pgbouncer = PgBouncer(folder, self.primary, self.replica)
        self.nginx = Nginx(folder, self.ports)
        self.servers: list[Server] = [self.redis, self.mail, self.pgbouncer, self.nginx]
        self.apis: list[Child] = []

    def start(self, stack: ExitStack) -> None:
        self._start_databases(stack)
        for server in self.servers:
            stack.callback(server.stop)
            server.start()
        environment = self.environment()
        vms("migrate", environment)  # through the pooler as well
        vms("dev-accounts", environment)
        self.service = Service(environment, self.folder, self.mail.directory)
        stack.callback(self.service.stop)
        self.apis = [self.serve(port) for port in self.ports]
        for number in range(2):
            self.service.worker(WORKER_HEARTBEAT_FILE=str(self.folder / f"heartbeat-{number}"))
        asyncio.run(all_ready(tuple(f"http://127.0.0.1:{port}" for port in self.ports)))

    def _start_databases(self, stack: ExitStack) -> None:
        stack.callback(self.primary.stop)
        self.primary.start()
        secrets = self.folder / "secrets"
        secrets.mkdir()
        (secrets / "database_password").write_text(PASSWORD)
        make_role(self.primary.place, secrets)
        make_standby(self.replica, self.primary)
        stack.callback(self.replica.stop)
        self.replica.start()

    def environment(self) -> dict[str, str]:
        ours = {name.upper() for name in Settings.model_fields}
        return {name: value for name, value in os.environ.items() if name not in ours} | {
            "DEBUG": "true",
            "SECRET_KEY": "a secret of the scaling suite, long enough",
            "ALLOWED_HOSTS": HOST,
            "TRUSTED_PROXIES": "127.0.0.1",
            "DATABASE_URL": self.pgbouncer.url(),
            "DATABASE_REPLICA_URL": self.pgbouncer.url("vms_replica"),
            "REDIS_URL": self.redis.url,
            "EMAIL_HOST": self.mail.host,
            "EMAIL_PORT": str(self.mail.port),
            "EMAIL_USE_TLS": "false",
            "BCRYPT_ROUNDS": "4",
        }

    def serve(self, port: int) -> Child:
        return self.service.start("serve", "--port", str(port), "--linger", "2")

    def database(self) -> Database:
        """Connect to the primary, not to the pooler."""
        return Database(self.primary.url())


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with (
        tempfile.TemporaryDirectory(prefix="vms-scaling-") as folder,
        ExitStack() as stack,
    ):
        made = Cluster(Path(folder))
        made.start(stack)
        asyncio.run(_open(made))
        yield made


async def _open(cluster: Cluster) -> None:
    database = cluster.database()
    await change_default_site(database, **OPEN_ALWAYS, slot_capacity=200)
    await database.close()


_figures: list[str] = []


@pytest.fixture
def tell() -> Callable[[str], None]:
    """Return a function that writes a line under the results."""
    return _figures.append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _figures:
        terminalreporter.section("what the installation did")
        for line in _figures:
            terminalreporter.write_line(line)
