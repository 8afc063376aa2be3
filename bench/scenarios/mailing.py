"""Mail through one worker to a mail server without cost."""

import asyncio
import time

from bench import processes
from bench.load import Connection, Outcome, drive, post
from bench.requests import VISITORS, address, registrations, visitor, when
from bench.run import CONNECTIONS, Bench

QUIET_SECONDS = 2.0
PAUSE_SECONDS = 0.1
GIVE_UP_SECONDS = 30.0


async def measure(bench: Bench) -> None:
    await bench.empty_outbox()
    with bench.installation.worker():
        await bench.mails.quiet(QUIET_SECONDS)  # it sends tomorrow's reminders first
        await _delay(bench)
    await _rate(bench)


async def _delay(bench: Bench) -> None:
    """Measure the time from a response to the arrival of its confirmation."""
    outcome, began = Outcome(), time.perf_counter()
    connection = await Connection.open(bench.api.port)
    for _ in range(bench.scale.reads):
        number = next(bench.numbers)
        body = visitor(number, *when(bench.dataset.today, number))
        answer = await connection.ask(post(VISITORS, body, bench.admin))
        answered = time.perf_counter()
        outcome.statuses[answer.status] += 1
        outcome.latencies.append(await _arrival(bench, address(number)) - answered)
        await asyncio.sleep(PAUSE_SECONDS)
    connection.close()
    outcome.seconds = time.perf_counter() - began
    bench.results.add("mail, delay", p50=outcome.percentile(0.5), p99=outcome.percentile(0.99))


async def _arrival(bench: Bench, recipient: str) -> float:
    async with asyncio.timeout(GIVE_UP_SECONDS):
        while recipient not in bench.mails.by_recipient:
            await asyncio.sleep(0.001)
    return bench.mails.by_recipient[recipient]


async def _rate(bench: Bench) -> None:
    """Measure the rate of a starting worker, with two mails per registration."""
    requests = registrations(bench, bench.scale.mails // 2)
    await drive(bench.api.port, requests, connections=CONNECTIONS)
    bench.mails.arrivals.clear()
    with bench.installation.worker() as worker:
        while not bench.mails.arrivals:
            await asyncio.sleep(PAUSE_SECONDS)
        before = processes.cpu_seconds(worker)
        await bench.mails.quiet(QUIET_SECONDS)
        used = processes.cpu_seconds(worker) - before
    first, *_, last = arrivals = bench.mails.arrivals
    count = len(arrivals) - 1
    bench.results.add("mails", per_second=count / (last - first), cpu_ms=used * 1000 / count)
