# ruff: noqa: SIM117  # a server and, within its time, a client: two blocks
import asyncio
import gzip
import socket
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ipp import (
    Attribute,
    GroupTag,
    LocalProtocolError,
    Operation,
    RemoteProtocolError,
    Status,
    Tag,
    decode,
    encode,
)
from ipp.client import Client
from ipp.connection import ConnectionTimes
from ipp.endpoint import Endpoint, EndpointLimits
from ipp.errors import AuthenticationRequired, ConnectionFailed
from ipp.exchange import Request, Response, Route, User
from ipp.message import Group
from ipp.registry import attribute
from ipp.tls import OwnIdentity
from ipp.trust import AnyCertificate, Authorities, Basic, Bearer, FirstUse, Pinned, Trust
from ipp.upload import ClientTimes
from tests.ipp.wire import RecordingHandler, answer_message, chunks_of, router_of, until

EVERY_LOOP = True

ANNA = Basic("anna", "pass")
QUICK = ClientTimes(connect_s=5, answer_s=5, stall_s=5)
SECRET = "Zm9vYmFyYmF6"


class PasswordList:
    challenges = ('Bearer realm="test", scope="print"', 'Basic realm="test", charset="UTF-8"')

    async def identify(self, scheme: str, credentials: str, peer: str) -> User | None:
        shown = b64decode(credentials).decode() if scheme == "basic" else credentials
        return User("anna", authenticated=True) if shown in ("anna:pass", "token") else None


@pytest.fixture
def handler() -> RecordingHandler:
    return RecordingHandler()


@pytest.fixture
def identity(tmp_path: Path) -> OwnIdentity:
    return OwnIdentity(tmp_path / "identity.pem", [])


@pytest.fixture
def authorities(identity: OwnIdentity, tmp_path: Path) -> Authorities:
    pem = (tmp_path / "identity.pem").read_text()
    (tmp_path / "trusted.pem").write_text(pem[pem.index("-----BEGIN CERTIFICATE") :])
    return Authorities(tmp_path / "trusted.pem")


@asynccontextmanager
async def serving(handler: RecordingHandler, identity: OwnIdentity | None = None) -> AsyncIterator[str]:
    """A server; gives its `localhost:port`."""
    routes = {
        "/ipp/print": Route(handler, "print"),
        "/ipp/print/asks": Route(handler, "asks", authentication="when-asked"),
        "/ipp/print/always": Route(handler, "always", authentication="always"),
        "/ipp/print/tls": Route(handler, "tls", plain="upgrade"),
        f"/ipp/print/u/{SECRET}": Route(handler, "personal", user=User("berta", authenticated=True)),
    }
    endpoint = Endpoint(
        router_of(routes),
        hosts={"localhost"},
        authenticator=PasswordList(),
        tls=identity.context if identity is not None else None,
        limits=EndpointLimits(times=ConnectionTimes(linger_s=0.2)),
    )
    async with endpoint.serving([("127.0.0.1", 0)], grace_s=1):
        yield f"localhost:{endpoint.addresses[0][1]}"


