"""Dashboard and export at 10,000, 100,000 and 1,000,000 visitors, and what a gate feels of them.

    python -m bench.reports [--quick]

Starts its own PostgreSQL (durable, as in production), Redis, worker and one API process, and fills
the database by COPY (bench/dataset.py); `--quick` leaves a million out. One table:

* dashboard: this month's, all sites, one caller; p50 and p99 in milliseconds.
* export: seconds to the last byte, to the first byte, and by how many MB the API process's memory
  peaks above what it had before (VmHWM of Linux). At a million visitors, 100,000 of them.
* scan: p99 in milliseconds of a `verify-qr` every 10 ms, of a forged code and of a genuine one that
  is refused and kept (`wrong_day`), alone and while exports follow each other.
"""

import argparse
import asyncio
import http.client
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from bench.dataset import PAST_DAYS, Dataset
from bench.load import Outcome, drive, post
from bench.server import Running, installation, sign_in

SIZES = {10_000: 10_000, 100_000: 100_000, 1_000_000: 100_000}
ROUNDS = 3
SCANS = 400
PAUSE_SECONDS = 0.01
FORGED = "V1" + "A" * 40


@dataclass
class Export:
    """One export as its client saw it."""

    seconds: float
    first_byte: float
    megabytes: float


@dataclass
class Measured:
    """The row of one size."""

    visitors: int
    dashboard: Outcome
    rows: int
    exports: list[Export]
    scans: dict[str, Outcome]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true")
    sizes = dict(list(SIZES.items())[: 2 if arguments.parse_args().quick else 3])
    with (
        tempfile.TemporaryDirectory(prefix="vms-bench-") as folder,
        installation(Path(folder)) as server,
    ):
        measured = asyncio.run(_measure(server, sizes))
    _print(measured)


async def _measure(server: Running, sizes: dict[int, int]) -> list[Measured]:
    connection = await asyncpg.connect(server.dsn)
    dataset = Dataset(connection)
    measured = []
    for size, rows in sizes.items():
        await dataset.grow(size)
        code = await dataset.code_of_another_day()
        measured.append(await _one_size(server, sign_in(server.port), size, rows, code))
    await connection.close()
    return measured


async def _one_size(server: Running, token: str, size: int, rows: int, code: str) -> Measured:
    dashboard = _get("/api/visitors/dashboard-stats/", token)
    await drive(server.port, [dashboard] * 20, connections=1)
    scans = {
        f"{kind}, alone": await _scan(server.port, token, scanned, SCANS)
        for kind, scanned in (("forged", FORGED), ("genuine", code))
    }
    outcome = await drive(server.port, [dashboard] * 200, connections=1)
    path = _export_path(size, rows)
    exports = [await asyncio.to_thread(_export, server, token, path) for _ in range(ROUNDS)]
    for kind, scanned in (("forged", FORGED), ("genuine", code)):
        with _exporting(server, token, path):
            scans[f"{kind}, exporting"] = await _scan(server.port, token, scanned, SCANS)
    return Measured(size, outcome, rows, exports, scans)


def _get(path: str, token: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    )


def _export_path(size: int, rows: int) -> str:
    """All visitors, or those of as many days as hold about that number of rows."""
    path = "/api/visitors/export-excel/"
    if rows == size:
        return path
    today = datetime.now(UTC).date()
    first = today - timedelta(days=PAST_DAYS)
    last = first + timedelta(days=(PAST_DAYS + 90) * rows // size)
    return f"{path}?visit_date_from={first}&visit_date_to={last}"


def _export(server: Running, token: str, path: str) -> Export:
    _forget_peak(server.pid)
    before, began = _memory(server.pid, "VmRSS"), time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    assert answer.status == 200, answer.status
    answer.read(1)
    first_byte = time.perf_counter() - began
    while answer.read(65_536):
        pass
    seconds = time.perf_counter() - began
    connection.close()
    return Export(seconds, first_byte, _memory(server.pid, "VmHWM") - before)


def _forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _memory(pid: int, what: str) -> float:
    """In MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1]) / 1024
    raise LookupError(what)


@contextmanager
def _exporting(server: Running, token: str, path: str) -> Iterator[None]:
    """One export after the other while the block runs."""
    over = threading.Event()

    def repeat() -> None:
        while not over.is_set():
            _export(server, token, path)

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


async def _scan(port: int, token: str, code: str, times: int) -> Outcome:
    """One scan every 10 ms: gates do not queue for each other."""
    request, outcome = post("/api/visitors/verify-qr/", {"token": code}, token), Outcome()
    for _ in range(times):
        one = await drive(port, [request], connections=1)
        outcome.latencies += one.latencies
        outcome.statuses += one.statuses
        await asyncio.sleep(PAUSE_SECONDS)
    assert not outcome.statuses.keys() & {200, 500, 503}, outcome.statuses
    return outcome


def _print(measured: list[Measured]) -> None:
    kinds = list(measured[0].scans)
    print(
        f"\n{'':>10}{'dashboard ms':>16}{'export':>10}{'':>9}{'first':>8}{'MB above':>10}", end=""
    )
    print("   scan p99 ms (and p50)")
    print(f"{'visitors':>10}{'p50':>8}{'p99':>8}{'rows':>10}{'seconds':>9}{'byte s':>8}", end="")
    print(f"{'idle':>10}" + "".join(f"{kind:>20}" for kind in kinds))
    for row in measured:
        _print_row(row)


def _print_row(row: Measured) -> None:
    p50, p99 = (row.dashboard.percentile(share) for share in (0.5, 0.99))
    print(f"{row.visitors:>10}{p50:>8.1f}{p99:>8.1f}{row.rows:>10}", end="")
    print(f"{statistics.median(one.seconds for one in row.exports):>9.2f}", end="")
    print(f"{statistics.median(one.first_byte for one in row.exports):>8.2f}", end="")
    print(f"{max(one.megabytes for one in row.exports):>10.1f}", end="")
    for scans in row.scans.values():
        shown = f"{scans.percentile(0.99):.1f} ({scans.percentile(0.5):.1f})"
        print(f"{shown:>20}", end="")
    print()


if __name__ == "__main__":
    main()
