"""Where mails and pages lead their readers."""

from dataclasses import dataclass
from urllib.parse import quote


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
