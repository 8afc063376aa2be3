"""Visitors of a company with five sites over three years, put in by COPY."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from app.core.ids import new_id
from app.core.keys import KeyRing
from app.core.qr_token import QrTokens
from app.visitors.models import Purpose
from bench.server import SECRET

SITES = ("Berlin", "Lyon", "Osaka", "Austin")  # beside the default one
DEPARTMENTS = ("Engineering", "Sales", "Human Resources", "Legal", "Research", "Logistics")
HOSTS = 200
PAST_DAYS, AHEAD_DAYS = 1000, 90
PAST = (["completed"] * 15) + (["expired"] * 2) + (["cancelled"] * 3)
AHEAD = (["pending"] * 9) + ["cancelled"]
COLUMNS = [
    *("id", "site_id", "department_id", "slot_id", "name", "email", "phone", "company"),
    *("visitor_type", "visitor_category", "purpose", "visit_date", "visit_time", "host_name"),
    *("host_email", "status", "qr_code", "revision", "is_rescheduled", "checked_in_at"),
    *("checked_out_at", "checked_out_automatically", "created_at", "updated_at"),
]


class Dataset:
    """Grows to as many visitors as a measurement wants."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection
        self.size = 0
        self._chance = random.Random(1)
        self._codes = QrTokens(KeyRing([SECRET]))
        self._slots: list[tuple[UUID, UUID]] = []
        self._departments: list[UUID | None] = []

    async def grow(self, size: int) -> None:
        """Add visitors up to `size`, and leave the table as autovacuum would."""
        if not self._slots:
            await self._prepare()
        await self.connection.copy_records_to_table(
            "visitors", records=self._visitors(self.size, size), columns=COLUMNS
        )
        self.size = size
        await self.connection.execute("VACUUM ANALYZE visitors")

    async def code_of_another_day(self) -> str:
        """A genuine code that every gate refuses, since its day has not come."""
        code: str = await self.connection.fetchval(
            "SELECT qr_code FROM visitors"
            " WHERE status = 'pending' AND visit_date > now()::date + 7 LIMIT 1"
        )
        return code

    async def _prepare(self) -> None:
        for name in SITES:
            await self.connection.execute(
                "INSERT INTO sites SELECT (jsonb_populate_record(sites, jsonb_build_object("
                "'id', $1::uuid, 'name', $2::text, 'is_default', false))).*"
                " FROM sites WHERE is_default",
                new_id(),
                name,
            )
        for name in DEPARTMENTS:
            await self.connection.execute(
                "INSERT INTO departments (id, name, description, created_at, updated_at)"
                " VALUES ($1, $2, '', now(), now())",
                new_id(),
                name,
            )
        sites = await self.connection.fetch("SELECT id FROM sites")
        self._slots = [(site["id"], await self._slot(site["id"])) for site in sites]
        found = await self.connection.fetch("SELECT id FROM departments")
        self._departments = [None, *(row["id"] for row in found)]

    async def _slot(self, site: UUID) -> UUID:
        """One for all visitors of a site: no report looks at slots."""
        slot: UUID = await self.connection.fetchval(
            "INSERT INTO slots (id, site_id, visit_date, hour, capacity, has_own_capacity, booked,"
            " excess, created_at) VALUES ($1, $2, '2020-01-01', 9, 0, false, 0, 0, now())"
            " RETURNING id",
            new_id(),
            site,
        )
        return slot

    def _visitors(self, first: int, last: int) -> Iterator[tuple[Any, ...]]:
        today = datetime.now(UTC).date()
        for number in range(first, last):
            yield self._visitor(number, today)

    def _visitor(self, number: int, today: date) -> tuple[Any, ...]:
        chance = self._chance
        day = today + timedelta(days=chance.randrange(-PAST_DAYS, AHEAD_DAYS))
        at = time(chance.randrange(9, 17), chance.choice((0, 15, 30, 45)))
        status = chance.choice(PAST if day < today else AHEAD)
        begin = datetime.combine(day, at, UTC)
        done = status == "completed"
        made = min(begin - timedelta(days=chance.randrange(1, 30)), datetime.now(UTC))
        host = chance.randrange(HOSTS)
        site, slot = chance.choice(self._slots)
        return (
            new_id(),
            site,
            chance.choice(self._departments),
            slot,
            f"Ada Lovelace {number}",
            f"visitor{number}@example.com",
            f"+49 30 {number:07}",
            f"Analytical Engines {number % 500}",
            "professional",
            "industry",
            chance.choice(list(Purpose)).value,
            day,
            at,
            f"Host Number {host}",
            f"host{host}@example.com",
            status,
            self._codes.new(),
            0,
            False,
            begin if done else None,
            begin + timedelta(minutes=chance.randrange(5, 180)) if done else None,
            False,
            made,
            made,
        )
