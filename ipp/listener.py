"""The front of a server: sockets, and one port for TLS and plain, told apart by the first octet."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from .peer import origin_of

_LOG: Final = logging.getLogger(__name__)

Address: TypeAlias = "tuple[str, int]"
# Given what to call when the connection is gone; gives the protocol that serves it.
ProtocolFactory: TypeAlias = "Callable[[Callable[[], None]], asyncio.Protocol]"

_TLS_HANDSHAKE: Final = b"\x16"  # the content type of the record a client begins with (RFC 8446 5.1)
_BACKLOG: Final = 512
_PORT_ATTEMPTS: Final = 8
_PAUSE_S: Final = 0.5  # while the process has no file descriptors left, for example
_FIRST_INHERITED: Final = 3  # SD_LISTEN_FDS_START


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How many connections may exist, in all and from one address, and how long each may take to begin.

    A connection beyond the limits is closed at once. So is one of an origin (`peer.origin_of`: an IPv6 /64
    is one) that has as many as there are places left: whoever takes addresses as they like takes half of all
    places at most, and the next one half of what is left. `first_octet_s` bounds the wait for the first
    octet, `handshake_s` the TLS handshake, `goodbye_s` the TLS closure.
    """

    connections: int = 1024
    connections_per_address: int = 256
    first_octet_s: float = 30.0
    handshake_s: float = 15.0
    goodbye_s: float = 5.0


