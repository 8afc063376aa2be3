"""The links mailed to the owners of accounts."""

import re
from email.message import EmailMessage

from tests.support.mailbox import Mailbox

LINK = re.compile(r"http://localhost:3000/(reset-password|accept-invitation)\?token=([\w-]+)")


def link(mail: EmailMessage) -> tuple[str, str] | None:
    """Return the page that a mail leads to, and the token."""
    body = mail.get_body(("plain",))
    assert body is not None
    found = LINK.search(body.get_content())
    return (found[1], found[2]) if found else None


async def newest_token(mailbox: Mailbox, page: str, to: str) -> str:
    """Return the token of the newest link mailed to this address, which must lead to this page."""
    links = [link(mail) for mail in await mailbox.deliver() if to in mail["To"]]
    led_to, token = next(found for found in reversed(links) if found is not None)
    assert led_to == page
    return token