@asynccontextmanager
async def speaking(
    conversation: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """A server of bare octets."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await conversation(reader, writer)
        finally:
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"localhost:{server.sockets[0].getsockname()[1]}"


def http_answer(body: bytes, request_id: int = 1) -> bytes:
    body = body[:4] + request_id.to_bytes(4) + body[8:]
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/ipp\r\nContent-Length: %d\r\n\r\n%s" % (
        len(body),
        body,
    )


class Anew:
    """A document that can be read as often as one likes."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks
        self.times_read = 0

    def __aiter__(self) -> AsyncIterator[bytes]:
        self.times_read += 1
        return chunks_of(*self.chunks)


class TestARequest:
    async def test_and_its_document_arrive_and_the_answer_comes_back(self, handler: RecordingHandler) -> None:
        async with serving(handler) as where:
            async with Client(f"ipp://{where}/ipp/print", times=QUICK) as client:
                message = client.request(Operation.PRINT_JOB, attribute("job-name", "Report"))
                for document in (None, b"", b"octets", chunks_of(b"in ", b"", b"chunks"), Anew(b"anew")):
                    answer = await client.send(message, document)
                    assert answer.status == Status.SUCCESSFUL_OK
        assert handler.documents == [b"", b"", b"octets", b"in chunks", b"anew"]
        sent = [request.message for request in handler.requests]
        assert [message.request_id for message in sent] == [1, 2, 3, 4, 5]
        assert sent[0].operation_attributes.names() == [
            "attributes-charset",
            "attributes-natural-language",
            "printer-uri",
            "job-name",
        ]
        assert handler.requests[0].uri == sent[0].operation_attributes.string("printer-uri")

    @pytest.mark.parametrize("scheme", ["ipp", "http", "ipps", "https"])
    async def test_goes_by_any_scheme(
        self, handler: RecordingHandler, identity: OwnIdentity, authorities: Authorities, scheme: str
    ) -> None:
        async with serving(handler, identity) as where:
            async with Client(f"{scheme}://{where}/ipp/print", trust=authorities) as client:
                assert client.secure == (scheme in ("ipps", "https"))
                assert (await client.send(client.request(Operation.GET_JOBS))).status == 0
        (request,) = handler.requests
        assert request.secure == client.secure
        assert (
            request.uri == client.printer_uri == f"{'ipps' if client.secure else 'ipp'}://{where}/ipp/print"
        )

    async def test_is_one_of_many_on_one_connection(self, handler: RecordingHandler) -> None:
        async with serving(handler) as where:
            async with Client(f"ipp://{where}/ipp/print") as client:
                for _ in range(3):
                    await client.send(client.request(Operation.PRINT_JOB), chunks_of(b"document"))
                    async with client.exchange(client.request(Operation.GET_JOBS)):
                        pass
                assert client._session is not None
                assert client._session.connector is not None
                assert len(client._session.connector._conns) == 1

    async def test_may_run_beside_others(self, handler: RecordingHandler) -> None:
        async with serving(handler) as where:
            async with Client(f"ipp://{where}/ipp/print") as client:
                message = client.request(Operation.PRINT_JOB)
                documents = [bytes([n]) * 100_000 for n in range(5)]
                await asyncio.gather(*(client.send(message, document) for document in documents))
        assert sorted(handler.documents) == documents

    async def test_of_a_large_document_is_streamed(self, handler: RecordingHandler) -> None:
        given = 0
        taken = 0
        ahead = 0

        async def document() -> AsyncIterator[bytes]:
            nonlocal given
            for _ in range(64):
                given += 1 << 20
                yield bytes(1 << 20)

        async def read(request: Request) -> Response:
            nonlocal taken, ahead
            async for chunk in request.document:
                taken += len(chunk)
                ahead = max(ahead, given - taken)
                await asyncio.sleep(0)
            return Response(encode(answer_message(request_id=request.message.request_id)))

        handler.act = read
        async with serving(handler) as where:
            async with Client(f"ipp://{where}/ipp/print") as client:
                await client.send(client.request(Operation.PRINT_JOB), document())
        assert taken == 64 << 20
        assert ahead < 16 << 20

    async def test_is_only_made_within_the_block(self) -> None:
        client = Client("ipp://localhost/ipp/print")
        with pytest.raises(LocalProtocolError, match="async with"):
            await client.send(client.request(Operation.GET_JOBS))


@pytest.mark.parametrize(
    "uri",
    ["", "printer", "lpd://printer/q", "ipp://", "ipp:///ipp/print", "ipp://h:port/", "ipp://a:secret@h/"],
)
def test_what_is_no_uri_of_a_printer_is_our_mistake(uri: str) -> None:
    with pytest.raises(LocalProtocolError) as caught:
        Client(uri)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "printer_uri"),
    [
        ("ipp://printer/ipp/print", "ipp://printer/ipp/print"),
        ("ipps://printer:8631/", "ipps://printer:8631/"),
        ("http://printer/ipp", "ipp://printer:80/ipp"),
        ("https://printer/ipp", "ipps://printer:443/ipp"),
        ("ipp://[::1]:8631/a", "ipp://[::1]:8631/a"),
        ("ipp://printer", "ipp://printer/"),
    ],
)
def test_the_printer_uri_is_told_in_ipp(uri: str, printer_uri: str) -> None:
    assert Client(uri).printer_uri == printer_uri


