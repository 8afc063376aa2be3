"""Groups of tests."""

from typing import Any

from tests.support.api import Client

COMMON: dict[str, Any] = {
    "name": "Board of trustees",
    "visit_date": "2026-11-23",
    "visit_time": "10:00",
}
HOST: dict[str, Any] = {"host_name": "Charles Babbage", "host_email": "charles@example.com"}


def members(count: int, first: int = 1, **fields: Any) -> list[dict[str, Any]]:
    return [
        {"name": f"Guest {n}", "email": f"guest{n}@example.com", **fields}
        for n in range(first, first + count)
    ]


async def add_group(client: Client, count: int = 3, **fields: Any) -> dict[str, Any]:
    """Register a group; fields replace those of `COMMON`."""
    answer = await client.post("groups/", COMMON | {"visitors": members(count)} | fields)
    assert answer.status_code == 201, answer.text
    group: dict[str, Any] = answer.json()
    return group


def ids(group: dict[str, Any]) -> list[str]:
    return [visitor["id"] for visitor in group["visitors"]]
