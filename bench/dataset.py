"""Fill the database: visitors by COPY, their history by SQL."""

import asyncio
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from uuid import UUID

import asyncpg

from app.core.ids import new_id
from app.core.security.qr_token import QrTokens
from app.visitors.lifecycle import HOLDS_SEAT
from app.visitors.models import VisitorStatus
from bench.people import AHEAD_DAYS, HOURS, PAST_DAYS, Crowd, Places
from devserver.demo.people import COLUMNS, Row
from devserver.demo.traces import COUNT_SEATS, TRACES

SITES = {
    "Berlin": "Europe/Berlin",
    "Lyon": "Europe/Paris",
    "Osaka": "Asia/Tokyo",
    "Austin": "America/Chicago",
}  # besides the default one
DEPARTMENTS = ("Engineering", "Sales", "Human Resources", "Legal", "Research", "Logistics")
HOST_EMAIL = "host0@example.com"
RECEPTION_EMAIL = "reception@example.com"  # of one site
SPACIOUS = 1_000_000  # seats per hour: never full unless a measurement fills it
# The history of each visitor.
LEFT = {
    "notifications": ["visitor_confirmation", "host_registration"],
    "audit_entries": ["registered", "checked_in"],
    "scans": ["in"],
    "stays": ["gate"],
}
FILLED = ("visitors", "audit_entries", "notifications", "scans", "stays")
VACUUMED = (*FILLED, "slots", "visit_counts", "visit_changes")
CONNECTIONS = 2
COPY_ROWS = 20_000

ADD_SITE = """
INSERT INTO sites SELECT (jsonb_populate_record(sites, jsonb_build_object(
    'id', $1::uuid, 'name', $2::text, 'timezone', $3::text, 'is_default', false,
    'slot_capacity', $4::int))).*
FROM sites WHERE is_default
"""
OPEN_DEFAULT_SITE = """
UPDATE sites SET timezone = $1, slot_capacity = $2, opens_at = '00:00', closes_at = '00:00',
    open_weekdays = '{1,2,3,4,5,6,7}', booking_lead_minutes = 0, early_arrival_minutes = 1440
WHERE is_default
"""
ADD_DEPARTMENT = """
INSERT INTO departments (id, name, description, created_at, updated_at)
VALUES ($1, $2, '', now(), now())
"""
ADD_HOST = """
INSERT INTO users SELECT (jsonb_populate_record(users, jsonb_build_object(
    'id', $1::uuid, 'email', $2::text, 'email_key', $2::text, 'role', 'host'))).*
FROM users LIMIT 1
"""
ADD_SLOTS = """
INSERT INTO slots (id, site_id, visit_date, hour, capacity, has_own_capacity, booked, excess,
    created_at)
SELECT gen_random_uuid(), sites.id, $1::date + day, hour, sites.slot_capacity, false, 0, 0, now()
FROM sites, generate_series($2::int, $3::int) AS day, generate_series(0, 23) AS hour
WHERE is_default OR hour BETWEEN $4 AND $5
"""
COUNT_VISITS = "SELECT recount_visits()"
# Statements to drop and recreate each index that no foreign key needs.
INDEXES = """
SELECT CASE WHEN conname IS NULL THEN format('DROP INDEX %s', indexrelid::regclass)
        ELSE format('ALTER TABLE %s DROP CONSTRAINT %I', indrelid::regclass, conname) END AS gone,
    CASE WHEN conname IS NULL THEN pg_get_indexdef(indexrelid)
        ELSE format('ALTER TABLE %s ADD CONSTRAINT %I %s', indrelid::regclass, conname,
            pg_get_constraintdef(own.oid)) END AS made
FROM pg_index LEFT JOIN pg_constraint AS own ON own.conindid = indexrelid AND own.contype <> 'f'
WHERE indrelid = ANY($1::regclass[]) AND NOT EXISTS (
    SELECT FROM pg_constraint AS leaning WHERE leaning.conindid = indexrelid AND contype = 'f')
ORDER BY indexrelid
"""


# The password is that of the host.
ADD_RECEPTIONIST = """
INSERT INTO users SELECT (jsonb_populate_record(users, jsonb_build_object(
    'id', $1::uuid, 'email', $2::text, 'email_key', $2::text, 'role', 'receptionist',
    'sites', array_to_json(ARRAY[$3::uuid])))).*
FROM users WHERE role = 'host'
"""


