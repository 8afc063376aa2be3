"""Deliveries to a webhook while the worker is killed, and while a server is away."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from devserver.postgres import EmbeddedPostgres
from devserver.redis import EmbeddedRedis
from devserver.server import Server
from tests.e2e.installation import eventually
from tests.faults.outages import OUTAGES
from tests.faults.processes import Service, kill, visitor
from tests.faults.report import Finding
from tests.webhooks.receivers import OK, Receiver

pytestmark = [pytest.mark.faults]

KILLS = 3
EVENTS = 120
AT_A_TIME = 16  # deliveries of one webhook in flight
TYPES = ["visit.registered"]


async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer after a moment, so that a kill finds messages in flight."""
    await asyncio.sleep(0.2)
    writer.write(OK)
    await writer.drain()


@asynccontextmanager
async def receiving(service: Service, prefix: str, number: int) -> AsyncIterator[Receiver]:
    """Yield the receiver of a webhook, with so many events on their way and no worker."""
    async with Receiver(slowly).running() as receiver:
        async with service.application() as client:
            body = {"url": receiver.url, "types": TYPES}
            assert (await client.post("/api/webhooks/", json=body)).status_code == 201
            for each in range(number):
                person = visitor(f"{prefix}-{each}@example.com", each % 24)
                assert (await client.post("/api/visitors/", json=person)).status_code == 201
        yield receiver


def came(receiver: Receiver) -> Counter[str]:
    return Counter(receiver.ids)


async def test_a_worker_during_deliveries(service: Service, find: Callable[[str], Finding]) -> None:
    found = find(f"the worker is killed {KILLS} times during {EVENTS} deliveries")
    async with receiving(service, "hooked", EVENTS) as receiver:
        for turn in range(KILLS):
            worker = service.worker()
            seen = 20 * (turn + 1)
            await eventually(lambda seen=seen: len(came(receiver)) >= seen)
            kill(worker)
        service.worker()
        await eventually(lambda: len(came(receiver)) == EVENTS)
    found.lost = EVENTS - len(came(receiver))
    found.twice = came(receiver).total() - EVENTS
    assert found.twice <= KILLS * AT_A_TIME


async def during(
    service: Service,
    server: Server,
    outage: Callable[[Server], AbstractAsyncContextManager[None]],
    found: Finding,
) -> None:
    """Take a server away in the middle of deliveries; those in flight may come twice."""
    number = 60
    async with receiving(service, found.fault.replace(" ", "-"), number) as receiver:
        worker = service.worker()
        await eventually(lambda: len(came(receiver)) >= 10)
        async with outage(server):
            await asyncio.sleep(3)
        await eventually(lambda: len(came(receiver)) == number)
        assert worker.running
        kill(worker)
    found.lost = number - len(came(receiver))
    found.twice = came(receiver).total() - number
    assert found.twice <= AT_A_TIME


@pytest.mark.parametrize("name", list(OUTAGES))
async def test_postgres_away_during_deliveries(
    service: Service, postgres: EmbeddedPostgres, find: Callable[[str], Finding], name: str
) -> None:
    await during(service, postgres, OUTAGES[name], find(f"PostgreSQL is {name} in deliveries"))


async def test_redis_away_during_deliveries(
    service: Service, redis: EmbeddedRedis, find: Callable[[str], Finding]
) -> None:
    await during(service, redis, OUTAGES["stopped"], find("Redis is stopped in deliveries"))
