"""Two server processes compared with one."""

from functools import partial

from bench.installation import Process
from bench.load import get
from bench.requests import VISITORS, registrations
from bench.run import WARMING, Bench, interleaved


async def measure(bench: Bench) -> None:
    with bench.installation.api(workers=2) as two:
        await bench.warm(registrations(bench, 2 * WARMING), two)
        await interleaved(
            bench.scale.rounds,
            [
                partial(_register, bench, "register, one process", bench.api),
                partial(_register, bench, "register, two processes", two),
                partial(_list, bench, "list at 16, one process", bench.api),
                partial(_list, bench, "list at 16, two processes", two),
            ],
        )


async def _register(bench: Bench, row: str, server: Process) -> None:
    requests = registrations(bench, bench.scale.requests)
    await bench.drive(row, requests, expected=(201,), server=server)


async def _list(bench: Bench, row: str, server: Process) -> None:
    requests = [get(VISITORS, bench.admin)] * (bench.scale.requests // 4)
    await bench.drive(row, requests, server=server)
