"""Delivery to a raw port: every octet, and the truth about what nobody can know."""

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from server.delivery.socket import SocketTimes, SocketTransport
from server.delivery.transport import Device, NotDeliveredError, OutcomeUnknownError
from server.errors import SealBrokenError
from tests.peers.socket_printer import SocketPrinter, start_socket_printer
from tests.server.delivery.conftest import PDF, Blank, Load, Octets

TIMES = SocketTimes(connect_s=5, stall_s=0.3, close_s=0.5, quiet_s=0.05)
LARGE_OCTETS = 32 << 20


@pytest.fixture
def raw_printer() -> Iterator[SocketPrinter]:
    """A printer on a raw port."""
    with start_socket_printer() as printer:
        yield printer


def to(uri: str, times: SocketTimes = TIMES) -> SocketTransport:
    return SocketTransport(Device("label", uri), times=times)


async def test_a_document_arrives_octet_for_octet(raw_printer: SocketPrinter, load: Load) -> None:
    document = Blank(LARGE_OCTETS)
    shipment, told = load(document)
    await to(raw_printer.uri, SocketTimes()).deliver(shipment)
    (transfer,) = raw_printer.complete()
    assert (transfer.octets, transfer.sha256) == (LARGE_OCTETS, document.sha256)
    assert told.notes == ["begun"]


async def test_each_document_has_a_connection_of_its_own(raw_printer: SocketPrinter, load: Load) -> None:
    await to(raw_printer.uri).deliver(load(b"one", b"", PDF)[0])
    digests = [transfer.sha256 for transfer in raw_printer.complete()]
    assert digests == [hashlib.sha256(each).hexdigest() for each in (b"one", b"", PDF)]


async def test_a_printer_that_is_not_there_has_printed_nothing(load: Load) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        uri = f"socket://127.0.0.1:{taken.getsockname()[1]}"
    shipment, told = load(PDF)
    with pytest.raises(NotDeliveredError, match="label cannot be reached") as caught:
        await to(uri).deliver(shipment)
    assert caught.value.again
    assert told.notes == []


async def test_a_printer_that_takes_no_more_is_told_and_then_its_owner_is_asked(
    raw_printer: SocketPrinter, load: Load
) -> None:
    raw_printer.stall_after_octets = 1 << 20
    shipment, told = load(Blank(LARGE_OCTETS))
    with pytest.raises(OutcomeUnknownError, match="Nobody can say whether label printed the job"):
        await to(raw_printer.uri).deliver(shipment)
    assert told.progress[-1].stopped
    assert "takes no more" in told.progress[-1].message


async def test_a_printer_that_goes_on_after_a_while_gets_everything(
    raw_printer: SocketPrinter, load: Load
) -> None:
    raw_printer.stall_after_octets = 1 << 20
    document = Blank(LARGE_OCTETS)
    shipment, told = load(document)
    delivery = asyncio.create_task(
        to(raw_printer.uri, replace(TIMES, stall_s=30, close_s=30)).deliver(shipment)
    )
    await told.reported(1)
    raw_printer.resume()
    await delivery
    assert raw_printer.complete()[0].sha256 == document.sha256
    assert told.progress[0].stopped
    assert not told.progress[-1].stopped


async def test_a_printer_that_never_closes_leaves_the_outcome_unknown(
    raw_printer: SocketPrinter, load: Load
) -> None:
    raw_printer.stall_after_octets = 1  # it reads no further, and so does not see the end
    with pytest.raises(OutcomeUnknownError):
        await to(raw_printer.uri).deliver(load(PDF)[0])


async def test_a_printer_that_ends_before_it_took_the_document_has_not_printed_it(load: Load) -> None:
    # What it was sent lies in our own memory: it ended its side, and reads nothing.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        shipment, _ = load(Blank(1 << 18))
        delivery = asyncio.create_task(
            to(f"socket://127.0.0.1:{listener.getsockname()[1]}").deliver(shipment)
        )
        taken, _ = await asyncio.get_running_loop().run_in_executor(None, listener.accept)
        with taken:
            taken.shutdown(socket.SHUT_WR)
            with pytest.raises(OutcomeUnknownError):
                await delivery


async def test_a_printer_that_says_at_once_that_it_will_not_speak_gets_everything(load: Load) -> None:
    received = bytearray()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write_eof()
        received.extend(await reader.read())
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server:
        uri = f"socket://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await to(uri, SocketTimes()).deliver(load(PDF * 1000)[0])
    assert received == PDF * 1000


async def test_a_printer_that_stops_at_the_last_octets_is_told_and_waited_for(
    raw_printer: SocketPrinter, load: Load
) -> None:
    # Everything fits into the buffers on the way: nobody waits to write, and yet it has not been taken.
    raw_printer.stall_after_octets = 1
    raw_printer.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    shipment, told = load(Blank(1 << 18))
    times = replace(TIMES, stall_s=30, close_s=0.2)
    delivery = asyncio.create_task(to(raw_printer.uri, times).deliver(shipment))
    async with asyncio.timeout(10):
        await told.reported(1)
    assert told.progress[0].stopped
    await asyncio.sleep(2 * times.close_s)
    raw_printer.resume()
    await delivery
    assert raw_printer.complete()[0].octets == 1 << 18


async def test_a_connection_that_is_broken_off_leaves_the_outcome_unknown(load: Load) -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(100)
        writer.transport.abort()

    server = await asyncio.start_server(reset, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(OutcomeUnknownError):
            await to(f"socket://127.0.0.1:{port}").deliver(load(Blank(LARGE_OCTETS))[0])


async def test_a_document_that_cannot_be_read_is_our_own_failure(
    raw_printer: SocketPrinter, load: Load
) -> None:
    shipment, told = load(Octets(PDF, broken=(1, SealBrokenError("segment 1 was altered"))))
    with pytest.raises(SealBrokenError):
        await to(raw_printer.uri).deliver(shipment)
    with pytest.raises(OutcomeUnknownError):
        await to(raw_printer.uri).cancel(replace(shipment, remote_job=told.notes[-1]))


async def test_what_was_cut_short_is_known_only_where_nothing_can_have_left(load: Load) -> None:
    shipment, _ = load(PDF)
    with pytest.raises(NotDeliveredError):
        await to("socket://127.0.0.1:9").settle(shipment)
    with pytest.raises(OutcomeUnknownError):
        await to("socket://127.0.0.1:9").settle(replace(shipment, remote_job="begun"))


async def test_a_cancelled_delivery_lets_go_of_the_connection(raw_printer: SocketPrinter, load: Load) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield PDF
            await asyncio.sleep(0)

    delivery = asyncio.create_task(to(raw_printer.uri).deliver(load(endless())[0]))
    await asyncio.to_thread(raw_printer.wait_for_octets, 1 << 16)
    delivery.cancel()
    with pytest.raises(asyncio.CancelledError):
        await delivery
    await to(raw_printer.uri).deliver(load(PDF)[0])  # the printer takes one connection after the other
    assert raw_printer.complete()[-1].octets == len(PDF)


async def test_probe_tells_that_it_can_be_reached_and_no_more(raw_printer: SocketPrinter) -> None:
    assert list(await to(raw_printer.uri).probe()) == []
