"""An IPP Everywhere printer that writes what it prints into a folder; Ctrl-C ends it.

python examples/virtual_printer.py "Paper saver" --port 8632 --folder printed
"""

import argparse
import asyncio
import signal
from pathlib import Path
from uuid import NAMESPACE_DNS, uuid5

from aiohttp import web

from ipp.advertiser import Advertiser
from ipp.dnssd import services
from ipp.endpoint import Endpoint
from ipp.everywhere import Capabilities, attributes
from ipp.exchange import Route
from ipp.icon import SIZES, printer_icon
from ipp.job import Document, Job
from ipp.memory import MemorySpool
from ipp.operations import standard_printer
from ipp.tls import OwnIdentity


async def run(arguments: argparse.Namespace) -> None:
    async def write(job: Job, document: Document, data: bytes) -> None:
        ending = document.format.rpartition("/")[2]
        (arguments.folder / f"{job.id}-{document.number}.{ending}").write_bytes(data)

    async def page(request: web.BaseRequest) -> web.StreamResponse:
        if (
            request.path.startswith("/icon-")
            and (size := int(request.path[6:].removesuffix(".png"))) in SIZES
        ):
            return web.Response(body=printer_icon(size), content_type="image/png")
        return web.Response(text=f"{arguments.name} prints into {arguments.folder}\n")

    arguments.folder.mkdir(parents=True, exist_ok=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    identity = OwnIdentity(arguments.folder / "identity.pem", [arguments.host])
    async with MemorySpool(write) as spool:
        capabilities = Capabilities(
            arguments.name, uuid5(NAMESPACE_DNS, f"{arguments.name}.{arguments.host}")
        )
        icons = tuple(f"/icon-{size}.png" for size in SIZES)
        printer = standard_printer(attributes(capabilities), spool, icons=icons)

        async def route(path: str) -> Route | None:
            return Route(printer, "print") if path.startswith("/ipp/print") else None

        endpoint = Endpoint(route, hosts={arguments.host, "localhost"}, pages=page, tls=identity.context)
        async with endpoint.serving([("", arguments.port)]), Advertiser(host=arguments.host) as advertiser:
            uri = f"ipps://{advertiser.host}:{endpoint.addresses[0][1]}/ipp/print"
            await advertiser.publish("it", arguments.name, services(await printer.attributes_at(uri)))
            print(uri, flush=True)
            await stop.wait()


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("name", nargs="?", default="Virtual printer")
parser.add_argument("--port", type=int, default=8632)
parser.add_argument("--folder", type=Path, default=Path("printed"))
parser.add_argument("--host", default="localhost", help="name by which clients reach this machine")
asyncio.run(run(parser.parse_args()))
