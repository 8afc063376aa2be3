"""A thousand idle streams of one process, and the time from a commit to the client."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from app.core.ids import new_id
from bench import processes
from bench.installation import HOST, Process
from bench.load import Outcome, get
from bench.run import Bench, Headers, sign_in

IDLE, WARMING = 1_000, 50
SETTLED_SECONDS, QUIET_SECONDS = 2.0, 5.0
PATIENCE_SECONDS = 60.0
# No multiple of what anybody waits for.
PAUSE_SECONDS = 0.037
HAPPENS = """
INSERT INTO event_outbox (id, type, created_at, subject_type, subject_id, actor_kind, fields)
VALUES ($1, 'scan.refused', $2, 'scan', $1, 'system', '[]')
"""


class Stream:
    """An open stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        # The instants at which events arrived, by their ids.
        self.arrived: dict[str, float] = {}

    @classmethod
    async def open(cls, port: int, headers: Headers) -> "Stream":
        stream = cls(*await asyncio.open_connection(HOST, port))
        stream._writer.write(get("/api/events/stream/", headers))
        head = await stream._reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise ConnectionError(head.decode())
        return stream

    async def listen(self) -> None:
        """Note when events arrive, until cancelled."""
        while line := await self._reader.readline():
            if line.startswith(b'data: {"id":"'):
                self.arrived[line[13:49].decode()] = time.perf_counter()

    def close(self) -> None:
        self._writer.close()


async def measure(bench: Bench) -> None:
    with bench.installation.api() as api:
        admin = await sign_in(api.port)
        async with _streams(api, admin, WARMING):
            await _idle(bench, api, admin)
        with bench.installation.worker():
            for _ in range(bench.scale.rounds):
                await _delays(bench, api, admin)


@asynccontextmanager
async def _streams(api: Process, headers: Headers, number: int) -> AsyncIterator[list[Stream]]:
    streams = [await Stream.open(api.port, headers) for _ in range(number)]
    try:
        yield streams
    finally:
        for stream in streams:
            stream.close()


async def _idle(bench: Bench, api: Process, headers: Headers) -> None:
    """Record the memory of idle streams, and their CPU time in a second."""
    await asyncio.sleep(SETTLED_SECONDS)
    before = processes.own_memory(api.pid)
    async with _streams(api, headers, IDLE):
        await asyncio.sleep(SETTLED_SECONDS)
        mb = processes.own_memory(api.pid) - before
        cpu = processes.cpu_seconds(api.pid)
        await asyncio.sleep(QUIET_SECONDS)
        used = processes.cpu_seconds(api.pid) - cpu
    bench.results.add("streams, idle", above_idle=mb, cpu_ms=used * 1000 / QUIET_SECONDS)


async def _delays(bench: Bench, api: Process, headers: Headers) -> None:
    """Record the time from the commit of an event until a client has it."""
    async with _streams(api, headers, 1) as (stream,):
        listening = asyncio.create_task(stream.listen())
        await _happen(bench, stream, 1)  # also waits for the worker
        found = Outcome(await _happen(bench, stream, bench.scale.reads * 4))
        listening.cancel()
    bench.results.add("stream, delay", p50=found.percentile(0.5), p99=found.percentile(0.99))


async def _happen(bench: Bench, stream: Stream, number: int) -> list[float]:
    """Commit events one after another; return the seconds until each arrived."""
    committed: dict[str, float] = {}
    for _ in range(number):
        id_ = new_id()
        await bench.connection.execute(HAPPENS, id_, datetime.now(UTC))
        committed[str(id_)] = time.perf_counter()
        await asyncio.sleep(PAUSE_SECONDS)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while committed.keys() - stream.arrived.keys():
            await asyncio.sleep(PAUSE_SECONDS)
    return [stream.arrived[id_] - at for id_, at in committed.items()]
