"""Deliveries of one worker to receivers without cost, over plain HTTP."""

import asyncio
import time
from typing import cast

from bench import processes
from bench.load import post
from bench.run import Bench

RECEIVERS = 5
PAUSE_SECONDS = 0.1
GIVE_UP_SECONDS = 120.0
OK = b"HTTP/1.1 204 No Content\r\n\r\n"
EMIT = """
INSERT INTO event_outbox (id, created_at, type, subject_type, actor_kind, fields)
SELECT gen_random_uuid(), now(), 'slot.full', 'slot', 'system', '[]'::jsonb
FROM generate_series(1, $1)
"""


class Sink(asyncio.Protocol):
    """A receiver that only records when messages arrive, each in one part."""

    arrivals: list[float] = []  # noqa: RUF012 - of all connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._received.endswith(b"}"):
            self._received = b""
            Sink.arrivals.append(time.perf_counter())
            self._transport.write(OK)


async def measure(bench: Bench) -> None:
    """Measure the rate of a starting worker, with all events waiting."""
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for _ in range(RECEIVERS):
        body = {"url": "https://hooks.example.com/", "types": ["slot.full"]}
        await bench.ask(post("/api/webhooks/", body, bench.admin))
    url = f"http://127.0.0.1:{port}/"
    await bench.connection.execute("UPDATE webhooks SET url = $1", url)
    events = bench.scale.mails
    await bench.empty_outbox()
    await bench.connection.execute(EMIT, events)
    with bench.installation.worker(DEBUG="true") as worker:
        async with asyncio.timeout(GIVE_UP_SECONDS):
            before = await _arrived(1, worker)
            used = await _arrived(events * RECEIVERS, worker) - before
    server.close()
    first, *_, last = Sink.arrivals
    count = len(Sink.arrivals) - 1
    bench.results.add("webhooks", per_second=count / (last - first), cpu_ms=used * 1000 / count)
    await bench.connection.execute("DELETE FROM webhooks")
    Sink.arrivals.clear()


async def _arrived(number: int, worker: int) -> float:
    """Wait until so many messages have arrived; return the worker's CPU time."""
    while len(Sink.arrivals) < number:
        await asyncio.sleep(PAUSE_SECONDS if number > 1 else 0.005)
    return processes.cpu_seconds(worker)
