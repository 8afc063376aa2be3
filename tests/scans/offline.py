"""Batches of past scans, as an offline gate reports them."""

from datetime import UTC, datetime
from typing import Any

import httpx

from app.core.clock import SettableClock
from app.core.ids import new_id
from tests.support.api import Api, Client

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
PATH = "visitors/scans/batch/"


def happened(token: str, at: str = "08:00", **fields: Any) -> dict[str, Any]:
    """Return a scan on the Monday of the tests, `at` a time in UTC."""
    return {
        "token": token,
        "scan_id": str(new_id()),
        "scanned_at": f"2026-11-23T{at}:00Z" if len(at) == 5 else at,
        **fields,
    }


async def report(gate: Client, *scans: dict[str, Any]) -> list[dict[str, Any]]:
    """Report a batch and return its results."""
    answer = await send(gate, *scans)
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    assert [result["scan_id"] for result in results] == [scan["scan_id"] for scan in scans]
    return results


async def send(gate: Client, *scans: dict[str, Any]) -> httpx.Response:
    return await gate.post(PATH, {"scans": list(scans)})


def words(results: list[dict[str, Any]]) -> list[str]:
    """Return the outcome of each scan, with the code of those that did not fit."""
    return [" ".join(filter(None, (r["result"], r["code"]))) for r in results]


async def shown(admin: Client, visitor: dict[str, Any]) -> dict[str, Any]:
    answer = await admin.get(f"visitors/{visitor['id']}/")
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def at_noon(api: Api, clock: SettableClock) -> Client:
    """Sign in the reception at midday, since earlier sign-ins have expired by then."""
    clock.set(NOON)
    return await api.admin("noon@example.com")
