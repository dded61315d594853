"""Makes the queues known on the local network, and keeps what is said of them true."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from ipp.advertiser import Advertiser, AdvertiserError
from ipp.dnssd import services
from ipp.registry import attribute
from server.config import RESOURCE_PATH
from server.gate import Gate

_log: Final = logging.getLogger(__name__)


async def announce(gate: Gate, port: int, *, host: str = "", met: Callable[[str], None]) -> None:
    """Announce the queues of a gate until cancelled; `met` is told the host name they are announced at.

    Where there is no network the queues are served all the same, and the log says so.
    """
    try:
        async with Advertiser(host=host) as advertiser:
            met(advertiser.host)
            while True:
                changed = asyncio.ensure_future(gate.wait_change())
                try:
                    await _publish_all(gate, advertiser, port)
                    await changed
                finally:
                    changed.cancel()
    except (AdvertiserError, OSError) as error:
        _log.warning("the queues are not announced on the local network: %s", error)


async def _publish_all(gate: Gate, advertiser: Advertiser, port: int) -> None:
    default = gate.default
    for key in set(advertiser.names) - {served.settings.name for served in gate}:
        await advertiser.withdraw(key)
    for served in gate:
        path = RESOURCE_PATH if served is default else served.settings.path
        told = await served.printer.attributes_at(f"ipps://{advertiser.host}:{port}{path}", served.access)
        wanted = str(told.string("printer-dns-sd-name", served.settings.title))
        name = await advertiser.publish(served.settings.name, wanted, services(told))
        if name != wanted:  # somebody else on this network is called so
            served.printer.set_attributes([attribute("printer-dns-sd-name", name)])
