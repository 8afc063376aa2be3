"""Floods of wrong passwords, and their effect on the owner and on a gate."""

import asyncio
from collections.abc import Awaitable, Iterable
from itertools import count

from bench.installation import EMAIL, PASSWORD
from bench.load import Outcome, drive, get, post
from bench.requests import scans
from bench.run import Bench
from bench.scenarios.scanning import expected_today, gate_of

LOGIN = "/api/auth/login/"
GUESSES_PER_SECOND = 100
NETWORKS = 50
AT_ONCE = 300
JUNK_PER_SECOND = 900
SCANS_PER_SECOND = 50
BURSTS = 10
USUAL = 10
# Enough for a flood, which must never wait for a connection.
CONNECTIONS = 200
# Enough for a fixed rate: no request waits for a slow one.
OWNERS = 4
_networks = count()


async def measure(bench: Bench) -> None:
    await _sign_in(bench, "login, usual", [_right()] * USUAL)
    await _beside(bench, "one network", _guesses(bench, [_network()]))
    await _beside(bench, "50 networks", _guesses(bench, [_network() for _ in range(NETWORKS)]))
    await _bursts(bench)
    await _junk(bench)


async def _beside(bench: Bench, name: str, guesses: list[bytes]) -> None:
    """Sign the owner in once a second while wrong passwords arrive."""
    rights = [_right()] * _during(bench, 1)
    flood = _flood(bench, f"flood, {name}", guesses, GUESSES_PER_SECOND)
    await asyncio.gather(flood, _sign_in(bench, f"login, {name}", rights, per_second=1))


async def _bursts(bench: Bench) -> None:
    outcome = Outcome()
    for _ in range(BURSTS):
        network = _network()
        guesses = [_guess(network) for _ in range(AT_ONCE)]
        burst = asyncio.create_task(drive(bench.api.port, guesses, connections=AT_ONCE))
        await asyncio.sleep(0.05)
        right = await drive(bench.api.port, [_right()], connections=1)
        outcome.latencies += right.latencies
        outcome.statuses += right.statuses
        await burst
    _note(bench, "login, 300 at once", outcome)


async def _junk(bench: Bench) -> None:
    """Send scans and sign-ins during bursts of wrong passwords and unknown addresses."""
    codes = await expected_today(bench, _during(bench, SCANS_PER_SECOND))
    requests = scans(codes, await gate_of(bench))
    rights = [_right()] * _during(bench, 1)
    junk = [get("/api/nothing/", {})] * _during(bench, JUNK_PER_SECOND)
    guesses = _guesses(bench, [_network()], per_second=AT_ONCE)
    others: list[Awaitable[object]] = [
        _flood(bench, "flood, junk", junk, JUNK_PER_SECOND),
        _flood(bench, "flood, 300 a second", guesses, AT_ONCE),
        _sign_in(bench, "login, junk", rights, per_second=1),
    ]
    await asyncio.gather(bench.drive("scan, junk", requests, per_second=SCANS_PER_SECOND), *others)


async def _flood(bench: Bench, row: str, requests: list[bytes], per_second: float) -> None:
    outcome = await drive(bench.api.port, requests, connections=CONNECTIONS, per_second=per_second)
    bench.note_latencies(row, outcome, outcome.statuses.keys() - {500})


async def _sign_in(
    bench: Bench, row: str, requests: Iterable[bytes], *, per_second: float | None = None
) -> None:
    outcome = await drive(
        bench.api.port, requests, connections=OWNERS if per_second else 1, per_second=per_second
    )
    _note(bench, row, outcome)


def _note(bench: Bench, row: str, outcome: Outcome) -> None:
    bench.note_latencies(row, outcome, (200,))
    bench.note_p95(row, outcome)


def _right() -> bytes:
    return post(LOGIN, {"email": EMAIL, "password": PASSWORD}, {})


def _guess(network: str) -> bytes:
    number = next(_networks)
    body = {"email": f"nobody{number}@example.com", "password": "a wrong password"}
    return post(LOGIN, body, {"X-Forwarded-For": network})


def _guesses(
    bench: Bench, networks: list[str], *, per_second: float = GUESSES_PER_SECOND
) -> list[bytes]:
    return [
        _guess(networks[number % len(networks)]) for number in range(_during(bench, per_second))
    ]


def _network() -> str:
    """Return an address in a new network."""
    number = next(_networks)
    return f"198.{18 + number // 65536 % 2}.{number // 256 % 256}.{number % 256}"


def _during(bench: Bench, per_second: float) -> int:
    return max(1, int(2 * per_second * bench.scale.seconds))
