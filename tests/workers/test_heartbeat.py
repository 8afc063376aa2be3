"""Whether a worker is alive, as `vms worker --check` reports."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from app.core.clock import SettableClock
from app.core.db.database import Database
from app.notifications.delivery_service import Delivery
from app.notifications.kinds import NotificationKind
from app.notifications.repository import Outbox, OutgoingMail
from app.settings import Settings
from tests.notifications.examples import payload
from tests.notifications.test_smtp import Catcher, running
from tests.support.mailbox import sweep
from tests.workers.test_worker import eventually, worker
from workers.context import make_delivery
from workers.heartbeat import Heartbeat, NotAlive

LIMIT = 90.0
KIND = NotificationKind.visitor_confirmation


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "heartbeat"


def verdict(file: Path) -> str:
    with pytest.raises(NotAlive) as found:
        Heartbeat(file).check(LIMIT)
    return str(found.value)


def test_one_that_moves_is_alive(file: Path):
    Heartbeat(file).beat()
    assert "moves" in Heartbeat(file).check(LIMIT)


def test_none_that_ever_moved_is_not(file: Path):
    assert verdict(file) == f"No worker has written {file}."


def test_one_that_stopped_moving_is_not(file: Path):
    file.write_text(f"4711 {monotonic() - 100}")
    assert verdict(file).startswith("The worker (process 4711) has not moved for 10")


def test_one_of_before_the_machine_was_started_is_not(file: Path):
    file.write_text(f"4711 {monotonic() + 1_000_000}")
    assert "has not moved" in verdict(file)


@pytest.mark.parametrize("found", ["", "4711", "a b c", "4711 soon", "\x00\xff"])
def test_half_a_file_is_none(file: Path, found: str):
    file.write_text(found)
    assert "No worker" in verdict(file)


def test_a_worker_that_cannot_write_works_on(
    tmp_path: Path, log: Callable[[], list[dict[str, Any]]]
):
    heartbeat = Heartbeat(tmp_path / "no such folder" / "heartbeat")
    heartbeat.beat()
    heartbeat.beat()
    [line] = log()
    assert "WORKER_HEARTBEAT_FILE" in line["event"]


async def test_a_delivery_that_hangs_does_not_beat(
    settings: Settings, database: Database, clock: SettableClock
):
    beats: list[float] = []
    server = Catcher()
    server.hangs = True
    async with running(server) as smtp:
        elsewhere = settings.model_copy(update={"email_port": smtp.port})
        delivery = make_delivery(elsewhere, database, clock, lambda: beats.append(monotonic()))
        await queue_one(database, clock)
        stop = asyncio.Event()
        delivering = asyncio.create_task(delivery.run(asyncio.Event(), stop))
        await server.reached.wait()
        assert len(beats) == 1  # that of the sweep that found the mail
        stop.set()
        server.released.set()
        await delivering
        assert len(beats) == 2


async def queue_one(database: Database, clock: SettableClock) -> None:
    async def nobody() -> None: ...

    async with database.write() as unit:
        mail = OutgoingMail(kind=KIND, payload=payload(KIND), to="ada@example.com", name="")
        Outbox(unit, nobody).put(mail, clock.now())


async def test_each_mail_is_a_beat(settings: Settings, database: Database, clock: SettableClock):
    beats: list[float] = []
    delivery: Delivery = make_delivery(settings, database, clock, lambda: beats.append(0))
    for _ in range(3):
        await queue_one(database, clock)
    assert await sweep(delivery) == 3
    assert len(beats) == 3


async def test_the_command_asks_the_process_and_needs_no_redis(settings: Settings, file: Path):
    own = {"WORKER_HEARTBEAT_FILE": str(file)}

    async def moves() -> bool:
        return _asked(own).returncode == 0

    async with worker(settings, "redis://127.0.0.1:9", **own):
        await eventually(moves)


def test_the_command_says_in_a_sentence_what_is_wrong(file: Path):
    file.write_text(f"4711 {monotonic() - 1000}")
    asked = _asked({"WORKER_HEARTBEAT_FILE": str(file)})
    assert (asked.returncode, asked.stdout) == (1, "")
    assert asked.stderr.startswith("The worker (process 4711) has not moved for 100")
    assert len(asked.stderr.splitlines()) == 1


def _asked(own: dict[str, str]) -> subprocess.CompletedProcess[str]:
    environment = {
        "SECRET_KEY": "k" * 32,
        "DEBUG": "true",
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/vms",
        "REDIS_URL": "redis://127.0.0.1:9",
        "EMAIL_HOST": "127.0.0.1",
        **own,
    }
    command = [sys.executable, "-m", "app.cli", "worker", "--check"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
