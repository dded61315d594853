# ruff: noqa: SIM117  # a server and, within its time, a client: two blocks
import asyncio
import gzip
import logging
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from ipp import Operation, RemoteProtocolError, Status, decode, encode
from ipp.compression import InflateLimits
from ipp.connection import ConnectionTimes
from ipp.decoder import Limits
from ipp.endpoint import Endpoint, EndpointLimits
from ipp.errors import AuthenticationRequired
from ipp.exchange import Request, Response, Route, User
from ipp.listener import ConnectionLimits
from ipp.tls import OwnIdentity
from tests.ipp.wire import (
    BareClient,
    RecordingHandler,
    answer_message,
    chunked,
    chunks_of,
    request_message,
    router_of,
    until,
)

EVERY_LOOP = True

MESSAGE = encode(request_message())
ANNA = "Basic YW5uYTpwYXNz"  # anna:pass
SECRET_PATH = "/ipp/print/u/Zm9vYmFyYmF6"
CONTINUE = "Expect: 100-continue"
QUICK = EndpointLimits(times=ConnectionTimes(linger_s=0.1))


class PasswordList:
    challenges = ('Basic realm="test"', 'Bearer realm="test"')

    async def identify(self, scheme: str, credentials: str, peer: str) -> User | None:
        assert peer == "127.0.0.1"
        if scheme == "basic" and b64decode(credentials) == b"anna:pass":
            return User("anna", authenticated=True)
        return None


@pytest.fixture
def handler() -> RecordingHandler:
    return RecordingHandler()


@pytest.fixture
def identity(tmp_path: Path) -> OwnIdentity:
    return OwnIdentity(tmp_path / "identity.pem", [])


@pytest.fixture
def trust(identity: OwnIdentity, tmp_path: Path) -> ssl.SSLContext:
    pem = (tmp_path / "identity.pem").read_text()
    return ssl.create_default_context(cadata=pem[pem.index("-----BEGIN CERTIFICATE") :])


async def page(request: web.BaseRequest) -> web.StreamResponse:
    if request.path == "/missing":
        raise web.HTTPNotFound
    return web.Response(text=f"{request.method} {request.path} {len(await request.read())}")


@asynccontextmanager
async def serving(
    handler: RecordingHandler,
    *,
    limits: EndpointLimits = QUICK,
    pages: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]] | None = page,
    identity: OwnIdentity | None = None,
) -> AsyncIterator[Endpoint]:
    routes = {
        "/ipp/print": Route(handler, "print"),
        "/ipp/print/asks": Route(handler, "asks", authentication="when-asked"),
        "/ipp/print/always": Route(handler, "always", authentication="always"),
        "/ipp/print/tls": Route(handler, "tls", plain="upgrade", authentication="always"),
        SECRET_PATH: Route(handler, "personal", user=User("berta", authenticated=True)),
    }
    endpoint = Endpoint(
        router_of(routes),
        hosts={"localhost", "printer.example"},
        authenticator=PasswordList(),
        pages=pages,
        tls=identity.context if identity is not None else None,
        limits=limits,
    )
    async with endpoint.serving([("127.0.0.1", 0)], grace_s=5):
        yield endpoint


@asynccontextmanager
async def connected(
    handler: RecordingHandler,
    *,
    limits: EndpointLimits = QUICK,
    pages: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]] | None = page,
) -> AsyncIterator[BareClient]:
    async with (
        serving(handler, limits=limits, pages=pages) as endpoint,
        await BareClient.connect(endpoint.addresses[0]) as client,
    ):
        yield client


