"""Runs `vms` in a terminal."""

import os
import pty
import subprocess
import sys
from dataclasses import dataclass
from threading import Thread


@dataclass(frozen=True)
class Run:
    """The exit code, the output on the terminal, and the output to a pipe."""

    code: int
    seen: str
    stdout: str


def on_a_terminal(*arguments: str, environment: dict[str, str]) -> Run:
    """Run the command with a terminal for its standard error, and a pipe for its output."""
    ours, theirs = pty.openpty()
    parts: list[bytes] = []
    reader = Thread(target=_read_all, args=(ours, parts))
    child = subprocess.Popen(
        [sys.executable, "-m", "app.cli", *arguments],
        env=environment | {"TERM": "xterm", "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    reader.start()
    stdout, _ = child.communicate(timeout=120)
    reader.join()
    os.close(ours)
    return Run(child.returncode, b"".join(parts).decode(errors="replace"), stdout)


def _read_all(descriptor: int, parts: list[bytes]) -> None:
    try:
        while part := os.read(descriptor, 65_536):
            parts.append(part)
    except OSError:  # how Linux reports the end of a terminal
        return
