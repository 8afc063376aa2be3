"""Starts `vms dev` and runs the commands of a document, line by line."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import URLError

from tests.e2e.installation import free_port

START_SECONDS = 90
ROOT = Path(__file__).parents[2]


@contextmanager
def dev(data: Path, *options: str) -> Iterator[int]:
    """Run a `vms dev` of its own; yield the port that it listens on."""
    number = free_port()
    command = ["dev", "--port", str(number), "--data-dir", str(data), *options]
    child = subprocess.Popen([sys.executable, "-m", "app.cli", *command], env=terminal())
    try:
        _wait_ready(number)
        yield number
    finally:
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == 0


def terminal() -> dict[str, str]:
    """Return an environment without the servers of the test run."""
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


def pasted(document: str, language: str, port: int, folder: Path) -> list[str]:
    """Run the one block of a language in a folder, and return the lines that it prints."""
    _wait_past_midnight()
    text = (ROOT / document).read_text(encoding="utf-8")
    (block,) = re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)
    program = block.replace("127.0.0.1:8000", f"127.0.0.1:{port}")
    command = {
        "sh": ["bash", "-c", "set -eu -o pipefail\n" + program],
        "python": [sys.executable, "-c", program],
    }[language]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr + run.stdout
    return [line for line in run.stdout.splitlines() if line.strip()]


def _wait_past_midnight() -> None:
    """Wait past midnight: the tours register for two minutes from now and scan at once."""
    while datetime.now(UTC).strftime("%H:%M") in {"23:57", "23:58", "23:59"}:
        time.sleep(1)
