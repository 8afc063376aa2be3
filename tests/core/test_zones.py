"""Every process takes time zones from the package `tzdata`, not from the machine."""

import subprocess
import sys
import zoneinfo
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime, time
from importlib import resources
from multiprocessing import get_context
from pathlib import Path

import anyio.to_process
import pytest
from babel.dates import get_timezone

from app.core.localtime import instant_of, local_now, timezone_names, zone_of
from tests.support.zones import moved

# British Columbia keeps its summer time from November 2026 on.
VISIT = date(2026, 12, 3), time(10), "America/Vancouver"
BEGINS = datetime(2026, 12, 3, 17, tzinfo=UTC)
ASK = """
import importlib, sys
sys.argv = ["vms"]
importlib.import_module("{module}")
from datetime import datetime
from zoneinfo import ZoneInfo
print(datetime(2026, 12, 3, 10, tzinfo=ZoneInfo("America/Vancouver")).utcoffset())
"""


def test_a_visit_begins_when_the_package_says():
    assert zoneinfo.TZPATH == ()
    assert instant_of(*VISIT) == BEGINS
    assert local_now(BEGINS, "America/Vancouver").hour == 10
    assert get_timezone("America/Vancouver") is zone_of("America/Vancouver")


def test_the_names_are_those_of_the_package():
    names = resources.files("tzdata").joinpath("zones").read_text().split()
    assert timezone_names() == set(names)


@pytest.fixture
def of_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this a machine on which Vancouver lies in Tokyo."""
    monkeypatch.setenv("PYTHONTZPATH", str(moved(tmp_path)))


@pytest.mark.usefixtures("of_the_machine")
@pytest.mark.parametrize(
    ("module", "offset"),
    [
        ("app.main", "-1 day, 17:00:00"),
        ("app.cli", "-1 day, 17:00:00"),
        ("workers.settings", "-1 day, 17:00:00"),
        ("devserver.dev", "-1 day, 17:00:00"),
        ("json", "9:00:00"),  # a foreign zone, which shows that the machine was asked
    ],
)
def test_every_process_takes_them_from_there(module: str, offset: str):
    command = [sys.executable, "-c", ASK.format(module=module)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout.strip() == offset


@pytest.mark.usefixtures("of_the_machine")
@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_so_do_children_however_they_begin(method: str):
    with ProcessPoolExecutor(1, mp_context=get_context(method)) as pool:
        assert pool.submit(instant_of, *VISIT).result(60) == BEGINS


@pytest.mark.usefixtures("of_the_machine")
async def test_so_do_children_of_the_event_loop():
    assert await anyio.to_process.run_sync(instant_of, *VISIT) == BEGINS
