"""Batches of offline gates sent to two server processes, and to one that dies."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from tests.e2e.installation import Installation, Today, all_ready, eventually, free_port, process

pytestmark = [pytest.mark.e2e]

BATCH = "/api/visitors/scans/batch/"


async def tokens(client: httpx.AsyncClient, count: int, when: dict[str, str]) -> list[str]:
    bodies = [{"name": f"V {n}", "email": f"v{n}@example.com", **when} for n in range(count)]
    answers = [await client.post("/api/visitors/", json=body) for body in bodies]
    return [answer.json()["qr_code"] for answer in answers]


def batch(codes: list[str]) -> dict[str, Any]:
    at = datetime.now(UTC).isoformat()
    return {"scans": [{"token": c, "scan_id": str(uuid4()), "scanned_at": at} for c in codes]}


def results(answer: httpx.Response) -> Counter[str]:
    assert answer.status_code == 200, answer.text
    return Counter(result["result"] for result in answer.json()["results"])


async def test_of_two_gates_on_two_servers_one_admits_each_visitor(
    clients: list[httpx.AsyncClient], today: Today
) -> None:
    codes = await tokens(clients[0], 6, today.in_five_minutes)
    batches = [batch(codes), batch(codes[::-1])]
    scans = [
        clients[n % 2].post("/api/visitors/verify-qr/", json={"token": codes[n]}) for n in range(6)
    ]
    sent = [client.post(BATCH, json=body) for client, body in zip(clients, batches, strict=True)]
    one, other, *alone = await asyncio.gather(*sent, *scans)
    admitted = (results(one) + results(other))["accepted"]
    assert admitted + sum(answer.status_code == 200 for answer in alone) == 6
    assert results(one).keys() | results(other).keys() <= {"accepted", "conflict"}


@asynccontextmanager
async def held(url: str, code: str) -> AsyncIterator[asyncpg.Connection]:
    """Lock the visitor of a code in another session during the block."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT FROM visitors WHERE qr_code = $1 FOR UPDATE", code)
            yield connection
    finally:
        await connection.close()


async def test_a_server_that_dies_within_a_batch_keeps_nothing_of_it(
    installation: Installation, clients: list[httpx.AsyncClient], today: Today, tmp_path: Path
) -> None:
    codes = await tokens(clients[0], 2, today.in_five_minutes)
    body, port = batch(codes), free_port()
    url = installation.environment["DATABASE_URL"].replace("+asyncpg", "")
    command, log = ["serve", "--port", str(port)], tmp_path / "dying.log"
    with process(command, installation.environment, log) as server:
        await all_ready((f"http://127.0.0.1:{port}",))
        async with held(url, codes[-1]) as other:
            address = f"http://127.0.0.1:{port}{BATCH}"
            lost = asyncio.create_task(clients[0].post(address, json=body))
            waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            await eventually(lambda: other.fetchval(waits))
            server.kill()
            with pytest.raises(httpx.TransportError):
                await lost
    first = await clients[1].post(BATCH, json=body)
    again = await clients[1].post(BATCH, json=body)
    assert (results(first), results(again)) == ({"accepted": 2}, {"duplicate": 2})
