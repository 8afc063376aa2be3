"""Visitors who come unannounced."""

from typing import Any

import httpx

from tests.support.api import Client

WALK_IN = {"name": "Ada Lovelace", "email": "ada@example.com", "host_email": "charles@example.com"}
REASON = "The board has invited this guest"


def override(*codes: str, reason: str = REASON) -> dict[str, Any]:
    return {"override": {"codes": list(codes), "reason": reason}}


async def walk_in(desk: Client, **fields: Any) -> httpx.Response:
    return await desk.post("visitors/walk-in/", WALK_IN | fields)


async def admitted(desk: Client, **fields: Any) -> dict[str, Any]:
    answer = await walk_in(desk, **fields)
    assert answer.status_code == 201, answer.text
    visitor: dict[str, Any] = answer.json()
    return visitor
