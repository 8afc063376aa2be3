from datetime import datetime

from app.core.db.database import Database
from app.devices.repository import DeviceRepository
from app.devices.service import SILENT_FOR


async def tell_of_silent(database: Database, now: datetime) -> int:
    """Tell of devices that have gone offline; return how many. Safe to run concurrently."""
    async with database.write() as unit:
        return await DeviceRepository(unit).take_offline(now, now - SILENT_FOR)
