"""Restart the worker when it ends, and stop everything when another part ends."""

import contextlib
import time
from collections.abc import Sequence
from typing import NoReturn

import typer

from devserver.interruption import pause
from devserver.process import Child, EmbeddedError, Program

LOOK_SECONDS = 0.2
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
HEALTHY_SECONDS = 60.0


class KeptRunning:
    """A child that is restarted after a pause, which doubles each time."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._pause = FIRST_PAUSE_SECONDS
        self._due: float | None = None
        self._child: Child | None = None

    def start(self) -> None:
        self._due = None
        self._started = time.monotonic()
        self._child = Child(self._program)

    def look(self) -> None:
        """Detect an end, and restart when due."""
        if self._due is not None:
            if time.monotonic() >= self._due:
                self.start()
        elif self._child and not self._child.running:
            self._plan(self._child)

    def stop(self, limit: float) -> None:
        if self._child:
            self._child.stop(limit)

    def _plan(self, ended: Child) -> None:
        ended.stop()  # the rest of its session
        now = time.monotonic()
        if now - self._started > HEALTHY_SECONDS:
            self._pause = FIRST_PAUSE_SECONDS
        report(f"{ended.exit_report()} It restarts in {self._pause:.0f} s.", error=True)
        self._due = now + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)


def watch(vital: Sequence[Child], worker: KeptRunning) -> NoReturn:
    """Watch until StopRequested; raise EmbeddedError when a vital child ends."""
    while True:
        for child in vital:
            if not child.running:
                raise EmbeddedError(f"{child.exit_report()} Everything is stopped.")
        worker.look()
        pause(LOOK_SECONDS)


def report(text: str, *, error: bool = False) -> None:
    """Print to the terminal, which may be gone."""
    with contextlib.suppress(OSError):
        typer.echo(text, err=error)
