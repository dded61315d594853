"""The raw printer counts what came, and can be made to stop in the middle."""

from __future__ import annotations

import hashlib
import socket

from tests.peers.process import wait_until
from tests.peers.socket_printer import start_socket_printer


def test_a_document_is_known_by_its_digest() -> None:
    with start_socket_printer() as printer:
        for document in (b"first" * 100_000, b"second"):
            with socket.create_connection(("127.0.0.1", printer.port)) as connection:
                connection.sendall(document)
        first, second = printer.wait_for_complete(2)
        assert first.octets == 500_000
        assert second.sha256 == hashlib.sha256(b"second").hexdigest()


def test_a_stalled_printer_leaves_its_sender_waiting_until_it_resumes() -> None:
    document = b"x" * (32 << 20)
    with start_socket_printer(stall_after_octets=1000) as printer:
        with socket.create_connection(("127.0.0.1", printer.port)) as connection:
            connection.setblocking(False)
            sent = 0

            def is_stuck() -> bool:
                nonlocal sent
                try:
                    sent += connection.send(document[sent:])
                except BlockingIOError:
                    return printer.transfers != [] and printer.transfers[0].octets >= 1000
                return False

            wait_until(is_stuck, "full socket buffers")
            assert sent < len(document)
            assert printer.complete() == []
            printer.resume()
            connection.setblocking(True)
            connection.sendall(document[sent:])
        [transfer] = printer.wait_for_complete(1)
        assert transfer.octets == len(document)
