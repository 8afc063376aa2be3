"""The nightly jobs: their duration, and their effect on bookings."""

import asyncio
import time
from collections.abc import Awaitable, Iterator
from datetime import date
from itertools import count

from app.visitors.models import VisitorStatus
from bench.requests import registrations
from bench.run import Bench

BOOKINGS_PER_SECOND = 50
LEAST_BOOKINGS = 10
POLL_SECONDS = 0.1
GIVE_UP_SECONDS = 120.0

OPEN = "SELECT count(*) FROM visitors WHERE status IN ('pending', 'verified') AND visit_date = $1"


async def measure(bench: Bench) -> None:
    await bench.empty_outbox()
    alone = asyncio.sleep(bench.scale.seconds)
    await _while_booking(bench, "register, 50 a second", alone)
    await _closing(bench)
    await _purging(bench)


async def _closing(bench: Bench) -> None:
    """Close the visits of yesterday, as a starting worker does."""
    yesterday, closed = bench.dataset.day(-1), bench.scale.closed
    await bench.dataset.add(bench.connection, closed, VisitorStatus.PENDING, yesterday)
    await bench.connection.execute("ANALYZE visitors")
    with bench.installation.worker():
        await _fewer_open(bench, yesterday, closed)
        began = time.perf_counter()
        await _while_booking(bench, "register, closing", _fewer_open(bench, yesterday, 1))
        seconds = time.perf_counter() - began
    left = await bench.connection.fetchval(OPEN, yesterday)
    bench.results.add("closing visits", seconds=seconds, left_open=left)


async def _purging(bench: Bench) -> None:
    began = time.perf_counter()
    purge = asyncio.to_thread(bench.installation.vms, "purge")
    await _while_booking(bench, "register, purging", purge)
    bench.results.add("purging visitors", seconds=time.perf_counter() - began)


async def _fewer_open(bench: Bench, day: date, visits: int) -> None:
    ends = time.perf_counter() + GIVE_UP_SECONDS
    while time.perf_counter() < ends and await bench.connection.fetchval(OPEN, day) >= visits:
        await asyncio.sleep(POLL_SECONDS)


async def _while_booking(bench: Bench, row: str, job: Awaitable[object]) -> None:
    """Book at a steady rate until the job is done."""
    over = asyncio.ensure_future(job)

    def bookings() -> Iterator[bytes]:
        for number in count():
            if over.done() and number >= LEAST_BOOKINGS:
                return
            yield from registrations(bench, 1)

    await bench.drive(row, bookings(), expected=(201,), per_second=BOOKINGS_PER_SECOND)
    await over
