"""100 scans a second, alone and beside other load."""

import asyncio
import time
from collections.abc import Awaitable

from bench.load import drive, get
from bench.requests import VISITORS, scans, uploads
from bench.run import Bench
from bench.scenarios.exporting import export
from bench.scenarios.mailing import QUIET_SECONDS
from bench.scenarios.scanning import expected_today, gate_of

SCANS_PER_SECOND = 100
DASHBOARDS_PER_SECOND = 5
UPLOADS_PER_SECOND = 1


async def measure(bench: Bench) -> None:
    gate = await gate_of(bench)
    await bench.empty_outbox()
    with bench.installation.worker():
        await bench.mails.quiet(QUIET_SECONDS)
        await asyncio.gather(*await _scans(bench, "scan, 100 a second", gate))
        await asyncio.gather(*await _scans(bench, "scan, beside", gate), *_others(bench))


async def _scans(bench: Bench, row: str, gate: dict[str, str]) -> list[Awaitable[object]]:
    codes = await expected_today(bench, _during(bench, SCANS_PER_SECOND))
    return [bench.drive(row, scans(codes, gate), per_second=SCANS_PER_SECOND)]


def _others(bench: Bench) -> list[Awaitable[object]]:
    stats = get(f"{VISITORS}dashboard-stats/", bench.admin)
    dashboards = [stats] * _during(bench, DASHBOARDS_PER_SECOND)
    uploaded = uploads(bench, _during(bench, UPLOADS_PER_SECOND))
    return [
        _paced(bench, "dashboard, beside", dashboards, DASHBOARDS_PER_SECOND, expected=200),
        _paced(bench, "upload, beside", uploaded, UPLOADS_PER_SECOND, expected=201),
        _exports(bench),
    ]


async def _paced(
    bench: Bench, row: str, requests: list[bytes], per_second: float, *, expected: int
) -> None:
    outcome = await drive(bench.api.port, requests, connections=4, per_second=per_second)
    bench.note_latencies(row, outcome, (expected,))


async def _exports(bench: Bench) -> None:
    """Export again and again, one at a time."""
    ends = time.perf_counter() + bench.scale.seconds
    while time.perf_counter() < ends:
        await export(bench)


def _during(bench: Bench, per_second: int) -> int:
    return max(1, int(per_second * bench.scale.seconds))
