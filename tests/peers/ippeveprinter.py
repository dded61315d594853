"""A real `ippeveprinter` (CUPS 2.4): the IPP Everywhere printer that jobs are released to.

It holds one job at a time (a second Create-Job gets server-error-busy) and dies when many clients connect at
the same moment: one client at a time, or a printer each.
"""

from __future__ import annotations

import ssl
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from tests.peers.bus import ServiceDiscovery
from tests.peers.process import Child, clean_environment, find_program, free_port, run_program, scratch_folder

FORMATS = ("application/pdf", "image/jpeg", "image/pwg-raster", "image/urf")
START_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class IppEvePrinter:
    """A running printer and what it has printed."""

    name: str
    port: int
    spool: Path
    keys: Path
    child: Child

    @property
    def uri(self) -> str:
        return f"ipp://localhost:{self.port}/ipp/print"

    @property
    def tls_uri(self) -> str:
        """The same printer and port by TLS, with a certificate it signed itself."""
        return f"ipps://localhost:{self.port}/ipp/print"

    def received(self) -> list[Path]:
        """Documents that arrived whole, in the order of the printer's job ids.

        The print command's own output file (`.prn`) appears when the whole document is there: a document
        without one is still arriving.
        """
        whole = [path for path in self.spool.iterdir() if path.suffix != ".prn"]
        whole = [path for path in whole if path.with_suffix(".prn").exists()]
        return sorted(whole, key=lambda path: int(path.name.partition("-")[0]))

    def wait_for_documents(self, count: int, *, timeout_s: float = 20.0) -> list[Path]:
        """The documents received, once there are this many."""
        self.child.wait_until(
            lambda: len(self.received()) >= count, f"{count} received documents", timeout_s=timeout_s
        )
        return self.received()

    def forget(self) -> None:
        """Remove what was received, for printers that several tests share."""
        for path in self.spool.iterdir():
            path.unlink()


def answers(port: int) -> bool:
    """Whether an HTTP server on this port of the loopback interface gives its first page."""
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status < 500
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _answers_elsewhere(port: int, prefix: Sequence[str]) -> bool:
    """As `answers`, asked in the network namespace that `prefix` enters."""
    ask = f"exec 3<>/dev/tcp/127.0.0.1/{port} && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && read -r _ <&3"
    environment = clean_environment(Path("/nonexistent"))
    return (
        run_program(["/bin/bash", "-c", ask], environment=environment, prefix=prefix, check=False).returncode
        == 0
    )


@contextmanager
def start_ippeveprinter(
    discovery: ServiceDiscovery,
    *,
    name: str | None = None,
    formats: Sequence[str] = FORMATS,
    two_sided: bool = True,
    command: str = "/bin/true",
    options: Sequence[str] = (),
    prefix: Sequence[str] = (),
) -> Iterator[IppEvePrinter]:
    """Start a printer on a free port and wait until it answers.

    `command` is run for each job with the document's path; without one the printer only pretends, slowly.
    `options` go to the program as they are (`-V 2.0`, `-a attributes.conf`, `-M maker`).
    """
    # Its DNS-SD name must be no other printer's on this machine.
    instance = name or f"Rig {uuid.uuid4().hex[:8]}"
    is_up = partial(_answers_elsewhere, prefix=prefix) if prefix else answers
    with scratch_folder("eve") as folder:
        spool, keys = folder / "spool", folder / "keys"
        spool.mkdir()
        keys.mkdir(mode=0o700)
        for attempt in range(1, START_ATTEMPTS + 1):
            port = free_port()
            child = Child(
                f"ippeveprinter {instance!r}",
                [
                    find_program("ippeveprinter"),
                    *("-v", "-p", str(port), "-n", "localhost", "-s", "10,5", "-k"),
                    *(("-2",) if two_sided else ()),
                    *("-c", command, "-d", spool, "-K", keys),
                    *("-r", "_print,_universal", "-f", ",".join(formats), *options),
                    instance,
                ],
                log=folder / f"log-{attempt}",
                environment={**discovery.environment, "HOME": str(folder)},
                prefix=prefix,
            )
            with child:
                try:
                    child.wait_until(lambda: is_up(port), "its first answer")  # noqa: B023 (called before the next port)
                except RuntimeError:
                    if attempt == START_ATTEMPTS:
                        raise
                    continue  # somebody took the port between the look and the start
                if not prefix:
                    # It makes its certificate at the first TLS connection, and two where two come at once.
                    ssl.get_server_certificate(("localhost", port))
                yield IppEvePrinter(instance, port, spool, keys, child)
                return
