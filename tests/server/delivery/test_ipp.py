"""Delivery to real printers by IPP and IPPS, and what is known when it goes wrong."""

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ipp import Attribute, Attributes, Tag
from server.delivery.ipp import IppTransport, Pace
from server.delivery.transport import Device, NotDeliveredError, OutcomeUnknownError
from server.errors import SealBrokenError
from tests.peers.ippeveprinter import IppEvePrinter
from tests.server.delivery.conftest import PDF, Blank, Load, Octets

pytestmark = pytest.mark.peer

PACE = Pace(poll_s=0.02, poll_max_s=0.2, silence_s=0.5, cancel_s=5)
Start = Callable[..., IppEvePrinter]


def to(uri: str, certificate: str = "") -> IppTransport:
    return IppTransport(Device("laser", uri, certificate), pace=PACE)


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.mark.parametrize("scheme", ["ipp", "ipps"])
async def test_a_document_arrives_octet_for_octet(
    eve_printer: IppEvePrinter, load: Load, scheme: str
) -> None:
    uri = eve_printer.uri if scheme == "ipp" else eve_printer.tls_uri
    shipment, told = load(PDF)
    await to(uri).deliver(shipment)
    (document,) = eve_printer.wait_for_documents(1)
    assert document.read_bytes() == PDF
    assert len(told.pins) == 1  # by TLS also where the URI would allow it without
    begun, whole = (note.split() for note in told.notes)
    assert begun[:2] == whole[:2]
    assert begun[1].startswith("urn:uuid:")
    assert (begun[2], whole[2]) == ("begun", "whole")


async def test_the_certificate_of_the_first_time_is_the_only_one_afterwards(
    eve_printer: IppEvePrinter, load: Load
) -> None:
    shipment, told = load(PDF)
    await to(eve_printer.tls_uri).deliver(shipment)
    (certificate,) = told.pins
    shipment, told = load(PDF)
    await to(eve_printer.uri, certificate).deliver(shipment)
    assert told.pins == []
    shipment, told = load(PDF)
    with pytest.raises(NotDeliveredError, match="another certificate") as caught:
        await to(eve_printer.uri, "00" * 32).deliver(shipment)
    assert caught.value.again  # once somebody has looked into it
    assert certificate in str(caught.value)
    assert "`pullprint printers trust laser`" in str(caught.value)
    assert (told.notes, told.pins) == ([], [])
    assert len(eve_printer.wait_for_documents(2)) == 2


async def test_a_large_document_passes_in_bounded_memory(eve_printer: IppEvePrinter, load: Load) -> None:
    document = Blank(200 << 20)
    shipment, _ = load(document)
    before = resident_octets()
    await to(eve_printer.tls_uri).deliver(shipment)
    assert resident_octets() - before < 48 << 20
    (arrived,) = eve_printer.wait_for_documents(1)
    assert digest_of(arrived) == document.sha256


def resident_octets() -> int:
    """The most memory that this process has had, from what the kernel counts."""
    (line,) = (
        line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")
    )
    return int(line.split()[1]) * 1024


async def test_what_was_asked_and_can_be_done_is_told_to_the_printer(
    start_eve_printer: Start, load: Load, tmp_path: Path
) -> None:
    report = tmp_path / "report"
    command = tmp_path / "command"
    command.write_text(f"#!/bin/sh\nenv | grep ^IPP_ > {report}\n")
    command.chmod(0o755)
    printer = start_eve_printer(command=str(command))
    asked = Attributes(
        [
            Attribute.of("copies", Tag.INTEGER, 2),
            Attribute.of("sides", Tag.KEYWORD, "two-sided-long-edge"),
            Attribute.of("finishings", Tag.ENUM, 28),
            Attribute.of("job-hold-until", Tag.KEYWORD, "indefinite"),
        ]
    )
    receipt = await to(printer.uri).deliver(load(PDF, attributes=asked)[0])
    told = report.read_text()
    assert "IPP_COPIES=2" in told
    assert "IPP_SIDES=two-sided-long-edge" in told
    assert "IPP_JOB_NAME=minutes" in told
    assert "IPP_JOB_ORIGINATING_USER_NAME=anna" in told
    assert "indefinite" not in told
    assert receipt.message == "laser could not do: finishings 28."
    assert receipt.reasons == {"job-completed-with-warnings"}


async def test_a_format_that_the_printer_does_not_know_is_not_sent(
    eve_printer: IppEvePrinter, load: Load
) -> None:
    shipment, told = load(PDF, document_format="application/vnd.hp-pclxl")
    with pytest.raises(NotDeliveredError, match="does not print application/vnd") as caught:
        await to(eve_printer.uri).deliver(shipment)
    assert caught.value.reasons == {"unsupported-document-format"}
    assert not caught.value.again
    assert told.notes == []


async def test_a_printer_that_is_not_there_can_be_tried_again(load: Load) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        uri = f"ipp://127.0.0.1:{taken.getsockname()[1]}/ipp/print"
    with pytest.raises(NotDeliveredError, match="laser cannot be reached") as caught:
        await to(uri).deliver(load(PDF)[0])
    assert caught.value.again


