"""Prometheus metrics (see `docs/operations.md`); labels have no ids and no user input."""

import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client import (
    REGISTRY,
    Counter,
    Gauge,
    Histogram,
    Summary,
    disable_created_metrics,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from app import __version__

# Creation times would double the number of series.
disable_created_metrics()  # type: ignore[no-untyped-call] # of the library

# If set, the client library counts in files of this directory.
SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_requests = Counter("vms_http_requests", "Requests answered", ["method", "route", "status"])
_durations = Histogram(
    "vms_http_request_duration_seconds",
    "Time from the head of a request to the end of its response",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
PROBLEMS = Counter("vms_problems", "Problem responses, by code", ["code"])

POOL_SIZE = Gauge(
    "vms_database_pool_connections_max",
    "Maximum number of connections in the pool",
    ["pool"],
    multiprocess_mode="livesum",
)
POOL_CHECKED_OUT = Gauge(
    "vms_database_pool_connections_checked_out",
    "Connections in use",
    ["pool"],
    multiprocess_mode="livesum",
)
POOL_WAITS = Summary(
    "vms_database_pool_wait_seconds",
    "Time waited for a connection while all were in use",
    ["pool"],
)
LIMITS_WITHOUT_REDIS = Gauge(
    "vms_rate_limits_without_redis",
    "1 while this process counts rate limits in its own memory, without Redis",
    multiprocess_mode="livesum",
)
LIMITS_STALLED = Counter(
    "vms_rate_limits_stood_still",
    "Answers of Redis that this busy process received late or not at all",
)
PASSWORDS_WAITING = Gauge(
    "vms_passwords_waiting",
    "Requests waiting for a password hash",
    multiprocess_mode="livesum",
)
PASSWORDS_TURNED_AWAY = Counter(
    "vms_passwords_turned_away", "Requests rejected before their password was hashed", ["reason"]
)
LOST_WAKE_UPS = Counter(
    "vms_wake_ups_lost", "Failed attempts to announce new mail to the worker, or events to streams"
)

_build = Gauge("vms_build_info", "The version, always 1", ["version"], multiprocess_mode="livemax")
_build.labels(__version__).set(1)


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count a request; `route` is the pattern of its path."""
    requests, durations = _series(method, route, status)
    requests.inc()
    durations.observe(seconds)


@cache  # `labels` is slower than counting
def _series(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    return _requests.labels(method, route, status), _durations.labels(method, route)


def counted(counter: Counter, number: int = 1) -> Callable[[], Awaitable[None]]:
    """Return an after-commit callback that increments a counter."""

    async def count() -> None:
        counter.inc(number)

    return count


@contextmanager
def counted_together(processes: int) -> Iterator[None]:
    """Share metrics between several processes, since Prometheus reaches any one of them."""
    if processes == 1:
        yield
        return
    with TemporaryDirectory(prefix="vms-metrics-") as folder:
        os.environ[SHARED_FOLDER] = folder
        yield


def of_all_processes() -> Collector:
    """Return the metrics of all processes that share them."""
    folder = os.environ.get(SHARED_FOLDER)
    if folder is None:
        return REGISTRY
    _forget_dead(Path(folder))
    return MultiProcessCollector(None, folder)  # type: ignore[no-untyped-call] # of the library


def _forget_dead(folder: Path) -> None:
    """Remove the gauges of killed processes."""
    for file in folder.glob("gauge_live*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if not _lives(pid):
            with suppress(FileNotFoundError):  # another process was faster
                mark_process_dead(pid, folder)  # type: ignore[no-untyped-call] # of the library


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
