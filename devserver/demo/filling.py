"""Fill a database with demo data in one transaction.

It proceeds day by day, to limit memory and report progress.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import count, groupby
from typing import cast
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from app.core.db.engine import make_engine
from app.core.ids import new_id
from app.core.security.passwords import PasswordHasher
from app.core.security.qr_token import QrTokens
from app.visitors.models import VisitorStatus
from devserver.demo import company
from devserver.demo.calendar import Hour, capacity_for, hours_of
from devserver.demo.company import GATES, SITES
from devserver.demo.people import COLUMNS, DemoVisit, People, Row
from devserver.demo.traces import COUNT_SEATS, TRACES

SLOT_COLUMNS = [
    *("id", "site_id", "visit_date", "hour", "capacity", "has_own_capacity", "booked", "excess"),
    "created_at",
]
# Longer than the limits for requests.
NO_LIMITS = """
SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '10s';
SET LOCAL idle_in_transaction_session_timeout = 0
"""
PENDING, VERIFIED = VisitorStatus.PENDING, VisitorStatus.VERIFIED
COMPLETED, CANCELLED = VisitorStatus.COMPLETED, VisitorStatus.CANCELLED
PAST = (COMPLETED,) * 15 + (VisitorStatus.EXPIRED,) * 2 + (CANCELLED,) * 3
SINCE_HOURS = (COMPLETED,) * 8 + (PENDING, CANCELLED)
JUST_NOW = (VERIFIED,) * 7 + (COMPLETED,) * 2 + (PENDING,)
AHEAD = (PENDING,) * 9 + (CANCELLED,)
# The longest visit.
STAY = timedelta(hours=3)

Advance = Callable[[int], None]


class AlreadyThere(Exception):  # noqa: N818 - nothing is wrong
    """Demo data exists already, with so many visitors."""

    def __init__(self, visitors: int) -> None:
        super().__init__(visitors)
        self.visitors = visitors


class NameTaken(Exception):  # noqa: N818 - nothing is wrong
    """A record has the name of a demo record."""


@dataclass(frozen=True, slots=True)
class Filled:
    visitors: int
    sites: int
    slots: int
    days: int


@asynccontextmanager
async def transaction(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Open a transaction on an asyncpg connection, for COPY."""
    engine = make_engine(database_url)
    try:
        async with engine.connect() as connection:
            raw = await connection.get_raw_connection()
            driver = cast("asyncpg.Connection", raw.driver_connection)
            async with driver.transaction():
                await driver.execute(NO_LIMITS)
                yield driver
    finally:
        await engine.dispose()


@asynccontextmanager
async def _raising_name_taken() -> AsyncIterator[None]:
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        raise NameTaken(error.detail) from error


async def fill(
    database_url: str, codes: QrTokens, visitors: int, now: datetime, advance: Advance
) -> Filled:
    """Add the company and its visitors; raise `AlreadyThere` or `NameTaken`.

    Call `advance` with the number of visitors just added.
    """
    async with _raising_name_taken(), transaction(database_url) as connection:
        if await company.is_there(connection):
            raise AlreadyThere(await company.count_visitors(connection))
        hours = hours_of(visitors, now.date(), [site.share for site in SITES])
        filling = await _Filling.begin(connection, codes, hours, now)
        for day, of_day in groupby(hours, key=lambda hour: hour.day):
            advance(await filling.add_day(day, list(of_day)))
        await connection.execute(COUNT_SEATS, company.SITE_IDS)
    days = len({hour.day for hour in hours})
    return Filled(visitors, len(SITES), len(hours), days)


async def remove(database_url: str) -> bool:
    """Delete the company; return whether it existed."""
    async with transaction(database_url) as connection:
        if not await company.is_there(connection):
            return False
        await company.remove(connection)
        return True


class _Filling:
    def __init__(
        self,
        connection: asyncpg.Connection,
        codes: QrTokens,
        people: People,
        capacities: Sequence[int],
        now: datetime,
    ) -> None:
        self._connection = connection
        self._codes = codes
        self._people = people
        self._capacities = capacities
        self._now = now
        self._numbers = count()

    @classmethod
    async def begin(
        cls, connection: asyncpg.Connection, codes: QrTokens, hours: Sequence[Hour], now: datetime
    ) -> "_Filling":
        """Create sites with enough capacity, departments and hosts."""
        capacities = [capacity_for(hours, number) for number in range(len(SITES))]
        for site, capacity in zip(SITES, capacities, strict=True):
            await company.add_site(connection, site, capacity, now)
        departments = await company.add_departments(connection, now)
        unusable = PasswordHasher().hash_now(codes.new())
        hosts = await company.add_hosts(connection, unusable, now)
        return cls(connection, codes, People(departments, hosts, now), capacities, now)

    async def add_day(self, day: date, hours: Sequence[Hour]) -> int:
        """Add the slots, visitors and history of a day; return the number of visitors."""
        slots = [new_id() for _ in hours]
        rows = [
            row for slot, hour in zip(slots, hours, strict=True) for row in self._of(slot, hour)
        ]
        copy = self._connection.copy_records_to_table
        await copy(
            "slots",
            records=[self._slot(slot, hour) for slot, hour in zip(slots, hours, strict=True)],
            columns=SLOT_COLUMNS,
        )
        await copy("visitors", records=rows, columns=COLUMNS)
        for trace in TRACES.values():
            await self._connection.execute(trace.sql, company.SITE_IDS, day, day, trace.words)
        return len(rows)

    def _slot(self, slot: UUID, hour: Hour) -> tuple[object, ...]:
        site, capacity = SITES[hour.site].id, self._capacities[hour.site]
        return (slot, site, hour.day, hour.hour, capacity, False, 0, 0, self._now)

    def _of(self, slot: UUID, hour: Hour) -> Iterator[Row]:
        site = SITES[hour.site]
        for _ in range(hour.visitors):
            at = time(hour.hour, self._people.one((0, 15, 30, 45)))
            begins = datetime.combine(hour.day, at, ZoneInfo(site.timezone)).astimezone(UTC)
            status, gate = self._status(begins, hour.day, site.timezone), self._people.one(GATES)
            visit = DemoVisit(
                site.id, slot, hour.day, at, begins, status, self._codes.new(), gate=gate
            )
            yield self._people.row(next(self._numbers), visit)

    def _status(self, begins: datetime, day: date, timezone: str) -> VisitorStatus:
        today = self._now.astimezone(ZoneInfo(timezone)).date()
        since = SINCE_HOURS if begins + STAY < self._now else JUST_NOW
        words = AHEAD if begins > self._now else PAST if day < today else since
        status: VisitorStatus = self._people.one(words)
        return status