class TestTrust:
    @pytest.fixture(params=["authorities", "pinned", "first-use", "known", "any"])
    def trust(self, request: pytest.FixtureRequest, identity: OwnIdentity, authorities: Authorities) -> Trust:
        colons = ":".join(identity.fingerprint[at : at + 2] for at in range(0, 64, 2)).upper()
        trusts: dict[str, Trust] = {
            "authorities": authorities,
            "pinned": Pinned(colons),
            "first-use": FirstUse({}),
            "any": AnyCertificate(),
        }
        return trusts.get(request.param, FirstUse({}))

    async def test_accepts_the_right_certificate(
        self, handler: RecordingHandler, identity: OwnIdentity, trust: Trust
    ) -> None:
        async with serving(handler, identity) as where:
            async with Client(f"ipps://{where}/ipp/print", trust=trust) as client:
                for _ in range(2):
                    assert (await client.send(client.request(Operation.GET_JOBS))).status == 0
            if isinstance(trust, FirstUse):
                assert trust.store == {where: identity.fingerprint}

    async def test_refuses_what_no_authority_signed(
        self, handler: RecordingHandler, identity: OwnIdentity
    ) -> None:
        async with serving(handler, identity) as where:
            async with Client(f"ipps://{where}/ipp/print") as client:
                with pytest.raises(ConnectionFailed, match=f"{where} is not trusted") as caught:
                    await client.send(client.request(Operation.GET_JOBS))
        assert not caught.value.may_have_arrived
        assert not handler.requests

    async def test_refuses_the_right_certificate_under_another_name(
        self, handler: RecordingHandler, tmp_path: Path
    ) -> None:
        other = OwnIdentity(tmp_path / "other.pem", ["other.example"])
        pem = (tmp_path / "other.pem").read_text()
        (tmp_path / "t.pem").write_text(pem[pem.index("-----BEGIN CERTIFICATE") :])
        async with serving(handler, other) as where:
            port = where.partition(":")[2]
            async with Client(
                f"ipps://127.0.0.2:{port}/ipp/print", trust=Authorities(tmp_path / "t.pem")
            ) as client:
                with pytest.raises(ConnectionFailed):
                    await client.send(client.request(Operation.GET_JOBS))

    @pytest.mark.parametrize("trust", [Pinned("ab" * 32), "first-use"])
    async def test_refuses_another_certificate_than_the_known_before_anything_is_sent(
        self, handler: RecordingHandler, identity: OwnIdentity, trust: Trust | str
    ) -> None:
        async with serving(handler, identity) as where:
            known = trust if isinstance(trust, Pinned) else FirstUse({where: "cd" * 32})
            async with Client(f"ipps://{where}/ipp/print/always", trust=known, credentials=ANNA) as client:
                with pytest.raises(ConnectionFailed, match="another certificate") as caught:
                    await client.send(client.request(Operation.PRINT_JOB), b"document")
        assert not caught.value.may_have_arrived
        assert ("forget" in str(caught.value)) == isinstance(known, FirstUse)
        assert not handler.requests

    async def test_in_a_fingerprint_that_is_none_is_our_mistake(
        self, handler: RecordingHandler, identity: OwnIdentity
    ) -> None:
        async with serving(handler, identity) as where:
            async with Client(f"ipps://{where}/ipp/print", trust=Pinned("abcd")) as client:
                with pytest.raises(LocalProtocolError, match="SHA-256"):
                    await client.send(client.request(Operation.GET_JOBS))


