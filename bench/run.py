import itertools
import json
import sys
import time
import traceback
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from bench import processes
from bench.dataset import Dataset
from bench.installation import EMAIL, PASSWORD, Installation, Process
from bench.load import Answer, Connection, Outcome, drive, post
from bench.mail_sink import MailSink
from bench.results import Results
from bench.scale import Scale
from bench.statements import SERVICE, statements_logged

CONNECTIONS = 16
WARMING = 6 * CONNECTIONS
COUNTED = 3  # requests whose statements are counted
EMPTY_OUTBOX = """
UPDATE notifications SET status = 'sent', sent_at = now() WHERE status IN ('queued', 'sending')
"""

Headers = dict[str, str]
Measurement = Callable[["Bench"], Awaitable[None]]


@dataclass
class Bench:
    """The installation at one number of visitors, with the API process under test."""

    scale: Scale
    results: Results
    installation: Installation
    dataset: Dataset
    mails: MailSink
    api: Process
    connection: asyncpg.Connection
    admin: Headers
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def drive(
        self,
        row: str,
        requests: Iterable[bytes],
        *,
        expected: Collection[int] = (200,),
        server: Process | None = None,
        connections: int = CONNECTIONS,
        per_second: float | None = None,
    ) -> Outcome:
        """Send requests and record the outcome as a round of `row`."""
        server = server or self.api
        return await self.note(
            row,
            drive(server.port, requests, connections=connections, per_second=per_second),
            expected=expected,
            server=server,
        )

    async def note(
        self,
        row: str,
        run: Awaitable[Outcome],
        *,
        expected: Collection[int] = (),
        server: Process | None = None,
    ) -> Outcome:
        """Await a run and record it with the cost per request."""
        if server:
            processes.forget_peak(server.pid)
        before = self._cpu(server)
        outcome = await run
        costs = {name: value - before[name] for name, value in self._cpu(server).items()}
        count = len(outcome.latencies)
        self.results.add(row, per_second=outcome.per_second)
        self.note_latencies(row, outcome, expected)
        self.results.add(row, **{name: cost * 1000 / count for name, cost in costs.items()})
        if server:
            peak_mb = processes.peak_memory(server.pid)
            self.results.add(row, peak_mb=peak_mb, bytes=outcome.bytes / count)
        return outcome

    def note_latencies(self, row: str, outcome: Outcome, expected: Collection[int]) -> None:
        errors = sum(n for status, n in outcome.statuses.items() if status not in expected)
        p50, p99 = outcome.percentile(0.5), outcome.percentile(0.99)
        self.results.add(row, p50=p50, p99=p99, errors=errors)

    def note_p95(self, row: str, outcome: Outcome) -> None:
        self.results.add(row, p95=outcome.percentile(0.95))

    async def warm(self, requests: Sequence[bytes], server: Process | None = None) -> None:
        """Open every connection of the server's pool and prepare its statements."""
        await drive((server or self.api).port, requests, connections=CONNECTIONS)

    async def count_statements(
        self,
        samples: Mapping[str, Sequence[bytes]],
        *,
        server: Process | None = None,
        application: str = SERVICE,
    ) -> None:
        """Record how many statements a request of each row sends."""
        log = self.installation.postgres.log
        async with statements_logged(self.connection, log, application) as sent:
            for row, requests in samples.items():
                before = sent()
                await drive((server or self.api).port, requests, connections=1)
                self.results.add(row, statements=(sent() - before) / len(requests))

    async def ask(self, request: bytes) -> Answer:
        return await ask(self.api.port, request)

    async def empty_outbox(self) -> None:
        """Mark all notifications as sent, so that a starting worker is idle."""
        await self.connection.execute(EMPTY_OUTBOX)
        await self.connection.execute("VACUUM (ANALYZE) notifications")

    def _cpu(self, server: Process | None) -> dict[str, float]:
        database = self.installation.postgres.pid
        return {
            "database_ms": processes.cpu_seconds(database) if database else 0.0,
            "client_ms": time.process_time(),
            **({"cpu_ms": processes.cpu_seconds(server.pid)} if server else {}),
        }


async def ask(port: int, request: bytes) -> Answer:
    connection = await Connection.open(port)
    try:
        return await connection.ask(request)
    finally:
        connection.close()


async def sign_in(port: int, email: str = EMAIL) -> Headers:
    """Return the authorization header of an account."""
    answer = await ask(port, post("/api/auth/login/", {"email": email, "password": PASSWORD}, {}))
    return {"Authorization": f"Bearer {json.loads(answer.body)['access']}"}


async def interleaved(rounds: int, contenders: Sequence[Callable[[], Awaitable[object]]]) -> None:
    """Run the contenders in turn, in reverse every other round, so that noise affects all."""
    for number in range(rounds):
        for contender in contenders if number % 2 == 0 else reversed(contenders):
            await contender()


async def measure_all(
    scale: Scale,
    results: Results,
    installation: Installation,
    mails: MailSink,
    *,
    at_every_size: Mapping[str, Measurement],
    at_the_largest: Mapping[str, Measurement],
) -> None:
    """Fill the database to each size and measure; record errors and continue."""
    dataset = Dataset(installation.dsn, installation.codes)
    for size in scale.sizes:
        results.begin(size)
        began = time.perf_counter()
        with installation.hurrying():
            await dataset.fill(size)
        results.add("filling", seconds=time.perf_counter() - began)
        _report(f"{size:,} visitors", began)
        last = at_the_largest if size == scale.sizes[-1] else {}
        async with _opened(scale, results, installation, dataset, mails) as bench:
            for name, measurement in {**at_every_size, **last}.items():
                await _attempt(name, measurement, bench)


@asynccontextmanager
async def _opened(
    scale: Scale,
    results: Results,
    installation: Installation,
    dataset: Dataset,
    mails: MailSink,
) -> AsyncIterator[Bench]:
    connection = await asyncpg.connect(installation.dsn)
    try:
        with installation.api() as api:
            admin = await sign_in(api.port)
            yield Bench(scale, results, installation, dataset, mails, api, connection, admin)
    finally:
        await connection.close()


async def _attempt(name: str, measurement: Measurement, bench: Bench) -> None:
    began = time.perf_counter()
    try:
        await measurement(bench)
    except Exception as error:
        bench.results.faults[name] = repr(error)
        traceback.print_exc()
    _report(name, began)


def _report(what: str, began: float) -> None:
    print(f"{what}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
