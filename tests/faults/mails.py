"""The outcome of mails, in the outbox and at the recipients."""

import asyncio
from collections import Counter
from collections.abc import Collection
from email.parser import BytesHeaderParser
from pathlib import Path

from sqlalchemy import ColumnElement, func, select

from app.core.db.database import Database
from app.notifications.models import Notification, NotificationStatus

WAITING = (NotificationStatus.QUEUED, NotificationStatus.SENDING)


async def none_waits(database: Database, seconds: float = 60) -> None:
    """Wait until no mail is queued or being sent."""
    await _until_none(database, seconds, Notification.status.in_(WAITING))


async def reached(database: Database, recipients: Collection[str], seconds: float = 60) -> None:
    """Wait until every mail to these addresses has been sent."""
    sent = Notification.status == NotificationStatus.SENT
    await _until_none(database, seconds, Notification.recipient.in_(recipients), ~sent)


async def _until_none(database: Database, seconds: float, *which: ColumnElement[bool]) -> None:
    async with asyncio.timeout(seconds):
        while True:
            async with database.read() as session:
                if not await session.scalar(select(func.count()).where(*which)):
                    return
            await asyncio.sleep(0.05)


async def latest(database: Database, recipients: Collection[str]) -> float:
    """Return the seconds that the slowest mail to these addresses took."""
    took = func.extract("epoch", func.max(Notification.sent_at - Notification.created_at))
    async with database.read() as session:
        longest = await session.scalar(select(took).where(Notification.recipient.in_(recipients)))
    return float(longest or 0)


def arrived(folder: Path, name: str) -> Counter[str]:
    """Return how many mails each address that begins with `name` has received."""
    recipients: Counter[str] = Counter()
    for file in folder.glob("*.eml"):
        with file.open("rb") as content:
            to = BytesHeaderParser().parse(content)["To"]
        address = to.partition("<")[2].rstrip(">") or to
        if address.startswith(name):
            recipients[address] += 1
    return recipients
