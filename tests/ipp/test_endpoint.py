# a server and, within its time, a client: two blocks
import asyncio
import logging
from dataclasses import replace

import pytest
from aiohttp import web

from ipp import Status, decode
from ipp.body import BodyLimits
from ipp.decoder import Limits
from ipp.endpoint import Endpoint
from ipp.errors import AuthenticationRequired
from ipp.exchange import Request, Route, User
from tests.ipp.serving import (
    ANNA,
    CONTINUE,
    MESSAGE,
    QUICK,
    SECRET_PATH,
    connected,
    serving,
)
from tests.ipp.wire import (
    BareClient,
    RecordingHandler,
    answer_message,
    chunked,
    request_message,
    until,
)

EVERY_LOOP = True


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

    @pytest.mark.parametrize("start", ["TRACE /", "TRACE /ipp/print", "CONNECT localhost:443"])
    async def test_pages_are_not_asked_for_tunnels_and_echoes(
        self, handler: RecordingHandler, start: str
    ) -> None:
        async with connected(handler) as client:
            client.send(f"{start} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert (await client.answer()).status == 405

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
            assert answer.headers["server"] == "pullprint"
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
        async with connected(handler, limits=replace(QUICK, body=BodyLimits(octets=1000))) as client:
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
                server = endpoint._server
                assert server is not None
                await until(lambda: bool(server.connections))
                (connection,) = server.connections
                await until(lambda: connection._current_request is not None)
            await until(lambda: connection.transport is None)
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
