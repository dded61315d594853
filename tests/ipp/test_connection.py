# ruff: noqa: SIM117  # a server and, within its time, a client: two blocks
import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from ipp import encode
from ipp.endpoint import Endpoint, EndpointLimits
from ipp.exchange import Request, Response, Route, User
from ipp.listener import ConnectionLimits
from ipp.tls import OwnIdentity
from ipp.trust import shown_fingerprint, unverified_context
from tests.ipp.serving import (
    ANNA,
    MESSAGE,
    QUICK,
    PasswordList,
    connected,
    serving,
)
from tests.ipp.wire import (
    BareClient,
    RecordingHandler,
    answer_message,
    until,
)

EVERY_LOOP = True


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

    async def test_goes_on_with_the_certificate_it_began_with_when_that_is_renewed(
        self, handler: RecordingHandler, tmp_path: Path
    ) -> None:
        now = datetime.now(UTC)
        identity = OwnIdentity(tmp_path / "own.pem", [], clock=lambda: now)
        async with serving(handler, identity=identity) as endpoint:
            async with await BareClient.connect(endpoint.addresses[0], unverified_context()) as former:
                first = await shown_fingerprint(*endpoint.addresses[0], 10)
                now += timedelta(days=700)
                second = await shown_fingerprint(*endpoint.addresses[0], 10)
                former.post(MESSAGE)
                assert (await former.answer()).status == 200
        assert first != second == identity.fingerprint

    async def test_is_demanded_by_426(self, handler: RecordingHandler) -> None:
        async with connected(handler) as client:
            client.post(MESSAGE, path="/ipp/print/tls")
            answer = await client.answer()
            assert (answer.status, answer.headers["upgrade"]) == (426, "TLS/1.2, HTTP/1.1")
            client.post(MESSAGE)
            assert (await client.answer()).status == 200


UPGRADE = b"Connection: Upgrade\r\nUpgrade: TLS/1.2,TLS/1.1,TLS/1.0\r\nHost: localhost\r\n\r\n"


async def test_a_client_that_leaves_holds_its_place_until_its_request_is_done_with() -> None:
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def wait(request: Request) -> None:
        asked.set()
        await may_answer.wait()

    async with serving(RecordingHandler(wait)) as endpoint:
        async with await BareClient.connect(endpoint.addresses[0]) as client:
            client.post(MESSAGE)
            await asked.wait()
            assert endpoint._server is not None
            (connection,) = endpoint._server.connections
        await until(lambda: connection.transport is None)
        assert endpoint.connections == 1
        may_answer.set()
        await until(lambda: endpoint.connections == 0)


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

    @pytest.mark.parametrize("injected", [b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /x HT"])
    async def test_is_refused_where_plain_octets_come_with_the_request(
        self, handler: RecordingHandler, identity: OwnIdentity, injected: bytes
    ) -> None:
        async with serving(handler, identity=identity) as endpoint:
            async with await BareClient.connect(endpoint.addresses[0]) as client:
                client.send(b"OPTIONS * HTTP/1.1\r\n" + UPGRADE + injected)
                assert await client.closed() == b""

    async def test_that_is_not_made_loses_no_request_without_a_word(self, handler: RecordingHandler) -> None:
        async with connected(handler) as client:
            client.send(b"OPTIONS * HTTP/1.1\r\n" + UPGRADE + b"GET /x HT")
            assert (await client.answer()).headers["connection"] == "close"
            assert await client.closed() == b""
            assert not handler.requests

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
