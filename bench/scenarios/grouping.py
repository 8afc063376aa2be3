"""Groups of a hundred visitors, one at a time."""

from bench.requests import GROUPED, groups
from bench.run import COUNTED, WARMING, Bench


async def measure(bench: Bench) -> None:
    await bench.warm(groups(bench, max(1, WARMING // GROUPED)))
    await bench.count_statements({"group": groups(bench, COUNTED)})
    for _ in range(bench.scale.rounds):
        requests = groups(bench, bench.scale.reads)
        await bench.drive("group", requests, expected=(201,), connections=1)
