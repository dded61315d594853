"""An endpoint over a handler, and servers of bare octets, for tests of what speaks HTTP."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from ipp import encode
from ipp.connection import ConnectionTimes
from ipp.endpoint import Endpoint, EndpointLimits
from ipp.exchange import Route, User
from ipp.tls import OwnIdentity
from tests.ipp.wire import (
    BareClient,
    RecordingHandler,
    request_message,
    router_of,
)

MESSAGE = encode(request_message())
ANNA = "Basic YW5uYTpwYXNz"  # anna:pass
SECRET_PATH = "/ipp/print/u/Zm9vYmFyYmF6"
CONTINUE = "Expect: 100-continue"
QUICK = EndpointLimits(times=ConnectionTimes(linger_s=0.1))


class PasswordList:
    challenges = ('Bearer realm="test", scope="print"', 'Basic realm="test", charset="UTF-8"')

    async def identify(self, scheme: str, credentials: str, peer: str) -> User | None:
        assert peer == "127.0.0.1"
        shown = b64decode(credentials).decode() if scheme == "basic" else credentials
        return User("anna", authenticated=True) if shown in ("anna:pass", "token") else None


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
        "/ipp/print/tls": Route(handler, "tls", plain="upgrade"),
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


@asynccontextmanager
async def printing_at(handler: RecordingHandler, identity: OwnIdentity | None = None) -> AsyncIterator[str]:
    """As `serving`; gives its `localhost:port`."""
    async with serving(handler, identity=identity, pages=None) as endpoint:
        yield f"localhost:{endpoint.addresses[0][1]}"
