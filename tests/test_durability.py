"""Nothing acknowledged is lost, whenever the daemon is killed; nothing is ever on disk in the clear."""

from __future__ import annotations

import hashlib
import os
import random
import re
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path

import pytest

import ipp
from tests.peers import wire
from tests.peers.daemon import Daemon, start_daemon
from tests.peers.ippeveprinter import IppEvePrinter
from tests.peers.process import find_program, wait_until
from tests.peers.socket_printer import SocketPrinter, start_socket_printer

pytestmark = pytest.mark.peer

MIB = 1 << 20
# What a document of a gigabyte may add to what the daemon holds anyway.
MEMORY_BOUND_OCTETS = 32 * MIB
WRITES = "write,writev,pwrite64,pwritev,pwritev2,sendfile,copy_file_range,splice"
ADA = ("ada-kanarienvogel", "correct horse battery staple")
CANARY = "Kanarienvogel-7f3a9c"
TITLE = f"Kündigung {CANARY}-title"


@pytest.fixture
def raw_printer() -> Iterator[SocketPrinter]:
    with start_socket_printer() as printer:
        yield printer


@pytest.fixture
def daemon(raw_printer: SocketPrinter) -> Iterator[Daemon]:
    """A daemon with one user, one hold queue and one raw printer."""
    with start_daemon() as daemon:
        daemon.add_user(*ADA)
        daemon.add_printer("raw", raw_printer.uri)
        yield daemon


def make_document(octets: int, seed: int = 0) -> Iterator[bytes]:
    """A PDF-like stream of this size that holds the canary in every piece and compresses badly."""
    source = random.Random(seed)
    block = source.randbytes(MIB - len(CANARY)) + CANARY.encode()
    left = octets
    head = b"%PDF-1.7\n"
    while left > 0:
        piece = (head + block)[: min(left, MIB)]
        head = left.to_bytes(8, "big")
        left -= len(piece)
        yield piece


def digest_of(octets: int, seed: int = 0) -> str:
    digest = hashlib.sha256()
    for piece in make_document(octets, seed):
        digest.update(piece)
    return digest.hexdigest()


def make_print_request(daemon: Daemon, title: str = TITLE) -> bytes:
    return wire.make_request(
        wire.PRINT_JOB,
        daemon.uri("hold", scheme="ipps"),
        wire.attribute(wire.NAME, "requesting-user-name", ADA[0]),
        wire.attribute(wire.NAME, "job-name", title),
        wire.attribute(wire.MIME_TYPE, "document-format", "application/pdf"),
    )


def post(daemon: Daemon, body: bytes | Iterator[bytes]) -> ipp.Message:
    """The answer to a request of Ada's by TLS. Raises OSError or HTTPException when it is cut off."""
    status, answer = wire.post(daemon.port, "/ipp/print/hold", body, tls=True, credentials=ADA, timeout_s=120)
    assert status == 200, (status, answer)
    return ipp.decode(answer)


def print_job(daemon: Daemon, octets: int, *, seed: int = 0) -> int:
    """Park a document of this size as Ada; the number of the job, once it is acknowledged."""

    def body() -> Iterator[bytes]:
        yield make_print_request(daemon)
        yield from make_document(octets, seed)

    answer = post(daemon, body())
    assert answer.status == ipp.Status.SUCCESSFUL_OK
    return answer.job.integer("job-id", 0)


def jobs_of_ada(daemon: Daemon, which: str = "not-completed") -> dict[int, ipp.Group]:
    request = wire.make_request(
        wire.GET_JOBS,
        daemon.uri("hold", scheme="ipps"),
        wire.attribute(wire.NAME, "requesting-user-name", ADA[0]),
        wire.attribute(wire.KEYWORD, "which-jobs", which),
        wire.attribute(wire.KEYWORD, "requested-attributes", "all"),
    )
    return {job.integer("job-id", 0): job for job in post(daemon, request).jobs}


def parked_jobs(daemon: Daemon) -> set[int]:
    """Ada's jobs that wait for release with their documents, as IPP tells."""
    return {
        number
        for number, job in jobs_of_ada(daemon).items()
        if job.integer("job-state", 0) == ipp.JobState.PENDING_HELD
        and "job-incoming" not in job.strings("job-state-reasons")
    }


def is_sound(daemon: Daemon) -> bool:
    sound: bool = daemon.verify_ledger()["sound"]
    return sound


