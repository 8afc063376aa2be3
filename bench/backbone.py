"""Registration and scan on one server process, beside the same transactions on bare asyncpg.

    python -m bench.backbone [--requests 3000] [--rounds 3]

Starts its own PostgreSQL (durable, as in production), Redis, API and worker, and drives the API
with 16 connections. The floor is the same transaction, statement by statement, through asyncpg
from as many tasks with no HTTP in between: what Python and PostgreSQL could do at best. Rounds of
both are interleaved, since the machine may be noisy; the table shows the median and the spread.
"""

import argparse
import asyncio
import hashlib
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall_time
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from app.core.ids import new_id
from app.core.keys import KeyRing
from app.core.qr_token import QrTokens
from bench.load import Outcome, drive, post
from bench.server import SECRET, Running, installation, sign_in

CONNECTIONS = 16
DAYS = 60
HOURS = range(24)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--requests", type=int, default=3000)
    arguments.add_argument("--rounds", type=int, default=3)
    chosen = arguments.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vms-bench-")))
        server = stack.enter_context(installation(folder))
        results = asyncio.run(_measure(server, chosen.requests, chosen.rounds))
    _print(results, chosen.requests)


async def _measure(server: Running, requests: int, rounds: int) -> dict[str, list[Outcome]]:
    pool = await asyncpg.create_pool(server.dsn, min_size=CONNECTIONS, max_size=CONNECTIONS)
    site = await _open_site(pool)
    token = sign_in(server.port)
    results: dict[str, list[Outcome]] = {
        name: [] for name in ("register", "register, floor", "scan", "scan, floor")
    }
    floor = _Floor(pool, site)
    for _ in range(rounds):
        results["register"].append(await _register(server.port, token, requests))
        results["register, floor"].append(await _repeat(floor.register, range(requests)))
        codes = await _codes_for_today(pool, requests * 2)
        results["scan"].append(await _scan(server.port, token, codes[:requests]))
        results["scan, floor"].append(await _repeat(floor.scan, codes[requests:]))
    await pool.close()
    return results


async def _open_site(pool: asyncpg.Pool) -> UUID:
    """Open around the clock with room for everybody, in a zone where no midnight is near."""
    hours = (10 - datetime.now(UTC).hour) % 24
    hours -= 24 if hours > 14 else 0
    site: UUID = await pool.fetchval(
        "UPDATE sites SET timezone = $1, opens_at = '00:00', closes_at = '00:00',"
        " open_weekdays = '{1,2,3,4,5,6,7}', slot_capacity = 1000000, booking_lead_minutes = 0,"
        " early_arrival_minutes = 1440 RETURNING id",
        f"Etc/GMT{-hours:+d}",
    )
    return site


def _slot(number: int) -> tuple[date, int]:
    """Spread over the coming weeks, so that this measures a transaction and not one row's lock."""
    day = datetime.now(UTC).date() + timedelta(days=2 + number % DAYS)
    return day, number // DAYS % len(HOURS)


async def _register(port: int, token: str, requests: int) -> Outcome:
    prepared = [post("/api/visitors/", _visitor(number), token) for number in range(requests)]
    outcome = await drive(port, prepared, connections=CONNECTIONS)
    assert outcome.statuses == {201: requests}, outcome.statuses
    return outcome


def _visitor(number: int) -> dict[str, Any]:
    day, hour = _slot(number)
    return {
        "name": f"Visitor Number {number}",
        "email": f"visitor{number}@example.com",
        "phone": "+49 30 123456",
        "company": "Analytical Engines Ltd",
        "purpose": "business_meeting",
        "visit_date": day.isoformat(),
        "visit_time": f"{hour:02}:15",
        "host_name": "Charles Babbage",
        "host_email": "charles@example.com",
    }


async def _codes_for_today(pool: asyncpg.Pool, count: int) -> list[str]:
    """Codes of visitors who are expected today: registered ones, moved in one statement."""
    rows = await pool.fetch(
        "UPDATE visitors SET visit_date = (now() AT TIME ZONE"
        " (SELECT timezone FROM sites))::date, visit_time = '12:00'"
        " WHERE id IN (SELECT id FROM visitors WHERE status = 'pending' ORDER BY id LIMIT $1)"
        " RETURNING qr_code",
        count,
    )
    assert len(rows) == count
    return [row["qr_code"] for row in rows]


async def _scan(port: int, token: str, codes: list[str]) -> Outcome:
    prepared = [
        post("/api/visitors/verify-qr/", {"token": code, "gate": "North"}, token) for code in codes
    ]
    outcome = await drive(port, prepared, connections=CONNECTIONS)
    assert outcome.statuses == {200: len(codes)}, outcome.statuses
    return outcome


async def _repeat(work: Callable[[Any], Awaitable[None]], items: Any) -> Outcome:
    outcome, waiting = Outcome(), iter(items)

    async def one() -> None:
        for item in waiting:
            began = time.perf_counter()
            await work(item)
            outcome.latencies.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    outcome.seconds = time.perf_counter() - began
    return outcome