class TestCredentials:
    @pytest.mark.parametrize("credentials", [ANNA, Bearer("token")])
    async def test_are_shown_when_asked_for_then_at_once(
        self, handler: RecordingHandler, identity: OwnIdentity, credentials: Basic | Bearer
    ) -> None:
        document = Anew(b"document")
        async with serving(handler, identity) as where:
            uri = f"ipps://{where}/ipp/print/always"
            async with Client(uri, trust=AnyCertificate(), credentials=credentials) as client:
                for _ in range(2):
                    await client.send(client.request(Operation.PRINT_JOB), document)
        assert [request.user for request in handler.requests] == [User("anna", authenticated=True)] * 2
        assert document.times_read == 2  # not while the server said 401 instead of 100

    async def test_let_a_document_that_is_read_once_through(
        self, handler: RecordingHandler, identity: OwnIdentity
    ) -> None:
        async with serving(handler, identity) as where:
            uri = f"ipps://{where}/ipp/print/always"
            async with Client(uri, trust=AnyCertificate(), credentials=ANNA) as client:
                await client.send(client.request(Operation.PRINT_JOB), chunks_of(b"once"))
        assert handler.documents == [b"once"]

    async def test_demanded_after_the_document_went_need_it_anew(
        self, handler: RecordingHandler, identity: OwnIdentity
    ) -> None:
        async def demand(request: Request) -> None:
            if request.user is None:
                async for _ in request.document:
                    pass
                raise AuthenticationRequired

        handler.act = demand
        async with serving(handler, identity) as where:
            uri = f"ipps://{where}/ipp/print/asks"
            async with Client(uri, trust=AnyCertificate(), credentials=ANNA) as client:
                with pytest.raises(RemoteProtocolError, match="cannot be read again") as caught:
                    await client.send(client.request(Operation.PRINT_JOB), chunks_of(b"once"))
                assert caught.value.status == Status.CLIENT_ERROR_NOT_AUTHENTICATED
            async with Client(uri, trust=AnyCertificate(), credentials=ANNA) as client:
                await client.send(client.request(Operation.PRINT_JOB), Anew(b"anew"))
        assert handler.documents == [b"anew"]

    async def test_that_are_missing_or_wrong_are_an_error(
        self, handler: RecordingHandler, identity: OwnIdentity
    ) -> None:
        async with serving(handler, identity) as where:
            for credentials in (None, Basic("anna", "wrong")):
                async with Client(
                    f"ipps://{where}/ipp/print/always", trust=AnyCertificate(), credentials=credentials
                ) as client:
                    with pytest.raises(RemoteProtocolError, match="HTTP 401") as caught:
                        await client.send(client.request(Operation.GET_JOBS))
                    assert caught.value.status == Status.CLIENT_ERROR_NOT_AUTHENTICATED
        assert not handler.requests

    async def test_are_not_shown_where_others_can_read_them_unless_told_so(
        self, handler: RecordingHandler
    ) -> None:
        async with serving(handler) as where:
            uri = f"ipp://{where}/ipp/print/always"
            async with Client(uri, credentials=ANNA) as client:
                with pytest.raises(RemoteProtocolError, match="others can read"):
                    await client.send(client.request(Operation.GET_JOBS))
            async with Client(uri, credentials=ANNA, plain_credentials=True) as client:
                assert (await client.send(client.request(Operation.GET_JOBS))).status == 0

    def test_do_not_show_themselves(self) -> None:
        assert "pass" not in repr(ANNA)
        assert "token" not in repr(Bearer("token"))


