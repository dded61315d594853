"""How jobs reach devices: a transport for each scheme of a printer's URI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from server.delivery.folder import FolderTransport
from server.delivery.ipp import IppTransport
from server.delivery.socket import SocketTransport
from server.delivery.transport import Device, NotDeliveredError, Transport

TransportFactory = Callable[[Device], Transport]

SCHEMES: Final[dict[str, TransportFactory]] = {
    "ipps": IppTransport,
    "ipp": IppTransport,
    "socket": SocketTransport,
    "file": FolderTransport,
}


def open_transport(device: Device) -> Transport:
    """The transport for a device.

    Raises:
        NotDeliveredError: no transport knows the scheme of its URI.
    """
    scheme = urlsplit(device.uri).scheme
    if scheme not in SCHEMES:
        known = ", ".join(SCHEMES)
        raise NotDeliveredError(f"{device.name} has a URI that is none of {known}: correct it.")
    return SCHEMES[scheme](device)
