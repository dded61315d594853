"""The rig's spooler prints to a real printer through `-m everywhere`, holds and cancels."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.peers.cupsd import CupsServer
from tests.peers.ippeveprinter import IppEvePrinter
from tests.peers.ipptool import Suites

pytestmark = pytest.mark.peer


@pytest.fixture(scope="module")
def queue(cups_server: CupsServer, shared_eve_printer: IppEvePrinter) -> Iterator[str]:
    cups_server.add_queue("eve", shared_eve_printer.uri)
    yield "eve"
    cups_server.remove_queue("eve")


def test_the_ppd_is_there_when_the_queue_is_added(cups_server: CupsServer, queue: str) -> None:
    ppd = cups_server.ppd(queue).read_text()
    assert "*OpenUI *Duplex" in ppd
    assert "*PageSize A4" in ppd


def test_a_pdf_goes_to_the_printer_and_the_local_job_completes(
    cups_server: CupsServer, queue: str, eve_printer: IppEvePrinter, suites: Suites
) -> None:
    job = cups_server.lp(queue, suites.document("document-a4.pdf"), options={"sides": "two-sided-long-edge"})
    finished = cups_server.wait_for_completion(queue, job)
    assert finished.octets >= 1024
    [received] = eve_printer.wait_for_documents(1)
    assert received.read_bytes().startswith(b"%PDF-")


def test_a_held_job_waits_until_somebody_cancels_it(
    cups_server: CupsServer, queue: str, suites: Suites
) -> None:
    job = cups_server.lp(queue, suites.document("onepage-a4.pdf"), hold=True, user="ada", title="Held")
    [waiting] = [entry for entry in cups_server.jobs(queue) if entry.number == job]
    assert waiting.user == "ada"
    cups_server.cancel(queue, job, user="ada")
    cups_server.wait_for_completion(queue, job)