def test_a_gigabyte_is_parked_and_released_in_bounded_memory(
    daemon: Daemon, raw_printer: SocketPrinter
) -> None:
    print_job(daemon, MIB)  # what is loaded with the first job is no part of the measure
    daemon.reset_peak_memory()
    before = daemon.peak_memory_octets()
    number = print_job(daemon, 1024 * MIB, seed=1)
    assert daemon.peak_memory_octets() - before < MEMORY_BOUND_OCTETS
    daemon.release(number, "raw")
    [transfer] = raw_printer.wait_for_complete(1)
    assert transfer.octets == 1024 * MIB
    assert transfer.sha256 == digest_of(1024 * MIB, seed=1)
    assert daemon.peak_memory_octets() - before < MEMORY_BOUND_OCTETS


def test_a_kill_during_the_upload_leaves_nothing_that_could_be_released(daemon: Daemon) -> None:
    kept = print_job(daemon, MIB)
    killed = threading.Event()

    def body() -> Iterator[bytes]:
        yield make_print_request(daemon)
        yield from make_document(20 * MIB, seed=2)
        daemon.kill()
        killed.set()
        yield from make_document(20 * MIB, seed=3)

    with pytest.raises((OSError, HTTPException)):
        post(daemon, body())
    assert killed.is_set()
    assert daemon.stored_octets() > 10 * MIB
    daemon.start()
    assert parked_jobs(daemon) == {kept}
    # The half job is told as what it is, until the time for its documents is over.
    [half] = [job for number, job in jobs_of_ada(daemon).items() if number != kept]
    assert "job-incoming" in half.strings("job-state-reasons")
    assert half.integer("number-of-documents") == 0
    # The half document's ciphertext is swept: what is left is about what the kept job needs.
    wait_until(lambda: daemon.stored_octets() < 5 * MIB, "orphans to be swept")
    assert is_sound(daemon)


def test_a_kill_right_after_the_answer_loses_no_job(daemon: Daemon, raw_printer: SocketPrinter) -> None:
    number = print_job(daemon, 3 * MIB, seed=4)
    daemon.restart(kill=True)
    assert parked_jobs(daemon) == {number}
    assert is_sound(daemon)
    daemon.release(number, "raw")
    [transfer] = raw_printer.wait_for_complete(1)
    assert transfer.sha256 == digest_of(3 * MIB, seed=4)


def test_a_kill_among_many_uploads_loses_none_that_was_answered(
    daemon: Daemon, raw_printer: SocketPrinter
) -> None:
    acknowledged: dict[int, tuple[int, int]] = {}
    guard = threading.Lock()

    def upload(worker: int) -> None:
        for count in range(1000):
            octets = 1000 + 400_000 * (count % 3)
            try:
                number = print_job(daemon, octets, seed=worker)
            except (OSError, HTTPException):
                return
            with guard:
                acknowledged[number] = (octets, worker)

    workers = [threading.Thread(target=upload, args=(worker,)) for worker in range(4)]
    for worker in workers:
        worker.start()
    wait_until(lambda: len(acknowledged) >= 20, "20 acknowledged jobs")
    daemon.kill()
    for worker in workers:
        worker.join()
    daemon.start()
    assert acknowledged.keys() <= parked_jobs(daemon)
    assert is_sound(daemon)
    # And what is parked is what was sent.
    for number in acknowledged:
        daemon.release(number, "raw")
    received = raw_printer.wait_for_complete(len(acknowledged))
    assert {transfer.sha256 for transfer in received} == {
        digest_of(octets, seed) for octets, seed in acknowledged.values()
    }


def test_a_kill_during_delivery_leaves_the_job_with_its_owner_and_prints_nothing_unasked(
    daemon: Daemon, raw_printer: SocketPrinter
) -> None:
    number = print_job(daemon, 30 * MIB, seed=5)
    raw_printer.stall_after_octets = 4 * MIB
    daemon.release(number, "raw")
    raw_printer.wait_for_octets(4 * MIB)
    daemon.kill()
    raw_printer.resume()
    daemon.start()
    # A raw port cannot say how much of it was printed: the owner is asked, and nothing is printed unasked.
    wait_until(lambda: parked_jobs(daemon) == {number}, "the job to be parked again")
    reasons = jobs_of_ada(daemon)[number].strings("job-state-reasons")
    assert {"job-release-wait", "job-held-for-review"} <= set(reasons)
    assert is_sound(daemon)
    assert digest_of(30 * MIB, seed=5) not in {each.sha256 for each in raw_printer.transfers}
    daemon.release(number, "raw")
    wait_until(lambda: any(each.octets == 30 * MIB for each in raw_printer.complete()), "the whole document")
    assert [each.sha256 for each in raw_printer.complete() if each.octets == 30 * MIB] == [
        digest_of(30 * MIB, seed=5)
    ]
    assert is_sound(daemon)


