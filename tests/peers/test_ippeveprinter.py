"""The rig's printer prints, by plain IPP and by TLS, and leaves nothing behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.peers.bus import ServiceDiscovery
from tests.peers.ippeveprinter import IppEvePrinter, start_ippeveprinter
from tests.peers.ipptool import Suites

pytestmark = pytest.mark.peer


@pytest.mark.parametrize("scheme", ["ipp", "ipps"])
def test_a_printed_document_arrives_octet_for_octet(
    eve_printer: IppEvePrinter, suites: Suites, scheme: str
) -> None:
    uri = eve_printer.uri if scheme == "ipp" else eve_printer.tls_uri
    assert suites.run_suite(uri, "print-job", "document-a4.pdf").counts == (1, 0, 0)
    [received] = eve_printer.wait_for_documents(1)
    assert received.read_bytes() == suites.document("document-a4.pdf").read_bytes()


def test_a_stopped_printer_leaves_no_process_and_no_file(discovery: ServiceDiscovery) -> None:
    with start_ippeveprinter(discovery) as printer:
        pid, spool = printer.child.pid, printer.spool
        assert Path(f"/proc/{pid}/comm").read_text().strip() == "ippeveprinter"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not spool.parent.exists()


def test_two_printers_run_side_by_side(discovery: ServiceDiscovery, suites: Suites) -> None:
    with start_ippeveprinter(discovery) as first, start_ippeveprinter(discovery, two_sided=False) as second:
        assert first.port != second.port
        for printer in (first, second):
            assert suites.run_suite(printer.uri, "get-printer-attributes").failed == 0
