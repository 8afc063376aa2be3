"""Uploads of twenty visitors, one at a time and four at once."""

from bench.requests import UPLOADED, uploads
from bench.run import COUNTED, WARMING, Bench

AT_ONCE = 4


async def measure(bench: Bench) -> None:
    await bench.warm(uploads(bench, WARMING // UPLOADED))
    await bench.count_statements({"upload": uploads(bench, COUNTED)})
    for _ in range(bench.scale.rounds):
        for row, connections in (("upload", 1), ("uploads, four at once", AT_ONCE)):
            requests = uploads(bench, bench.scale.reads)
            await bench.drive(row, requests, expected=(201,), connections=connections)
