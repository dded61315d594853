"""An IPP Everywhere printer that prints into a folder until Ctrl-C.

python examples/virtual_printer.py "Paper saver" --port 8632 --folder printed
"""

import argparse
import asyncio
import signal
from pathlib import Path
from uuid import NAMESPACE_DNS, uuid5

from aiohttp.web import BaseRequest, Response

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

ICONS = {f"/icon-{size}.png": size for size in SIZES}


async def run(name: str, port: int, folder: Path) -> None:
    async def write(job: Job, document: Document, data: bytes) -> None:
        (folder / f"{job.id}-{document.number}.{document.format.rpartition('/')[2]}").write_bytes(data)

    async def page(request: BaseRequest) -> Response:
        if request.path in ICONS:
            return Response(body=printer_icon(ICONS[request.path]), content_type="image/png")
        return Response(text=f"{name} prints into {folder}\n")

    async def route(path: str) -> Route | None:
        return Route(printer, "print") if path.startswith("/ipp/print") else None

    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, (stop := asyncio.Event()).set)
    async with MemorySpool(write) as spool, Advertiser() as advertiser:
        hosts = ["localhost", advertiser.host]
        abilities = attributes(Capabilities(name, uuid5(NAMESPACE_DNS, name)))
        printer = standard_printer(abilities, spool, icons=tuple(ICONS))
        tls = OwnIdentity(folder / "identity.pem", hosts).context
        async with Endpoint(route, hosts=hosts, pages=page, tls=tls).serving([("", port)]) as endpoint:
            uri = f"ipps://{advertiser.host}:{endpoint.addresses[0][1]}/ipp/print"
            await advertiser.publish("it", name, services(await printer.attributes_at(uri)))
            print(uri, flush=True)
            await stop.wait()


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("name", nargs="?", default="Virtual printer")
parser.add_argument("--port", type=int, default=8632)
parser.add_argument("--folder", type=Path, default=Path("printed"))
arguments = parser.parse_args()
arguments.folder.mkdir(parents=True, exist_ok=True)
asyncio.run(run(arguments.name, arguments.port, arguments.folder))
