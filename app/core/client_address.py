"""Where a request comes from, behind proxies or not."""

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
    """The client's address, and the scheme that it used where a trusted proxy names it."""

    address: str | None
    scheme: str | None = None


class ProxyTrust:
    """Which peers may say for whom they ask, and in which header.

    One way alone is read: a proxy that writes `Forwarded` passes the other headers on as the client
    sent them, and the reverse. `X-Forwarded-Proto` belongs to `X-Forwarded-For`.
    """

    def __init__(
        self, networks: Sequence[Network] = (), header: ProxyHeader = "x-forwarded-for"
    ) -> None:
        self.networks = networks
        self.header = header

    def origin(self, peer: str | None, headers: Headers) -> Origin:
        """The right-most address that is no trusted proxy, and the scheme that came with it.

        All left of it is hearsay. An entry that is no address ends the search at the proxy that
        wrote it.
        """
        # The scope of a link-local peer is the name of our own interface.
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
        """What each proxy says of who came to it, address and scheme, the nearest proxy first."""
        entries = _entries(headers.getlist(self.header))
        if self.header == "forwarded":
            return ((_value(entry, "for"), _value(entry, "proto")) for entry in reversed(entries))
        # A proxy that replaces the scheme leaves one, however many addresses there are.
        schemes = _entries(headers.getlist("x-forwarded-proto"))
        return zip_longest(reversed(entries), reversed(schemes), fillvalue="")

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


def _entries(lines: Iterable[str]) -> list[str]:
    return [entry.strip() for line in lines for entry in line.split(",")]


def _value(element: str, wanted: str) -> str:
    """A parameter of one element of `Forwarded` (RFC 7239, section 4)."""
    for pair in element.split(";"):
        name, _, value = pair.strip().partition("=")
        if name.lower() == wanted:
            return value.strip('"')
    return ""


@lru_cache(maxsize=4096)  # the same few proxies, gates and desks all day
def _parse(text: str) -> Address | None:
    """`192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`; an IPv4 in IPv6 is IPv4.

    What has a scope (`fe80::1%eth0`) means something on one machine alone, and is no address here.
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
