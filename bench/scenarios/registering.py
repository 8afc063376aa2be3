"""Registrations in many hours and in one hour, with their floors."""

from collections.abc import Awaitable, Callable
from functools import partial

from bench.floor import FLOOR
from bench.floor_sql import REGISTER
from bench.installation import Process
from bench.load import Outcome
from bench.pgbench import pgbench, script
from bench.requests import DAYS, HOURS, VISITORS, registrations, walk_ins
from bench.run import CONNECTIONS, COUNTED, WARMING, Bench, interleaved

HOT_CONNECTIONS = 64
HOT_HOUR = (70, 8)
LAST_SEATS_HOUR = (70, 9)
LOCKED_CONNECTIONS = 4

FLOORS = {
    "register, F1": "/statements/visitors/",
    "register, F1 at once": "/at-once/visitors/",
    "register, F3": "/validated/visitors/",
}
# Substitutes for a request in pgbench.
ANY_HOUR = {"days": f"random(2, {DAYS + 1})", "hour": f"random(0, {HOURS - 1})"}
ONE_HOUR = {"days": str(HOT_HOUR[0]), "hour": str(HOT_HOUR[1])}
SOMEBODY = {
    "name": "'Visitor Number 1'",
    "email": "'new1@example.com'",
    "phone": "'+49 30 123456'",
    "company": "'Analytical Engines Ltd'",
    "purpose": "'business_meeting'",
    "host_name": "'Charles Babbage'",
    "host_email": "'charles@example.com'",
    "code": "gen_random_uuid()",
}

FULL_SLOT = """
UPDATE slots SET capacity = booked + $1
WHERE site_id = (SELECT id FROM sites WHERE is_default) AND visit_date = $2 AND hour = $3
RETURNING id, capacity
"""
TAKEN = """
SELECT greatest(booked, (SELECT count(*) FROM visitors WHERE slot_id = slots.id
    AND status IN ('pending', 'verified'))) FROM slots WHERE id = $1
"""


async def measure(bench: Bench) -> None:
    with bench.installation.floor() as floor:
        await _spread(bench, floor)
        await _hot(bench, floor)
    await _last_seats(bench)


async def _spread(bench: Bench, floor: Process) -> None:
    await bench.warm(registrations(bench, WARMING))
    for path in FLOORS.values():
        await bench.warm(registrations(bench, WARMING, path=path), floor)
    await bench.warm(walk_ins(bench, WARMING))
    await bench.count_statements(
        {"register": registrations(bench, COUNTED), "walk-in": walk_ins(bench, COUNTED)}
    )
    samples = {row: registrations(bench, COUNTED, path=path) for row, path in FLOORS.items()}
    await bench.count_statements(samples, server=floor, application=FLOOR)
    contenders: list[Callable[[], Awaitable[Outcome]]] = [
        partial(_register, bench, "register"),
        partial(_walk_in, bench),
    ]
    for row, path in FLOORS.items():
        contenders.append(partial(_register, bench, row, path=path, server=floor))
    contenders.append(partial(_pgbench, bench, "register, F2", ANY_HOUR))
    await interleaved(bench.scale.rounds, contenders)


async def _hot(bench: Bench, floor: Process) -> None:
    path = FLOORS["register, F1"]
    hot = partial(_register, at=HOT_HOUR, connections=HOT_CONNECTIONS)
    await interleaved(
        bench.scale.rounds,
        [
            partial(hot, bench, "hot hour"),
            partial(hot, bench, "hot hour, F1", path=path, server=floor),
            partial(_pgbench, bench, "hot hour, F2", ONE_HOUR, clients=HOT_CONNECTIONS),
        ],
    )


async def _register(
    bench: Bench,
    row: str,
    *,
    path: str = VISITORS,
    at: tuple[int, int] | None = None,
    server: Process | None = None,
    connections: int = CONNECTIONS,
) -> Outcome:
    requests = registrations(bench, bench.scale.requests, path=path, at=at)
    return await bench.drive(
        row, requests, expected=(200, 201), server=server, connections=connections
    )


async def _walk_in(bench: Bench) -> Outcome:
    requests = walk_ins(bench, bench.scale.requests)
    return await bench.drive("walk-in", requests, expected=(201,), connections=CONNECTIONS)


async def _pgbench(
    bench: Bench, row: str, hour: dict[str, str], *, clients: int = CONNECTIONS
) -> Outcome:
    run = pgbench(
        bench.installation.dsn,
        script(REGISTER, hour, SOMEBODY),
        transactions=max(bench.scale.requests, clients),
        clients=clients,
    )
    return await bench.note(row, run)


async def _last_seats(bench: Bench) -> None:
    """Register twice as many visitors as seats; then measure refusals while the hour is locked."""
    seats = bench.scale.requests // 4
    day, hour = bench.dataset.day(LAST_SEATS_HOUR[0]), LAST_SEATS_HOUR[1]
    slot_id, capacity = await bench.connection.fetchrow(FULL_SLOT, seats, day, hour)
    await bench.drive(
        "last seats",
        registrations(bench, 2 * seats, at=LAST_SEATS_HOUR),
        expected=(201, 409),
        connections=HOT_CONNECTIONS,
    )
    taken = await bench.connection.fetchval(TAKEN, slot_id)
    bench.results.add("last seats", overbooked=taken - capacity)
    async with bench.connection.transaction():
        await bench.connection.execute("SELECT FROM slots WHERE id = $1 FOR UPDATE", slot_id)
        await bench.drive(
            "full hour, locked",
            registrations(bench, bench.scale.reads, at=LAST_SEATS_HOUR),
            expected=(409,),
            connections=LOCKED_CONNECTIONS,
        )
