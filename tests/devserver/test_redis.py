import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from devserver.process import EmbeddedError
from devserver.redis import EmbeddedRedis
from tests.devserver.helpers import alive, eventually, kill, kill_server, linux, start_script

SUPERVISOR = """
import pathlib, sys, time
from devserver.redis import EmbeddedRedis
server = EmbeddedRedis(pathlib.Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
time.sleep(600)
"""

StartRedis = Callable[..., EmbeddedRedis]


@pytest.fixture
def start() -> Iterator[StartRedis]:
    """Yield a function that starts a server; stop all at the end."""
    started = []

    def start(data_dir: Path, *, durable: bool = True):
        server = EmbeddedRedis(data_dir, durable=durable)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.stop()


def _set(server: EmbeddedRedis, key: str, value: str) -> None:
    with Redis.from_url(server.url) as client:
        client.set(key, value)


def _get(server: EmbeddedRedis, key: str) -> object:
    with Redis.from_url(server.url) as client:
        return client.get(key)


def _log_of(data_dir: Path) -> Path:
    (log,) = (data_dir / "appendonlydir").glob("*.incr.aof")
    return log


def test_keeps_data_over_a_clean_stop(tmp_path: Path, start: StartRedis) -> None:
    server = start(tmp_path / "redis")
    _set(server, "kept", "7")
    server.stop()
    server.start()
    assert _get(server, "kept") == b"7"


def test_what_was_written_out_survives_kill_9_of_the_server(
    tmp_path: Path, start: StartRedis
) -> None:
    server = start(tmp_path / "redis")
    _set(server, "kept", "7")
    eventually(lambda: b"kept" in _log_of(server.data_dir).read_bytes())
    kill_server(server.pid)
    eventually(lambda: not server.running)
    server.start()
    assert _get(server, "kept") == b"7"


def test_a_log_cut_off_by_a_power_cut_is_accepted(tmp_path: Path, start: StartRedis) -> None:
    server = start(tmp_path / "redis")
    _set(server, "kept", "7")
    _set(server, "lost", "8")
    server.stop()
    log = _log_of(server.data_dir)
    log.write_bytes(log.read_bytes()[:-3])
    server.start()
    assert _get(server, "kept") == b"7"
    assert _get(server, "lost") is None


@linux
def test_kill_9_ends_the_server_and_keeps_the_data(tmp_path: Path, start: StartRedis) -> None:
    supervisor = start_script(SUPERVISOR, tmp_path / "redis")
    assert supervisor.stdout
    pid = int(supervisor.stdout.readline())
    with Redis(unix_socket_path=str(tmp_path / "redis" / "redis.sock")) as client:
        client.set("kept", "7")
    kill(supervisor)
    server = start(tmp_path / "redis")  # waits until the orphan is gone
    assert not alive(pid)
    assert _get(server, "kept") == b"7"


def test_a_second_start_on_the_same_directory_is_refused(tmp_path: Path, start: StartRedis) -> None:
    server = start(tmp_path / "redis")
    with pytest.raises(EmbeddedError, match=rf"in use by another vms dev \(process {os.getpid()}"):
        EmbeddedRedis(tmp_path / "redis").start()
    assert _get(server, "anything") is None


@pytest.mark.parametrize("name", ["x" * 100, "with space, 100% & ünïcode?"])
def test_unsuitable_paths_get_a_private_socket_directory(
    tmp_path: Path, start: StartRedis, name: str
) -> None:
    server = start(tmp_path / name / "redis")
    socket_dir = Path(server.url.removeprefix("unix://")).parent
    assert _get(server, "anything") is None
    assert socket_dir.stat().st_mode & 0o777 == 0o700
    server.stop()
    assert not socket_dir.exists()


def test_for_tests_it_writes_nothing(tmp_path: Path, start: StartRedis) -> None:
    server = start(tmp_path / "redis", durable=False)
    _set(server, "gone", "7")
    server.stop()
    assert list(server.data_dir.iterdir()) == []


def test_only_its_owner_can_reach_it(tmp_path: Path, start: StartRedis) -> None:
    server = start(tmp_path / "redis")
    assert server.data_dir.stat().st_mode & 0o777 == 0o700
    with Redis.from_url(server.url) as client:
        assert client.config_get("port") == {"port": "0"}
