"""Rosters of two thousand people, and marks of five hundred at a time."""

import json
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from app.core.ids import new_id
from app.visitors.models import VisitorStatus
from bench.load import get, post
from bench.run import COUNTED, Bench, Headers, sign_in

PEOPLE, MARKED = 2_000, 500
DEFAULT_SITE = "SELECT id FROM sites WHERE is_default"


async def measure(bench: Bench) -> None:
    admin = await sign_in(bench.api.port)
    site = await bench.connection.fetchval(DEFAULT_SITE)
    await bench.dataset.add(bench.connection, PEOPLE, VisitorStatus.VERIFIED, bench.dataset.today)
    await bench.connection.execute("ANALYZE visitors")
    start = post(f"/api/sites/{site}/musters/", {"kind": "drill"}, admin)
    muster = await _started(bench, start)
    await bench.count_statements(
        {
            "muster, marks": _marks(muster, COUNTED, admin),
            "muster, roster": [_roster(muster, admin)] * COUNTED,
        }
    )
    for _ in range(bench.scale.rounds):
        await _end(bench, muster, admin)
        await bench.drive("muster, start", [start], expected=(201,), connections=1)
        muster = await _open(bench, admin)
        roster = [_roster(muster, admin)] * bench.scale.reads
        await bench.drive("muster, roster", roster, connections=1)
        marks = _marks(muster, bench.scale.reads, admin)
        await bench.drive("muster, marks", marks, connections=1)
    await _end(bench, muster, admin)


async def _started(bench: Bench, start: bytes) -> dict[str, Any]:
    muster: dict[str, Any] = json.loads((await bench.ask(start)).body)
    return muster


async def _open(bench: Bench, admin: Headers) -> dict[str, Any]:
    listed = await bench.ask(get("/api/musters/?status=open", admin))
    [found] = json.loads(listed.body)["items"]
    muster: dict[str, Any] = json.loads((await bench.ask(_roster(found, admin))).body)
    return muster


async def _end(bench: Bench, muster: dict[str, Any], admin: Headers) -> None:
    unaccounted = (await _open(bench, admin))["counts"]["unaccounted"]
    path = f"/api/musters/{muster['id']}/end/"
    await bench.ask(post(path, {"unaccounted": unaccounted}, admin))


def _roster(muster: dict[str, Any], admin: Headers) -> bytes:
    return get(f"/api/musters/{muster['id']}/", admin)


def _marks(muster: dict[str, Any], count: int, admin: Headers) -> list[bytes]:
    """Return requests that each mark other people of the roster, again from its beginning."""
    ids = [entry["id"] for entry in muster["entries"]]
    path, now = f"/api/musters/{muster['id']}/marks/", datetime.now(UTC).isoformat()
    requests = []
    for number in range(count):
        first = number * MARKED % max(len(ids) - MARKED, 1)
        marks = [
            {"mark_id": str(new_id()), "entry": id_, "state": "safe", "marked_at": now}
            for id_ in islice(ids, first, first + MARKED)
        ]
        requests.append(post(path, marks, admin))
    return requests