class Listener:
    """Accepts connections and gives each, by TLS or plain, to a protocol.

    `tls` gives the context for a new connection; without it whatever begins with TLS is closed.
    Runs on any event loop that has `sock_accept` and `add_reader` (asyncio's on Unix, uvloop).
    """

    def __init__(
        self,
        make_protocol: ProtocolFactory,
        *,
        tls: Callable[[], ssl.SSLContext] | None = None,
        limits: ConnectionLimits | None = None,
    ) -> None:
        self._make_protocol = make_protocol
        self._tls = tls
        self._limits = limits or ConnectionLimits()
        self._sockets: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections: Counter[str] = Counter()  # by address
        self._origins: Counter[str] = Counter()

    @property
    def addresses(self) -> list[Address]:
        """Where connections are accepted: host and port of each socket."""
        return [sock.getsockname()[:2] for sock in self._sockets]

    @property
    def connections(self) -> int:
        """How many connections exist."""
        return self._connections.total()

    async def start(self, addresses: Iterable[Address] = (), sockets: Iterable[socket.socket] = ()) -> None:
        """Listen at host names or addresses and ports, and on sockets that already listen.

        The host "" is every address of IPv4 and IPv6; a port of 0 is any free one, the same for all
        addresses of a name. Raises OSError where an address cannot be had; then nothing listens.
        """
        try:
            for given in sockets:
                given.setblocking(False)
                self._sockets.append(given)
            for host, port in addresses:
                self._sockets.extend(await _bind(host, port))
        except BaseException:
            self._close_sockets()
            raise
        for sock in self._sockets:
            self._spawn(self._accept(sock))

    async def stop(self) -> None:
        """Accept nothing more; connections that exist go on, those that have not begun are closed."""
        try:
            while self._tasks:
                for task in self._tasks:
                    task.cancel()
                await asyncio.wait(self._tasks)
        finally:
            # Not before the tasks have taken them from the event loop.
            self._close_sockets()

    def _close_sockets(self) -> None:
        for sock in self._sockets:
            sock.close()
        self._sockets.clear()

    def _spawn(self, work: asyncio._CoroutineLike[None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(sock)
            except OSError as error:
                if error.errno != errno.ECONNABORTED:  # that one befell only the connection about to come
                    _LOG.error("cannot accept connections (%s): trying again in %s s", error, _PAUSE_S)
                    await asyncio.sleep(_PAUSE_S)
                continue
            peer = str(address[0]) if isinstance(address, tuple) else ""
            if not self._has_room(peer):
                connection.close()
                _LOG.warning("%s: closed a connection beyond the limit of connections", peer or "local peer")
                continue
            self._connections[peer] += 1
            self._origins[origin_of(peer)] += 1
            self._spawn(self._admit(connection, peer))

    def _has_room(self, peer: str) -> bool:
        limits = self._limits
        left = limits.connections - self._connections.total()
        return (
            self._connections[peer] < limits.connections_per_address and self._origins[origin_of(peer)] < left
        )

    def _forget(self, peer: str) -> None:
        for counter, key in ((self._connections, peer), (self._origins, origin_of(peer))):
            counter[key] -= 1
            if not counter[key]:
                del counter[key]

    async def _admit(self, connection: socket.socket, peer: str) -> None:
        """Bring a connection to the point where its protocol has it."""
        ours = True
        counted = True

        def forget() -> None:
            nonlocal counted
            if counted:
                counted = False
                self._forget(peer)

        try:
            connection.setblocking(False)
            async with asyncio.timeout(self._limits.first_octet_s):
                first = await _peek(connection)
            context = None
            if first == _TLS_HANDSHAKE:
                context = self._tls() if self._tls is not None else None
            if not first or (first == _TLS_HANDSHAKE and context is None):
                return
            ours = False  # the event loop closes it from here on, whatever happens
            await self._connect(lambda: self._make_protocol(forget), connection, context)
        except (OSError, TimeoutError) as error:  # ssl.SSLError is one of them
            _LOG.debug("%s: a connection ended before its first request: %s", peer, error)
            forget()
        except BaseException:
            forget()
            raise
        finally:
            if ours:
                connection.close()
                forget()

    async def _connect(
        self,
        make_protocol: Callable[[], asyncio.Protocol],
        connection: socket.socket,
        context: ssl.SSLContext | None,
    ) -> None:
        loop = asyncio.get_running_loop()
        if context is None:
            await loop.connect_accepted_socket(make_protocol, connection)
            return
        await loop.connect_accepted_socket(
            make_protocol,
            connection,
            ssl=context,
            ssl_handshake_timeout=self._limits.handshake_s,
            ssl_shutdown_timeout=self._limits.goodbye_s,
        )


async def _peek(connection: socket.socket) -> bytes:
    """The first octet that the peer sends, left where it is; nothing where the peer sends none."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            return connection.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            pass
        readable = loop.create_future()
        loop.add_reader(connection, _wake, readable)
        try:
            await readable
        finally:
            loop.remove_reader(connection)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


async def _bind(host: str, port: int) -> list[socket.socket]:
    """Listening sockets for every address of a host, all on one port."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    places = list(dict.fromkeys((family, address) for family, _, _, _, address in found))
    for attempt in range(_PORT_ATTEMPTS):
        try:
            return _bind_all(places, port, host)
        except OSError as error:
            # The free port of one address may be taken at another.
            if port or error.errno != errno.EADDRINUSE or attempt == _PORT_ATTEMPTS - 1:
                raise
    raise AssertionError("the last attempt returned or raised")


def _bind_all(places: Sequence[tuple[int, tuple[object, ...]]], port: int, host: str) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        for family, address in places:
            try:
                sock = socket.socket(family, socket.SOCK_STREAM)
            except OSError:  # no IPv6 in this kernel, though the resolver knows of it
                continue
            sockets.append(sock)
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                sock.bind((address[0], port, *address[2:]))
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL and len(places) > 1:
                    sockets.pop().close()
                    continue
                raise OSError(
                    error.errno, f"cannot listen at {address[0]} port {port}: {error.strerror}"
                ) from error
            sock.listen(_BACKLOG)
            port = sock.getsockname()[1]
    except BaseException:
        for sock in sockets:
            sock.close()
        raise
    if not sockets:
        raise OSError(errno.EADDRNOTAVAIL, f"no address of {host or 'this machine'} can be listened at")
    return sockets


def inherited_sockets(environment: dict[str, str] | os._Environ[str]) -> list[socket.socket]:
    """The listening sockets that systemd passed to this process (sd_listen_fds(3)), if any.

    Takes their variables out of the environment, so that no child takes the sockets for its own.
    """
    process = environment.pop("LISTEN_PID", "")
    count = environment.pop("LISTEN_FDS", "")
    environment.pop("LISTEN_FDNAMES", None)
    if process != str(os.getpid()) or not count.isdigit():
        return []
    sockets = []
    for descriptor in range(_FIRST_INHERITED, _FIRST_INHERITED + int(count)):
        os.set_inheritable(descriptor, False)
        sockets.append(socket.socket(fileno=descriptor))
    return sockets
