"""Scans at a gate, with their floors."""

import json
from functools import partial

import asyncpg

from app.visitors.models import VisitorStatus
from bench.floor import CALLER, FLOOR
from bench.floor_sql import SCAN
from bench.installation import Process
from bench.load import Outcome, post
from bench.pgbench import pgbench, script
from bench.requests import scans
from bench.run import CONNECTIONS, COUNTED, WARMING, Bench, Headers, interleaved

F1, F3 = "/statements/verify-qr/", "/validated/verify-qr/"
FORGED = "V1" + "A" * 40
# A substitute for a request in pgbench: the next prepared code.
NEXT_CODE = {
    "code": "(SELECT code FROM bench_codes WHERE number = (SELECT nextval('bench_turns')))",
    "scan": "(SELECT gen_random_uuid())",
    "caller": f"'{CALLER}'::uuid",
    "hash": "sha256('code'::bytea)",
}
LAY_OUT = """
DROP TABLE IF EXISTS bench_codes;
DROP SEQUENCE IF EXISTS bench_turns;
CREATE TABLE bench_codes (number bigint PRIMARY KEY, code text);
CREATE SEQUENCE bench_turns;
"""


async def measure(bench: Bench) -> None:
    gate = await gate_of(bench)
    with bench.installation.floor() as floor:
        await _warm(bench, gate, floor)
        await _count(bench, gate, floor)
        await interleaved(
            bench.scale.rounds,
            [
                partial(_admitted_and_again, bench, gate),
                partial(_admitted_by_floor, bench, floor),
                partial(_pgbench, bench),
                partial(_forged, bench, gate),
                partial(_validated, bench, floor),
            ],
        )


async def gate_of(bench: Bench) -> Headers:
    device = {"name": f"Gate {next(bench.numbers)}", "kind": "scanner"}
    answer = await bench.ask(post("/api/devices/", device, bench.admin))
    return {"X-Device-Key": json.loads(answer.body)["key"]}


async def expected_today(bench: Bench, count: int) -> list[str]:
    """Return the QR tokens of visitors who may check in now."""
    return await bench.dataset.add(
        bench.connection, count, VisitorStatus.PENDING, bench.dataset.today
    )


async def _count(bench: Bench, gate: Headers, floor: Process) -> None:
    requests = scans(await expected_today(bench, COUNTED), gate)
    forged = scans([FORGED] * COUNTED, gate)
    await bench.count_statements(
        {"scan": requests, "scan, replay": requests, "scan, forged": forged}
    )
    codes = await expected_today(bench, COUNTED)
    sample = {"scan, F1": scans(codes, {}, path=F1)}
    await bench.count_statements(sample, server=floor, application=FLOOR)


async def _warm(bench: Bench, gate: Headers, floor: Process) -> None:
    requests = scans(await expected_today(bench, WARMING), gate)
    await bench.warm(requests + requests)
    await bench.warm(scans(await expected_today(bench, WARMING), {}, path=F1), floor)
    await bench.warm(scans([FORGED] * WARMING, {}, path=F3), floor)


async def _admitted_and_again(bench: Bench, gate: Headers) -> None:
    requests = scans(await expected_today(bench, bench.scale.requests), gate)
    await bench.drive("scan", requests)
    await bench.drive("scan, replay", requests)


async def _admitted_by_floor(bench: Bench, floor: Process) -> None:
    codes = await expected_today(bench, bench.scale.requests)
    await bench.drive("scan, F1", scans(codes, {}, path=F1), server=floor)


async def _pgbench(bench: Bench) -> Outcome:
    codes = await expected_today(bench, bench.scale.requests)
    await _lay_out(bench.connection, codes)
    run = pgbench(
        bench.installation.dsn,
        script(SCAN, {}, NEXT_CODE),
        transactions=len(codes),
        clients=CONNECTIONS,
    )
    return await bench.note("scan, F2", run)


async def _lay_out(connection: asyncpg.Connection, codes: list[str]) -> None:
    await connection.execute(LAY_OUT)
    await connection.copy_records_to_table("bench_codes", records=enumerate(codes, 1))


async def _forged(bench: Bench, gate: Headers) -> None:
    requests = scans([FORGED] * bench.scale.requests, gate)
    await bench.drive("scan, forged", requests, expected=(404,))


async def _validated(bench: Bench, floor: Process) -> None:
    requests = scans([FORGED] * bench.scale.requests, {}, path=F3)
    await bench.drive("scan, F3", requests, server=floor)
