import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest
from sqlalchemy.engine import make_url

from devserver.postgres import EmbeddedPostgres
from devserver.process import EmbeddedError, Identity, Program, run
from devserver.unprivileged import Way, choose_identity
from tests.devserver.helpers import (
    AS_ROOT,
    alive,
    eventually,
    kill,
    kill_server,
    linux,
    nobody,
    query,
    start_script,
)
from tests.support.left_out import leave_out

SUPERVISOR = """
import pathlib, sys, time
from devserver.postgres import EmbeddedPostgres
server = EmbeddedPostgres(pathlib.Path(sys.argv[1]))
server.start()
server.create_database("vms")
print(server.pid, flush=True)
time.sleep(600)
"""

ONCE = """
import pathlib, sys
from devserver.postgres import EmbeddedPostgres
server = EmbeddedPostgres(pathlib.Path(sys.argv[1]), durable=False)
server.start()
server.create_database("vms")
server.stop()
print("fine")
"""

StartPostgres = Callable[..., EmbeddedPostgres]


@pytest.fixture
def start() -> Iterator[StartPostgres]:
    """Yield a function that starts a server with a database `vms`; stop all at the end."""
    started = []

    def start(data_dir: Path, *, durable: bool = False, run_as: Way | None = None):
        server = EmbeddedPostgres(data_dir, durable=durable, run_as=run_as)
        started.append(server)
        server.start()
        server.create_database("vms")
        return server

    yield start
    for server in started:
        server.stop()


async def test_starts_empty_and_keeps_data_over_a_clean_stop(
    tmp_path: Path, start: StartPostgres
) -> None:
    server = start(tmp_path / "postgres")
    await query(server, "CREATE TABLE kept AS SELECT 7 AS number")
    server.stop()
    server.start()
    assert await query(server, "SELECT number FROM kept") == 7


async def test_is_utf8_in_utc_and_closed_to_the_network(
    tmp_path: Path, start: StartPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "xx_XX.nonsense")
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    monkeypatch.setenv("PGPORT", "1")
    server = start(tmp_path / "postgres")
    assert await query(server, "SHOW server_encoding") == "UTF8"
    assert await query(server, "SHOW timezone") == "UTC"
    assert await query(server, "SHOW listen_addresses") == ""
    assert await query(server, "SHOW max_connections") == "200"
    assert await query(server, "SELECT upper('é') || lower('Ž')") == "Éž"


async def test_commits_survive_kill_9_of_the_server(tmp_path: Path, start: StartPostgres) -> None:
    server = start(tmp_path / "postgres", durable=True)
    await query(server, "CREATE TABLE kept AS SELECT generate_series(1, 10000)")
    kill_server(server.pid)
    eventually(lambda: not server.running)
    server.start()
    assert await query(server, "SELECT count(*) FROM kept") == 10000


@linux
async def test_kill_9_ends_the_server_and_keeps_the_data(
    tmp_path: Path, start: StartPostgres
) -> None:
    supervisor = start_script(SUPERVISOR, tmp_path / "postgres")
    assert supervisor.stdout
    pid = int(supervisor.stdout.readline())
    kill(supervisor)
    server = start(tmp_path / "postgres", durable=True)  # waits until the orphan is gone
    assert not alive(pid)
    assert await query(server, "SELECT 1") == 1


def test_a_second_start_on_the_same_directory_is_refused(
    tmp_path: Path, start: StartPostgres
) -> None:
    server = start(tmp_path / "postgres")
    second = EmbeddedPostgres(tmp_path / "postgres")
    with pytest.raises(EmbeddedError, match=rf"in use by another vms dev \(process {os.getpid()}"):
        second.start()
    assert server.running


def test_a_server_that_was_started_by_hand_is_left_alone(
    tmp_path: Path, start: StartPostgres
) -> None:
    server = start(tmp_path / "postgres")
    (tmp_path / "postgres.lock").rename(tmp_path / "hidden")  # as if the lock were free
    with pytest.raises(EmbeddedError, match=r'lock file "postmaster.pid" already exists'):
        EmbeddedPostgres(tmp_path / "postgres").start()
    assert server.running
    server.create_database("still_answers")


