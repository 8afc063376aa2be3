"""Floods of wrong passwords, with and without Redis, while the owner of an account signs in."""

import asyncio
from collections import Counter
from collections.abc import Callable

import httpx
import pytest
from sqlalchemy import func, select

from app.auth.models import AccountEvent
from app.core.db.database import Database
from devserver.redis import EmbeddedRedis
from tests.e2e.installation import ADMIN
from tests.faults.outages import OUTAGES
from tests.faults.processes import Service, until_ready
from tests.faults.report import Finding

pytestmark = [pytest.mark.faults]

HOME, ELSEWHERE, ANYWHERE = "203.0.113.1", "198.51.100.1", "198.51.100.2"
AT_ONCE, HANGING_UP, JUNK = 300, 120, 900
WRONG = {"password": "a wrong password"}
LOGIN = "/api/auth/login/"


async def login(client: httpx.AsyncClient, via: str, **fields: str) -> httpx.Response:
    body, headers = ADMIN | fields, {"X-Forwarded-For": via}
    return await client.post(LOGIN, json=body, headers=headers)


def unlimited(address: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None)
    return httpx.AsyncClient(base_url=address, limits=limits, timeout=120)


async def tries(database: Database) -> int:
    async with database.read() as session:
        counted = select(func.count()).select_from(AccountEvent)
        return await session.scalar(counted.where(AccountEvent.action == "sign_in_failed")) or 0


async def test_an_owner_signs_in_while_others_guess(
    service: Service, database: Database, find: Callable[[str], Finding]
) -> None:
    found = find("300 guesses at once, 120 that hang up, 900 junk requests")
    installation = await service.serve(TRUSTED_PROXIES="127.0.0.1", BCRYPT_ROUNDS="12")
    async with unlimited(installation.addresses[0]) as client:
        assert (await login(client, HOME)).status_code == 200
        gone = [
            asyncio.create_task(login(client, ANYWHERE, email=f"gone{n}@example.com", **WRONG))
            for n in range(HANGING_UP)
        ]
        flood = [
            asyncio.create_task(login(client, ELSEWHERE, email=f"x{n}@example.com", **WRONG))
            for n in range(AT_ONCE)
        ]
        junk = [asyncio.create_task(client.get("/api/nothing/")) for _ in range(JUNK)]
        await asyncio.wait(flood, return_when=asyncio.FIRST_COMPLETED)
        for task in gone:
            task.cancel()
        right = await login(client, HOME)
        answers = Counter(answer.status_code for answer in await asyncio.gather(*flood))
        await asyncio.gather(*junk)
        await asyncio.gather(*gone, return_exceptions=True)
    found.lost = int(right.status_code != 200)
    found.late = [f"the owner {right.elapsed.total_seconds():.1f} s"]
    assert found.lost == 0
    assert answers.keys() <= {401, 429, 503}
    assert answers[401] <= 50
    assert await tries(database) <= 100


async def test_a_locked_out_caller_stays_so_without_redis(
    service: Service, redis: EmbeddedRedis, find: Callable[[str], Finding]
) -> None:
    installation = await service.serve(TRUSTED_PROXIES="127.0.0.1")
    async with unlimited(installation.addresses[0]) as client:
        for number, (name, outage) in enumerate(OUTAGES.items()):
            found, via = find(f"Redis is {name} while somebody guesses"), f"198.51.100.{number}"
            for _ in range(10):
                assert (await login(client, via, **WRONG)).status_code == 401
            async with outage(redis):
                await until_ready(client, lambda answer: answer.json()["redis"] == "down")
                refused = [await login(client, via) for _ in range(5)]
                owner = await login(client, HOME)
            await until_ready(client, lambda answer: answer.json()["redis"] == "up")
            refused += [await login(client, via) for _ in range(5)]
            found.lost = sum(answer.status_code != 429 for answer in refused)
            assert found.lost == 0
            assert owner.status_code == 200
