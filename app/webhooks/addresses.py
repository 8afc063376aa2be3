"""Decide which addresses outgoing connections may reach."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
# `is_global` is true for these: translations of IPv4 addresses, tunnels, old site-local
# addresses, those of documents.
INSIDE = [
    ip_network(each)
    for each in (
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
        "fec0::/10",
        "3fff::/20",
        "192.88.99.0/24",
        "::/96",
    )
]


def is_allowed(address: str, opened: Sequence[Network] = ()) -> bool:
    """Return whether a numeric address is outside, or in one of the `opened` networks."""
    ip = _plain(address)
    if any(ip in network for network in opened):
        return True
    is_outside = ip.is_global and not ip.is_multicast and not ip.is_reserved
    return is_outside and not any(ip in network for network in INSIDE)


def literal_address(host: str) -> str | None:
    """Return the numeric address that a host of a URL is, or None for a name."""
    bare = host.removeprefix("[").removesuffix("]")
    try:
        return str(ip_address(bare))
    except ValueError:
        return None


def _plain(address: str) -> IPv4Address | IPv6Address:
    """Return the address without its zone; an IPv4 address in IPv6 form as IPv4."""
    ip = ip_address(address.partition("%")[0])
    return getattr(ip, "ipv4_mapped", None) or ip
