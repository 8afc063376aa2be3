from datetime import datetime, timedelta

from app.core.db.database import Database
from app.musters.repository import MusterRepository


async def erase_past_musters(database: Database, now: datetime, days: int) -> int:
    """Erase the personal data of musters after `days`, which visits do not have; return how many.

    Who was where stays in the figures.
    """
    async with database.write() as unit:
        return await MusterRepository(unit).erase_past(now - timedelta(days), now)
