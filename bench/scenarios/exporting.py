"""An export: time to the first and last byte, and memory."""

from datetime import timedelta

from bench import processes
from bench.load import Download, download
from bench.people import DAYS, PAST_DAYS
from bench.run import Bench


async def measure(bench: Bench) -> None:
    for _ in range(bench.scale.rounds):
        before = processes.memory(bench.api.pid)
        processes.forget_peak(bench.api.pid)
        done = await export(bench)
        bench.results.add(
            "export",
            seconds=done.seconds,
            first_byte=done.first_byte,
            above_idle=processes.peak_memory(bench.api.pid) - before,
        )


async def export(bench: Bench) -> Download:
    """Export the days with about the wanted number of visitors."""
    share = min(1.0, bench.scale.exported / max(bench.scale.sizes))
    first = bench.dataset.today - timedelta(days=PAST_DAYS)
    last = first + timedelta(days=round(DAYS * share))
    path = f"/api/visitors/export-excel/?visit_date_from={first}&visit_date_to={last}"
    done = await download(bench.api.port, path, bench.admin)
    if not done.complete:
        raise RuntimeError("the export broke off")
    return done
