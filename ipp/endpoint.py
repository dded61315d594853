"""IPP over HTTP, the server's half: an HTTP request becomes a `Request`, a `Response` becomes its answer.

RFC 8010 4 (encoding over HTTP), RFC 8011 9, RFC 2817 (change to TLS), RFC 9110 and 9112 (HTTP).
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Container, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from ipaddress import ip_address
from itertools import count
from typing import Final, NamedTuple, TypeAlias, cast

from aiohttp import web
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import HttpVersion11

from .body import Body, BodyLimits
from .compression import DEFAULT_INFLATE_LIMITS, InflateLimits, inflate
from .connection import ClientLeft, Connection, ConnectionTimes, HttpServer
from .decoder import DEFAULT_LIMITS, Limits
from .encoder import encode
from .enums import GroupTag, Status, Tag
from .errors import AuthenticationRequired, RemoteProtocolError
from .exchange import Authenticator, Request, Response, Route, Router, User, read_message
from .listener import Address, ConnectionLimits, Listener
from .message import Attribute, Group, Message
from .repeats import Repeats

_LOG: Final = logging.getLogger(__name__)
_ACCESS: Final = logging.getLogger("ipp.access")

MEDIA_TYPE: Final = "application/ipp"
PagesHandler: TypeAlias = "Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]"

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
# A remainder of a body up to this size is read, so that the connection can go on; beyond, it is closed.
_READ_AWAY_OCTETS: Final = 1 << 16
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/?#@\[\]\\]+)(?::([0-9]{1,5}))?")
_ALLOW: Final = "GET, HEAD, OPTIONS, POST"
_TO_TLS: Final = (("Connection", "Upgrade"), ("Upgrade", "TLS/1.2, HTTP/1.1"))
_HTTP_STATUS: Final = {
    Status.CLIENT_ERROR_TIMEOUT: HTTPStatus.REQUEST_TIMEOUT,
    Status.CLIENT_ERROR_REQUEST_ENTITY_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}


@dataclass(frozen=True, slots=True)
class EndpointLimits:
    """What one request may cost, and one client. `message_s` is the time for a message to come whole."""

    message: Limits = DEFAULT_LIMITS
    message_s: float = 30.0
    body: BodyLimits = field(default_factory=BodyLimits)
    inflate: InflateLimits = DEFAULT_INFLATE_LIMITS
    connections: ConnectionLimits = field(default_factory=ConnectionLimits)
    times: ConnectionTimes = field(default_factory=ConnectionTimes)


class _Authority(NamedTuple):
    """Where a client says that it came to: as it says it, and to be looked up. Port 0 is none."""

    host: str
    name: str
    is_address: bool
    port: int


class _Refused(Exception):  # noqa: N818  # never an error of ours: an answer
    """A request that is answered below IPP, by an HTTP status and its fixed text."""

    def __init__(self, status: HTTPStatus, headers: Iterable[tuple[str, str]] = ()) -> None:
        super().__init__(status)
        self.status = status
        self.headers = list(headers)


class Endpoint:
    """An HTTP server that hands IPP requests to handlers, and everything else to pages.

    `router` gives the `Route` of a path. `hosts` holds the names, in lower case, under which clients may
    come (any address literal may be used too): a page of somebody else whose name was made to resolve to us
    (DNS rebinding) is refused by its Host. `tls` gives the context for a new connection, `Identity.context`
    for example; without it there is no TLS. `pages` answers requests of every method but CONNECT and TRACE
    for paths that are not a route's, and GET and HEAD for those that are. `closing` is set when `close`
    begins: what answers without end watches it.
    """

    def __init__(
        self,
        router: Router,
        *,
        hosts: Container[str],
        authenticator: Authenticator | None = None,
        pages: PagesHandler | None = None,
        tls: Callable[[], ssl.SSLContext] | None = None,
        limits: EndpointLimits | None = None,
        server_name: str = "pullprint",
    ) -> None:
        self._router = router
        self._hosts = hosts
        self._authenticator = authenticator
        self._pages = pages
        self._tls = tls
        self._limits = limits or EndpointLimits()
        self._headers = {"Content-Type": MEDIA_TYPE, "Server": server_name}
        self._server_name = server_name
        self._numbers = count(1)
        self._busy: set[Connection] = set()
        self._all_idle = asyncio.Event()
        self.closing = asyncio.Event()
        self._server: HttpServer | None = None
        self._listener: Listener | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def addresses(self) -> list[Address]:
        """Host and port of each socket that listens."""
        return self._listener.addresses if self._listener is not None else []

    @property
    def connections(self) -> int:
        """How many connections exist."""
        return self._listener.connections if self._listener is not None else 0

    async def start(self, addresses: Iterable[Address] = (), sockets: Iterable[socket.socket] = ()) -> None:
        """Serve at these addresses and listening sockets; see `Listener.start`. Raises OSError."""
        self._server = HttpServer(self._serve, self._limits.times, self._server_name)
        listener = Listener(self._server.connect, tls=self._tls, limits=self._limits.connections)
        await listener.start(addresses, sockets)
        self._listener = listener
        self._watch = asyncio.create_task(self._server.watch())

    async def close(self, grace_s: float = 10.0) -> None:
        """Accept no more, let requests that run finish for `grace_s`, then end every connection."""
        server, listener = self._server, self._listener
        if server is None or listener is None:
            return
        self.closing.set()
        try:
            await listener.stop()
            for connection in server.connections:
                if connection not in self._busy:
                    connection.force_close()
            if self._busy:
                self._all_idle.clear()
                async with asyncio.timeout(grace_s):
                    await self._all_idle.wait()
        except TimeoutError:
            _LOG.warning("ended %d requests that did not finish within %s s", len(self._busy), grace_s)
        finally:
            if self._watch is not None:
                self._watch.cancel()
            await server.shutdown(0.1)
            self._server = self._listener = self._watch = None
            self.closing.clear()

    @asynccontextmanager
    async def serving(
        self, addresses: Iterable[Address] = (), sockets: Iterable[socket.socket] = (), grace_s: float = 10.0
    ) -> AsyncIterator[Endpoint]:
        """Serve for the length of a block."""
        await self.start(addresses, sockets)
        try:
            yield self
        finally:
            await self.close(grace_s)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; the answer is on its way when this returns."""
        connection = cast("Connection", request.protocol)
        connection.continued = False
        self._busy.add(connection)
        try:
            try:
                response = await self._dispatch(request, connection)
            except _Refused as refusal:
                response = self._refusal(refusal)
            except ClientLeft:
                return web.Response()  # which finds no connection to go out by
            except Exception:
                _LOG.exception("request %d failed", next(self._numbers))
                response = self._refusal(_Refused(HTTPStatus.INTERNAL_SERVER_ERROR))
            if self.closing.is_set() or not _can_go_on(request, connection):
                response.force_close()
            with suppress(ConnectionError):
                await response.prepare(request)
                await response.write_eof()
            return response
        finally:
            connection.done()
            self._busy.discard(connection)
            if not self._busy:
                self._all_idle.set()

    async def _dispatch(self, request: web.BaseRequest, connection: Connection) -> web.StreamResponse:
        authority = self._authority(request)
        if "Upgrade" in request.headers:
            await self._change_to_tls(request, connection)
        method, path = request.method, request.path
        if method in ("CONNECT", "TRACE"):  # whoever makes pages does not think of these
            raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED, [("Allow", _ALLOW)])
        if method == "OPTIONS" and path == "*":
            return web.Response(headers={"Allow": _ALLOW, "Server": self._server_name})
        route = await self._router(path)
        if route is None or method in ("GET", "HEAD"):
            return await self._page(request, connection)
        if route.plain == "upgrade" and not connection.secure:
            raise _Refused(HTTPStatus.UPGRADE_REQUIRED, _TO_TLS)
        if method == "OPTIONS":
            return web.Response(headers={"Allow": _ALLOW, "Server": self._server_name})
        if method != "POST":
            raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED, [("Allow", _ALLOW)])
        user = route.user
        if user is None and route.authentication != "none":
            user = await self._identify(request, route)
        self._check_header(request)
        if "Expect" in request.headers:
            await _let_body_come(request, connection)
        scheme = "ipps" if connection.secure else "ipp"
        uri = f"{scheme}://{authority}{request.rel_url.raw_path}"
        return await self._exchange(request, connection, route, user, uri)

    def _authority(self, request: web.BaseRequest) -> str:
        """The validated Host (RFC 9112 3.2) with a port: that we listen at where it names none."""
        if request.raw_path.startswith(("/", "*")):
            given = request.headers.getall("Host", [])
        else:  # the whole URI, whose authority counts more than any Host
            given = [request.url.authority]
        found = _parse_authority(given[0]) if len(given) == 1 else None
        if found is None or not (found.is_address or found.name in self._hosts):
            raise _Refused(HTTPStatus.BAD_REQUEST)
        if found.port:
            return f"{found.host}:{found.port}"
        socket_name = cast("Connection", request.protocol).sockname
        return f"{found.host}:{socket_name[1]}" if isinstance(socket_name, tuple) else found.host

    async def _change_to_tls(self, request: web.BaseRequest, connection: Connection) -> None:
        """Do as RFC 2817 3 says, where the client asks; the request is then answered within TLS."""
        wanted = request.headers["Upgrade"]
        if (
            self._tls is None
            or connection.secure
            or not any(word.strip().upper().startswith("TLS/") for word in wanted.split(","))
            or "upgrade" not in request.headers.get("Connection", "").lower()
            or request.body_exists
        ):
            return
        await connection.upgrade(self._tls(), self._limits.connections.handshake_s)

    async def _identify(self, request: web.BaseRequest, route: Route) -> User | None:
        """Who asks, as far as HTTP tells; None where nobody says."""
        given = request.headers.getall("Authorization", [])
        if len(given) > 1:
            raise _Refused(HTTPStatus.BAD_REQUEST)
        if not given:
            if route.authentication == "always":
                raise self._challenge(request)
            return None
        if self._could_be_secure(request):
            raise self._challenge(request)
        scheme, _, credentials = given[0].strip().partition(" ")
        user = None
        if self._authenticator is not None:
            peer = request.remote or ""
            user = await self._authenticator.identify(scheme.lower(), credentials.strip(), peer)
        if user is None:
            raise self._challenge(request)
        return user

    def _could_be_secure(self, request: web.BaseRequest) -> bool:
        return self._tls is not None and not cast("Connection", request.protocol).secure

    def _challenge(self, request: web.BaseRequest) -> _Refused:
        """The question who asks; before it, where there is TLS, the demand for TLS: a password is neither
        asked for nor looked at in the clear."""
        if self._could_be_secure(request):
            return _Refused(HTTPStatus.UPGRADE_REQUIRED, _TO_TLS)
        challenges = self._authenticator.challenges if self._authenticator is not None else ()
        return _Refused(HTTPStatus.UNAUTHORIZED, [("WWW-Authenticate", value) for value in challenges])

    def _check_header(self, request: web.BaseRequest) -> None:
        """Refuse, before the body comes, what its header shows cannot be taken."""
        headers = request.headers
        media_type = headers.get("Content-Type", "")
        if media_type != MEDIA_TYPE and media_type.partition(";")[0].strip().lower() != MEDIA_TYPE:
            raise _Refused(HTTPStatus.BAD_REQUEST)
        if _content_encoding(request) not in ("identity", "gzip", "x-gzip"):
            raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, [("Accept-Encoding", "gzip")])
        if (request.content_length or 0) > self._limits.body.octets:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)

    async def _exchange(
        self, request: web.BaseRequest, connection: Connection, route: Route, user: User | None, uri: str
    ) -> web.StreamResponse:
        """Read the message, have it handled, and make the answer of what comes back."""
        started = asyncio.get_running_loop().time()
        chunks: AsyncIterator[bytes] = Body(request.content, self._limits.body)
        inflated = None
        if _content_encoding(request) != "identity":
            chunks = inflated = inflate(chunks, "gzip", self._limits.inflate)
        message: Message | None = None
        outcome = "failed"
        try:
            if request.content.is_eof():  # all of it is here: a timer would be for nothing
                message, document = await read_message(chunks, self._limits.message)
            else:
                async with asyncio.timeout(self._limits.message_s):
                    message, document = await read_message(chunks, self._limits.message)
            agent = request.headers.get("User-Agent", "")
            asked = Request(message, uri, document, user, connection.secure, request.remote or "", agent)
            response = await route.handler.handle(asked)
            outcome = ""
        except RemoteProtocolError as error:
            outcome = str(error)
            raise _Refused(_HTTP_STATUS.get(error.status, HTTPStatus.BAD_REQUEST)) from error
        except AuthenticationRequired as error:
            outcome = "authentication required"
            raise self._challenge(request) from error
        except Exception as error:
            if message is not None:
                return self._failure(message)
            if isinstance(error, TimeoutError):
                outcome = "no whole message in time"
                raise _Refused(HTTPStatus.REQUEST_TIMEOUT) from error
            raise
        finally:
            if inflated is not None:
                await inflated.aclose()
            if _ACCESS.isEnabledFor(logging.INFO):
                outcome = outcome or Status(int.from_bytes(response.octets[2:4])).keyword
                took_ms = (asyncio.get_running_loop().time() - started) * 1000
                what = message.operation.keyword if message is not None else "unread"
                _ACCESS.info("%s %s %s: %s, %.1f ms", request.remote, route.name, what, outcome, took_ms)
        if response.document is None:
            self._keep(request, connection, response, f"{route.name} {message.operation.keyword}: {outcome}")
            return web.Response(body=response.octets, headers=self._headers)
        return await self._stream(request, connection, response.octets, response.document)

    def _keep(self, request: web.BaseRequest, connection: Connection, response: Response, what: str) -> None:
        """Keep an answer for the same request to come, where it came whole and without credentials."""
        whole, server = connection.whole, self._server
        start = Repeats.split(whole)
        if (
            response.same is None
            or server is None
            or request.content_length != len(whole) - start
            or "Authorization" in request.headers
            or not request.keep_alive
            or request.version != HttpVersion11
        ):
            return
        lines = [f"{name}: {value}\r\n" for name, value in self._headers.items()]
        lines.append(f"Content-Length: {len(response.octets)}\r\nDate: {rfc822_formatted_time()}\r\n\r\n")
        header = f"HTTP/1.1 200 OK\r\n{''.join(lines)}".encode()

        def note(peer: str) -> None:
            # Those who watch a printer ask every few seconds: the same again is for who looks closely.
            if _ACCESS.isEnabledFor(logging.DEBUG):
                _ACCESS.debug("%s %s, as before", peer, what)

        server.repeats.keep(connection.place, whole, header, response.octets, response.same, note)

    async def _stream(
        self, request: web.BaseRequest, connection: Connection, octets: bytes, document: AsyncIterator[bytes]
    ) -> web.StreamResponse:
        """Send an answer and the document that follows it, chunk by chunk."""
        answer = web.StreamResponse(headers=self._headers)
        if self.closing.is_set() or not _can_go_on(request, connection):
            answer.force_close()
        try:
            await answer.prepare(request)
            await answer.write(octets)
            async for chunk in document:
                await answer.write(chunk)
        except Exception as error:
            # Without the last chunk the client sees that the document is not whole.
            connection.force_close()
            if not isinstance(error, ConnectionError):
                _LOG.exception("request %d: the document of an answer broke off", next(self._numbers))
            raise ClientLeft("the document of an answer broke off") from error
        finally:
            if isinstance(document, AsyncGenerator):
                await document.aclose()
        return answer

    def _failure(self, message: Message) -> web.StreamResponse:
        """The answer where a handler raised what it should not have: logged in full, told in general."""
        number = next(self._numbers)
        _LOG.exception("request %d (%s) failed", number, message.operation.keyword)
        return web.Response(body=internal_error(message, number), headers=self._headers)

    async def _page(self, request: web.BaseRequest, connection: Connection) -> web.StreamResponse:
        if self._pages is None:
            raise _Refused(HTTPStatus.NOT_FOUND)
        if request.method not in ("GET", "HEAD"):
            await _let_body_come(request, connection)
        try:
            return await self._pages(request)
        except web.HTTPException as answer:
            return web.Response(status=answer.status, body=answer.body, headers=answer.headers)
        except web.RequestPayloadError as error:
            raise _Refused(HTTPStatus.BAD_REQUEST) from error
        except ConnectionError as error:
            if connection.transport is None:
                raise ClientLeft("the client left during its request") from error
            raise

    def _refusal(self, refusal: _Refused) -> web.Response:
        response = web.Response(status=refusal.status, text=f"{refusal.status.phrase}\n")
        response.headers["Server"] = self._server_name
        for name, value in refusal.headers:
            response.headers.add(name, value)
        return response


