"""Where mails and pages lead their readers."""

import re
from dataclasses import dataclass
from urllib.parse import quote

# What a number has only where it is dialled from within its country.
TRUNK_PREFIX = re.compile(r"^(\+[^(]*)\(0\)")
NOT_DIALLED = re.compile(r"[^0-9+]")


@dataclass(frozen=True, slots=True)
class Links:
    """`public_url` is the address of this service as the world sees it, without a slash at its end.

    `map_url` has `{address}` where the address goes; empty, there are no maps.
    """

    public_url: str
    map_url: str

    def visitor_pass(self, token: str) -> str:
        """The page that shows a visitor their pass."""
        return f"{self.public_url}/pass/{token}"

    def map(self, address: str) -> str:
        """A map of a postal address; empty where there is no address, or no map."""
        return self.map_url.replace("{address}", quote(address, safe="")) if address else ""


def phone_link(number: str) -> str:
    """Return what dials a number as people write it (RFC 3966)."""
    return "tel:" + NOT_DIALLED.sub("", TRUNK_PREFIX.sub(r"\1", number))


def mail_link(address: str) -> str:
    """Return what begins a mail to an address (RFC 6068)."""
    return f"mailto:{quote(address, safe='@')}"
