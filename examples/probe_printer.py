"""Ask a printer what it is and what it can do.

python examples/probe_printer.py ipps://printer.example/ipp/print

A certificate that no authority signed, as most printers have, is accepted by its fingerprint (--pin), or
whatever it is (--any-certificate).
"""

import argparse
import asyncio
import sys

from ipp import IppError, PrinterState
from ipp.client import Client
from ipp.trust import AnyCertificate, Authorities, Pinned, Trust

TOLD = (
    "printer-make-and-model",
    "printer-info",
    "printer-location",
    "printer-state-reasons",
    "ipp-versions-supported",
    "document-format-supported",
    "media-ready",
    "sides-supported",
    "print-color-mode-supported",
    "printer-resolution-supported",
)


async def probe(uri: str, trust: Trust) -> None:
    async with Client(uri, trust=trust) as client:
        printer = await client.get_printer_attributes()
    state = PrinterState(printer.integer("printer-state", 0))
    print(f"{printer.string('printer-name', uri)} is {state.keyword} ({len(printer)} attributes)")
    for name in TOLD:
        if found := printer.get(name):
            print(f"  {name}: {', '.join(str(value) for value in found.values)}")


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("uri")
parser.add_argument("--pin", metavar="FINGERPRINT", help="accept the certificate with this SHA-256")
parser.add_argument("--any-certificate", action="store_true", help="accept any certificate")
arguments = parser.parse_args()
chosen: Trust = Pinned(arguments.pin) if arguments.pin else Authorities()
try:
    asyncio.run(probe(arguments.uri, AnyCertificate() if arguments.any_certificate else chosen))
except IppError as error:
    sys.exit(f"{arguments.uri}: {error}")
