"""What every transport keeps to, whatever is at its other end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from server.delivery import SCHEMES, open_transport
from server.delivery.transport import DeliveryError, Device, NotDeliveredError, Transport
from tests.peers.ippeveprinter import IppEvePrinter
from tests.peers.process import free_port
from tests.peers.socket_printer import start_socket_printer
from tests.server.delivery.conftest import PDF, Blank, Load

Received = Callable[[], list[int]]
Place = tuple[str, Received]


@contextmanager
def a_folder(request: pytest.FixtureRequest) -> Iterator[Place]:
    folder = request.getfixturevalue("tmp_path") / "tray"
    folder.mkdir()
    yield folder.as_uri(), lambda: [path.stat().st_size for path in sorted(folder.iterdir())]


@contextmanager
def a_socket(request: pytest.FixtureRequest) -> Iterator[Place]:
    with start_socket_printer() as printer:
        yield printer.uri, lambda: [each.octets for each in printer.complete() if each.octets]


@contextmanager
def a_printer(request: pytest.FixtureRequest) -> Iterator[Place]:
    printer: IppEvePrinter = request.getfixturevalue("eve_printer")
    yield printer.tls_uri, lambda: [path.stat().st_size for path in printer.received()]


PLACES: dict[str, Callable[[pytest.FixtureRequest], AbstractContextManager[Place]]] = {
    "file": a_folder,
    "socket": a_socket,
    "ipps": a_printer,
}


@pytest.fixture(params=[pytest.param(each, marks=pytest.mark.peer) for each in PLACES])
def place(request: pytest.FixtureRequest) -> Iterator[tuple[Transport, Received]]:
    """A transport of each kind, and the lengths of the documents that came through it."""
    with PLACES[request.param](request) as (uri, received):
        yield open_transport(Device("device", uri)), received


async def test_what_is_delivered_arrives_and_is_noted_before(
    place: tuple[Transport, Received], load: Load
) -> None:
    transport, received = place
    shipment, told = load(PDF)
    await transport.deliver(shipment)
    assert received() == [len(PDF)]
    assert told.notes


async def test_an_attempt_without_a_note_has_sent_nothing_and_can_be_made_again(
    place: tuple[Transport, Received], load: Load
) -> None:
    transport, received = place
    for ask in (transport.settle, transport.cancel):
        with pytest.raises(NotDeliveredError) as caught:
            await ask(load(PDF)[0])
        assert caught.value.again
    assert received() == []


async def test_an_attempt_that_is_cut_short_can_be_settled_and_the_device_is_free_for_the_next(
    place: tuple[Transport, Received], load: Load
) -> None:
    transport, received = place
    begun = asyncio.Event()

    async def stalling() -> AsyncIterator[bytes]:
        async for chunk in Blank(1 << 20):
            yield chunk
        begun.set()
        await asyncio.Event().wait()

    shipment, told = load(stalling())
    delivery = asyncio.create_task(transport.deliver(shipment))
    await begun.wait()
    delivery.cancel()
    with pytest.raises(asyncio.CancelledError):
        await delivery
    cut, _ = load(PDF, remote_job=told.notes[-1] if told.notes else None)
    with pytest.raises(DeliveryError):
        await transport.settle(cut)
    await transport.deliver(load(PDF, number=2)[0])
    assert received()[-1] == len(PDF)


async def test_probe_asks_and_prints_nothing(place: tuple[Transport, Received]) -> None:
    transport, received = place
    await transport.probe()
    assert received() == []


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_device_that_is_not_there_is_told_by_its_name(
    scheme: str, tmp_path: Path, load: Load
) -> None:
    where = f"{tmp_path}/gone" if scheme == "file" else f"127.0.0.1:{free_port()}"
    transport = open_transport(Device("third floor", f"{scheme}://{where}"))
    shipment, told = load(PDF)
    for attempt in (transport.deliver(shipment), transport.probe()):
        with pytest.raises(NotDeliveredError, match="third floor") as caught:
            await attempt
        assert caught.value.again
    assert told.notes == []


def test_a_scheme_that_nobody_knows_is_told() -> None:
    with pytest.raises(NotDeliveredError, match="lpt has a URI that is none of ipps, ipp, socket, file"):
        open_transport(Device("lpt", "parallel:/dev/lp0"))
