"""The time of the delivery's last activity, in a file for health checks.

It needs no servers: a restart would not help while they are down. Times are monotonic, as all
processes of a machine share that clock.
"""

import os
import tempfile
from pathlib import Path
from time import monotonic, time

from prometheus_client import Gauge

from app.core.observability.logging import logger
from app.settings import Settings

# The interval of writes; the delivery beats more often.
WRITE_SECONDS = 1.0
# For three statements, in addition to the time of one mail.
MARGIN_SECONDS = 60.0

_last_beat = Gauge(
    "vms_worker_last_beat_timestamp_seconds",
    "Time at which the delivery of this worker was last active",
)


class NotAlive(Exception):  # noqa: N818 - what the check says
    """The worker is missing or stuck; the message is one sentence."""


class Heartbeat:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._written_at = -WRITE_SECONDS
        self._warned = False

    def beat(self) -> None:
        _last_beat.set(time())
        now = monotonic()
        if now - self._written_at >= WRITE_SECONDS:
            self._written_at = now
            self._write(now)

    def _write(self, now: float) -> None:
        # Atomically, so that a reader never finds half a line.
        draft = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        try:
            draft.write_text(f"{os.getpid()} {now}\n", encoding="ascii")
            draft.replace(self._file)
        except OSError as error:
            if not self._warned:
                logger.warning("no heartbeat: set WORKER_HEARTBEAT_FILE", error=str(error))
            self._warned = True

    def check(self, limit: float) -> str:
        """Return a sentence if the worker was active within `limit` seconds; raise `NotAlive`."""
        try:
            pid, moved_at = self._file.read_text(encoding="ascii").split()
            age = monotonic() - float(moved_at)
        except (OSError, ValueError):
            raise NotAlive(f"No worker has written {self._file}.") from None
        # A heartbeat from before a boot is in the future.
        if not 0 <= age <= limit:
            raise NotAlive(f"The worker (process {pid}) has not moved for {abs(age):.0f} seconds.")
        return f"The worker (process {pid}) moves: {age:.1f} seconds ago."


def heartbeat_of(settings: Settings) -> Heartbeat:
    usual = Path(tempfile.gettempdir()) / f"vms-worker-{os.getuid()}"
    return Heartbeat(settings.worker_heartbeat_file or usual)


def longest_pause(settings: Settings) -> float:
    """Return the seconds that a healthy worker may need for one mail."""
    return 2 * settings.email_timeout_seconds + MARGIN_SECONDS
