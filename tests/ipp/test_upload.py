# ruff: noqa: SIM117  # a server and, within its time, a client: two blocks
import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from random import Random

import pytest

from ipp import (
    Operation,
    RemoteProtocolError,
    Status,
    encode,
)
from ipp.client import Client
from ipp.errors import ConnectionFailed, IppError
from ipp.exchange import Request, Response
from ipp.trust import AnyCertificate, Basic, FirstUse
from ipp.upload import ClientTimes
from tests.ipp.serving import http_answer, printing_at, speaking
from tests.ipp.wire import RecordingHandler, answer_message, chunked, chunks_of, spoil, until

EVERY_LOOP = True

ANNA = Basic("anna", "pass")
QUICK = ClientTimes(connect_s=5, answer_s=5, stall_s=5)
SECRET = "Zm9vYmFyYmF6"


class TestAnAnswer:
    async def test_may_carry_a_document(self, handler: RecordingHandler) -> None:
        async def fetch(request: Request) -> Response:
            answer = encode(answer_message(request_id=request.message.request_id))
            return Response(answer, chunks_of(*[b"page"] * 1000))

        handler.act = fetch
        async with printing_at(handler) as where:
            async with Client(f"ipp://{where}/ipp/print") as client:
                async with client.exchange(client.request(Operation.FETCH_DOCUMENT)) as answer:
                    assert answer.message.status == 0
                    assert b"".join([chunk async for chunk in answer.document]) == b"page" * 1000
                # One that is not read does not stand in the way.
                assert (await client.send(client.request(Operation.FETCH_DOCUMENT))).status == 0
                assert (await client.send(client.request(Operation.FETCH_DOCUMENT))).status == 0

    async def test_whose_document_breaks_off_is_said_so(self, handler: RecordingHandler) -> None:
        async def broken() -> AsyncIterator[bytes]:
            yield b"one"
            raise ZeroDivisionError

        async def fetch(request: Request) -> Response:
            return Response(encode(answer_message(request_id=request.message.request_id)), broken())

        handler.act = fetch
        async with printing_at(handler) as where:
            async with Client(f"ipp://{where}/ipp/print") as client:
                with pytest.raises(ConnectionFailed, match="cut short"):  # noqa: PT012  # while it is read
                    async with client.exchange(client.request(Operation.FETCH_DOCUMENT)) as answer:
                        async for _ in answer.document:
                            pass

    async def test_to_another_request_is_refused(self, handler: RecordingHandler) -> None:
        async def confuse(request: Request) -> Response:
            return Response(encode(answer_message(request_id=99)))

        handler.act = confuse
        async with printing_at(handler) as where:
            async with Client(f"ipp://{where}/ipp/print") as client:
                with pytest.raises(RemoteProtocolError, match="answered request 99 where 1"):
                    await client.send(client.request(Operation.GET_JOBS))

    @pytest.mark.parametrize(
        ("path", "text"),
        [("/nowhere", "HTTP 404: nothing answers at this path"), ("/ipp/print/always", "HTTP 401")],
    )
    async def test_below_ipp_is_an_error_that_says_what_to_do(
        self, handler: RecordingHandler, path: str, text: str
    ) -> None:
        async with printing_at(handler) as where:
            async with Client(f"ipp://{where}{path}") as client:
                with pytest.raises(RemoteProtocolError, match=f"{where} answered {text}"):
                    await client.send(client.request(Operation.GET_JOBS))

    @pytest.mark.parametrize(
        ("octets", "error", "text"),
        [
            (b"", ConnectionFailed, "broke off"),
            (b"nonsense\r\n\r\n", ConnectionFailed, "no HTTP"),
            (
                b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n",
                RemoteProtocolError,
                "text/html",
            ),
            (http_answer(b"\2\0\0\0\0\0\0\1"), RemoteProtocolError, "ends before"),
            (http_answer(encode(answer_message()))[:-5], ConnectionFailed, "cut short"),
            (http_answer(b"\2\0\0\0\0\0\0\1\x01\x44\xff\xff"), RemoteProtocolError, "negative length"),
        ],
    )
    async def test_that_is_none_is_told(self, octets: bytes, error: type[Exception], text: str) -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\x03")
            writer.write(octets)
            await writer.drain()

        async with speaking(answer) as where:
            async with Client(f"ipp://{where}/", times=QUICK) as client:
                with pytest.raises(error, match=text) as caught:
                    await client.send(client.request(Operation.PAUSE_PRINTER))
        assert getattr(caught.value, "may_have_arrived", True)

    async def test_may_come_before_the_document_was_sent(self, handler: RecordingHandler) -> None:
        async def refuse(request: Request) -> Response:
            octets = encode(
                answer_message(Status.SERVER_ERROR_NOT_ACCEPTING_JOBS, request.message.request_id)
            )
            return Response(octets)

        async def endless() -> AsyncIterator[bytes]:
            while True:
                yield bytes(1000)
                await asyncio.sleep(0.01)

        handler.act = refuse
        async with printing_at(handler) as where:
            async with Client(f"ipp://{where}/ipp/print") as client:
                answer = await client.send(client.request(Operation.PRINT_JOB), endless())
                assert answer.status == Status.SERVER_ERROR_NOT_ACCEPTING_JOBS
                handler.act = None
                assert (await client.send(client.request(Operation.GET_JOBS))).status == 0


