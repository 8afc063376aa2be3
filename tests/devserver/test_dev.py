"""`vms dev` as a whole, and its parts that need no server."""

import itertools
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from types import SimpleNamespace

import pytest

from devserver.address import base_url
from devserver.dev import run_dev
from devserver.lock import DirectoryLock
from devserver.parts import Given, Parts
from devserver.process import Program
from devserver.watch import KeptRunning
from tests.devserver.helpers import alive, children, eventually, kill, linux

SETTINGS = ("DATABASE_URL", "REDIS_URL", "EMAIL_HOST", "SECRET_KEY", "ALLOWED_HOSTS", "PUBLIC_URL")
ADDRESS = "http://127.0.0.1:8000"


class Dev:
    """A running `vms dev` that is ready."""

    def __init__(self, data_dir: Path, *options: str) -> None:
        self.port = _free_port()
        self.process = _start(data_dir, self.port, *options)
        self.said = self._until("Ctrl-C stops everything.")
        self.parts = children(self.process.pid)

    def part(self, word: str) -> int:
        """Return the process id of the child whose command line contains the word."""
        current = children(self.process.pid)
        return next((pid for pid, command in current.items() if word in command), 0)

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        self.said += self.process.communicate(timeout=60)[0]
        return self.process.returncode

    def nothing_left(self) -> bool:
        return not any(alive(pid) for pid in self.parts)

    def _until(self, word: str) -> str:
        assert self.process.stdout
        said = ""
        for line in self.process.stdout:
            said += line
            if word in line:
                return said
        raise AssertionError(f"it did not come up:\n{said}")


StartDev = Callable[..., Dev]


@pytest.fixture
def start_dev(tmp_path: Path) -> Iterator[StartDev]:
    """Yield a function that starts `vms dev` on one data directory; end all."""
    started: list[Dev] = []

    def start(*options: str) -> Dev:
        started.append(Dev(tmp_path / "data", *options))
        return started[-1]

    yield start
    for dev in started:
        kill(dev.process)
        eventually(dev.nothing_left)


def _start(data_dir: Path, port: int, *options: str, **environment: str) -> "subprocess.Popen[str]":
    own = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    where = ["--port", str(port), "--data-dir", str(data_dir)]
    command = ["-P", "-m", "app.cli", "dev", *where, *options]
    return subprocess.Popen(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=data_dir.parent,  # no .env here
        env=own | environment,
        preexec_fn=_hear_hangups,
    )


