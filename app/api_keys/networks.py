"""The networks that a key may be used from. Pure."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
MAPPED = IPv6Network("::ffff:0:0/96")


def written_network(text: str) -> str:
    """Return a network or an address in its usual form; raise `ValueError`.

    IPv4 in IPv6 becomes IPv4, as the addresses of clients do.
    """
    if "%" in text:
        raise ValueError("must be a network without a scope, such as 192.0.2.0/24")
    try:
        network = ip_network(text.strip())
    except ValueError as error:
        reason = str(error)
        end = "has host bits set: write the first address of the network"
        raise ValueError(
            end if "host bits" in reason else "must be a network, such as 192.0.2.0/24"
        ) from None
    if isinstance(network, IPv6Network) and network.subnet_of(MAPPED):
        inner = IPv6Address(network.network_address).ipv4_mapped
        return str(ip_network(f"{inner}/{network.prefixlen - 96}"))
    return str(network)


def is_allowed(address: str | None, networks: Sequence[str] | None) -> bool:
    """Return whether a client's address is in one of the networks; None allows all."""
    if networks is None:
        return True
    try:
        known = ip_address(address or "")
    except ValueError:
        return False
    return any(known in _parsed(network) for network in networks)


@lru_cache(maxsize=1024)
def _parsed(network: str) -> Network:
    return ip_network(network)