def test_a_kill_while_a_printer_prints_ends_with_one_print(
    daemon: Daemon, start_eve_printer: Callable[..., IppEvePrinter], tmp_path: Path
) -> None:
    # The printer has the job whole and is at it for a while: it can be asked what became of it.
    slowly = tmp_path / "print-slowly"
    slowly.write_text("#!/bin/sh\nsleep 2\n")
    slowly.chmod(0o755)
    printer = start_eve_printer(command=str(slowly))
    daemon.add_printer("eve", printer.tls_uri)
    number = print_job(daemon, MIB, seed=6)
    daemon.release(number, "eve")
    wait_until(lambda: len(list(printer.spool.iterdir())) > 0, "the document at the printer")
    wait_until(lambda: sum(path.stat().st_size for path in printer.spool.iterdir()) >= MIB, "all of it")
    daemon.restart(kill=True)
    wait_until(lambda: daemon.job(number)["state"] == "completed", "the job to complete")
    [received] = printer.received()
    assert hashlib.sha256(received.read_bytes()).hexdigest() == digest_of(MIB, seed=6)
    assert is_sound(daemon)


def test_no_octet_of_a_document_its_title_or_its_owner_is_written_in_the_clear(
    daemon: Daemon, raw_printer: SocketPrinter
) -> None:
    small = print_job(daemon, 5000)
    print_job(daemon, 5 * MIB)
    canaries = (CANARY, "Kündigung", *ADA)
    assert daemon.find_leaks(*canaries) == []
    daemon.release(small, "raw")
    raw_printer.wait_for_complete(1)
    daemon.kill()
    assert {path.name for path in daemon.data.iterdir()} >= {"pullprint.db", "pullprint.db-wal"}
    assert daemon.find_leaks(*canaries) == []
    daemon.start()
    daemon.stop()
    assert daemon.find_leaks(*canaries) == []


def test_no_write_to_any_file_ever_carries_a_document_a_title_or_a_name(
    raw_printer: SocketPrinter, tmp_path: Path
) -> None:
    # Files that are gone again are searched too: every write of the daemon and of what it started.
    trace = tmp_path / "trace"
    tracer: list[str | Path] = [
        find_program("strace"),
        "-f",
        "-qq",
        "-y",
        "-s",
        "9000",
        "-e",
        f"trace={WRITES}",
        "-o",
        trace,
    ]
    with start_daemon(tracer=tracer) as daemon:
        daemon.add_user(*ADA)
        daemon.add_printer("raw", raw_printer.uri)
        # So much that its analysis goes by way of a file; any piece of it holds the canary.
        document = b"%PDF-1.7\n" + CANARY.encode() * (40 * MIB // len(CANARY))
        numbers = []
        for octets in (5000, len(document)):
            answer = post(daemon, make_print_request(daemon) + document[:octets])
            numbers.append(answer.job.integer("job-id", 0))
        daemon.release(numbers[0], "raw")
        daemon.run("cancel", str(numbers[1]))
        raw_printer.wait_for_complete(1)
        wait_until(lambda: daemon.job(numbers[0])["state"] == "completed", "the job to complete")
        daemon.stop()
    written = set()
    needles = [canary.encode() for canary in (CANARY, *ADA, "ndigung ")]
    elsewhere = (b"socket:", b"TCP", b"UNIX", b"pipe:", b"/memfd:", b"anon_inode:")
    for line in trace.read_bytes().splitlines():
        call = re.match(rb"\d+ +\w+\(\d+<([^>]*)>", line)
        if call is not None and not call[1].startswith(elsewhere):
            written.add(Path(os.fsdecode(call[1])))
            assert not [needle for needle in needles if needle in line], line[:300]
    for folder in (daemon.data, daemon.data / "blobs/incoming", daemon.folder / "tmp"):
        assert folder in {path.parent for path in written}
