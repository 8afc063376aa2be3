import re
from dataclasses import dataclass
from urllib.parse import quote

# The `(0)` that is dialled only within the country.
TRUNK_PREFIX = re.compile(r"^(\+[^(]*)\(0\)")
NOT_DIALLED = re.compile(r"[^0-9+]")


@dataclass(frozen=True, slots=True)
class Links:
    """Builds links from the service's URL, without a trailing slash.

    `map_url` contains `{address}`, or is empty.
    """

    public_url: str
    map_url: str

    def visitor_pass(self, token: str) -> str:
        return f"{self.public_url}/pass/{token}"

    def muster(self, token: str) -> str:
        return f"{self.public_url}/muster/{token}"

    def map(self, address: str) -> str:
        return self.map_url.replace("{address}", quote(address, safe="")) if address else ""


def phone_link(number: str) -> str:
    """Return a `tel:` link (RFC 3966)."""
    return "tel:" + NOT_DIALLED.sub("", TRUNK_PREFIX.sub(r"\1", number))


def mail_link(address: str) -> str:
    """Return a `mailto:` link (RFC 6068)."""
    return f"mailto:{quote(address, safe='@')}"