class TestARequest:
    async def test_reaches_the_handler_and_is_answered(self, handler: RecordingHandler) -> None:
        async with connected(handler) as client:
            client.post(MESSAGE + b"%PDF", "User-Agent: CUPS/2.4", host="printer.example:631")
            answer = await client.answer()
        assert (answer.status, answer.headers["content-type"]) == (200, "application/ipp")
        assert answer.headers["server"] == "pullprint"
        assert decode(answer.body) == answer_message()
        (request,) = handler.requests
        assert request.message == request_message()
        assert request.uri == "ipp://printer.example:631/ipp/print"
        assert (request.user, request.secure, request.peer) == (None, False, "127.0.0.1")
        assert request.user_agent == "CUPS/2.4"
        assert handler.documents == [b"%PDF"]

    async def test_may_come_chunked_sized_or_octet_by_octet(self, handler: RecordingHandler) -> None:
        document = bytes(range(256)) * 1000
        octets = MESSAGE + document
        async with connected(handler) as client:
            client.post(octets)
            await client.answer()
            client.post(
                chunked(octets[:5], octets[5:300], octets[300:]), "Transfer-Encoding: chunked", sized=False
            )
            await client.answer()
            client.post(b"", f"Content-Length: {len(MESSAGE) + 1}", sized=False)
            for octet in MESSAGE + b"x":
                client.send(bytes((octet,)))
                await client.writer.drain()
            assert (await client.answer()).ipp_status == 0
        assert handler.documents == [document, document, b"x"]

    async def test_names_the_port_we_listen_at_where_the_host_has_none(
        self, handler: RecordingHandler
    ) -> None:
        async with serving(handler) as endpoint:
            async with await BareClient.connect(endpoint.addresses[0]) as client:
                client.post(MESSAGE)
                await client.answer()
            assert handler.requests[0].uri == f"ipp://localhost:{endpoint.addresses[0][1]}/ipp/print"

    async def test_may_be_one_of_several_sent_at_once(self, handler: RecordingHandler) -> None:
        async with connected(handler) as client:
            for number in range(5):
                client.post(MESSAGE + bytes((number,)))
            assert [(await client.answer()).status for _ in range(5)] == [200] * 5
        assert handler.documents == [b"\0", b"\1", b"\2", b"\3", b"\4"]

    async def test_may_carry_parameters_with_its_media_type(self, handler: RecordingHandler) -> None:
        async with connected(handler) as client:
            client.post(MESSAGE, content_type="Application/IPP; charset=utf-8")
            assert (await client.answer()).status == 200

    async def test_by_http_1_0_is_answered_and_its_connection_closed(self, handler: RecordingHandler) -> None:
        async with connected(handler) as client:
            client.send(
                b"POST /ipp/print HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/ipp\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(MESSAGE), MESSAGE)
            )
            assert (await client.answer()).status == 200
            assert await client.closed() == b""

    async def test_may_name_the_whole_uri(self, handler: RecordingHandler) -> None:
        async with connected(handler) as client:
            client.post(MESSAGE, path="http://printer.example:631/ipp/print")
            assert (await client.answer()).status == 200
            client.post(MESSAGE, path="http://evil.example/ipp/print")
            assert (await client.answer()).status == 400
        assert handler.requests[0].uri == "ipp://printer.example:631/ipp/print"


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "localhost.evil.example",
        "localhost:99999",
        "localhost:x",
        "a b",
        "u@localhost",
    ],
)
async def test_a_missing_or_foreign_host_is_refused(handler: RecordingHandler, host: str | None) -> None:
    async with connected(handler) as client:
        client.post(MESSAGE, host=host)
        assert (await client.answer()).status == 400
    assert not handler.requests


@pytest.mark.parametrize(
    "host", ["LOCALHOST", "Printer.Example.:8631", "127.0.0.1", "192.0.2.1:631", "[::1]", "[2001:db8::1]:631"]
)
async def test_our_names_and_any_address_are_hosts(handler: RecordingHandler, host: str) -> None:
    async with connected(handler) as client:
        client.post(MESSAGE, host=host)
        assert (await client.answer()).status == 200
    assert handler.requests[0].uri.startswith(f"ipp://{host}")


async def test_a_second_host_is_refused(handler: RecordingHandler) -> None:
    async with connected(handler) as client:
        client.post(MESSAGE, "Host: printer.example")
        assert (await client.answer()).status == 400