class TestADemandForTls:
    async def test_is_met(self, handler: RecordingHandler, identity: OwnIdentity) -> None:
        async with serving(handler, identity) as where:
            async with Client(f"ipp://{where}/ipp/print/tls", trust=AnyCertificate()) as client:
                await client.send(client.request(Operation.PRINT_JOB), chunks_of(b"once"))
                assert client.secure
        assert handler.requests[0].secure
        assert handler.documents == [b"once"]

    async def test_is_an_error_where_tls_is_not_wanted(
        self, handler: RecordingHandler, identity: OwnIdentity
    ) -> None:
        async with serving(handler, identity) as where:
            async with Client(f"ipp://{where}/ipp/print/tls", tls="never") as client:
                with pytest.raises(RemoteProtocolError, match="wants TLS"):
                    await client.send(client.request(Operation.GET_JOBS))


class TestAnAnswer:
    async def test_may_carry_a_document(self, handler: RecordingHandler) -> None:
        async def fetch(request: Request) -> Response:
            answer = encode(answer_message(request_id=request.message.request_id))
            return Response(answer, chunks_of(*[b"page"] * 1000))

        handler.act = fetch
        async with serving(handler) as where:
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
        async with serving(handler) as where:
            async with Client(f"ipp://{where}/ipp/print") as client:
                with pytest.raises(ConnectionFailed, match="cut short"):  # noqa: PT012  # while it is read
                    async with client.exchange(client.request(Operation.FETCH_DOCUMENT)) as answer:
                        async for _ in answer.document:
                            pass

    async def test_to_another_request_is_refused(self, handler: RecordingHandler) -> None:
        async def confuse(request: Request) -> Response:
            return Response(encode(answer_message(request_id=99)))

        handler.act = confuse
        async with serving(handler) as where:
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
        async with serving(handler) as where:
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
        async with serving(handler) as where:
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
        async with serving(handler) as where:
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

        async with serving(handler) as where:
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
        async with serving(handler) as where:
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


def printer_group(*operations: int, compressions: tuple[str, ...] = ("none",)) -> Group:
    return Group(
        GroupTag.PRINTER,
        [
            Attribute.of("operations-supported", Tag.ENUM, *operations),
            Attribute.of("compression-supported", Tag.KEYWORD, *compressions),
        ],
    )


