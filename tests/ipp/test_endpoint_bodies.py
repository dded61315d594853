# ruff: noqa: SIM117  # a server and, within its time, a client: two blocks
"""Bodies and answers of the endpoint: compressed, unread, broken, slow, kept."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from dataclasses import replace
from random import Random

import pytest

from ipp import Operation, RemoteProtocolError, Status, decode, encode
from ipp.body import BodyLimits
from ipp.compression import InflateLimits
from ipp.connection import ConnectionTimes
from ipp.endpoint import EndpointLimits
from ipp.exchange import Request, Response
from ipp.listener import ConnectionLimits
from ipp.tls import OwnIdentity
from tests.ipp.serving import (
    CONTINUE,
    MESSAGE,
    QUICK,
    connected,
    serving,
)
from tests.ipp.wire import (
    BareClient,
    RecordingHandler,
    answer_message,
    chunked,
    chunks_of,
    request_message,
    spoil,
    until,
)

EVERY_LOOP = True


class TestCompressedBodies:
    async def test_are_inflated_message_and_document(self, handler: RecordingHandler) -> None:
        body = gzip.compress(MESSAGE + b"white" * 100_000)
        async with connected(handler) as client:
            client.post(body, "Content-Encoding: gzip")
            assert (await client.answer()).status == 200
            client.post(
                chunked(body[:20], body[20:]),
                "Content-Encoding: x-gzip",
                "Transfer-Encoding: chunked",
                sized=False,
            )
            assert (await client.answer()).status == 200
        assert handler.documents == [b"white" * 100_000] * 2

    @pytest.mark.parametrize("body", [gzip.compress(MESSAGE)[:-4], gzip.compress(MESSAGE) + b"x", b"no gzip"])
    async def test_that_are_broken_are_a_bad_request(self, handler: RecordingHandler, body: bytes) -> None:
        async with connected(handler) as client:
            client.post(body, "Content-Encoding: gzip")
            assert (await client.answer()).status == 400
            client.post(MESSAGE)
            assert (await client.answer()).status == 200

    async def test_that_are_bombs_are_too_large(self, handler: RecordingHandler) -> None:
        limits = replace(QUICK, inflate=InflateLimits(octets=1 << 20))
        async with connected(handler, limits=limits) as client:
            client.post(gzip.compress(MESSAGE + bytes(5 << 20)), "Content-Encoding: gzip")
            assert (await client.answer()).status == 413
        assert not handler.documents

    async def test_within_the_message_are_bounded_by_its_limit(self, handler: RecordingHandler) -> None:
        async with connected(handler) as client:
            attribute = b"\x44\0\1x\x7f\xff" + b"a" * 0x7FFF
            client.post(gzip.compress(MESSAGE[:-1] + attribute * 1000), "Content-Encoding: gzip")
            assert (await client.answer()).status == 413


class TestAnUnreadDocument:
    async def refuse(self, request: Request) -> Response:
        return Response(encode(answer_message(Status.CLIENT_ERROR_DOCUMENT_FORMAT_NOT_SUPPORTED)))

    async def test_that_is_small_leaves_the_connection_open(self, handler: RecordingHandler) -> None:
        handler.act = self.refuse
        async with connected(handler) as client:
            client.post(b"", f"Content-Length: {len(MESSAGE) + 1000}", sized=False)
            client.send(MESSAGE)
            assert (await client.answer()).ipp_status == 0x040A
            client.send(bytes(1000))
            client.post(MESSAGE)
            assert (await client.answer()).ipp_status == 0x040A

    async def test_that_is_large_or_endless_closes_it(self, handler: RecordingHandler) -> None:
        handler.act = self.refuse
        for headers in (["Content-Length: 1000000000"], ["Transfer-Encoding: chunked"]):
            async with connected(handler) as client:
                client.post(b"", *headers, sized=False)
                client.send(MESSAGE if "Length" in headers[0] else b"%x\r\n%s\r\n" % (len(MESSAGE), MESSAGE))
                answer = await client.answer()
                assert (answer.ipp_status, answer.headers["connection"]) == (0x040A, "close")
                assert await client.closed() == b""


class TestADocumentThatFails:
    async def test_by_the_clients_leaving_ends_in_the_handler(self, handler: RecordingHandler) -> None:
        seen: asyncio.Queue[BaseException] = asyncio.Queue()

        async def receive(request: Request) -> None:
            try:
                async for _ in request.document:
                    pass
            except BaseException as error:
                seen.put_nowait(error)
                raise

        handler.act = receive
        async with connected(handler) as client:
            client.post(b"", "Content-Length: 100000", sized=False)
            client.send(MESSAGE + b"part")
            await until(lambda: bool(handler.requests))
            client.writer.transport.abort()
            error = await asyncio.wait_for(seen.get(), 10)
        assert isinstance(error, RemoteProtocolError)
        assert "cut short" in str(error)

    async def test_by_broken_chunks_is_a_bad_request(self, handler: RecordingHandler) -> None:
        async with connected(handler) as client:
            client.post(
                b"%x\r\n%s\r\nnonsense\r\n" % (len(MESSAGE), MESSAGE),
                "Transfer-Encoding: chunked",
                sized=False,
            )
            assert (await client.answer()).status == 400
            assert await client.closed() == b""

    async def test_by_its_length_is_too_large(self, handler: RecordingHandler) -> None:
        async with connected(handler, limits=replace(QUICK, body=BodyLimits(octets=1000))) as client:
            client.post(chunked(MESSAGE, bytes(2000)), "Transfer-Encoding: chunked", sized=False)
            assert (await client.answer()).status == 413

    async def test_by_silence_is_a_time_out(self, handler: RecordingHandler) -> None:
        async with connected(handler, limits=replace(QUICK, body=BodyLimits(silence_s=0.05))) as client:
            client.post(b"", "Content-Length: 100000", sized=False)
            client.send(MESSAGE + b"part")
            assert (await client.answer()).status == 408
            assert await client.closed() == b""

    async def test_by_trickling_is_a_time_out(self, handler: RecordingHandler) -> None:
        limits = replace(QUICK, body=BodyLimits(silence_s=0.2, slowest_octets_per_s=1e6))
        async with connected(handler, limits=limits) as client:
            client.post(b"", "Content-Length: 100000", sized=False)
            client.send(MESSAGE)
            answering = asyncio.ensure_future(client.answer())
            while not answering.done():  # an octet each 50 ms is never silent for long
                client.send(b"x")
                await asyncio.wait([answering], timeout=0.05)
            assert answering.result().status == 408


class TestSlowClients:
    async def test_are_closed_within_a_header(self, handler: RecordingHandler) -> None:
        limits = EndpointLimits(times=ConnectionTimes(idle_s=0.1))
        async with connected(handler, limits=limits) as client:
            client.send(b"POST /ipp/print HTTP/1.1\r\nHost: loc")
            assert await client.closed() == b""
        async with connected(handler, limits=limits) as client:
            client.post(MESSAGE)
            assert (await client.answer()).status == 200
            client.send(b"POST")
            assert await client.closed() == b""

    async def test_are_refused_within_a_message(self, handler: RecordingHandler) -> None:
        async with connected(handler, limits=replace(QUICK, message_s=0.05)) as client:
            client.post(b"", "Content-Length: 1000", sized=False)
            client.send(MESSAGE[:50])
            assert (await client.answer()).status == 408
            assert await client.closed() == b""

    async def test_that_do_not_read_are_cut_off(self, handler: RecordingHandler) -> None:
        async def flood(request: Request) -> Response:
            return Response(encode(answer_message()), chunks_of(*[bytes(1 << 20)] * 64))

        handler.act = flood
        times = ConnectionTimes(stall_s=0.2, goodbye_s=0.2)
        async with serving(handler, limits=EndpointLimits(times=times)) as endpoint:
            async with await BareClient.connect(endpoint.addresses[0]) as client:
                client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # its transport is two-way
                client.post(MESSAGE)
                await until(lambda: len(handler.requests) == 1)
                await until(lambda: endpoint.connections == 0)

    async def test_that_stop_within_the_body_of_a_page_are_cut_off(self, handler: RecordingHandler) -> None:
        limits = EndpointLimits(times=ConnectionTimes(stall_s=0.1))
        async with connected(handler, limits=limits) as client:
            client.post(b"", "Content-Length: 100", path="/form", sized=False)
            client.send(b"part")
            assert await client.closed() == b""

    async def test_that_leave_within_the_body_of_a_page_are_not_missed(
        self, handler: RecordingHandler, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with serving(handler) as endpoint:
            async with await BareClient.connect(endpoint.addresses[0]) as client:
                client.post(b"", CONTINUE, "Content-Length: 100", path="/form", sized=False)
                assert (await client.answer()).status == 100
            await until(lambda: endpoint.connections == 0)
            async with await BareClient.connect(endpoint.addresses[0]) as client:
                client.post(
                    b"5\r\npart!nonsense\r\n", "Transfer-Encoding: chunked", path="/form", sized=False
                )
                assert (await client.answer()).status == 400
        assert not caplog.records

    async def test_that_are_many_leave_room_for_others(self, handler: RecordingHandler) -> None:
        limits = EndpointLimits(
            times=ConnectionTimes(idle_s=0.3), connections=ConnectionLimits(connections_per_address=20)
        )
        async with serving(handler, limits=limits) as endpoint:
            slow = [await BareClient.connect(endpoint.addresses[0]) for _ in range(19)]
            for client in slow:
                client.send(b"GET / HT")
            async with await BareClient.connect(endpoint.addresses[0]) as client:
                client.post(MESSAGE)
                assert (await client.answer()).status == 200
            await asyncio.gather(*(client.closed() for client in slow))
            await until(lambda: endpoint.connections == 0)
            for client in slow:
                await client.__aexit__()


class TestAHandlerThatFails:
    @pytest.mark.parametrize("error", [ZeroDivisionError(), ConnectionResetError("db"), TimeoutError()])
    async def test_is_logged_by_number_and_answered_in_general(
        self, handler: RecordingHandler, caplog: pytest.LogCaptureFixture, error: Exception
    ) -> None:
        async def fail(request: Request) -> None:
            raise error

        handler.act = fail
        async with connected(handler) as client:
            client.post(MESSAGE + b"document")
            answer = decode((await client.answer()).body)
            handler.act = None
            client.post(MESSAGE)
            assert (await client.answer()).ipp_status == 0
        assert (answer.status, answer.request_id) == (Status.SERVER_ERROR_INTERNAL_ERROR, 7)
        assert answer.operation_attributes.string("status-message", "").endswith("at request 1.")
        assert "request 1 (" in caplog.text
        assert type(error).__name__ in caplog.text

    async def test_after_a_protocol_error_answers_below_ipp(self, handler: RecordingHandler) -> None:
        async def fail(request: Request) -> None:
            raise RemoteProtocolError("two operation groups")

        handler.act = fail
        async with connected(handler) as client:
            client.post(MESSAGE)
            assert (await client.answer()).status == 400


class TestAnAnswerWithADocument:
    async def test_is_one_body(self, handler: RecordingHandler) -> None:
        async def fetch(request: Request) -> Response:
            return Response(encode(answer_message()), chunks_of(b"one ", b"two"))

        handler.act = fetch
        async with connected(handler) as client:
            for _ in range(2):
                client.post(MESSAGE)
                assert (await client.answer()).body == encode(answer_message()) + b"one two"

    async def test_that_breaks_off_is_seen_to_be_cut_short(
        self, handler: RecordingHandler, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def broken() -> AsyncIterator[bytes]:
            yield b"one"
            raise ZeroDivisionError

        async def fetch(request: Request) -> Response:
            return Response(encode(answer_message()), broken())

        handler.act = fetch
        async with connected(handler) as client:
            client.post(MESSAGE)
            octets = await client.closed()
        assert b"one" in octets
        assert not octets.endswith(b"0\r\n\r\n")
        assert "broke off" in caplog.text


class TestAnAnswerThatIsKept:
    """Of requests that come again; see test_repeats."""

    async def same(self, request: Request) -> Response:
        code = request.message.code
        if code == Operation.PRINT_JOB:
            return Response(encode(answer_message(Status.CLIENT_ERROR_NOT_POSSIBLE)))
        return Response(encode(answer_message()), same=lambda: True)

    def question(self) -> bytes:
        body = encode(request_message(Operation.GET_PRINTER_ATTRIBUTES))
        head = "POST /ipp/print HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/ipp\r\n"
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    async def test_is_not_given_to_a_document_that_looks_like_the_request(
        self, handler: RecordingHandler
    ) -> None:
        handler.act = self.same
        question = self.question()
        async with connected(handler) as client:
            for _ in range(3):
                client.send(question)
                assert (await client.answer()).ipp_status == 0
            assert len(handler.requests) < 3
            client.post(b"", f"Content-Length: {len(MESSAGE) + len(question)}", sized=False)
            client.send(MESSAGE)
            assert (await client.answer()).ipp_status == Status.CLIENT_ERROR_NOT_POSSIBLE
            client.send(question)  # the unread document
            client.post(MESSAGE)
            assert (await client.answer()).ipp_status == Status.CLIENT_ERROR_NOT_POSSIBLE

    async def test_never_overtakes_another(self, handler: RecordingHandler) -> None:
        handler.act = self.same
        question = self.question()
        async with serving(handler) as endpoint:
            async with await BareClient.connect(endpoint.addresses[0]) as client:
                for _ in range(3):
                    client.send(question)
                    await client.answer()
                assert endpoint._server is not None
                (connection,) = endpoint._server.connections
                other = question[: -len(MESSAGE)] + MESSAGE  # of the same length
                connection.data_received(other)
                # By now the other request is taken up, but not begun.
                asyncio.get_running_loop().call_soon(connection.data_received, question)
                statuses = [(await client.answer()).ipp_status for _ in range(2)]
        assert statuses == [Status.CLIENT_ERROR_NOT_POSSIBLE, Status.SUCCESSFUL_OK]


REQUESTS = (
    b"POST /ipp/print HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/ipp\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(MESSAGE), MESSAGE),
    b"POST /ipp/print HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/ipp\r\n"
    b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"
    + chunked(gzip.compress(MESSAGE + b"x")),
    b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: TLS/1.2\r\n\r\n",
    b"GET /page HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic zz\r\n\r\n",
)


async def test_whatever_comes_is_answered_or_closed_in_time_and_never_an_error_of_ours(
    handler: RecordingHandler, identity: OwnIdentity, caplog: pytest.LogCaptureFixture
) -> None:
    random = Random(5)
    limits = EndpointLimits(
        message_s=0.1,
        body=BodyLimits(silence_s=0.1),
        connections=ConnectionLimits(handshake_s=0.1),
        times=ConnectionTimes(idle_s=0.1, stall_s=0.2, linger_s=0.02),
    )
    async with serving(handler, limits=limits, identity=identity) as endpoint:

        async def send_spoilt() -> None:
            octets = spoil(random.choice(REQUESTS), random)
            async with await BareClient.connect(endpoint.addresses[0]) as client:
                cut = random.randrange(len(octets))
                client.send(octets[:cut])
                await asyncio.sleep(0)
                client.send(octets[cut:])
                assert b" 500 " not in await client.closed()

        for _ in range(15):
            await asyncio.gather(*(send_spoilt() for _ in range(20)))
        await until(lambda: endpoint.connections == 0)
    assert not caplog.records