def test_a_stale_process_id_of_another_process_is_no_obstacle(
    tmp_path: Path, start: StartPostgres
) -> None:
    server = start(tmp_path / "postgres")
    server.stop()
    pid_file = tmp_path / "postgres" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{tmp_path / 'postgres'}\n1\n5432\n\n\n\nready\n")
    server.start()


@pytest.mark.parametrize("name", ["x" * 100, "with space, 100% & ünïcode?"])
def test_unsuitable_paths_get_a_private_socket_directory(
    tmp_path: Path, start: StartPostgres, name: str
) -> None:
    server = start(tmp_path / name / "postgres")
    socket_dir = Path(str(make_url(server.url()).query["host"]))
    assert asyncio.run(query(server, "SELECT 1")) == 1
    assert socket_dir.stat().st_mode & 0o777 == 0o700
    server.stop()
    assert not socket_dir.exists()


@linux
def test_an_interrupted_initdb_leaves_nothing_broken(tmp_path: Path, start: StartPostgres) -> None:
    data_dir = tmp_path / "postgres"
    supervisor = start_script(SUPERVISOR, data_dir)
    eventually((tmp_path / "postgres.draft" / "base").exists)
    kill(supervisor)
    assert not data_dir.exists()
    start(data_dir)
    assert not (tmp_path / "postgres.draft").exists()


async def test_databases_are_copied_from_a_template_once(
    tmp_path: Path, start: StartPostgres
) -> None:
    server = start(tmp_path / "postgres")
    await query(server, "CREATE TABLE kept AS SELECT 7 AS number")
    server.create_database("odd \"name'", template="vms")
    server.create_database("odd \"name'", template="vms")
    assert await query(server, "SELECT number FROM kept", "odd \"name'") == 7


def test_an_unusable_place_is_reported_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedError, match=r"cannot be .*Not a directory"):
        EmbeddedPostgres(tmp_path / "file" / "postgres").start()


def test_a_broken_data_directory_is_reported_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir(mode=0o700)
    server = EmbeddedPostgres(tmp_path / "postgres")
    with pytest.raises(EmbeddedError, match=r"PostgreSQL did not start: .*(not a valid|could not)"):
        server.start()
    assert not server.running


@pytest.mark.needs(AS_ROOT, "only root changes its identity")
@pytest.mark.parametrize("way", get_args(Way))
def test_root_starts_it_in_a_closed_directory_without_opening_it(
    tmp_path: Path, start: StartPostgres, way: Way
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    try:
        server = start(closed / "postgres", run_as=way)
    except EmbeddedError as error:
        if "cannot run as user id" not in str(error):
            raise
        leave_out(f"this machine forbids it: {error}")
    assert closed.stat().st_mode & 0o777 == 0o700
    assert (closed / "postgres").stat().st_uid == (0 if way == "namespace" else nobody().pw_uid)
    server.stop()
    start(closed / "postgres").stop()  # with either choice it handles the existing files


@pytest.mark.needs(AS_ROOT, "only root changes its identity")
@pytest.mark.parametrize("way", get_args(Way))
def test_root_without_any_way_gets_one_sentence(tmp_path: Path, way: Way) -> None:
    with pytest.raises(EmbeddedError, match="cannot run as user id 0 here"):
        choose_identity(Path("/bin/false"), tmp_path / "postgres", way)


@pytest.mark.needs(AS_ROOT, "only root changes its identity")
def test_root_becomes_another_user_if_namespaces_are_forbidden(
    tmp_path: Path, start: StartPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = Identity("namespace:-1", 0, 0)  # the kernel rejects this number
    monkeypatch.setattr("devserver.unprivileged._namespace", lambda: refused)
    start(tmp_path / "postgres")
    assert (tmp_path / "postgres").stat().st_uid == nobody().pw_uid


@pytest.mark.needs(AS_ROOT, "only root can become another user")
@pytest.mark.parametrize("uid", [nobody().pw_uid, 54321], ids=["nobody", "a user without a name"])
def test_an_ordinary_user_starts_it(uid: int) -> None:
    home = Path(tempfile.mkdtemp())
    os.chown(home, uid, uid)
    ordinary = Program(
        name="an ordinary user",
        command=[sys.executable, "-c", ONCE, home / "postgres"],
        directory=home,
        log=home / "log",
        identity=Identity(f"user:{uid}:{uid}", uid, uid),
    )
    try:
        run(ordinary, limit=60)
    finally:
        shutil.rmtree(home)
