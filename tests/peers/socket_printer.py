"""A printer behind a raw TCP port (9100, "AppSocket"): it takes what comes, and can stop in the middle."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.peers.process import wait_until

READ_OCTETS = 1 << 18


@dataclass(slots=True)
class Transfer:
    """What came over one connection."""

    octets: int = 0
    complete: bool = False
    """Whether the sender ended the connection, and not by a reset.

    A sender that dies in the middle ends it so too: behind a raw port nobody can tell, only the octets can.
    """
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def add(self, data: bytes) -> None:
        self._digest.update(data)
        self.octets += len(data)


@dataclass(slots=True)
class SocketPrinter:
    """Listens on a port of its own; keeps digests, not documents, so that any size can be sent."""

    listener: socket.socket
    transfers: list[Transfer] = field(default_factory=list)
    stall_after_octets: int | None = None
    """Read no further once a connection has brought this much, until `resume`."""
    _resumed: threading.Event = field(default_factory=threading.Event)
    _closing: bool = False

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    @property
    def uri(self) -> str:
        return f"socket://127.0.0.1:{self.port}"

    def resume(self) -> None:
        """Read on, in this and later connections."""
        self.stall_after_octets = None
        self._resumed.set()

    def wait_for_octets(self, octets: int, *, timeout_s: float = 30.0) -> None:
        wait_until(
            lambda: sum(transfer.octets for transfer in self.transfers) >= octets,
            f"{octets} octets at the printer",
            timeout_s=timeout_s,
        )

    def wait_for_complete(self, count: int, *, timeout_s: float = 60.0) -> list[Transfer]:
        """The transfers that ended in order, once there are this many."""
        wait_until(lambda: len(self.complete()) >= count, f"{count} complete transfers", timeout_s=timeout_s)
        return self.complete()

    def complete(self) -> list[Transfer]:
        return [transfer for transfer in self.transfers if transfer.complete]

    def serve(self) -> None:
        """Take connections one after the other until closed, as such printers do."""
        while not self._closing:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return  # closed
            transfer = Transfer()
            self.transfers.append(transfer)
            with connection, suppress(ConnectionError):
                self._take(connection, transfer)

    def _take(self, connection: socket.socket, transfer: Transfer) -> None:
        while data := connection.recv(READ_OCTETS):
            transfer.add(data)
            if self.stall_after_octets is not None and transfer.octets >= self.stall_after_octets:
                self._resumed.wait()
        transfer.complete = True

    def close(self) -> None:
        self._closing = True
        self.resume()
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@contextmanager
def start_socket_printer(*, stall_after_octets: int | None = None) -> Iterator[SocketPrinter]:
    """A raw printer on a free port of the loopback interface."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        printer = SocketPrinter(listener, stall_after_octets=stall_after_octets)
        thread = threading.Thread(target=printer.serve, name="socket printer", daemon=True)
        thread.start()
        try:
            yield printer
        finally:
            printer.close()
            thread.join(5)
