"""The mails about a visit and their recipients."""

from collections.abc import Sequence
from email.message import EmailMessage
from typing import Any

from tests.support.api import Client

RIGHT = "ada.lovelace@example.com"
MARY = {"host_name": "Mary Somerville", "host_email": "mary@example.com"}
LATER = {"visit_date": "2026-11-24", "visit_time": "14:00"}


async def waiting(admin: Client, visitor: dict[str, Any]) -> dict[tuple[str, str], str]:
    """Return the status of the newest mail of each kind and recipient."""
    found = (await admin.get(f"visitors/{visitor['id']}/notifications/")).json()
    return {(mail["kind"], mail["recipient"]): mail["status"] for mail in found}


def subjects(mails: Sequence[EmailMessage], to: str) -> list[str]:
    return [str(mail["Subject"]) for mail in mails if to in str(mail["To"])]


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


async def ids(client: Client, **params: Any) -> list[str]:
    return [item["id"] for item in (await client.get("visitors/", **params)).json()["items"]]
