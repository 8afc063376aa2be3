"""Work out the client's address when requests arrive through proxies."""

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
    """The client's address, and the scheme it used if a trusted proxy reports one."""

    address: str | None
    scheme: str | None = None


class ProxyTrust:
    """The proxies that are trusted to report the client, and the header they use.

    Only one header is read: a proxy that writes `Forwarded` passes the other headers on as the
    client sent them, and the reverse. `X-Forwarded-Proto` belongs to `X-Forwarded-For`.
    """

    def __init__(
        self, networks: Sequence[Network] = (), header: ProxyHeader = "x-forwarded-for"
    ) -> None:
        self.networks = networks
        self.header = header

    def origin(self, peer: str | None, headers: Headers) -> Origin:
        """Return the rightmost address that is not a trusted proxy, and its scheme.

        Anything further left could be forged. An entry that is not an address ends the search at
        the proxy that wrote it.
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
        """Yield the address and scheme that each proxy reports, nearest proxy first."""
        entries = _entries(headers.getlist(self.header))
        if self.header == "forwarded":
            return ((_value(entry, "for"), _value(entry, "proto")) for entry in reversed(entries))
        # A proxy that replaces the scheme leaves a single value, however many addresses there are.
        schemes = _entries(headers.getlist("x-forwarded-proto"))
        return zip_longest(reversed(entries), reversed(schemes), fillvalue="")

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


def _entries(lines: Iterable[str]) -> list[str]:
    return [entry.strip() for line in lines for entry in line.split(",")]


def _value(element: str, wanted: str) -> str:
    """Return a parameter of one element of `Forwarded` (RFC 7239, section 4)."""
    for pair in element.split(";"):
        name, _, value = pair.strip().partition("=")
        if name.lower() == wanted:
            return value.strip('"')
    return ""


@lru_cache(maxsize=4096)  # the same few proxies, gates and front desks all day
def _parse(text: str) -> Address | None:
    """Parse `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:80`.

    Return an IPv4 address mapped to IPv6 as IPv4, and None for an address with a scope
    (`fe80::1%eth0`), which means something on one machine only.
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