class TestWhatIsNoIpp:
    async def test_another_media_type_is_a_bad_request(self, handler: RecordingHandler) -> None:
        async with connected(handler) as client:
            for media_type in ["", "text/plain", "application/ippx", "application/octet-stream"]:
                client.post(MESSAGE, content_type=media_type)
                assert (await client.answer()).status == 400

    async def test_a_broken_message_is_a_bad_request_and_the_connection_goes_on(
        self, handler: RecordingHandler
    ) -> None:
        async with connected(handler) as client:
            for broken in [b"", b"\2", MESSAGE[:-1], b"\2\0\0\2\0\0\0\1\x01\x44\xff\xff"]:
                client.post(broken)
                assert (await client.answer()).status == 400
            client.post(MESSAGE)
            assert (await client.answer()).status == 200
        assert len(handler.requests) == 1

    async def test_too_long_a_message_is_too_large(self, handler: RecordingHandler) -> None:
        async with connected(handler, limits=replace(QUICK, message=Limits(octets=100))) as client:
            client.post(MESSAGE)
            assert (await client.answer()).status == 413

    async def test_an_unknown_path_is_not_found(self, handler: RecordingHandler) -> None:
        async with connected(handler, pages=None) as client:
            client.post(MESSAGE, path="/ipp/other")
            assert (await client.answer()).status == 404
            client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await client.answer()).status == 404

    async def test_other_methods_are_not_allowed(self, handler: RecordingHandler) -> None:
        async with connected(handler) as client:
            client.send(b"PUT /ipp/print HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx")
            answer = await client.answer()
            assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")

    async def test_options_are_told_for_paths_and_for_the_server(self, handler: RecordingHandler) -> None:
        async with connected(handler) as client:
            for path in ["*", "/ipp/print"]:
                client.send(f"OPTIONS {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                answer = await client.answer()
                assert (answer.status, answer.headers["allow"]) == (200, "GET, HEAD, OPTIONS, POST")

    async def test_what_is_no_http_is_answered_by_a_fixed_text(
        self, handler: RecordingHandler, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with connected(handler) as client:
            client.send(b"POST " + SECRET_PATH.encode() + b" HTTP/9.9 nonsense\r\n\r\n")
            answer = await client.answer()
            assert (answer.status, answer.body) == (400, b"Bad Request\n")
            assert await client.closed() == b""
        assert SECRET_PATH not in caplog.text

    @pytest.mark.parametrize("target", ["//evil.example/ipp/print", "/ipp/print/../other", "/a://b", "/%"])
    async def test_a_path_of_nobody_is_not_found(self, handler: RecordingHandler, target: str) -> None:
        async with connected(handler, pages=None) as client:
            client.post(MESSAGE, path=target)
            assert (await client.answer()).status == 404
        assert not handler.requests

    async def test_a_tunnel_is_not_made(self, handler: RecordingHandler) -> None:
        async with connected(handler, pages=None) as client:
            client.send(b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await client.answer()).status in (400, 404, 405)

    async def test_two_lengths_are_refused(self, handler: RecordingHandler) -> None:
        for headers in (
            ["Transfer-Encoding: chunked", "Content-Length: 5"],
            ["Content-Length: 5", "Content-Length: 6"],
            ["Content-Length: -1"],
        ):
            async with connected(handler) as client:
                client.post(chunked(MESSAGE), *headers, sized=False)
                assert (await client.answer()).status == 400
                assert await client.closed() == b""
        assert not handler.requests

    async def test_headers_beyond_the_limits_are_refused(self, handler: RecordingHandler) -> None:
        async with connected(handler) as client:
            client.post(MESSAGE, *(f"X-{n}: {n}" for n in range(200)))
            assert (await client.answer()).status == 400


class TestPages:
    async def test_answer_get_and_head_and_other_paths(self, handler: RecordingHandler) -> None:
        async with connected(handler) as client:
            client.send(b"GET /ipp/print HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await client.answer()).body == b"GET /ipp/print 0"
            client.send(b"GET /missing HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await client.answer()).status == 404
            client.post(b"a=1", CONTINUE, path="/form", content_type="application/x-www-form-urlencoded")
            assert (await client.answer()).status == 100
            assert (await client.answer()).body == b"POST /form 3"
            client.send(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            head = await client.reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            client.send(b"GET /after HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await client.answer()).body == b"GET /after 0"

    async def test_that_fail_are_an_internal_error_without_detail(
        self, handler: RecordingHandler, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def broken(request: web.BaseRequest) -> web.StreamResponse:
            raise ConnectionRefusedError("the database at 10.1.2.3")

        async with connected(handler, pages=broken) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = await client.answer()
        assert (answer.status, answer.body) == (500, b"Internal Server Error\n")
        assert "10.1.2.3" in caplog.text


class TestContinue:
    async def test_is_said_before_the_body_comes(self, handler: RecordingHandler) -> None:
        async with connected(handler) as client:
            client.post(b"", CONTINUE, f"Content-Length: {len(MESSAGE)}", sized=False)
            assert (await client.answer()).status == 100
            client.send(MESSAGE)
            assert (await client.answer()).status == 200
            client.post(b"", CONTINUE, "Transfer-Encoding: chunked", sized=False)
            assert (await client.answer()).status == 100
            client.send(chunked(MESSAGE, b"x"))
            assert (await client.answer()).status == 200
        assert handler.documents == [b"", b"x"]

    @pytest.mark.parametrize(
        ("path", "headers", "status"),
        [
            ("/ipp/print/always", [], 401),
            ("/ipp/print/always", ["Authorization: Basic YW5uYTpubw=="], 401),
            ("/ipp/print/asks", ["Authorization: Basic YW5uYTpubw=="], 401),
            ("/ipp/print/asks", ["Authorization: Digest username=anna"], 401),
            ("/ipp/print/tls", [f"Authorization: {ANNA}"], 426),
            ("/ipp/print", ["Content-Encoding: br"], 415),
        ],
    )
    async def test_is_not_said_where_the_header_is_refused(
        self, handler: RecordingHandler, path: str, headers: list[str], status: int
    ) -> None:
        async with connected(handler) as client:
            client.post(b"", CONTINUE, "Transfer-Encoding: chunked", *headers, path=path, sized=False)
            answer = await client.answer()
            assert (answer.status, answer.headers["connection"].split(", ")[-1]) == (
                status,
                "Upgrade" if status == 426 else "close",
            )
            assert await client.closed() == b""
        assert not handler.requests

    async def test_is_not_said_where_the_body_would_be_too_large(self, handler: RecordingHandler) -> None:
        async with connected(handler, limits=replace(QUICK, body_octets=1000)) as client:
            client.post(b"", CONTINUE, "Content-Length: 1001", sized=False)
            assert (await client.answer()).status == 413
            assert await client.closed() == b""

    async def test_is_not_missed_by_who_left(
        self, handler: RecordingHandler, caplog: pytest.LogCaptureFixture
    ) -> None:
        left = asyncio.Event()

        async def route(path: str) -> Route | None:
            await left.wait()
            return Route(handler, "print")

        endpoint = Endpoint(route, hosts={"localhost"}, limits=QUICK)
        async with endpoint.serving([("127.0.0.1", 0)]):
            async with await BareClient.connect(endpoint.addresses[0]) as client:
                client.post(b"", CONTINUE, "Content-Length: 1000", sized=False)
                await until(lambda: endpoint.connections == 1)
            await until(lambda: endpoint.connections == 0)
            left.set()
        assert not handler.requests
        assert not caplog.records

    async def test_is_the_only_expectation(self, handler: RecordingHandler) -> None:
        async with connected(handler) as client:
            client.post(MESSAGE, "Expect: miracles")
            assert (await client.answer()).status == 417

    async def test_is_not_said_where_no_body_is_to_come(self, handler: RecordingHandler) -> None:
        async with connected(handler) as client:
            client.post(b"", CONTINUE)
            assert (await client.answer()).status == 400


class TestCredentials:
    async def test_name_the_user(self, handler: RecordingHandler) -> None:
        async with connected(handler) as client:
            for path in ["/ipp/print/asks", "/ipp/print/always"]:
                client.post(MESSAGE, f"Authorization: {ANNA}", path=path)
                assert (await client.answer()).status == 200
        assert [request.user for request in handler.requests] == [User("anna", authenticated=True)] * 2

    async def test_are_challenged_by_every_scheme(self, handler: RecordingHandler) -> None:
        async with connected(handler) as client:
            client.post(MESSAGE, path="/ipp/print/always")
            head = await client.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 401 ")
        assert head.count(b"WWW-Authenticate:") == 2

    async def test_are_asked_for_by_the_handler(self, handler: RecordingHandler) -> None:
        async def demand(request: Request) -> None:
            if request.user is None:
                raise AuthenticationRequired

        handler.act = demand
        async with connected(handler) as client:
            client.post(MESSAGE + b"document", path="/ipp/print/asks")
            answer = await client.answer()
            assert answer.status == 401
            assert 'realm="test"' in answer.headers["www-authenticate"]
            client.post(MESSAGE + b"document", f"Authorization: {ANNA}", path="/ipp/print/asks")
            assert (await client.answer()).status == 200
        assert handler.documents == [b"document"]

    async def test_mean_nothing_where_nobody_asks(self, handler: RecordingHandler) -> None:
        async with connected(handler) as client:
            client.post(MESSAGE, "Authorization: Basic wrong")
            assert (await client.answer()).status == 200
        assert handler.requests[0].user is None

    async def test_are_not_needed_on_a_secret_path_which_no_log_shows(
        self, handler: RecordingHandler, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)

        async def fail(request: Request) -> None:
            raise ZeroDivisionError(repr(request))

        async with connected(handler) as client:
            client.post(MESSAGE, path=SECRET_PATH)
            assert (await client.answer()).status == 200
            handler.act = fail
            client.post(MESSAGE, path=SECRET_PATH)
            assert (await client.answer()).ipp_status == Status.SERVER_ERROR_INTERNAL_ERROR
            client.post(b"broken", path=SECRET_PATH)
            await client.answer()
        assert handler.requests[0].user == User("berta", authenticated=True)
        assert "personal" in caplog.text
        assert SECRET_PATH not in caplog.text

    async def test_given_twice_are_a_bad_request(self, handler: RecordingHandler) -> None:
        async with connected(handler) as client:
            client.post(MESSAGE, f"Authorization: {ANNA}", f"Authorization: {ANNA}", path="/ipp/print/asks")
            assert (await client.answer()).status == 400


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
        async with connected(handler, limits=replace(QUICK, body_octets=1000)) as client:
            client.post(chunked(MESSAGE, bytes(2000)), "Transfer-Encoding: chunked", sized=False)
            assert (await client.answer()).status == 413

    async def test_by_silence_is_a_time_out(self, handler: RecordingHandler) -> None:
        async with connected(handler, limits=replace(QUICK, silence_s=0.05)) as client:
            client.post(b"", "Content-Length: 100000", sized=False)
            client.send(MESSAGE + b"part")
            assert (await client.answer()).status == 408
            assert await client.closed() == b""

    async def test_by_trickling_is_a_time_out(self, handler: RecordingHandler) -> None:
        limits = replace(QUICK, silence_s=0.2, slowest_octets_per_s=1e6)
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


class TestTls:
    async def test_is_told_to_the_handler(
        self, handler: RecordingHandler, identity: OwnIdentity, trust: ssl.SSLContext
    ) -> None:
        async with serving(handler, identity=identity) as endpoint:
            async with await BareClient.connect(endpoint.addresses[0], trust) as client:
                client.post(MESSAGE, f"Authorization: {ANNA}", path="/ipp/print/tls")
                assert (await client.answer()).status == 200
        (request,) = handler.requests
        assert request.secure
        assert request.uri.startswith("ipps://localhost:")

    async def test_is_demanded_by_426(self, handler: RecordingHandler) -> None:
        async with connected(handler) as client:
            client.post(MESSAGE, path="/ipp/print/tls")
            answer = await client.answer()
            assert (answer.status, answer.headers["upgrade"]) == (426, "TLS/1.2, HTTP/1.1")
            client.post(MESSAGE)
            assert (await client.answer()).status == 200


UPGRADE = b"Connection: Upgrade\r\nUpgrade: TLS/1.2,TLS/1.1,TLS/1.0\r\nHost: localhost\r\n\r\n"


class TestAChangeToTls:
    async def test_answers_within_tls_and_goes_on_there(
        self, handler: RecordingHandler, identity: OwnIdentity, trust: ssl.SSLContext
    ) -> None:
        async with serving(handler, identity=identity) as endpoint:
            async with await BareClient.connect(endpoint.addresses[0]) as client:
                client.post(MESSAGE)
                assert (await client.answer()).status == 200
                client.send(b"OPTIONS * HTTP/1.1\r\n" + UPGRADE)
                answer = await client.answer()
                assert (answer.status, answer.headers["connection"]) == (101, "Upgrade")
                await client.writer.start_tls(trust, server_hostname="localhost")
                assert (await client.answer()).status == 200
                client.post(MESSAGE, f"Authorization: {ANNA}", path="/ipp/print/tls")
                assert (await client.answer()).status == 200
            await until(lambda: endpoint.connections == 0)
        assert [request.secure for request in handler.requests] == [False, True]

    async def test_is_not_made_for_a_request_with_a_body_or_without_an_identity(
        self, handler: RecordingHandler, identity: OwnIdentity
    ) -> None:
        async with serving(handler, identity=identity) as endpoint:
            async with await BareClient.connect(endpoint.addresses[0]) as client:
                client.post(MESSAGE, "Connection: Upgrade", "Upgrade: TLS/1.2")
                assert (await client.answer()).status == 200
        async with connected(handler) as client:
            client.send(b"OPTIONS * HTTP/1.1\r\n" + UPGRADE)
            assert (await client.answer()).status == 200

    @pytest.mark.parametrize(
        ("injected", "continued"),
        [(b"", True), (b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n", False), (b"GET /x HT", False)],
    )
    async def test_is_refused_where_plain_octets_follow_the_request(
        self, handler: RecordingHandler, identity: OwnIdentity, injected: bytes, continued: bool
    ) -> None:
        async def inject(request: web.BaseRequest) -> web.StreamResponse:
            # While the first request is being answered, the others come.
            request.protocol.data_received(b"OPTIONS * HTTP/1.1\r\n" + UPGRADE)
            if injected:
                request.protocol.data_received(injected)
            return web.Response(text="first")

        async with serving(handler, identity=identity, pages=inject) as endpoint:
            async with await BareClient.connect(endpoint.addresses[0]) as client:
                client.send(b"GET /first HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert (await client.answer()).body == b"first"
                if continued:
                    assert (await client.answer()).status == 101
                else:
                    assert await client.closed() == b""

    async def test_that_ends_without_a_handshake_is_closed(
        self, handler: RecordingHandler, identity: OwnIdentity
    ) -> None:
        limits = EndpointLimits(connections=ConnectionLimits(handshake_s=0.05))
        async with serving(handler, identity=identity, limits=limits) as endpoint:
            async with await BareClient.connect(endpoint.addresses[0]) as client:
                client.send(b"OPTIONS * HTTP/1.1\r\n" + UPGRADE)
                assert (await client.answer()).status == 101
                assert await client.closed() == b""
            await until(lambda: endpoint.connections == 0)


class TestClosing:
    async def test_lets_an_upload_finish_and_closes_idle_connections_at_once(
        self, handler: RecordingHandler
    ) -> None:
        async with serving(handler) as endpoint:
            idle = await BareClient.connect(endpoint.addresses[0])
            busy = await BareClient.connect(endpoint.addresses[0])
            idle.post(MESSAGE)
            await idle.answer()
            busy.post(b"", f"Content-Length: {len(MESSAGE) + 4}", sized=False)
            busy.send(MESSAGE + b"ab")
            await until(lambda: len(handler.requests) == 2)
            closing = asyncio.ensure_future(endpoint.close(10))
            assert await idle.closed() == b""
            busy.send(b"cd")
            answer = await busy.answer()
            assert (answer.ipp_status, answer.headers["connection"]) == (0, "close")
            await closing
            assert await busy.closed() == b""
            await idle.__aexit__()
            await busy.__aexit__()
        assert handler.documents[-1] == b"abcd"

    async def test_ends_what_does_not_finish_in_time(
        self, handler: RecordingHandler, caplog: pytest.LogCaptureFixture
    ) -> None:
        cancelled = asyncio.Event()

        async def hang(request: Request) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        handler.act = hang
        async with serving(handler) as endpoint:
            client = await BareClient.connect(endpoint.addresses[0])
            client.post(MESSAGE)
            await until(lambda: bool(handler.requests))
            await endpoint.close(0.05)
            assert await client.closed() == b""
            await asyncio.wait_for(cancelled.wait(), 10)
            await client.__aexit__()
        assert "did not finish" in caplog.text

    @pytest.mark.parametrize("place", ["router", "authenticator", "body", "handler", "answer", "page"])
    async def test_ends_requests_wherever_they_wait(self, place: str) -> None:
        waiting, ended = asyncio.Event(), asyncio.Event()

        async def hang(here: str) -> None:
            if here == place:
                waiting.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    ended.set()

        async def route(path: str) -> Route | None:
            await hang("router")
            return Route(Hanging(), "hanging", authentication="when-asked") if path == "/ipp/print" else None

        async def show(request: web.BaseRequest) -> web.StreamResponse:
            await hang("page")
            return web.Response()

        class Passwords(PasswordList):
            async def identify(self, scheme: str, credentials: str, peer: str) -> User | None:
                await hang("authenticator")
                return await super().identify(scheme, credentials, peer)

        class Hanging:
            async def handle(self, request: Request) -> Response:
                if place == "body":
                    waiting.set()
                    try:
                        async for _ in request.document:
                            pass
                    finally:
                        ended.set()
                await hang("handler")
                return Response(encode(answer_message()), self.document())

            async def document(self) -> AsyncIterator[bytes]:
                yield b"part"
                await hang("answer")

        endpoint = Endpoint(route, hosts={"localhost"}, authenticator=Passwords(), pages=show, limits=QUICK)
        await endpoint.start([("127.0.0.1", 0)])
        async with await BareClient.connect(endpoint.addresses[0]) as client:
            path = "/page" if place == "page" else "/ipp/print"
            client.post(b"", f"Authorization: {ANNA}", "Content-Length: 10000", path=path, sized=False)
            client.send(MESSAGE + b"part")
            await asyncio.wait_for(waiting.wait(), 10)
            await endpoint.close(0.01)
            await asyncio.wait_for(ended.wait(), 10)
            assert not (await client.closed()).endswith(b"0\r\n\r\n")

    async def test_may_be_followed_by_a_new_start(self, handler: RecordingHandler) -> None:
        async with serving(handler) as endpoint:
            await endpoint.close()
            await endpoint.start([("127.0.0.1", 0)])
            async with await BareClient.connect(endpoint.addresses[0]) as client:
                client.post(MESSAGE)
                answer = await client.answer()
                assert (answer.status, answer.headers.get("connection")) == (200, None)
