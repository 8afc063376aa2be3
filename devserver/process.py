"""Child processes that do not outlive this one.

On Linux the kernel signals them (PR_SET_PDEATHSIG) when the *thread* that started them ends, so
start them from the main thread.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from devserver.interruption import pause

LAUNCH = Path(__file__).with_name("launch.py")
POLL_SECONDS = 0.01
ERROR_WORDS = ("fatal", "panic", "error:", "cannot be started", "could not")


class EmbeddedError(Exception):
    """An embedded program cannot run; the message is for users."""


@dataclass(frozen=True)
class Identity:
    """The user that a child runs as."""

    switch: str
    """For `launch.become`."""
    uid: int
    gid: int


SELF = Identity("self", os.geteuid(), os.getegid())


@dataclass(frozen=True)
class Program:
    """A program, and how to stop it."""

    name: str
    command: Sequence[str | Path]
    stop_signal: signal.Signals = signal.SIGTERM
    environment: Mapping[str, str] | None = None
    """None inherits the environment."""
    directory: Path = Path()
    log: Path | None = None
    """A file for output; None inherits the output."""
    identity: Identity = SELF
    inherited: tuple[int, ...] = ()


class Child:
    """A running program in its own session, so that Ctrl-C reaches only its parent."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._stopped = False
        self._log_start = _size(program.log)
        self._process = _spawn(program)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self.exit_code is None

    @property
    def exit_code(self) -> int | None:
        """Return the exit code, negative for a signal; None while running."""
        return self._process.poll()

    def wait_until(
        self, ready: Callable[[], bool], limit: float, every: float = POLL_SECONDS
    ) -> None:
        """Wait until ready; raise EmbeddedError if it ends, or after `limit` seconds."""
        end = time.monotonic() + limit
        while not ready():
            if not self.running:
                raise EmbeddedError(f"{self.program.name} did not start{self.last_log_line()}")
            if time.monotonic() > end:
                message = f"{self.program.name} was not ready after {limit:.0f} seconds"
                raise EmbeddedError(message + self.last_log_line())
            pause(every)

    def wait(self, limit: float) -> int:
        """Return the exit code; raise EmbeddedError after `limit` seconds."""
        end = time.monotonic() + limit
        while (code := self.exit_code) is None:
            if time.monotonic() > end:
                message = f"{self.program.name} did not end within {limit:.0f} seconds"
                raise EmbeddedError(message + self.last_log_line())
            pause(POLL_SECONDS)
        return code

    def stop(self, limit: float = 10) -> None:
        """Stop the child; kill its session after `limit` seconds."""
        if self._stopped:
            return
        if self.running:
            self._process.send_signal(self.program.stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(limit)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._stopped = True  # the id may be reused

    def exit_report(self) -> str:
        """Return a sentence about an unexpected end."""
        code = self.exit_code or 0
        how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
        return f"{self.program.name} ended unexpectedly with {how}{self.last_log_line()}"

    def last_log_line(self) -> str:
        """Return the most informative log line, to end a sentence."""
        if self.program.log is None:
            return "."
        said = self.program.log.read_bytes()[self._log_start :].decode(errors="replace")
        return f": {error_line(said)} (more in {self.program.log})."


def run(program: Program, limit: float) -> None:
    """Run a program to its end; raise EmbeddedError if it fails or takes too long."""
    child = Child(program)
    try:
        if child.wait(limit) != 0:
            raise EmbeddedError(f"{program.name} failed{child.last_log_line()}")
    finally:
        child.stop(limit=1)


def error_line(output: str) -> str:
    """Return the last line that names an error, or else the last one."""
    lines = output.strip().splitlines() or ["it said nothing"]
    errors = [line for line in lines if any(word in line.lower() for word in ERROR_WORDS)]
    return (errors or lines)[-1].strip()


def clean_environment() -> dict[str, str]:
    """Return an environment without locale, time zone and PG* variables."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _spawn(program: Program) -> "subprocess.Popen[bytes]":
    with _output(program.log) as output:
        return subprocess.Popen(  # noqa: S603  (every part of the command is ours)
            [*_prefix(program), *map(str, program.command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            env=program.environment,
            pass_fds=program.inherited,
            start_new_session=True,
        )


def _prefix(program: Program) -> list[str]:
    interpreter = [sys.executable, "-I", "-S", str(LAUNCH)]
    life = [str(os.getpid()), str(int(program.stop_signal))]
    return [*interpreter, *life, program.identity.switch, str(program.directory.absolute())]


def _size(log: Path | None) -> int:
    return log.stat().st_size if log and log.exists() else 0


@contextlib.contextmanager
def _output(log: Path | None) -> Iterator[IO[bytes] | None]:
    if log is None:
        yield None
        return
    with log.open("ab") as output:
        yield output
