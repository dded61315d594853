"""The address of a peer, and what stands for everything that one machine can send from."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

_SITE_BITS: Final = 64  # of an IPv6 address: within them one machine takes as many addresses as it likes


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
