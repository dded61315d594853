"""The inside of the confined worker process: takes documents by descriptor, answers with what is in them.

Started by pcl.worker, never imported by it. Here, and only here, the libraries run that read PDF,
PostScript and images; whatever they do, this process has no network, no files but the programs it is made
of, and bounded memory and time. Messages are four octets of length (big-endian), then JSON; a document's
descriptor travels with its request.
"""

from __future__ import annotations

import importlib
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, BinaryIO

import msgspec

from pcl.image import measure_image
from pcl.pdf import measure_pdf
from pcl.postscript import measure_postscript
from pcl.report import Report
from pcl.spool import Handover, open_handover

__all__ = ["TASKS", "main"]

Task = Callable[[BinaryIO, Mapping[str, Any]], Iterator[Report]]

# NAME -> what reads the document: yields what it knows so far, so that a later crash loses no earlier figure.
TASKS: dict[str, Task] = {
    "image": measure_image,
    "pdf": measure_pdf,
    "postscript": measure_postscript,
}

# Loaded before the first document comes; the plugins are what Pillow would look for on a disk later.
LIBRARIES = (
    *("pikepdf", "pypdfium2", "PIL.Image", "PIL.ImageChops"),
    *("PIL.JpegImagePlugin", "PIL.MpoImagePlugin", "PIL.PngImagePlugin", "PIL.TiffImagePlugin"),
)
MAX_REQUEST_OCTETS = 1 << 16


def main() -> None:
    """Serve requests on the socket that is standard input until it is closed."""
    channel = socket.socket(fileno=0)
    for library in LIBRARIES:
        with suppress(ImportError):  # a task that needs it then says so
            importlib.import_module(library)
    _send(channel, {"ready": True})
    while (request := _receive(channel)) is not None:
        options, handover = request
        _limit_time(options["cpu_s"])
        # Should the parent be gone by then, nobody else would end a task that hangs.
        signal.alarm(int(options["time_s"]) + 5)
        try:
            with open_handover(handover) as document:
                for report in TASKS[options["task"]](document, options):
                    _send(channel, {"report": report.to_json()})
            signal.alarm(0)
            _send(channel, {"done": True})
        except MemoryError:
            _send(channel, {"failed": "it needs more memory than allowed"})


def limit_memory(memory_octets: int) -> None:
    """Take the limits that hold for the whole life of this process."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_octets, memory_octets))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def _limit_time(cpu_s: int) -> None:
    """Allow this many more seconds of processor time; the kernel ends the process at the end of them."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + cpu_s + 1, hard))


def _receive(channel: socket.socket) -> tuple[dict[str, Any], Handover] | None:
    head, descriptors, _, _ = socket.recv_fds(channel, 4, 1)
    if not head:
        return None
    length = int.from_bytes(head, "big")
    if length > MAX_REQUEST_OCTETS or not descriptors:
        sys.exit("a request that no parent of ours sends")
    options = msgspec.json.decode(_read_exactly(channel, length))
    key = bytes.fromhex(options.pop("key")) or None
    return options, Handover(descriptors[0], options.pop("octets"), key)


def _read_exactly(channel: socket.socket, octets: int) -> bytes:
    parts: list[bytes] = []
    while octets:
        part = channel.recv(octets)
        if not part:
            sys.exit(0)
        parts.append(part)
        octets -= len(part)
    return b"".join(parts)


def _send(channel: socket.socket, message: Mapping[str, Any]) -> None:
    octets = msgspec.json.encode(message)
    channel.sendall(len(octets).to_bytes(4, "big") + octets)
