"""The rows that an upload stores."""

from typing import Any

from sqlalchemy import func, select

from app.audit.models import VISITOR, AuditEntry
from app.core.db.database import Database
from app.notifications.models import Notification
from app.slots.models import Slot
from app.visitors.models import Visitor


async def stored(database: Database) -> dict[str, int]:
    """Return the number of rows of each table that an upload writes."""
    tables: list[Any] = [Visitor, AuditEntry, Notification, Slot]
    counted = {table: select(func.count()).select_from(table) for table in tables}
    counted[AuditEntry] = counted[AuditEntry].where(AuditEntry.subject_type == VISITOR)
    async with database.read() as session:
        return {
            table.__tablename__: await session.scalar(statement) or 0
            for table, statement in counted.items()
        }