def internal_error(message: Message, number: int) -> bytes:
    """An answer of server-error-internal-error that names the request as our log does."""
    attributes = (
        Attribute.of("attributes-charset", Tag.CHARSET, "utf-8"),
        Attribute.of("attributes-natural-language", Tag.NATURAL_LANGUAGE, "en"),
        Attribute.of("status-message", Tag.TEXT, f"Internal error; the log tells more at request {number}."),
    )
    version = min(max(message.version, (1, 1)), (2, 2))
    groups = [Group(GroupTag.OPERATION, attributes)]
    return encode(Message(Status.SERVER_ERROR_INTERNAL_ERROR, message.request_id, groups, version))


@lru_cache(maxsize=1024)  # bounded: clients choose the text
def _parse_authority(text: str) -> _Authority | None:
    found = _HOST.fullmatch(text)
    port = int(found[2] or 0) if found is not None else 0
    if found is None or port > 0xFFFF:
        return None
    host = found[1]
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return _Authority(host, host.rstrip(".").lower(), False, port)
    return _Authority(host, host, True, port)


def _content_encoding(request: web.BaseRequest) -> str:
    found = request.headers.get("Content-Encoding")
    return found.strip().lower() if found else "identity"


async def _let_body_come(request: web.BaseRequest, connection: Connection) -> None:
    """Answer `Expect: 100-continue` (RFC 9110 10.1.1) once nothing in the header stands against the body."""
    expected = request.headers.get("Expect")
    if expected is None or request.version < HttpVersion11:
        return
    if expected.lower() != "100-continue":
        raise _Refused(HTTPStatus.EXPECTATION_FAILED)
    if request.body_exists:
        connection.continued = True
        try:
            await request.writer.write(_CONTINUE)
        except ConnectionError as error:
            raise ClientLeft("the client left before its body") from error
        request.writer.output_size = 0  # or the answer would seem to have begun


def _can_go_on(request: web.BaseRequest, connection: Connection) -> bool:
    """Whether the next request can be told from what is left of this one's body, and is not lost."""
    if "Upgrade" in request.headers and connection.brought_more(request.content_length or 0):
        return False
    if request.content.is_eof():
        return True
    if "Expect" in request.headers and not connection.continued:
        return False  # the client may or may not send the body now
    length = request.content_length
    return length is not None and length <= _READ_AWAY_OCTETS
