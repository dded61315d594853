"""Debian's conformance suites over queues that print at once: not one step fails.

A queue that parks cannot pass them, because they wait until their jobs complete.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.peers.daemon import Daemon, start_daemon
from tests.peers.ippeveprinter import IppEvePrinter
from tests.peers.ipptool import Suites
from tests.peers.process import wait_until

pytestmark = pytest.mark.peer

# Steps that pass, at least: a suite that skips what we do not advertise proves little.
SUITES = {
    "ipp-1.1": ("1.1", 42),
    "ipp-2.0": ("2.0", 43),
    "ipp-2.1": ("2.1", 44),
    "ipp-2.2": ("2.2", 45),
    "ipp-everywhere": ("2.0", 146),
}


@pytest.fixture(scope="module")
def daemon(shared_eve_printer: IppEvePrinter) -> Iterator[Daemon]:
    with start_daemon() as daemon:
        daemon.add_folder_printer("folder")
        daemon.add_queue("direct", "--printer", "folder", kind="direct")
        daemon.add_printer("eve", shared_eve_printer.tls_uri)
        daemon.add_queue("relayed", "--printer", "eve", kind="direct")
        yield daemon


@pytest.mark.parametrize(
    ("upgrade", "tls"),
    [(False, False), (True, False), (False, True)],
    ids=["plain", "upgraded to TLS", "TLS from the start"],
)
@pytest.mark.parametrize("suite", SUITES)
def test_no_step_of_a_suite_fails(
    daemon: Daemon, suites: Suites, suite: str, upgrade: bool, tls: bool
) -> None:
    version, least_passed = SUITES[suite]
    result = suites.run_suite(daemon.uri("direct"), suite, version=version, upgrade=upgrade, tls=tls)
    assert result.failed == 0, result
    assert result.passed >= least_passed, result.skipped_steps


@pytest.mark.parametrize("test", ["print-job-and-wait", "print-job-gzip", "print-job-deflate"])
def test_what_a_suite_prints_comes_out_whole(daemon: Daemon, suites: Suites, test: str) -> None:
    folder = daemon.add_folder_printer(test)
    daemon.add_queue(test, "--printer", test, kind="direct")
    assert suites.run_suite(daemon.uri(test), test, "document-a4.pdf").failed == 0
    wait_until(lambda: len(list(folder.glob("*.pdf"))) > 0, "the print")
    [printed] = folder.iterdir()
    assert printed.read_bytes() == suites.document("document-a4.pdf").read_bytes()


def test_no_step_fails_where_a_real_printer_does_the_printing(daemon: Daemon, suites: Suites) -> None:
    version, least_passed = SUITES["ipp-2.2"]
    result = suites.run_suite(daemon.uri("relayed"), "ipp-2.2", version=version)
    assert result.failed == 0, result
    assert result.passed >= least_passed, result.skipped_steps
