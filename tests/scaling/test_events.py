"""A system that follows through proxy and pooler reads every event once and in order."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.e2e.installation import eventually
from tests.events.following import write_entry
from tests.faults.processes import kill
from tests.scaling.conftest import Cluster
from tests.scaling.crowd import Crowd, opened, signed_in
from tests.scaling.test_cluster import bodies

pytestmark = [pytest.mark.scaling]


class Reader:
    """Follows by the API, from now on."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.after = 0
        self.events: list[dict[str, Any]] = []

    async def begin(self) -> None:
        self.after = (await self._page())["head"]

    async def read(self) -> None:
        page = await self._page()
        self.events += page["items"]
        self.after = page["next_after"]

    async def _page(self) -> dict[str, Any]:
        answer = await self.client.get("/api/events/", params={"after": self.after, "limit": 20})
        page: dict[str, Any] = answer.raise_for_status().json()
        return page

    def registered(self) -> list[str]:
        told = [e for e in self.events if e["type"] == "visit.registered"]
        return [event["subject"]["id"] for event in told]


async def test_a_killed_worker_behind_a_pooler_misses_nothing(
    cluster: Cluster,
) -> None:
    database = cluster.database()
    async with opened(cluster.nginx) as client:
        reader, crowd = Reader(await signed_in(client)), Crowd(client)
        await reader.begin()
        async with database.write() as late:  # an open transaction stops nobody
            write_entry(late)
            await late.flush()
            registering = asyncio.create_task(crowd.register(bodies("events", 200, hours=10)))
            await eventually(lambda: _read_on(reader, 20))
            children = cluster.service.running
            [worker, *_] = [c for c in children if c.program.name.startswith("worker")]
            kill(worker)
            await registering
            await eventually(lambda: _read_on(reader, 200))
        cluster.service.again(worker.program)
    await database.close()
    told = reader.registered()
    assert len(told) == len(set(told)) == len(crowd.registered) == 200
    numbers = [event["seq"] for event in reader.events]
    assert numbers == sorted(set(numbers))


async def _read_on(reader: Reader, number: int) -> bool:
    await reader.read()
    return len(reader.registered()) >= number