class TestPrintDocument:
    def printer(self, handler: RecordingHandler, group: Group, refused: int = -1) -> None:
        async def act(request: Request) -> Response | None:
            operation = request.message.operation
            status = Status.SERVER_ERROR_BUSY if operation == refused else Status.SUCCESSFUL_OK
            answer = answer_message(status, request.message.request_id)
            if operation == Operation.GET_PRINTER_ATTRIBUTES:
                answer.groups.append(group)
            elif status.successful:
                answer.groups.append(Group(GroupTag.JOB, [Attribute.of("job-id", Tag.INTEGER, 42)]))
            handler.documents.append(b"".join([chunk async for chunk in request.document]))
            return Response(encode(answer))

        handler.act = act

    def operations(self, handler: RecordingHandler) -> list[Operation]:
        return [request.message.operation for request in handler.requests]

    async def test_makes_a_job_then_sends_its_document(self, handler: RecordingHandler) -> None:
        self.printer(
            handler, printer_group(Operation.CREATE_JOB, Operation.SEND_DOCUMENT, Operation.PRINT_JOB)
        )
        async with serving(handler) as where:
            async with Client(f"ipp://{where}/ipp/print", user_name="anna") as client:
                job = await client.print_document(
                    chunks_of(b"%PDF"),
                    document_format="application/pdf",
                    job_name="Report",
                    job_attributes=[attribute("sides", "two-sided-long-edge")],
                )
        assert job.integer("job-id") == 42
        assert self.operations(handler)[1:] == [Operation.CREATE_JOB, Operation.SEND_DOCUMENT]
        created, sent = (request.message for request in handler.requests[1:])
        assert created.operation_attributes.string("job-name") == "Report"
        assert created.job.names() == ["sides"]
        assert sent.operation_attributes.names()[2:5] == ["printer-uri", "job-id", "requesting-user-name"]
        assert sent.operation_attributes.boolean("last-document") is True
        assert handler.documents[2] == b"%PDF"

    async def test_is_one_request_where_the_printer_has_no_other_way(self, handler: RecordingHandler) -> None:
        self.printer(handler, printer_group(Operation.PRINT_JOB))
        async with serving(handler) as where:
            async with Client(f"ipp://{where}/ipp/print") as client:
                for _ in range(2):
                    assert (await client.print_document(b"doc")).integer("job-id") == 42
        assert self.operations(handler) == [
            Operation.GET_PRINTER_ATTRIBUTES,
            Operation.PRINT_JOB,
            Operation.PRINT_JOB,
        ]

    @pytest.mark.parametrize("compressions", [("none",), ("none", "gzip")])
    async def test_is_compressed_where_the_printer_takes_it(
        self, handler: RecordingHandler, compressions: tuple[str, ...]
    ) -> None:
        self.printer(handler, printer_group(Operation.PRINT_JOB, compressions=compressions))
        async with serving(handler) as where:
            async with Client(f"ipp://{where}/ipp/print", compression="gzip") as client:
                await client.print_document(chunks_of(b"white " * 1000))
                await client.print_document(b"white " * 1000)
        for request, document in zip(handler.requests[1:], handler.documents[1:], strict=True):
            said = request.message.operation_attributes.string("compression")
            assert said == ("gzip" if "gzip" in compressions else None)
            assert (gzip.decompress(document) if said else document) == b"white " * 1000

    async def test_that_fails_cancels_the_job_it_made(self, handler: RecordingHandler) -> None:
        self.printer(
            handler,
            printer_group(Operation.CREATE_JOB, Operation.SEND_DOCUMENT),
            refused=Operation.SEND_DOCUMENT,
        )
        async with serving(handler) as where:
            async with Client(f"ipp://{where}/ipp/print") as client:
                with pytest.raises(RemoteProtocolError, match=r"Send-Document|send-document") as caught:
                    await client.print_document(b"doc")
        assert caught.value.status == Status.SERVER_ERROR_BUSY
        assert self.operations(handler)[-1] == Operation.CANCEL_JOB
        assert handler.requests[-1].message.operation_attributes.integer("job-id") == 42

    async def test_that_is_refused_names_what_is_not_supported(self, handler: RecordingHandler) -> None:
        async def refuse(request: Request) -> Response:
            answer = answer_message(
                Status.CLIENT_ERROR_ATTRIBUTES_OR_VALUES_NOT_SUPPORTED, request.message.request_id
            )
            answer.groups[0].add(Attribute.of("status-message", Tag.TEXT, "No."))
            answer.groups.append(Group(GroupTag.UNSUPPORTED, [attribute("sides", "one-sided")]))
            return Response(encode(answer))

        handler.act = refuse
        async with serving(handler) as where:
            async with Client(f"ipp://{where}/ipp/print") as client:
                with pytest.raises(RemoteProtocolError, match=r"\(No\.; not supported: sides\)"):
                    await client.get_printer_attributes()


async def test_jobs_are_asked_for(handler: RecordingHandler) -> None:
    async with serving(handler) as where:
        async with Client(f"ipp://{where}/ipp/print") as client:
            assert await client.get_jobs("completed", my_jobs=True, limit=3) == []
    asked = handler.requests[0].message.operation_attributes
    assert (asked.string("which-jobs"), asked.boolean("my-jobs"), asked.integer("limit")) == (
        "completed",
        True,
        3,
    )


def test_what_is_encoded_is_decoded() -> None:
    message = Client("ipp://printer/").request(Operation.GET_JOBS, attribute("limit", 1))
    assert decode(encode(message)) == message


def test_tls_1_2_is_the_least() -> None:
    from ipp.trust import authorities_context, unverified_context

    for context in (authorities_context(Authorities()), unverified_context()):
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