class _Floor:
    """The transactions of the service, statement by statement, with nothing around them."""

    def __init__(self, pool: asyncpg.Pool, site: UUID) -> None:
        self.pool = pool
        self.site = site
        self.codes = QrTokens(KeyRing([SECRET]))

    async def register(self, number: int) -> None:
        now, day, hour = datetime.now(UTC), *_slot(number)
        visitor, fields = new_id(), _visitor(number)
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.fetchrow("SELECT * FROM sites WHERE id = $1", self.site)
            slot = await connection.fetchval(
                "SELECT id FROM slots WHERE site_id = $1 AND visit_date = $2 AND hour = $3"
                " AND booked < capacity FOR UPDATE",
                self.site,
                day,
                hour,
            )
            await connection.execute("UPDATE slots SET booked = booked + 1 WHERE id = $1", slot)
            await connection.execute(
                "INSERT INTO visitors (id, site_id, slot_id, name, email, phone, company,"
                " visitor_type, visitor_category, purpose, visit_date, visit_time, host_name,"
                " host_email, status, qr_code, revision, is_rescheduled,"
                " checked_out_automatically, created_at, updated_at) VALUES ($1, $2, $3, $4, $5,"
                " $6, $7, 'professional', 'industry', $8, $9, $10, $11, $12, 'pending', $13, 0,"
                " false, false, $14, $14)",
                visitor,
                self.site,
                slot,
                *(fields[name] for name in ("name", "email", "phone", "company", "purpose")),
                day,
                wall_time(hour, 15),
                fields["host_name"],
                fields["host_email"],
                self.codes.new(),
                now,
            )
            await _event(connection, visitor, "registered", now)
            for kind in ("visitor_confirmation", "host_registration"):
                await _mail(connection, visitor, kind, now)

    async def scan(self, code: str) -> None:
        now = datetime.now(UTC)
        if not self.codes.is_genuine(code):
            raise ValueError(code)
        async with self.pool.acquire() as connection, connection.transaction():
            visitor = await connection.fetchrow(
                "SELECT * FROM visitors WHERE qr_code = $1 FOR UPDATE", code
            )
            await connection.fetchrow("SELECT * FROM sites WHERE id = $1", visitor["site_id"])
            await connection.execute(
                "UPDATE visitors SET status = 'verified', checked_in_at = $2, updated_at = $2,"
                " checked_in_gate = 'North' WHERE id = $1",
                visitor["id"],
                now,
            )
            await connection.execute(
                "INSERT INTO scans (id, visitor_id, caller_id, body_hash, token_hash, direction,"
                " gate, verdict, message, details, created_at) VALUES ($1, $2, $3, $4, $4, 'in',"
                " 'North', 'admitted', 'Welcome', '{}', $5)",
                new_id(),
                visitor["id"],
                self.site,
                hashlib.sha256(code.encode()).digest(),
                now,
            )
            await _event(connection, visitor["id"], "checked_in", now)
            await _mail(connection, visitor["id"], "host_arrival", now)


async def _event(connection: Any, visitor: UUID, action: str, now: datetime) -> None:
    await connection.execute(
        "INSERT INTO visitor_events (id, visitor_id, action, actor_role, actor_name, request_id,"
        " details, created_at) VALUES ($1, $2, $3, 'admin', 'Front Desk', 'bench', '{}', $4)",
        new_id(),
        visitor,
        action,
        now,
    )


async def _mail(connection: Any, visitor: UUID, kind: str, now: datetime) -> None:
    # Sent already: the worker, which runs as it does in production, must not mail the floor's rows.
    await connection.execute(
        "INSERT INTO notifications (id, visitor_id, kind, version, recipient, recipient_name,"
        " payload, status, attempts, tries_began_at, next_attempt_at, created_at)"
        " VALUES ($1, $2, $3, 0, 'a@example.com', 'A', $4, 'sent', 0, $5, $5, $5)",
        new_id(),
        visitor,
        kind,
        json.dumps({"visitor_name": "A" * 400}),
        now,
    )


def _print(results: dict[str, list[Outcome]], requests: int) -> None:
    print(f"\n{requests} requests a round, {CONNECTIONS} connections, one server process,")
    print(f"{os.cpu_count()} CPUs, Python {platform.python_version()}; medians (min-max)\n")
    print(f"{'':18}{'per second':>22}{'p50 ms':>9}{'p99 ms':>9}{'of floor':>10}")
    for name, outcomes in results.items():
        rates = [outcome.per_second for outcome in outcomes]
        floor = results.get(f"{name}, floor")
        ratio = ""
        if floor:
            ratios = [a.per_second / b.per_second for a, b in zip(outcomes, floor, strict=True)]
            ratio = f"{statistics.median(ratios):.2f}"
        spread = f"{statistics.median(rates):.0f} ({min(rates):.0f}-{max(rates):.0f})"
        p50 = statistics.median(outcome.percentile(0.50) for outcome in outcomes)
        p99 = statistics.median(outcome.percentile(0.99) for outcome in outcomes)
        print(f"{name:18}{spread:>22}{p50:>9.1f}{p99:>9.1f}{ratio:>10}")


if __name__ == "__main__":
    main()
