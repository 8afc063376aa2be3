"""Sizes on disk, memory of idle processes, and the start-up time of `vms dev`."""

import asyncio
import time

from bench import processes
from bench.dataset import FILLED
from bench.installation import HOST, READY_SECONDS, free_port
from bench.run import Bench
from devserver.address import is_ready

IDLE_SECONDS = 3.0
BYTES = "SELECT pg_table_size($1::regclass), pg_indexes_size($1::regclass)"


async def measure_sizes(bench: Bench) -> None:
    for table in FILLED:
        data, indexes = await bench.connection.fetchrow(BYTES, table)
        began = time.perf_counter()
        await bench.connection.execute(f"VACUUM {table}")
        seconds = time.perf_counter() - began
        mb = {"table_mb": data / 1e6, "index_mb": indexes / 1e6}
        bench.results.add(table, **mb, vacuum_seconds=seconds)


async def measure(bench: Bench) -> None:
    with bench.installation.api() as api, bench.installation.worker() as worker:
        await asyncio.sleep(IDLE_SECONDS)
        mb = processes.own_memory(api.pid) + processes.own_memory(worker)
        bench.results.add("idle", mb=mb)
    for is_first in (True, False):
        seconds = _ready_after(bench)
        if not is_first:  # creates a database
            bench.results.add("vms dev", seconds=seconds)


def _ready_after(bench: Bench) -> float:
    port, began = free_port(), time.perf_counter()
    with bench.installation.dev(port) as child:
        child.wait_until(lambda: is_ready(HOST, port), READY_SECONDS)
        return time.perf_counter() - began
