"""Mail of tests, delivered by the worker's code over SMTP."""

import asyncio
import os
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Literal

from app.core.clock import Clock
from app.core.db.database import Database
from app.notifications.delivery_service import Delivery
from app.settings import Settings
from workers.context import make_delivery


class Mailbox:
    """The mails that the catcher has received since this object was created."""

    def __init__(self, settings: Settings, database: Database, clock: Clock, folder: Path) -> None:
        self._delivery = make_delivery(settings, database, clock)
        self._folder = folder
        self._seen = _names(folder)
        self._mails: list[EmailMessage] = []

    async def deliver(self) -> list[EmailMessage]:
        """Send due mails; return all mails so far, by delivery."""
        await sweep(self._delivery)
        return self.mails()

    def mails(self) -> list[EmailMessage]:
        """Return all mails so far; of those found at once, the first made is first.

        Several senders deliver at once, so that the order of arrival is not fixed.
        """
        new = _names(self._folder) - self._seen
        self._seen |= new
        found = (_read(self._folder / name) for name in new)
        # Message-IDs begin with the ids of notifications, which sort by creation time.
        self._mails += sorted(found, key=lambda mail: str(mail["Message-ID"]))
        return list(self._mails)


def body_of(mail: EmailMessage, kind: Literal["plain", "html"] = "plain") -> str:
    """Return one form of a mail."""
    body = mail.get_body((kind,))
    assert isinstance(body, EmailMessage)
    return str(body.get_content())


async def sweep(delivery: Delivery) -> int:
    """Run one round of a worker; return the number of attempts."""
    senders = range(await delivery.tidy(delivery.senders))
    return sum(await asyncio.gather(*(delivery.send_all(asyncio.Event()) for _ in senders)))


def _names(folder: Path) -> set[str]:
    return {file.name for file in os.scandir(folder) if file.name.endswith(".eml")}


def _read(path: Path) -> EmailMessage:
    message = message_from_bytes(path.read_bytes(), policy=default)
    assert isinstance(message, EmailMessage)
    return message
