"""Print a file and wait until it is printed.

python examples/print_file.py ipps://printer.example/ipp/print report.pdf sides=two-sided-long-edge copies=2
"""

import argparse
import asyncio
import mimetypes
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from ipp import Attribute, IppError, JobState, Operation
from ipp.client import Client
from ipp.registry import attribute
from ipp.trust import AnyCertificate, Authorities

FINISHED = (JobState.CANCELED, JobState.ABORTED, JobState.COMPLETED)


async def read(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, 1 << 16):
            yield chunk


def option(text: str) -> Attribute:
    name, _, value = text.partition("=")
    return attribute(name, int(value) if value.isdigit() else value)


async def print_file(arguments: argparse.Namespace) -> JobState:
    trust = AnyCertificate() if arguments.any_certificate else Authorities()
    kind = mimetypes.guess_type(arguments.file)[0] or "application/octet-stream"
    async with Client(arguments.uri, trust=trust, compression="gzip") as client:
        document, name = read(arguments.file), arguments.file.name
        job = await client.print_document(
            document, document_format=kind, job_name=name, job_attributes=arguments.options
        )
        number = job.integer("job-id", 0)
        ask = client.request(Operation.GET_JOB_ATTRIBUTES, attribute("job-id", number))
        while (state := JobState(job.integer("job-state", 0))) not in FINISHED:
            print(f"job {number} is {state.keyword}", flush=True)
            await asyncio.sleep(1)
            job = client.check(await client.send(ask), Operation.GET_JOB_ATTRIBUTES).job
    print(f"job {number} is {state.keyword}")
    return state


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("uri")
parser.add_argument("file", type=Path)
parser.add_argument("options", type=option, nargs="*", metavar="NAME=VALUE", help="Job Template attributes")
parser.add_argument("--any-certificate", action="store_true", help="accept any certificate")
try:
    sys.exit(asyncio.run(print_file(parser.parse_args())) != JobState.COMPLETED)
except (IppError, OSError) as error:
    sys.exit(f"not printed: {error}")
