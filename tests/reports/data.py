"""Visitors inserted without the API, also with unusual values."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, text

from app.core.db.database import Database
from app.core.ids import new_id
from app.reports.counting_statements import fold_changes
from app.sites.models import Site
from app.slots.models import Slot
from app.visitors.models import Purpose, Visitor, VisitorCategory, VisitorStatus, VisitorType
from tests.support.plans import vacuum

REGISTERED = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
_codes = count()

DEFAULTS: dict[str, Any] = {
    "department_id": None,
    "host_id": None,
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "phone": None,
    "company": None,
    "visitor_type": VisitorType.PROFESSIONAL,
    "visitor_category": VisitorCategory.INDUSTRY,
    "purpose": Purpose.OTHER,
    "visit_date": date(2026, 11, 23),
    "visit_time": time(10),
    "host_name": None,
    "host_email": None,
    "status": VisitorStatus.PENDING,
    "revision": 0,
    "is_rescheduled": False,
    "checked_in_at": None,
    "checked_out_at": None,
    "checked_out_automatically": False,
    "created_at": REGISTERED,
    "updated_at": REGISTERED,
}


@dataclass
class Visitors:
    """Adds visitors; `added` keeps the values of all."""

    database: Database
    added: list[dict[str, Any]] = field(default_factory=list)

    async def add(self, *rows: dict[str, Any]) -> None:
        """Add rows of `Visitor` columns over `DEFAULTS`, by default at the default site."""
        default = await self.default_site()
        wanted = [
            {"id": new_id(), "qr_code": f"T{next(_codes)}", "site_id": default, **DEFAULTS, **row}
            for row in rows
        ]
        slots = await self._slots({row["site_id"] for row in wanted})
        async with self.database.write() as unit:
            await unit.write(
                insert(Visitor).values([row | {"slot_id": slots[row["site_id"]]} for row in wanted])
            )
        self.added += wanted

    async def default_site(self) -> UUID:
        async with self.database.read() as session:
            found = await session.scalar(select(Site.id).where(Site.is_default))
        assert found
        return found

    async def _slots(self, sites: set[UUID]) -> dict[UUID, UUID]:
        """Create one slot for each site, since reports ignore slots."""
        slots = {site: new_id() for site in sites}
        rows = [
            {
                "id": slot,
                "site_id": site,
                "visit_date": date.min.replace(year=1000 + next(_codes) % 900),
                "hour": 0,
                "capacity": 0,
                "has_own_capacity": False,
                "booked": 0,
                "excess": 0,
                "created_at": REGISTERED,
            }
            for site, slot in slots.items()
        ]
        async with self.database.write() as unit:
            await unit.write(insert(Slot).values(rows))
        return slots


async def fold(database: Database) -> None:
    """Move the changes that there are into the counts, as the worker does."""
    async with database.write() as unit:
        await fold_changes(unit)


async def fill(database: Database, rows: int, *, name: str = "Visitor") -> None:
    """Add many visitors of the default site over three years around November 2026, then ANALYZE."""
    visitors = Visitors(database)
    await visitors.add({})
    statement = text(
        """
        INSERT INTO visitors (
            id, site_id, slot_id, name, email, visitor_type, visitor_category, purpose, visit_date,
            visit_time, status, qr_code, revision, is_rescheduled, checked_out_automatically,
            created_at, updated_at)
        SELECT gen_random_uuid(), site_id, slot_id, :name || n, 'v' || n || '@example.com',
            visitor_type, visitor_category, purpose, date '2025-05-01' + (n % 1000)::int,
            make_time((9 + n % 8)::int, 0, 0),
            (ARRAY['pending', 'completed', 'cancelled', 'expired'])[1 + n % 4], 'F' || n, 0, false,
            false, created_at + n * interval '1 second', updated_at
        FROM visitors, generate_series(1, :rows) AS n
        """
    )
    async with database.engine.begin() as connection:
        await connection.execute(statement, {"rows": rows, "name": name})
    await vacuum(database, "visitors")
