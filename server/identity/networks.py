"""Which network a peer is in."""

from __future__ import annotations

from collections.abc import Iterable

from ipp.peer import parse_peer
from server.config import Network


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
