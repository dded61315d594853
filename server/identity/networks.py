"""Addresses of peers: which network one is in, and which of them are one machine's."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from server.config import Network

_SITE_BITS = 64  # of an IPv6 address: within them one machine takes as many addresses as it likes


def parse_peer(peer: str) -> IPv4Address | IPv6Address | None:
    """The address of a peer, without its scope; IPv4 in IPv6 as IPv4; None for what is no address."""
    try:
        address = ip_address(peer.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def origin_of(peer: str) -> str:
    """What stands for everything that one machine can send from: its IPv4 address or its IPv6 /64."""
    address = parse_peer(peer)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _SITE_BITS), strict=False))
    return peer if address is None else str(address)


class Networks:
    """A set of networks."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._networks = tuple(networks)

    def __contains__(self, peer: object) -> bool:
        """Whether the address of a peer is in one of them."""
        address = parse_peer(str(peer))
        return address is not None and any(
            address in network for network in self._networks if network.version == address.version
        )
