"""Advertise a printer on the local network until Ctrl-C; phones and computers list it at once.

python examples/advertise.py "Hall printer" --port 8631 --location "By the stairs"

This only tells where the printer is: something must answer IPP at that port.
"""

import argparse
import asyncio
import signal
from uuid import NAMESPACE_DNS, uuid5

from ipp.advertiser import Advertiser
from ipp.dnssd import services
from ipp.everywhere import Capabilities, attributes
from ipp.message import Attributes
from ipp.registry import attribute


def describe(arguments: argparse.Namespace, host: str) -> Attributes:
    """What the printer would answer to a client that asks it at this host."""
    printer = Capabilities(
        name=arguments.name,
        uuid=uuid5(NAMESPACE_DNS, f"{arguments.name}.{host}"),
        make_and_model=arguments.model,
        location=arguments.location,
        color=not arguments.monochrome,
    )
    answer, place = attributes(printer), f"{host}:{arguments.port}"
    answer.add(
        attribute("printer-uri-supported", f"ipps://{place}/ipp/print", f"ipp://{place}/ipp/print"),
        attribute("uri-authentication-supported", "none", "none"),
        attribute("printer-more-info", f"https://{place}/"),
    )
    return answer


async def advertise(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Advertiser(interfaces=arguments.interface, host=arguments.host) as advertiser:
        name = await advertiser.publish("it", arguments.name, services(describe(arguments, advertiser.host)))
        print(f"{name} is at ipps://{advertiser.host}:{arguments.port}/ipp/print, Ctrl-C ends it", flush=True)
        await stop.wait()


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("name")
parser.add_argument("--port", type=int, default=631)
parser.add_argument("--location", default="")
parser.add_argument("--model", default="IPP Everywhere Printer")
parser.add_argument("--monochrome", action="store_true")
parser.add_argument("--host", default="", help="name that clients are sent to (this machine's)")
parser.add_argument("--interface", action="append", default=[], help="address of an interface (all)")
asyncio.run(advertise(parser.parse_args()))
