"""Answers kept for requests that come again octet for octet."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ipp import Operation, decode
from ipp.encoder import encode
from ipp.endpoint import Endpoint
from ipp.exchange import Route
from ipp.repeats import KEPT, REQUEST_OCTETS_MAX, Place, Repeats
from tests.ipp.asking import make_desk, request
from tests.ipp.wire import BareClient

HERE = Place(False, ("127.0.0.1", 631))
HEAD = b"POST /ipp/print HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"


def octets(request_id: int, rest: bytes = b"\x03") -> bytes:
    return b"\x02\x00\x00\x0b" + request_id.to_bytes(4) + rest


def kept(same: bool = True) -> tuple[Repeats, list[str]]:
    repeats, peers = Repeats(), list[str]()
    repeats.keep(HERE, HEAD + octets(7), b"HTTP ", octets(7, b"answer"), lambda: same, peers.append)
    return repeats, peers


def test_the_same_request_gets_the_same_answer_under_its_own_number() -> None:
    repeats, peers = kept()
    assert repeats.find(HERE, HEAD + octets(7), "a") == b"HTTP " + octets(7, b"answer")
    assert repeats.find(HERE, HEAD + octets(99), "b") == b"HTTP " + octets(99, b"answer")
    assert peers == ["a", "b"]


@pytest.mark.parametrize("request_id", [0, 0x80000000, 0xFFFFFFFF])
def test_a_number_that_is_not_positive_is_left_to_the_printer_to_refuse(request_id: int) -> None:
    repeats, _ = kept()
    assert repeats.find(HERE, HEAD + octets(request_id), "") is None


def test_an_answer_that_would_be_another_now_is_dropped() -> None:
    repeats, _ = kept(same=False)
    assert repeats.find(HERE, HEAD + octets(7), "") is None
    assert not repeats._kept


@pytest.mark.parametrize(
    ("place", "data"),
    [
        (Place(True, HERE.address), HEAD + octets(7)),
        (Place(False, ("192.0.2.1", 631)), HEAD + octets(7)),
        (HERE, HEAD + octets(7, b"\x03more")),
        (HERE, HEAD.replace(b"localhost", b"localhorst") + octets(7)),
        (HERE, HEAD.replace(b"POST", b"GETS") + octets(7)),
        (HERE, HEAD + octets(7)[:8]),
        (HERE, HEAD[:-2] + octets(7)),
        (HERE, b""),
    ],
    ids=[
        "by TLS",
        "another address",
        "longer",
        "another host",
        "no POST",
        "cut",
        "no header's end",
        "nothing",
    ],
)
def test_any_other_request_is_not_taken_for_it(place: Place, data: bytes) -> None:
    repeats, _ = kept()
    assert repeats.find(place, data, "") is None


def test_long_requests_are_not_kept() -> None:
    repeats = Repeats()
    data = HEAD + octets(1, b"x" * REQUEST_OCTETS_MAX)
    repeats.keep(HERE, data, b"", octets(1), lambda: True, lambda _: None)
    assert repeats.find(HERE, data, "") is None


def test_what_is_kept_is_bounded_and_the_oldest_goes_first() -> None:
    repeats = Repeats()
    for number in range(KEPT + 1):
        data = HEAD + octets(1, b"%d" % number)
        repeats.keep(HERE, data, b"", octets(1), lambda: True, lambda _: None)
    assert repeats.find(HERE, HEAD + octets(1, b"0"), "") is None
    assert repeats.find(HERE, HEAD + octets(1, b"%d" % KEPT), "") is not None


def test_a_request_in_pieces_is_not_taken_for_a_whole_one() -> None:
    repeats, _ = kept()
    data = HEAD + octets(7)
    assert [cut for cut in range(len(data)) if repeats.find(HERE, data[:cut], "") is not None] == []


@asynccontextmanager
async def asking() -> AsyncIterator[tuple[BareClient, Repeats, bytes]]:
    """A connection to a printer, what its endpoint keeps, and a request that is worth keeping."""
    desk = make_desk()

    async def route(path: str) -> Route:
        return Route(desk.printer, "print", plain="allow")

    endpoint = Endpoint(route, hosts={"localhost"})
    async with (
        desk.spool,
        endpoint.serving([("127.0.0.1", 0)]),
        await BareClient.connect(endpoint.addresses[0]) as client,
    ):
        assert endpoint._server is not None
        yield client, endpoint._server.repeats, encode(request(Operation.GET_PRINTER_ATTRIBUTES).message)


async def test_an_answer_is_kept_for_the_request_that_it_is_of() -> None:
    async with asking() as (client, repeats, asked):
        client.post(asked)
        await client.answer()
        assert len(repeats._kept) == 1


async def test_a_second_request_in_the_same_octets_is_not_taken_for_the_first() -> None:
    async with asking() as (client, repeats, asked):
        # The first has no answer to keep; the second is as long as all that came after the first's header.
        first = encode(request(Operation.GET_JOBS).message)
        head = b"POST /ipp/print HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/ipp\r\n"
        octets = head + b"Content-Length: %d\r\n\r\n" % len(first) + first
        second = head + b"Content-Length: %04d\r\n\r\n"
        length = len(first) + len(second % 0) + len(asked)
        octets += second % length + asked
        client.send(octets)
        assert (await client.answer()).ipp_status == 0
        client.send(b"\0" * (length - len(asked)))
        assert (await client.answer()).ipp_status == 0
        assert not repeats._kept


async def test_nothing_is_kept_for_http_1_0_which_is_answered_in_another_way() -> None:
    async with asking() as (client, repeats, asked):
        head = b"POST /ipp/print HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n"
        head += b"Content-Type: application/ipp\r\nContent-Length: %d\r\n\r\n" % len(asked)
        for _ in range(2):
            client.send(head + asked)
            answer = await client.answer()
            assert (answer.status, answer.headers["connection"]) == (200, "keep-alive")
        assert not repeats._kept


async def test_a_printer_that_changes_is_told_at_once_over_one_connection() -> None:
    desk = make_desk()
    asked = encode(request(Operation.GET_PRINTER_ATTRIBUTES).message)

    async def route(path: str) -> Route:
        return Route(desk.printer, "print", plain="allow")

    endpoint = Endpoint(route, hosts={"printer.example"})
    async with desk.spool, endpoint.serving([("127.0.0.1", 0)]):
        reader, writer = await asyncio.open_connection(*endpoint.addresses[0][:2])
        head = b"POST /ipp/print HTTP/1.1\r\nHost: printer.example\r\nContent-Type: application/ipp\r\n"
        head += b"Content-Length: %d\r\n\r\n" % len(asked)
        states = []
        for number in range(1, 7):
            if number == 4:
                await desk.ask(Operation.PAUSE_PRINTER)
            writer.write(head + asked[:4] + number.to_bytes(4) + asked[8:])
            length = int(
                (await reader.readuntil(b"\r\n\r\n")).lower().split(b"content-length: ")[1].split()[0]
            )
            message = decode(await reader.readexactly(length))
            assert message.request_id == number
            states.append(message.printer.integer("printer-state"))
        writer.close()
        await writer.wait_closed()
    assert states == [3, 3, 3, 5, 5, 5]