class Dataset:
    """The visitors of a company with five sites.

    The account of `HOST_EMAIL` must exist. `today` is the date at the default site, where it is
    about ten in the morning.
    """

    def __init__(self, dsn: str, codes: QrTokens) -> None:
        self.dsn = dsn
        self.codes = codes
        self.today = date.min
        self._crowd: Crowd | None = None
        self._default_site: UUID | None = None
        self._numbers = 0

    async def fill(self, size: int) -> None:
        """Replace all visitors and their history; fastest on a server that is not durable."""
        async with asyncpg.create_pool(
            self.dsn, min_size=CONNECTIONS, max_size=CONNECTIONS, init=_hurry
        ) as pool:
            if self._crowd is None:
                self._crowd = await self._prepare(pool)
            await pool.execute(f"TRUNCATE {', '.join(FILLED)}, retired_qr_codes, groups")
            indexes = await pool.fetch(INDEXES, FILLED)
            for index in indexes:
                await pool.execute(index["gone"])
            await _copy(pool, self._crowd.rows(size))
            sites = await pool.fetchval("SELECT array_agg(id) FROM sites")
            await pool.execute(COUNT_SEATS, sites)
            await pool.execute(COUNT_VISITS)
            span = (sites, date.min, date.max)
            await asyncio.gather(
                *(pool.execute(TRACES[table].sql, *span, words) for table, words in LEFT.items())
            )
            await _all(pool, [index["made"] for index in indexes])
            await _all(pool, [f"VACUUM (ANALYZE) {table}" for table in VACUUMED])
        self._numbers = size

    async def add(
        self, connection: asyncpg.Connection, count: int, status: VisitorStatus, day: date
    ) -> list[str]:
        """Add visitors of one day to the default site; return their QR tokens."""
        if self._crowd is None or self._default_site is None:
            raise RuntimeError("fill() comes first")
        numbers = range(self._numbers, self._numbers + count)
        self._numbers += count
        rows = list(self._crowd.of_day(numbers, self._default_site, day, status))
        await connection.copy_records_to_table("visitors", records=rows, columns=COLUMNS)
        if status in HOLDS_SEAT:
            slot = rows[0][COLUMNS.index("slot_id")]
            taken = "UPDATE slots SET booked = booked + $1 WHERE id = $2"
            await connection.execute(taken, count, slot)
        return [row[COLUMNS.index("qr_code")] for row in rows]

    def day(self, days: int) -> date:
        return self.today + timedelta(days=days)

    async def _prepare(self, pool: asyncpg.Pool) -> Crowd:
        zone, self.today = _about_ten_in_the_morning()
        for name, timezone in SITES.items():
            await pool.execute(ADD_SITE, new_id(), name, timezone, SPACIOUS)
        await pool.execute(OPEN_DEFAULT_SITE, zone, SPACIOUS)
        for name in DEPARTMENTS:
            await pool.execute(ADD_DEPARTMENT, new_id(), name)
        host_id = new_id()
        await pool.execute(ADD_HOST, host_id, HOST_EMAIL)
        span = (self.today, -PAST_DAYS, AHEAD_DAYS, HOURS[0], HOURS[-1])
        await pool.execute(ADD_SLOTS, *span)
        slots = await pool.fetch("SELECT site_id, visit_date, hour, id FROM slots")
        sites = await pool.fetch("SELECT id FROM sites ORDER BY is_default DESC, name")
        await pool.execute(ADD_RECEPTIONIST, new_id(), RECEPTION_EMAIL, sites[1]["id"])
        departments = await pool.fetch("SELECT id FROM departments ORDER BY name")
        self._default_site = sites[0]["id"]
        places = Places(
            sites=[site["id"] for site in sites],
            departments=[department["id"] for department in departments],
            slots={(row["site_id"], row["visit_date"], row["hour"]): row["id"] for row in slots},
            host_id=host_id,
        )
        return Crowd(places, self.codes, datetime.now(UTC), self.today)


def _about_ten_in_the_morning() -> tuple[str, date]:
    """Return a time zone in which midnight is far away, and its date."""
    now = datetime.now(UTC)
    hours = (10 - now.hour) % 24
    hours -= 24 if hours > 14 else 0
    # The signs of the Etc zones are reversed (POSIX).
    return f"Etc/GMT{-hours:+d}", (now + timedelta(hours=hours)).date()


async def _hurry(connection: asyncpg.Connection) -> None:
    # The role `replica` skips foreign key checks.
    await connection.execute(
        "SET session_replication_role = replica; SET synchronous_commit = off;"
        " SET maintenance_work_mem = '512MB'; SET work_mem = '256MB'"
    )


async def _copy(pool: asyncpg.Pool, rows: Iterator[Row]) -> None:
    """Copy rows in several streams: storing a row costs more than generating it."""

    async def stream() -> None:
        while part := list(islice(rows, COPY_ROWS)):
            await pool.copy_records_to_table("visitors", records=part, columns=COLUMNS)

    await asyncio.gather(*(stream() for _ in range(CONNECTIONS)))


async def _all(pool: asyncpg.Pool, statements: Iterable[str]) -> None:
    """Run statements, as many at a time as there are connections."""
    await asyncio.gather(*(pool.execute(statement) for statement in statements))
