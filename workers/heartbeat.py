"""A file that says when the delivery moved last, for an orchestrator that asks on the same machine.

It tells of the loop itself and needs neither Redis nor the database: a worker that waits for one of
them moves, and to start it again would help nobody. Times are those of the machine's monotonic
clock, which all its processes share and nobody sets.
"""

import os
import tempfile
from pathlib import Path
from time import monotonic, time

from prometheus_client import Gauge

from app.core.logging import logger
from app.settings import Settings

# How often it is written down. A beat itself costs next to nothing.
WRITE_SECONDS = 1.0
# Beyond what one mail may take: three statements, each within its limits.
MARGIN_SECONDS = 60.0

_last_beat = Gauge(
    "vms_worker_last_beat_timestamp_seconds", "When the delivery of this worker moved last"
)


class NotAlive(Exception):  # noqa: N818 - what the check says
    """The worker is not there, or does not move; the message is one sentence."""


class Heartbeat:
    """Written by the worker, read by the check."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._written_at = -WRITE_SECONDS
        self._told = False

    def beat(self) -> None:
        """The delivery moves."""
        _last_beat.set(time())
        now = monotonic()
        if now - self._written_at >= WRITE_SECONDS:
            self._written_at = now
            self._write(now)

    def _write(self, now: float) -> None:
        # In one step: a reader must not find half a line.
        draft = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        try:
            draft.write_text(f"{os.getpid()} {now}\n", encoding="ascii")
            draft.replace(self._file)
        except OSError as error:
            if not self._told:
                logger.warning("no heartbeat: set WORKER_HEARTBEAT_FILE", error=str(error))
            self._told = True

    def check(self, limit: float) -> str:
        """A sentence about a worker that moved within `limit` seconds; else raises `NotAlive`."""
        try:
            pid, moved_at = self._file.read_text(encoding="ascii").split()
            age = monotonic() - float(moved_at)
        except (OSError, ValueError):
            raise NotAlive(f"No worker has written {self._file}.") from None
        # One from before the machine's last start lies in the future.
        if not 0 <= age <= limit:
            raise NotAlive(f"The worker (process {pid}) has not moved for {abs(age):.0f} seconds.")
        return f"The worker (process {pid}) moves: {age:.1f} seconds ago."


def heartbeat_of(settings: Settings) -> Heartbeat:
    """The heartbeat of the worker with these settings."""
    usual = Path(tempfile.gettempdir()) / f"vms-worker-{os.getuid()}"
    return Heartbeat(settings.worker_heartbeat_file or usual)


def longest_pause(settings: Settings) -> float:
    """Seconds that a worker in good health may need for one mail and for noting its outcome."""
    return 2 * settings.email_timeout_seconds + MARGIN_SECONDS
