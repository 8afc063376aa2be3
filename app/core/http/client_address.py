"""Find the client's address behind proxies."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from itertools import zip_longest
from typing import Literal

from starlette.datastructures import Headers

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
ProxyHeader = Literal["x-forwarded-for", "forwarded"]
SCHEMES = ("http", "https")


@dataclass(frozen=True, slots=True)
class Origin:
    """The client's address and, if a trusted proxy reports it, scheme."""

    address: str | None
    scheme: str | None = None


class ProxyTrust:
    """The trusted proxies and the only header that is read.

    A proxy passes other headers on as the client sent them; `X-Forwarded-Proto` belongs to
    `X-Forwarded-For`.
    """

    def __init__(
        self, networks: Sequence[Network] = (), header: ProxyHeader = "x-forwarded-for"
    ) -> None:
        self.networks = networks
        self.header = header

    def origin(self, peer: str | None, headers: Headers) -> Origin:
        """Return the rightmost address that is not a trusted proxy, and its scheme.

        Everything further left could be forged; an invalid entry ends the search.
        """
        # The scope of a link-local peer names an interface of this machine.
        nearest = _parse((peer or "").partition("%")[0])
        if nearest is None or not self._trusts(nearest):
            return Origin(peer if nearest is None else str(nearest))
        scheme = None
        for entry, named in self._hops(headers):
            scheme = named.lower() if named.lower() in SCHEMES else scheme
            address = _parse(entry)
            if address is None:
                break
            nearest = address
            if not self._trusts(address):
                break
        return Origin(str(nearest), scheme)

    def _hops(self, headers: Headers) -> Iterator[tuple[str, str]]:
        """Yield the address and scheme that each proxy reports, the nearest first."""
        entries = _entries(headers.getlist(self.header))
        if self.header == "forwarded":
            return ((_value(entry, "for"), _value(entry, "proto")) for entry in reversed(entries))
        # A proxy may replace all schemes with one.
        schemes = _entries(headers.getlist("x-forwarded-proto"))
        return zip_longest(reversed(entries), reversed(schemes), fillvalue="")

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


def _entries(lines: Iterable[str]) -> list[str]:
    return [entry.strip() for line in lines for entry in line.split(",")]


def _value(element: str, wanted: str) -> str:
    """Return a parameter of a `Forwarded` element (RFC 7239, section 4)."""
    for pair in element.split(";"):
        name, _, value = pair.strip().partition("=")
        if name.lower() == wanted:
            return value.strip('"')
    return ""


@lru_cache(maxsize=4096)  # mostly the same proxies and gates
def _parse(text: str) -> Address | None:
    """Parse an address, with or without a port: `192.0.2.1:80`, `[2001:db8::1]:80`.

    Return None for an address with a scope (`fe80::1%eth0`), which is local to one machine.
    """
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = None if "%" in text else ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
