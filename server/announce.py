"""Makes the queues known on the local network, and keeps what is said of them true."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

from ipp.advertiser import Advertiser, AdvertiserError, services_of
from ipp.registry import attribute
from server.config import RESOURCE_PATH
from server.gate import Gate

_log: Final = logging.getLogger(__name__)


async def announce(
    gate: Gate,
    port: int,
    *,
    host: str = "",
    interfaces: Sequence[str] = (),
    met: Callable[[str], None],
) -> None:
    """Announce the queues of a gate until cancelled; `met` is told the host name they are announced at.

    `host` is the name to announce, the machine's own if not given, and `interfaces` are the addresses of the
    interfaces to speak on, all but loopback if not given. Where there is no network the queues are served all
    the same, and the log says so.
    """
    try:
        async with Advertiser(host=host, interfaces=interfaces) as advertiser:
            met(advertiser.host)
            while True:
                revision = gate.revision
                await _publish_all(gate, advertiser, port)
                await gate.wait_change(revision)
    except (AdvertiserError, OSError) as error:
        _log.warning("the queues are not announced on the local network: %s", error)
    except Exception:  # a defect here must not end the printing
        _log.exception("a defect: the queues are no longer announced on the local network")


async def _publish_all(gate: Gate, advertiser: Advertiser, port: int) -> None:
    default = gate.default
    for key in set(advertiser.names) - {served.settings.name for served in gate}:
        await advertiser.withdraw(key)
    for served in gate:
        path = RESOURCE_PATH if served is default else served.settings.path
        wanted = str(served.printer.attributes.string("printer-dns-sd-name", served.settings.title))
        offered = await services_of(served.public.handler, f"{advertiser.host}:{port}{path}")
        name = await advertiser.publish(served.settings.name, wanted, offered)
        if name != wanted:  # somebody else on this network is called so
            served.printer.set_attributes([attribute("printer-dns-sd-name", name)])
