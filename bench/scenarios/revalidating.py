"""Reads by a client that has the answer, which end in 304, beside the full answers."""

import json
from functools import partial

from app.core.http.responses import tag_of
from bench.load import drive, get
from bench.requests import VISITORS
from bench.run import COUNTED, Bench, interleaved

WARM = 3
KNOWN = "304"


async def measure(bench: Bench) -> None:
    visitor = await bench.connection.fetchval("SELECT id FROM visitors LIMIT 1")
    site = await bench.connection.fetchval("SELECT id FROM sites WHERE is_default")
    paths = {
        "read a visitor": f"{VISITORS}{visitor}/",
        "read a site": f"/api/sites/{site}/",
        "list sites": "/api/sites/",
        "list hosts": f"{VISITORS}hosts/",
        "desk, of an admin": f"/api/desk/?site={site}",
    }
    requests: dict[str, bytes] = {}
    for row, path in paths.items():
        requests[row] = get(path, bench.admin)
        body = (await bench.ask(requests[row])).body
        tag = json.loads(body)["version"] if "desk" in path else tag_of(body)
        requests[f"{row}, {KNOWN}"] = get(path, {**bench.admin, "If-None-Match": f'"{tag}"'})
    await drive(bench.api.port, [*requests.values()] * WARM, connections=1)
    await bench.count_statements({row: [request] * COUNTED for row, request in requests.items()})
    runs = [partial(_run, bench, row, request) for row, request in requests.items()]
    await interleaved(bench.scale.rounds, runs)


async def _run(bench: Bench, row: str, request: bytes) -> None:
    expected = (304,) if row.endswith(KNOWN) else (200,)
    await bench.drive(row, [request] * bench.scale.reads, connections=1, expected=expected)