async def test_a_document_that_breaks_off_is_taken_back(eve_printer: IppEvePrinter, load: Load) -> None:
    broken = Octets(PDF * 100, broken=(40, SealBrokenError("segment 3 was altered")))
    shipment, told = load(broken)
    with pytest.raises(NotDeliveredError, match="segment 3 was altered") as caught:
        await to(eve_printer.tls_uri).deliver(shipment)
    assert not caught.value.again  # it would break off at the same place, with the same pages printed
    assert [note.split()[2] for note in told.notes] == ["begun"]
    await to(eve_printer.tls_uri).deliver(load(PDF)[0])  # the printer is free again
    assert eve_printer.received()[-1].read_bytes() == PDF


@pytest.fixture
def slow_printer(start_eve_printer: Start, tmp_path: Path) -> IppEvePrinter:
    """A printer that prints for as long as a file is there."""
    command = tmp_path / "command"
    command.write_text(f"#!/bin/sh\nwhile [ -e {tmp_path}/paper-jam ]; do sleep 0.05; done\n")
    command.chmod(0o755)
    (tmp_path / "paper-jam").touch()
    return start_eve_printer(command=str(command))


async def test_an_attempt_that_was_cut_short_while_printing_is_waited_for(
    slow_printer: IppEvePrinter, load: Load, tmp_path: Path
) -> None:
    shipment, told = load(PDF)
    delivery = asyncio.create_task(to(slow_printer.uri).deliver(shipment))
    await told.noted(2)
    delivery.cancel()
    await asyncio.wait({delivery})
    settling = asyncio.create_task(to(slow_printer.uri).settle(replace(shipment, remote_job=told.notes[-1])))
    await asyncio.sleep(0.3)
    assert not settling.done()
    (tmp_path / "paper-jam").unlink()
    await settling
    assert len(slow_printer.wait_for_documents(1)) == 1


async def test_an_attempt_that_was_cut_short_while_sending_is_canceled_at_the_printer(
    eve_printer: IppEvePrinter, load: Load
) -> None:
    half = asyncio.Event()

    async def stalling() -> AsyncIterator[bytes]:
        yield PDF * 50
        half.set()
        await asyncio.Event().wait()

    shipment, told = load(stalling())
    delivery = asyncio.create_task(to(eve_printer.tls_uri).deliver(shipment))
    await half.wait()
    delivery.cancel()
    await asyncio.wait({delivery})
    with pytest.raises(NotDeliveredError) as caught:
        await to(eve_printer.tls_uri).settle(replace(shipment, remote_job=told.notes[-1]))
    assert caught.value.again


async def test_a_job_that_is_printing_is_canceled(
    slow_printer: IppEvePrinter, load: Load, tmp_path: Path
) -> None:
    shipment, told = load(PDF)
    delivery = asyncio.create_task(to(slow_printer.uri).deliver(shipment))
    await told.noted(2)
    delivery.cancel()
    await asyncio.wait({delivery})
    canceling = asyncio.create_task(to(slow_printer.uri).cancel(replace(shipment, remote_job=told.notes[-1])))
    await asyncio.sleep(0.1)
    (tmp_path / "paper-jam").unlink()
    with pytest.raises(NotDeliveredError, match="canceled the job"):
        await canceling


async def test_a_printer_that_cannot_be_asked_leaves_the_outcome_unknown(load: Load) -> None:
    shipment, _ = load(PDF, remote_job="12 - whole")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        uri = f"ipp://127.0.0.1:{taken.getsockname()[1]}/ipp/print"
    with pytest.raises(OutcomeUnknownError, match="cannot be asked"):
        await to(uri).settle(shipment)


async def test_a_job_that_the_printer_does_not_know_is_unknown(
    eve_printer: IppEvePrinter, load: Load
) -> None:
    shipment, _ = load(PDF, remote_job="4711 - whole")
    with pytest.raises(OutcomeUnknownError, match="does not know the job"):
        await to(eve_printer.uri).settle(shipment)


async def test_another_job_of_the_same_number_is_not_taken_for_ours(
    eve_printer: IppEvePrinter, load: Load
) -> None:
    shipment, told = load(PDF)
    await to(eve_printer.uri).deliver(shipment)
    number = told.notes[-1].split()[0]
    strange = replace(shipment, remote_job=f"{number} urn:uuid:00000000-0000-4000-8000-000000000000 whole")
    with pytest.raises(OutcomeUnknownError, match="does not know the job"):
        await to(eve_printer.uri).cancel(strange)


async def test_an_attempt_that_noted_nothing_has_sent_nothing(load: Load) -> None:
    with pytest.raises(NotDeliveredError, match="before anything was sent") as caught:
        await to("ipp://127.0.0.1:9/").settle(load(PDF)[0])
    assert caught.value.again


async def test_probe_tells_what_the_printer_can_do(eve_printer: IppEvePrinter) -> None:
    printer = await to(eve_printer.tls_uri).probe()
    assert "application/pdf" in printer.strings("document-format-supported")
    assert printer.integer("printer-state") is not None
