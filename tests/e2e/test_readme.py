"""The README's tour, pasted line by line against `vms dev`, as a newcomer would."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import URLError

import pytest

from tests.e2e.installation import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("readme")]

README = Path(__file__).parents[2] / "README.md"
START_SECONDS = 90


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A `vms dev` of its own."""
    number = free_port()
    command = ["dev", "--port", str(number), "--data-dir", str(tmp_path / "data")]
    child = subprocess.Popen([sys.executable, "-m", "app.cli", *command], env=_environment())
    try:
        _wait_ready(number)
        yield number
    finally:
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == 0


def _environment() -> dict[str, str]:
    """Nothing of the test run's own servers."""
    replaced = ("DATABASE_URL", "REDIS_URL", "EMAIL_HOST")
    return {name: value for name, value in os.environ.items() if name not in replaced}


def _wait_ready(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready/").close()
        except (URLError, ConnectionError):
            time.sleep(0.1)
        else:
            return
    raise TimeoutError


def _wait_for_mails(folder: Path, count: int) -> None:
    """Ada's, her host's, and the news of her arrival."""
    deadline = time.monotonic() + START_SECONDS
    while len(list(folder.glob("*.eml"))) < count:
        assert time.monotonic() < deadline, "the mails did not arrive"
        time.sleep(0.1)


def _wait_past_midnight() -> None:
    """The tour registers for two minutes from now and scans at once: not across midnight."""
    while datetime.now(UTC).strftime("%H:%M") in {"23:57", "23:58", "23:59"}:
        time.sleep(1)


def test_every_line_of_the_tour_works(port: int, tmp_path: Path) -> None:
    _wait_past_midnight()
    (tour,) = re.findall(r"```sh\n(.*?)```", README.read_text(), flags=re.DOTALL)
    script = "set -eu -o pipefail\n" + tour.replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    run = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr + run.stdout
    answers = [line for line in run.stdout.splitlines() if line.strip()]
    expected = (
        '"opens_at":"00:00"',
        '"timezone":"UTC"',
        '"status":"pending"',
        '"kind":"visitor_confirmation"',
        '"verdict":"admitted"',
        '"code":"already_inside"',
        '"verdict":"checked_out"',
        '"action":"checked_in"',
        '"status":"completed"',
    )
    assert len(answers) == len(expected)
    for answer, part in zip(answers, expected, strict=True):
        assert part in answer
    _wait_for_mails(tmp_path / "data" / "mail", 3)
