"""Concurrent requests to two server processes."""

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.e2e.installation import Today

pytestmark = [pytest.mark.e2e]


def answers(responses: list[httpx.Response]) -> Counter[tuple[int, str | None]]:
    return Counter((r.status_code, r.json().get("code")) for r in responses)


async def insist(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> httpx.Response:
    """Return the answer that does not ask to come again: on a busy machine some wait in vain."""
    while (answer := await client.post(path, json=body)).status_code == 503:  # noqa: ASYNC110 - a server sets no event
        await asyncio.sleep(0.1)
    return answer


async def test_of_200_registrations_for_one_slot_exactly_20_succeed(
    clients: list[httpx.AsyncClient], today: Today
) -> None:
    when = today.tomorrow(9)
    requests = [
        insist(
            clients[number % 2],
            "/api/visitors/",
            {"name": f"V {number}", "email": f"v{number}@example.com", **when},
        )
        for number in range(200)
    ]
    outcome = answers(await asyncio.gather(*requests))
    assert outcome == {(201, None): 20, (409, "slot_full"): 180}


async def test_of_50_scans_of_one_code_exactly_one_is_admitted(
    clients: list[httpx.AsyncClient], today: Today
) -> None:
    body = {"name": "Alan", "email": "alan@example.com", **today.in_five_minutes}
    token = (await clients[0].post("/api/visitors/", json=body)).json()["qr_code"]
    scans = [
        insist(clients[number % 2], "/api/visitors/verify-qr/", {"token": token})
        for number in range(50)
    ]
    outcome = answers(await asyncio.gather(*scans))
    assert outcome == {(200, None): 1, (409, "already_inside"): 49}


async def test_opposite_moves_never_deadlock(
    clients: list[httpx.AsyncClient], today: Today
) -> None:
    hours = [today.tomorrow(11), today.tomorrow(12)]
    ids = []
    for number, when in enumerate(hours):
        body = {"name": f"Mover {number}", "email": f"mover{number}@example.com", **when}
        ids.append((await clients[0].post("/api/visitors/", json=body)).json()["id"])
    outcome: Counter[tuple[int, str | None]] = Counter()
    for turn in range(100):
        moves = [
            clients[number].post(
                f"/api/visitors/{ids[number]}/reschedule/", json=hours[(number + turn + 1) % 2]
            )
            for number in range(2)
        ]
        outcome += answers(await asyncio.gather(*moves))
    assert outcome == {(200, None): 200}
