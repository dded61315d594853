"""How fast 100 kB Print-Jobs are taken in and held: ours (encrypted and durable) beside cupsd's held queue.

Ours is measured as it comes, and without looking into the documents (format, impressions), which cupsd does
not do either. cupsd is measured as it comes, and with SyncOnClose, by which it also waits for its job files
to be on the disk. It never waits for the document.
"""

from __future__ import annotations

import io
import random

import pikepdf

from tests.peers import wire
from tests.peers.cupsd import start_cupsd
from tests.peers.daemon import start_daemon
from tests.peers.wrk import Load, measure_load

CONNECTIONS = (1, 16)
DURATION_S = 5
DOCUMENT_OCTETS = 100_000
QUEUE = "hold"
# All of the jobs are one person's, and more of them than one person may have waiting.
MANY = "[jobs]\nwaiting_per_owner_max = 1000000\n"


def make_document() -> bytes:
    """A PDF of one page, whole and in order, with noise in it that nobody can compress."""
    noise = random.Random(8011).randbytes(DOCUMENT_OCTETS)
    left = DOCUMENT_OCTETS - 1000
    while True:
        document, file = pikepdf.new(), io.BytesIO()
        document.add_blank_page()
        document.Root.Noise = document.make_stream(noise[:left])
        document.save(file, deterministic_id=True)
        if not (excess := file.tell() - DOCUMENT_OCTETS):
            return file.getvalue()
        left -= excess


def make_request(uri: str) -> bytes:
    """Print-Job with its document, to be held until somebody releases it."""
    return (
        wire.make_request(
            wire.PRINT_JOB,
            uri,
            wire.attribute(wire.NAME, "requesting-user-name", "ada"),
            wire.attribute(wire.NAME, "job-name", "Benchmark"),
            wire.attribute(wire.MIME_TYPE, "document-format", "application/pdf"),
            job_attributes=(wire.attribute(wire.KEYWORD, "job-hold-until", "indefinite"),),
        )
        + make_document()
    )


def measure(name: str, port: int, path: str, uri: str) -> list[Load]:
    """One load for each number of connections."""
    request = make_request(uri)
    http_status, answer = wire.post(port, path, request)
    assert http_status == 200, http_status
    assert wire.status_of(answer) < 0x0100, hex(wire.status_of(answer))
    loads = []
    for connections in CONNECTIONS:
        load = measure_load(port, path, request, connections=connections, duration_s=DURATION_S)
        print(
            f"  {name:<24}{load.requests_per_s:8,.0f}/s  {connections:2d} connections, "
            f"median {load.median_ms:.2f} ms, 99 % below {load.p99_ms:.2f} ms, {load.errors} errors"
        )
        loads.append(load)
    return loads


def measure_ours(name: str, configuration: str = MANY) -> list[Load]:
    """Our hold queue as it comes, or with a configuration."""
    with start_daemon(configuration=configuration) as daemon:
        loads = measure(name, daemon.port, f"/ipp/print/{QUEUE}", daemon.uri(QUEUE))
        answered = sum(load.requests for load in loads)
        held = next(queue["jobs"] for queue in daemon.ask("queues", "list") if queue["name"] == QUEUE)
        # A refusal is answered faster than a job is taken in, and HTTP tells no difference.
        assert held >= answered, f"{answered} requests were answered, and {held} jobs are held"
        print(f"  {held:,} jobs are held")
        return loads


def main() -> None:
    print(f"Print-Job of {DOCUMENT_OCTETS:,} octets to a queue that holds, for {DURATION_S} s")
    ours = {
        "pullprint": measure_ours("pullprint"),
        "pullprint, not looking": measure_ours("pullprint, not looking", f"{MANY}analyse = false\n"),
    }
    for peer, durable in (("cupsd", False), ("cupsd with SyncOnClose", True)):
        with start_cupsd(sync_on_close=durable) as server:
            server.add_queue(QUEUE, "file:///dev/null", model=None)
            theirs = measure(peer, server.port, f"/printers/{QUEUE}", server.uri(QUEUE))
        for name, loads in ours.items():
            for connections, our, their in zip(CONNECTIONS, loads, theirs, strict=True):
                ratio = our.requests_per_s / their.requests_per_s
                print(f"{name} is {ratio:.2f} times as fast as {peer}, with {connections} connections")


if __name__ == "__main__":
    main()