def _hear_hangups() -> None:
    """Restore SIGHUP, which is ignored if the tests run under `nohup`."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _status(port: int, path: str) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_invented_visitors_move_in_once(start_dev: StartDev):
    first = start_dev("--demo", "30")
    assert "30 visitors of 4 sites" in first.said
    assert first.end(signal.SIGTERM) == 0
    assert "with 30 visitors: nothing is added." in start_dev("--demo", "30").said


@linux
@pytest.mark.e2e
def test_everything_comes_up_and_a_hangup_ends_it_cleanly(start_dev: StartDev) -> None:
    dev = start_dev()
    assert f"http://127.0.0.1:{dev.port}/docs" in dev.said
    assert _status(dev.port, "/health/ready/") == 200
    assert len(dev.parts) == 5  # PostgreSQL, Redis, catcher, API, worker
    assert dev.end(signal.SIGHUP) == 0
    assert dev.nothing_left()


@linux
@pytest.mark.e2e
def test_kill_9_ends_everything_and_the_data_is_kept(start_dev: StartDev, tmp_path: Path) -> None:
    dev = start_dev()
    secret = (tmp_path / "data" / "secret_key").read_text()
    kill(dev.process)
    again = start_dev()
    assert dev.nothing_left()
    assert (tmp_path / "data" / "secret_key").read_text() == secret
    assert again.end(signal.SIGINT) == 0
    assert again.nothing_left()


@linux
@pytest.mark.e2e
def test_a_killed_worker_is_started_again(start_dev: StartDev) -> None:
    dev = start_dev()
    killed = dev.part("app.cli worker")
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: dev.part("app.cli worker") not in {0, killed})
    assert dev.end(signal.SIGTERM) == 0
    assert dev.nothing_left()
    assert "The worker ended unexpectedly with SIGKILL" in dev.said


@linux
@pytest.mark.e2e
@pytest.mark.parametrize(
    ("word", "name"),
    [("serve --host", "The API"), ("bin/postgres", "PostgreSQL"), ("valkey-server", "Redis")],
)
def test_the_end_of_another_part_ends_everything(start_dev: StartDev, word: str, name: str) -> None:
    dev = start_dev()
    os.kill(dev.part(word), signal.SIGKILL)
    assert dev.ended() == 1
    assert f"{name} ended unexpectedly with SIGKILL" in dev.said
    assert "Everything is stopped." in dev.said
    assert dev.nothing_left()


@pytest.mark.e2e
def test_a_wrong_setting_is_named_and_ends_the_start(tmp_path: Path) -> None:
    process = _start(tmp_path / "data", _free_port(), DATABASE_URL="mysql://elsewhere/vms")
    said = process.communicate(timeout=60)[0]
    assert process.returncode == 1
    assert "The setting DATABASE_URL is invalid" in said
    assert "The API did not start." in said


def test_a_taken_port_is_reported_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run_dev(port, tmp_path / "data") == 1
    assert capsys.readouterr().err == (
        f"Port {port} on 127.0.0.1 is in use. Stop what listens there or choose another: "
        f"vms dev --port {port + 1}.\n"
    )


def test_a_directory_in_use_is_reported_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = DirectoryLock(tmp_path / "lock", tmp_path)
    lock.acquire()
    assert run_dev(_free_port(), tmp_path) == 1
    lock.release()
    assert capsys.readouterr().err == (
        f"The data directory {tmp_path} is in use by another vms dev (process {os.getpid()}).\n"
    )


@pytest.mark.parametrize("place", ["/proc/vms", "file", "file/below"])
def test_an_unwritable_directory_gets_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    (tmp_path / "file").touch()
    assert run_dev(_free_port(), tmp_path / place) == 1
    said = capsys.readouterr().err
    assert re.fullmatch(rf"The data directory {tmp_path / place} cannot be written: .+\.\n", said)


def test_what_the_environment_names_is_not_brought(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / ".env").write_text("REDIS_URL=redis://elsewhere\nEMAIL_HOST=\n")
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere/vms")
    monkeypatch.setenv("EMAIL_HOST_PASSWORD", "of another server")
    parts = Parts(Given(), tmp_path)
    environment = parts.environment(ADDRESS)
    assert parts.servers == [parts.mail]
    assert environment["DATABASE_URL"] == "postgresql://elsewhere/vms"
    assert environment["EMAIL_HOST"] == "127.0.0.1"
    assert environment["EMAIL_HOST_PASSWORD"] == ""
    assert environment["DEBUG"] == "true"
    assert environment["PUBLIC_URL"] == ADDRESS
    (tmp_path / ".env").write_text("PUBLIC_URL=https://visitors.example.com\n")
    assert "PUBLIC_URL" not in Parts(Given(), tmp_path).environment(ADDRESS)


def test_only_names_of_this_machine_are_served_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    served = Parts(Given(), tmp_path).environment(ADDRESS)["ALLOWED_HOSTS"].split(",")
    assert {"localhost", "127.0.0.1", "[::1]"} <= set(served)
    assert all("localhost" in name or name in {"127.0.0.1", "[::1]"} for name in served)
    (tmp_path / ".env").write_text("ALLOWED_HOSTS=tablet.example.com\n")
    assert "ALLOWED_HOSTS" not in Parts(Given(), tmp_path).environment(ADDRESS)


def test_the_secret_key_is_made_once_and_for_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    given = Given(_env_file=None, database_url="postgresql://x", redis_url="redis://x")
    first = Parts(given, tmp_path).environment(ADDRESS)["SECRET_KEY"]
    assert len(first) >= 32
    assert Parts(given, tmp_path).environment(ADDRESS)["SECRET_KEY"] == first
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600


def test_a_child_that_keeps_ending_starts_ever_later(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = SimpleNamespace(monotonic=itertools.count(step=5).__next__)
    monkeypatch.setattr("devserver.watch.time", clock)
    worker = KeptRunning(Program("The worker", ["/bin/sh", "-c", "exit 3"]))
    worker.start()

    def looked_at() -> bool:
        worker.look()
        said.append(capsys.readouterr().err)
        return "in 8 s" in said[-1]

    said: list[str] = []
    eventually(looked_at)
    assert re.findall(r"exit code 3.*restarts in (\d+) s", "".join(said)) == ["1", "2", "4", "8"]
    worker.stop(limit=1)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),  # noqa: S104
        ("::", "http://[::1]:80"),
        ("desk.example.com", "http://desk.example.com:80"),
    ],
)
def test_the_banner_names_an_address_that_can_be_opened(host: str, url: str) -> None:
    assert base_url(host, 80) == url
