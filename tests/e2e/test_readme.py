"""The tour of the README, run line by line against `vms dev`."""

import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from app.users.account_service import DEMO as DEMO_ACCOUNTS
from app.users.account_service import DEVELOPMENT
from tests.e2e.newcomer import START_SECONDS, dev, pasted, terminal

pytestmark = [pytest.mark.e2e]

SCREEN = 24 * 80


def _wait_for_mails(folder: Path, count: int) -> None:
    """Wait until the folder has `count` mails."""
    deadline = time.monotonic() + START_SECONDS
    while len(list(folder.glob("*.eml"))) < count:
        assert time.monotonic() < deadline, "the mails did not arrive"
        time.sleep(0.1)


DEMO = ("--demo", "300")


@pytest.mark.parametrize("options", [(), DEMO], ids=["empty", "demo"])
def test_every_line_of_the_tour_works(tmp_path: Path, options: tuple[str, ...]) -> None:
    expected = (
        '"opens_at":"00:00"',
        "('00:00', 20)",
        '"status":"pending"',
        '"kind":"visitor_confirmation"',
        '"verdict":"admitted"',
        '"code":"already_inside"',
        '"verdict":"checked_out"',
        '"action":"checked_in"',
        '"status":"completed"',
    )
    with dev(tmp_path / "data", *options) as port:
        answers = pasted("README.md", "sh", port, tmp_path)
        assert len(answers) == len(expected)
        for answer, part in zip(answers, expected, strict=True):
            assert part in answer
            assert len(answer) < SCREEN
        _wait_for_mails(tmp_path / "data" / "mail", 1)


def test_commands_beside_it_find_it_and_say_what_is_there(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert "start it first" in vms("doctor", "--data-dir", str(data))
    with dev(data, *DEMO) as port:
        assert "with 300 visitors" in vms("demo", "--once", "--data-dir", str(data))
        assert "database" in vms("doctor", "--data-dir", str(data))
        assert "RETENTION_DAYS is not set" in vms("purge", "--data-dir", str(data))
        for email, password, *_ in (*DEVELOPMENT, *DEMO_ACCOUNTS):
            body = {"email": email, "password": password}
            assert httpx.post(f"http://127.0.0.1:{port}/api/auth/login/", json=body).is_success


def vms(*arguments: str) -> str:
    """Return what a command prints, from a terminal that knows nothing of the service."""
    command = [sys.executable, "-P", "-m", "app.cli", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, env=terminal(), check=False)
    return ran.stdout + ran.stderr
