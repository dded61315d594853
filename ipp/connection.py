"""One HTTP/1.1 connection of a server: aiohttp's protocol, with a bound on everything a client can delay."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, cast

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from .repeats import Place, Repeats

_LOG: Final = logging.getLogger(__name__)

_SWITCHING: Final = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: TLS/1.2, HTTP/1.1\r\n\r\n"
)
_HEADER_END: Final = b"\r\n\r\n"
_ROUNDS: Final = 4  # looks at each connection within the shortest bound
_MAX_LINE_OCTETS: Final = 8190
_MAX_FIELD_OCTETS: Final = 16 << 10  # tokens of large organisations are long
_MAX_HEADERS: Final = 64


@dataclass(frozen=True, slots=True)
class ConnectionTimes:
    """How long a client may take, in seconds.

    `idle_s` to send a whole request header, from the connection's or the last answer's end on; `stall_s` to
    take what was written to it, or to send more of a body that is waited for; `linger_s` to go on sending a
    body that nobody reads, so that it sees the answer; `goodbye_s` to let go of a closed connection.
    """

    idle_s: float = 60.0
    stall_s: float = 300.0
    linger_s: float = 3.0
    goodbye_s: float = 10.0


class ClientLeft(Exception):  # noqa: N818  # says what is the case
    """The client is gone, or was let go of: there is nobody to answer."""


class Connection(RequestHandler):
    """A connection that knows whether it is secure, can change to TLS, and can be seen to be stuck."""

    __slots__ = (
        "secure",
        "continued",  # whether the client was told, by 100 Continue, to send the body of its request
        "_on_lost",
        "_wire",
        "_stalled_since",
        "_closing_since",
        "_unfinished",
        "_heard",
        "_repeats",
        "_server_name",
        "peer",  # the address that it comes from
        "place",
        "whole",  # the octets that the request in hand came in, where they may be all of it
    )

    def __init__(
        self,
        server: HttpServer,
        on_lost: Callable[[], None],
        repeats: Repeats,
        server_name: str,
        **options: Any,
    ) -> None:
        super().__init__(server, **options)
        self._repeats = repeats
        self._server_name = server_name
        self.peer = ""
        self.place = Place(False, None)
        self.whole = b""
        self.secure = False
        self.continued = False
        self._on_lost = on_lost
        self._wire: asyncio.Transport | None = None  # aiohttp drops its own reference before the end
        self._stalled_since: float | None = None
        self._closing_since: float | None = None
        self._unfinished = False
        self._heard = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is there, behind its TLS handshake if it has one."""
        super().connection_made(transport)
        self._take(cast("asyncio.Transport", transport))

    def connection_lost(self, exc: BaseException | None) -> None:
        """The connection is gone; it is told so, and its place is free, once its request is done with too."""
        if self._wire is None:
            return
        super().connection_lost(exc)
        self._wire = None
        if self._current_request is None:
            self._on_lost()

    def done(self) -> None:
        """The request in hand is done with. A client that left long ago held its place until now."""
        self.whole = b""  # a second request in the same octets is not what they begin with
        if self._wire is None:
            self._on_lost()

    def data_received(self, data: bytes) -> None:
        """Octets from the client; remembers whether they leave a request unfinished."""
        if data:  # aiohttp calls with none, to go on with what it had
            # aiohttp waits for a request, or will: the one before, its body and its answer are done with.
            waits = self._waiter is not None and not self._waiter.done()
            between = (waits or not self._request_count) and not self._unfinished
            if between and self._keepalive and not self._paused and self.transport is not None:
                answer = self._repeats.find(self.place, data, self.peer)
                if answer is not None:
                    self.transport.write(answer)
                    self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
                    return
            self.whole = data if between else b""
        requests = self._request_count
        super().data_received(data)
        if data:
            self._unfinished = self._request_count == requests
            self._heard = self._loop.time()

    def pause_writing(self) -> None:
        """The client does not take what was written as fast as it comes."""
        super().pause_writing()
        self._stalled_since = self._loop.time()

    def resume_writing(self) -> None:
        """It took it."""
        super().resume_writing()
        self._stalled_since = None

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP request by a fixed text; its octets, maybe a secret path, go nowhere."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _LOG.error("an HTTP request failed", exc_info=exc)
        else:
            _LOG.debug("%s: not an HTTP request (%s)", request.remote, type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        text = f"{HTTPStatus(status).phrase}\n"
        response = web.Response(status=status, text=text, headers={"Server": self._server_name})
        response.force_close()
        return response

    async def upgrade(self, context: ssl.SSLContext, handshake_s: float) -> None:
        """Change to TLS: answer the request in hand by 101, then handshake (RFC 2817 3.3).

        Raises `ClientLeft` where that fails, or where anything came in plain after the request: octets
        that somebody put in must not be taken for what comes through TLS.
        """
        transport = self.transport
        if transport is None or self._unfinished or self._messages or self.brought_more(0):
            self.force_close()
            raise ClientLeft("octets after a request to change to TLS")
        transport.write(_SWITCHING)
        try:
            upgraded = await self._loop.start_tls(
                transport, self, context, server_side=True, ssl_handshake_timeout=handshake_s
            )
        except OSError as error:  # ssl.SSLError and the time-out are among them
            transport.abort()
            self.connection_lost(error)  # which asyncio does not tell when a later handshake fails
            raise ClientLeft("no TLS handshake after the change to TLS") from error
        if upgraded is None:
            raise ClientLeft("the client left during the change to TLS")
        self.transport = upgraded
        self._cache.clear()  # of what the plain transport told
        self._take(upgraded)

    def brought_more(self, body_octets: int) -> bool:
        """Whether octets came along with the request in hand that are not its own.

        After an Upgrade they are lost, as aiohttp's parser takes them for another protocol's.
        """
        whole = self.whole
        return len(whole) > whole.find(_HEADER_END) + len(_HEADER_END) + body_octets

    def check(self, now: float, times: ConnectionTimes) -> None:
        """Break off where the client takes too long to read, to send or to let go. `now` is the loop's."""
        wire = self._wire
        if wire is None:
            return
        if wire.is_closing() and self._closing_since is None:
            self._closing_since = now
        closing, stalled, request = self._closing_since, self._stalled_since, self._current_request
        if request is not None and not request.content.is_eof() and not self._reading_paused:
            stalled = self._heard
        if (closing is not None and now - closing >= times.goodbye_s) or (
            stalled is not None and now - stalled >= times.stall_s
        ):
            wire.abort()

    def _take(self, transport: asyncio.Transport) -> None:
        self._wire = transport
        self.secure = transport.get_extra_info("ssl_object") is not None
        self.place = Place(self.secure, transport.get_extra_info("sockname"))
        peer = transport.get_extra_info("peername")
        self.peer = str(peer[0]) if isinstance(peer, tuple) else ""


class HttpServer(web.Server):
    """Makes connections and watches over them."""

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        times: ConnectionTimes,
        server_name: str,
    ) -> None:
        super().__init__(handler)
        self._times = times
        self._server_name = server_name
        self.repeats = Repeats()

    def connect(self, on_lost: Callable[[], None]) -> Connection:
        """A protocol for a new connection; `on_lost` is called once it and its last request are gone."""
        return Connection(
            self,
            on_lost,
            self.repeats,
            self._server_name,
            loop=self._loop,
            keepalive_timeout=self._times.idle_s,
            lingering_time=self._times.linger_s,
            access_log=None,
            logger=_LOG,
            auto_decompress=False,
            max_line_size=_MAX_LINE_OCTETS,
            max_field_size=_MAX_FIELD_OCTETS,
            max_headers=_MAX_HEADERS,
        )

    async def watch(self) -> None:
        """Break off connections that are stuck, until cancelled."""
        times = self._times
        while True:
            await asyncio.sleep(min(times.stall_s, times.goodbye_s) / _ROUNDS)
            now = self._loop.time()
            for connection in self.connections:
                cast("Connection", connection).check(now, times)
