"""Badges, one at a time."""

from bench.load import get
from bench.run import COUNTED, WARMING, Bench

AWAITED = "SELECT id FROM visitors WHERE status = 'pending' ORDER BY id DESC LIMIT 1"


async def measure(bench: Bench) -> None:
    visitor = await bench.connection.fetchval(AWAITED)
    badge = get(f"/api/visitors/{visitor}/badge.pdf", bench.admin)
    await bench.warm([badge] * WARMING)
    await bench.count_statements({"badge": [badge] * COUNTED})
    for _ in range(bench.scale.rounds):
        await bench.drive("badge", [badge] * bench.scale.reads, connections=1)
