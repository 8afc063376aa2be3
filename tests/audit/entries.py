"""What tests write into the log, and read of it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, text

from app.audit.models import AuditAction, AuditEntry
from app.audit.repository import KnownActor, record
from app.core.db.database import Database
from app.core.ids import new_id

AT = datetime(2026, 11, 16, 8, 0, tzinfo=UTC)
DESK = KnownActor("Front Desk", "admin", new_id())


async def write(database: Database, number: int = 1, now: datetime = AT, **details: Any) -> None:
    """Commit entries that nobody has chained yet."""
    async with database.write() as unit:
        for _ in range(number):
            record(unit, AuditAction.SITE_UPDATED, new_id(), DESK, now, **details)


async def all_entries(database: Database) -> Sequence[AuditEntry]:
    """Every entry, in the order of the chain, those that wait last."""
    async with database.read() as session:
        found = await session.scalars(
            select(AuditEntry).order_by(AuditEntry.seq.nulls_last(), AuditEntry.id)
        )
        return found.all()


async def sql(database: Database, statement: str, **values: Any) -> None:
    """Do what only somebody with the password of the database can do."""
    async with database.engine.begin() as connection:
        await connection.execute(text(statement), values)
