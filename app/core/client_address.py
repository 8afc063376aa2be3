"""Whose address a request comes from, behind proxies or not."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Literal

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
ProxyHeader = Literal["x-forwarded-for", "forwarded"]


class ProxyTrust:
    """Which peers may say for whom they ask, and in which header.

    One header alone is read: a proxy that writes the one passes the other on as the client sent it.
    """

    def __init__(
        self, networks: Sequence[Network] = (), header: ProxyHeader = "x-forwarded-for"
    ) -> None:
        self.networks = networks
        self.header = header

    def client_address(self, peer: str | None, lines: Iterable[str]) -> str | None:
        """The right-most address that is no trusted proxy: all left of it is hearsay.

        `lines` are the values of the header. An entry that is no address ends the search at the
        proxy that wrote it.
        """
        nearest = _parse(peer or "")
        if nearest is None or not self._trusts(nearest):
            return peer if nearest is None else str(nearest)
        for entry in reversed(_entries(self.header, lines)):
            address = _parse(entry)
            if address is None:
                break
            nearest = address
            if not self._trusts(address):
                break
        return str(nearest)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self.networks)


def _entries(header: ProxyHeader, lines: Iterable[str]) -> list[str]:
    entries = [entry.strip() for line in lines for entry in line.split(",")]
    return entries if header == "x-forwarded-for" else [_for(entry) for entry in entries]


def _for(element: str) -> str:
    """The `for` of one element of `Forwarded` (RFC 7239, section 4)."""
    for pair in element.split(";"):
        name, _, value = pair.strip().partition("=")
        if name.lower() == "for":
            return value.strip('"')
    return ""


def _parse(text: str) -> Address | None:
    """`192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`; an IPv4 in IPv6 is IPv4."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