class TestASilentServer:
    async def test_does_not_hold_a_request_for_ever(self) -> None:
        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()

        async with speaking(listen) as where:
            async with Client(f"ipp://{where}/", times=ClientTimes(answer_s=0.05)) as client:
                with pytest.raises(ConnectionFailed, match=f"{where} did not answer in time") as caught:
                    await client.send(client.request(Operation.GET_JOBS))
        assert caught.value.may_have_arrived

    async def test_does_not_hold_an_upload_for_ever(self) -> None:
        async def read_little(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await asyncio.sleep(1)

        async with speaking(read_little) as where:
            async with Client(f"ipp://{where}/", times=ClientTimes(stall_s=0.1)) as client:
                with pytest.raises(ConnectionFailed, match="in time"):
                    await client.send(client.request(Operation.PRINT_JOB), chunks_of(*[bytes(1 << 20)] * 64))

    async def test_that_never_says_continue_gets_the_document_all_the_same(self) -> None:
        async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for number in (1, 2):
                head = await reader.readuntil(b"\r\n\r\n")
                expected.append(b"Expect: 100-continue" in head)
                await reader.readuntil(b"0\r\n\r\n")
                writer.write(http_answer(encode(answer_message()), number))

        expected: list[bool] = []
        async with speaking(ignore) as where:
            async with Client(f"ipp://{where}/", times=replace(QUICK, continue_s=0.05)) as client:
                for _ in range(2):
                    request = client.request(Operation.PRINT_JOB)
                    assert (await client.send(request, chunks_of(b"doc"))).status == 0
        assert expected == [True, False]

    async def test_that_cannot_say_continue_is_not_asked_to(self) -> None:
        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            assert b"Expect" in await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n")
            if not await reader.read(1):  # it comes by another connection
                return

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            assert b"Expect" not in await reader.readuntil(b"\r\n\r\n")
            await reader.readuntil(b"0\r\n\r\n")
            writer.write(http_answer(encode(answer_message())))

        conversations = [refuse, take]

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await conversations.pop(0)(reader, writer)

        async with speaking(converse) as where:
            async with Client(f"ipp://{where}/", times=QUICK) as client:
                assert (await client.send(client.request(Operation.PRINT_JOB), chunks_of(b"doc"))).status == 0

    async def test_that_takes_no_connection_is_named(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        async with Client(f"ipp://localhost:{port}/ipp/print/u/{SECRET}") as client:
            with pytest.raises(ConnectionFailed, match=f"no connection to localhost:{port}") as caught:
                await client.send(client.request(Operation.GET_JOBS))
        assert not caught.value.may_have_arrived
        assert SECRET not in str(caught.value)

    async def test_of_no_known_name_is_named(self) -> None:
        async with Client("ipp://no-such-printer.invalid/") as client:
            with pytest.raises(ConnectionFailed, match=r"no-such-printer\.invalid"):
                await client.send(client.request(Operation.GET_JOBS))

    async def test_that_speaks_no_tls_is_named(self, handler: RecordingHandler) -> None:
        async with printing_at(handler) as where:
            for trust in (AnyCertificate(), FirstUse({})):
                async with Client(f"ipps://{where}/ipp/print", trust=trust) as client:
                    with pytest.raises(ConnectionFailed, match=where) as caught:
                        await client.send(client.request(Operation.GET_JOBS))
                assert not caught.value.may_have_arrived


class TestAConnectionTheServerGaveUp:
    @staticmethod
    def closing_second(answers: list[bytes]) -> Callable[..., Awaitable[None]]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\x03")
            writer.write(answers.pop(0))
            await writer.drain()
            await reader.readuntil(b"\x03")  # a second request, to which the connection just ends

        return serve

    async def test_is_tried_again_for_what_only_asks(self) -> None:
        answers = [http_answer(encode(answer_message()), number) for number in (1, 2)]
        async with speaking(self.closing_second(answers)) as where:
            async with Client(f"ipp://{where}/") as client:
                await client.send(client.request(Operation.GET_JOBS))
                assert (await client.send(client.request(Operation.GET_JOBS))).status == 0

    async def test_is_told_for_what_does_something(self) -> None:
        answers = [http_answer(encode(answer_message()), number) for number in (1, 2)]
        async with speaking(self.closing_second(answers)) as where:
            async with Client(f"ipp://{where}/") as client:
                await client.send(client.request(Operation.GET_JOBS))
                with pytest.raises(ConnectionFailed, match="broke off") as caught:
                    await client.send(client.request(Operation.CANCEL_JOB))
        assert caught.value.may_have_arrived
        assert len(answers) == 1


class TestADocumentThatFails:
    async def test_raises_its_own_error(self, handler: RecordingHandler) -> None:
        async def broken() -> AsyncIterator[bytes]:
            yield b"part"
            raise ZeroDivisionError("of the caller")

        async with printing_at(handler) as where:
            async with Client(f"ipp://{where}/ipp/print") as client:
                with pytest.raises(ZeroDivisionError, match="of the caller"):
                    await client.send(client.request(Operation.PRINT_JOB), broken())
            await until(lambda: bool(handler.requests))
        assert not handler.documents

    async def test_by_being_cancelled_leaves_the_server_with_a_part_it_knows_to_be_one(
        self, handler: RecordingHandler
    ) -> None:
        failures: list[BaseException] = []

        async def receive(request: Request) -> None:
            try:
                async for _ in request.document:
                    pass
            except BaseException as error:
                failures.append(error)
                raise

        async def endless() -> AsyncIterator[bytes]:
            while True:
                yield b"part"
                await asyncio.sleep(0.001)

        handler.act = receive
        async with printing_at(handler) as where:
            async with Client(f"ipp://{where}/ipp/print") as client:
                sending = asyncio.ensure_future(client.send(client.request(Operation.PRINT_JOB), endless()))
                await until(lambda: bool(handler.requests))
                sending.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await sending
                await until(lambda: bool(failures))
        assert isinstance(failures[0], RemoteProtocolError)

    @pytest.mark.parametrize("moment", ["connecting", "waiting to continue", "waiting for the answer"])
    async def test_cancelled_at_any_moment_leaves_no_connection(self, moment: str) -> None:
        reached = asyncio.Event()
        gone = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if moment != "connecting":
                await reader.readuntil(b"\r\n\r\n")
            if moment == "waiting for the answer":
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                await reader.readuntil(b"0\r\n\r\n")
            reached.set()
            await reader.read()
            gone.set()

        scheme = "ipps" if moment == "connecting" else "ipp"
        async with speaking(serve) as where:
            async with Client(f"{scheme}://{where}/", trust=AnyCertificate()) as client:
                sending = asyncio.ensure_future(
                    client.send(client.request(Operation.PRINT_JOB), chunks_of(b"document"))
                )
                await asyncio.wait_for(reached.wait(), 10)
                sending.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await sending
                await asyncio.wait_for(gone.wait(), 10)


async def test_whatever_a_server_says_is_an_answer_or_an_error_of_ours() -> None:
    random = Random(7)
    whole = http_answer(encode(answer_message()))
    kinds = (
        whole,
        b"HTTP/1.1 100 Continue\r\n\r\n" + whole,
        b"HTTP/1.1 200 OK\r\nContent-Type: application/ipp\r\nTransfer-Encoding: chunked\r\n\r\n"
        + chunked(encode(answer_message(request_id=1)), b"document"),
        b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n',
        b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2\r\nContent-Length: 0\r\n\r\n",
    )
    times = ClientTimes(connect_s=0.2, answer_s=0.2, stall_s=0.2, continue_s=0.01)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(spoil(random.choice(kinds), random))

    outcomes: set[object] = set()
    async with speaking(answer) as where:
        for number in range(200):
            async with Client(
                f"ipp://{where}/",
                times=times,
                credentials=ANNA,
                trust=AnyCertificate(),
                plain_credentials=True,
            ) as client:
                try:
                    document = chunks_of(b"document") if number % 2 else None
                    outcomes.add((await client.send(client.request(Operation.PRINT_JOB), document)).code)
                except IppError as error:
                    outcomes.add(type(error))
    assert {0, RemoteProtocolError, ConnectionFailed} <= outcomes
