"""How the rig reads a conformance report, and the documents it makes for the suites."""

from __future__ import annotations

import pytest

from tests.peers.ippeveprinter import IppEvePrinter
from tests.peers.ipptool import Suites, read_report

REPORT = """"ipp-1.1.test":
    RFC 8011 section 4.1.1: Bad request-id value 0                       [PASS]
    RFC 8011 section 4.2.5: Get-Printer-Attributes Operation (default)   [PASS]
        color-supported (boolean) = true
    Send-Document missing last-document: Create-Job Operation            [FAIL]
        RECEIVED: 122 bytes in response
        EXPECTED: STATUS successful-ok (got server-error-busy)
    Print-Job with A4 PDF                                                [0001]
    Print-Job with A4 PDF                                                [FAIL]
        EXPECTED: job-uri
    Print-Job with A4 PostScript                                         [SKIP]

Summary: 4 tests, 2 passed, 2 failed, 1 skipped
Score: 50%
"""


def test_a_report_is_counted_by_its_steps_and_repeats_are_no_steps() -> None:
    result = read_report("ipp-1.1", REPORT)
    assert result.counts == (2, 2, 1)
    assert result.skipped_steps == ("Print-Job with A4 PostScript",)


def test_a_failure_carries_the_lines_that_explain_it() -> None:
    first, second = read_report("ipp-1.1", REPORT).failures
    assert first.name == "Send-Document missing last-document: Create-Job Operation"
    assert first.lines == (
        "RECEIVED: 122 bytes in response",
        "EXPECTED: STATUS successful-ok (got server-error-busy)",
    )
    assert second.lines == ("EXPECTED: job-uri",)


@pytest.mark.peer
def test_every_document_the_suites_print_is_made_in_its_format(suites: Suites) -> None:
    signatures = {".pdf": b"%PDF-", ".ps": b"%!PS-Adobe", ".jpg": b"\xff\xd8\xff", ".pwg": b"RaS2PwgRaster\0"}
    wanted = suites.make_documents("ipp-everywhere")
    assert len(wanted) > 100
    for name in wanted:
        path = suites.folder / name
        assert path.read_bytes().startswith(signatures[path.suffix]), name


@pytest.mark.peer
@pytest.mark.parametrize(
    ("upgrade", "tls"),
    [(False, False), (True, False), (False, True)],
    ids=["plain", "upgraded to TLS", "TLS from the start"],
)
def test_a_suite_runs_over_a_real_printer(
    shared_eve_printer: IppEvePrinter, suites: Suites, upgrade: bool, tls: bool
) -> None:
    before = len(shared_eve_printer.child.log_text())
    result = suites.run_suite(
        shared_eve_printer.uri, "get-printer-attributes-suite", upgrade=upgrade, tls=tls
    )
    # ippeveprinter fails one of the seven; what counts here is that each was run and read.
    assert result.counts == (6, 1, 0), result
    encrypted = "now encrypted" in shared_eve_printer.child.log_text()[before:]
    assert encrypted is (upgrade or tls)


@pytest.mark.peer
def test_a_printer_that_is_not_there_is_an_error_and_no_empty_result(suites: Suites) -> None:
    with pytest.raises(AssertionError, match="get-printer-attributes on ipp"):
        suites.run_suite("ipp://localhost:1/ipp/print", "get-printer-attributes")
