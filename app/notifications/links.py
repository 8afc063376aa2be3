"""Links in mails and pages."""

import re
from dataclasses import dataclass
from urllib.parse import quote

# The digit of a phone number that is dialled only within its country.
TRUNK_PREFIX = re.compile(r"^(\+[^(]*)\(0\)")
NOT_DIALLED = re.compile(r"[^0-9+]")


@dataclass(frozen=True, slots=True)
class Links:
    """Builds links from `public_url`, the public address of the service without a trailing slash.

    `map_url` contains `{address}`; if empty, there are no map links.
    """

    public_url: str
    map_url: str

    def visitor_pass(self, token: str) -> str:
        return f"{self.public_url}/pass/{token}"

    def map(self, address: str) -> str:
        """Return the URL of a map, or an empty string without an address or map service."""
        return self.map_url.replace("{address}", quote(address, safe="")) if address else ""


def phone_link(number: str) -> str:
    """Return the `tel:` link of a phone number (RFC 3966)."""
    return "tel:" + NOT_DIALLED.sub("", TRUNK_PREFIX.sub(r"\1", number))


def mail_link(address: str) -> str:
    """Return the `mailto:` link of an address (RFC 6068)."""
    return f"mailto:{quote(address, safe='@')}"
