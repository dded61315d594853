"""The worker's program, spoken to without the pool: what it makes of requests that no pool sends."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest

from pcl.confined import LIBRARIES, MAX_REQUEST_OCTETS, TASKS
from pcl.spool import Spool

from .documents import make_pdf

PROGRAM = "from pcl.confined import limit_memory, main; limit_memory(1 << 30); main()"
REQUEST = {"task": "pdf", "cpu_s": 5, "time_s": 10.0, "stop_s": 8.0, "octets": 0, "key": ""}


@contextmanager
def start_worker() -> Iterator[tuple[subprocess.Popen[bytes], socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.settimeout(20)
    with ours, theirs:
        worker = subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=theirs.fileno())
        theirs.close()
        assert receive(ours) == {"ready": True}
        yield worker, ours
    worker.wait(20)


def receive(channel: socket.socket) -> dict[str, object]:
    head = channel.recv(4, socket.MSG_WAITALL)
    octets = channel.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL)
    return msgspec.json.decode(octets, type=dict[str, object])


def send(channel: socket.socket, request: dict[str, object], document: bytes) -> None:
    octets = msgspec.json.encode(request)
    with Spool() as spool:
        spool.write(document)
        handover = spool.hand_over()
        socket.send_fds(channel, [len(octets).to_bytes(4, "big")], [handover.descriptor])
        channel.sendall(octets)


def test_figures_come_as_soon_as_they_are_known_and_done_at_the_end() -> None:
    with start_worker() as (worker, channel):
        # Where a page may show colour it is rendered, which takes its time; else all is told at once.
        send(
            channel, REQUEST, make_pdf(2, contents=[b"0.5 0.4 0.5 rg 72 72 99 99 re f", b"0 g 9 9 9 9 re f"])
        )
        first, last, done = receive(channel), receive(channel), receive(channel)
        assert [message["report"]["pages"] for message in (first, last)] == [2, 2]  # type: ignore[index]
        assert first["report"]["colour_pages"] is None  # type: ignore[index] # an object in the test's eyes
        assert last["report"]["colour_pages"] == 1  # type: ignore[index]
        assert done == {"done": True}
        send(channel, REQUEST, make_pdf(2))
        whole, done = receive(channel), receive(channel)
        assert whole["report"]["monochrome_pages"] == 2  # type: ignore[index]
        assert done == {"done": True}
    assert worker.returncode == 0


@pytest.mark.parametrize("length", [MAX_REQUEST_OCTETS + 1, 0xFFFFFFFF])
def test_a_request_that_is_too_long_ends_the_worker(length: int) -> None:
    with start_worker() as (worker, channel), Spool() as spool:
        socket.send_fds(channel, [length.to_bytes(4, "big")], [spool.hand_over().descriptor])
        assert worker.wait(20) == 1


def test_a_request_without_a_document_ends_the_worker() -> None:
    with start_worker() as (worker, channel):
        channel.sendall((9).to_bytes(4, "big"))
        assert worker.wait(20) == 1


def test_a_parent_that_goes_within_a_request_ends_the_worker() -> None:
    with start_worker() as (worker, channel), Spool() as spool:
        socket.send_fds(channel, [(9).to_bytes(4, "big")], [spool.hand_over().descriptor])
        channel.close()
        assert worker.wait(20) == 0


def test_a_document_that_needs_more_time_than_it_has_ends_the_worker() -> None:
    with start_worker() as (worker, channel):
        send(channel, {**REQUEST, "task": "image", "cpu_s": 0, "time_s": -4.0}, make_pdf(1))
        assert receive(channel)["report"]
        assert receive(channel) == {"done": True}
        send(channel, {**REQUEST, "task": "postscript", "time_s": -4.0, "stop_s": 60.0}, b"%!PS\n{} loop\n")
        assert worker.wait(20) == -14  # the alarm, a second after it was set


def test_every_task_is_named_by_what_it_reads() -> None:
    assert set(TASKS) == {"image", "pdf", "postscript"}
    assert "pikepdf" in LIBRARIES
