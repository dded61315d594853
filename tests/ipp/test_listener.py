import asyncio
import logging
import os
import resource
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest

from ipp.listener import ConnectionLimits, Listener
from ipp.tls import OwnIdentity
from tests.ipp.wire import until

EVERY_LOOP = True


class Echo(asyncio.Protocol):
    """Says whether it is secure, then gives back what comes."""

    def __init__(self, on_lost: Callable[[], None]) -> None:
        self.on_lost = on_lost

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(b"tls " if transport.get_extra_info("ssl_object") else b"plain ")

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.on_lost()


@asynccontextmanager
async def listening(listener: Listener, *addresses: tuple[str, int]) -> AsyncIterator[tuple[str, int]]:
    await listener.start(addresses or [("127.0.0.1", 0)])
    try:
        yield listener.addresses[0]
    finally:
        await listener.stop()


async def talk(address: tuple[str, int], words: bytes, context: ssl.SSLContext | None = None) -> bytes:
    """What the server says until it has echoed the words."""
    name = "localhost" if context else None
    reader, writer = await asyncio.open_connection(*address, ssl=context, server_hostname=name)
    try:
        writer.write(words)
        return await asyncio.wait_for(reader.readuntil(words), 10)
    finally:
        writer.close()
        await writer.wait_closed()


async def ended(address: tuple[str, int], *octets: bytes) -> bytes:
    """What comes until the server closes the connection."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.writelines(octets)
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def test_one_port_takes_tls_and_plain(identity: OwnIdentity, trust: ssl.SSLContext) -> None:
    async with listening(Listener(Echo, tls=identity.context)) as address:
        assert await talk(address, b"hello") == b"plain hello"
        assert await talk(address, b"hello", trust) == b"tls hello"


async def test_a_client_may_send_its_first_octet_late(identity: OwnIdentity) -> None:
    async with listening(Listener(Echo, tls=identity.context)) as address:
        reader, writer = await asyncio.open_connection(*address)
        assert await talk(address, b"meanwhile") == b"plain meanwhile"
        writer.write(b"late")
        assert await asyncio.wait_for(reader.readuntil(b"late"), 10) == b"plain late"
        writer.close()
        await writer.wait_closed()


async def test_tls_is_closed_where_there_is_no_identity(trust: ssl.SSLContext) -> None:
    async with listening(Listener(Echo)) as address:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await talk(address, b"hello", trust)
        assert await talk(address, b"hello") == b"plain hello"


async def test_a_silent_client_is_closed(identity: OwnIdentity) -> None:
    listener = Listener(Echo, tls=identity.context, limits=ConnectionLimits(first_octet_s=0.05))
    async with listening(listener) as address:
        assert await ended(address) == b""
    assert listener.connections == 0


async def test_a_client_that_stops_in_its_handshake_is_closed(identity: OwnIdentity) -> None:
    listener = Listener(Echo, tls=identity.context, limits=ConnectionLimits(handshake_s=0.05))
    async with listening(listener) as address:
        assert await ended(address, b"\x16\x03\x01") == b""
        assert await talk(address, b"hello") == b"plain hello"


async def test_what_only_looks_like_tls_is_closed(
    identity: OwnIdentity, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(Listener(Echo, tls=identity.context)) as address:
        with caplog.at_level(logging.INFO):
            await ended(address, b"\x16" + b"no handshake at all" * 10)
        assert not caplog.records


async def test_connections_beyond_a_limit_are_closed_at_once_and_places_come_free() -> None:
    listener = Listener(Echo, limits=ConnectionLimits(connections_per_address=2))
    async with listening(listener) as address:
        first = await asyncio.open_connection(*address)
        second = await asyncio.open_connection(*address)
        for reader, writer in (first, second):
            writer.write(b"x")
            await reader.readuntil(b"x")
        assert await ended(address) == b""
        first[1].close()
        await first[1].wait_closed()
        await until(lambda: listener.connections == 1)
        assert await talk(address, b"hello") == b"plain hello"
        second[1].close()
        await second[1].wait_closed()


async def test_one_origin_takes_half_of_all_places_at_most() -> None:
    listener = Listener(Echo, limits=ConnectionLimits(connections=4, connections_per_address=4))
    async with listening(listener) as address:
        writers = []
        for _ in range(2):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"x")
            await reader.readuntil(b"x")
            writers.append(writer)
        assert await ended(address) == b""
        reader, writer = await asyncio.open_connection(*address, local_addr=("127.0.0.2", 0))
        writer.write(b"hello")
        assert await asyncio.wait_for(reader.readuntil(b"hello"), 10) == b"plain hello"
        for each in (*writers, writer):
            each.close()
            await each.wait_closed()
        await until(lambda: listener.connections == 0)
        assert await talk(address, b"again") == b"plain again"


async def test_connections_in_all_are_limited() -> None:
    listener = Listener(Echo, limits=ConnectionLimits(connections=0))
    async with listening(listener) as address:
        assert await ended(address) == b""


async def test_every_connection_is_forgotten_whatever_became_of_it(
    identity: OwnIdentity, trust: ssl.SSLContext
) -> None:
    listener = Listener(Echo, tls=identity.context, limits=ConnectionLimits(handshake_s=0.05))
    async with listening(listener) as address:
        await talk(address, b"plain")
        await talk(address, b"secure", trust)
        await ended(address, b"\x16")
        reader, writer = await asyncio.open_connection(*address)
        writer.transport.abort()
        await until(lambda: listener.connections == 0)
        del reader


async def test_a_name_with_several_addresses_has_one_port_at_all_of_them() -> None:
    listener = Listener(Echo)
    async with listening(listener, ("", 0)):
        ports = {port for _, port in listener.addresses}
        hosts = {host for host, _ in listener.addresses}
        assert len(ports) == 1
        assert "0.0.0.0" in hosts
        for host, port in listener.addresses:
            loopback = "::1" if ":" in host else "127.0.0.1"
            assert await talk((loopback, port), b"hello") == b"plain hello"


async def test_several_addresses_are_served(identity: OwnIdentity) -> None:
    listener = Listener(Echo)
    async with listening(listener, ("127.0.0.1", 0), ("127.0.0.1", 0)):
        first, second = listener.addresses
        assert first != second
        assert await talk(first, b"1") == b"plain 1"
        assert await talk(second, b"2") == b"plain 2"


async def test_an_address_in_use_is_named_and_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        listener = Listener(Echo)
        with pytest.raises(OSError, match=rf"127\.0\.0\.1 port {port}"):
            await listener.start([("127.0.0.1", 0), ("127.0.0.1", port)])
        assert listener.addresses == []


async def test_accepting_goes_on_once_there_are_descriptors_again(caplog: pytest.LogCaptureFixture) -> None:
    listener = Listener(Echo)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with listening(listener) as address:
        with socket.socket() as client:
            client.setblocking(False)
            highest = max(int(name) for name in os.listdir("/proc/self/fd"))  # noqa: PTH208  # of this process
            taken: list[int] = []
            resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 4, hard))
            try:
                with pytest.raises(OSError):  # noqa: PT012  # whichever is the last that can be had
                    while True:
                        taken.append(os.dup(0))
                await asyncio.get_running_loop().sock_connect(client, address)
                await until(lambda: "cannot accept" in caplog.text)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
                for descriptor in taken:
                    os.close(descriptor)
            await asyncio.get_running_loop().sock_sendall(client, b"x")
            assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 5), 10) == b"plain"


async def test_stop_ends_listening_and_waiting_but_not_what_runs(identity: OwnIdentity) -> None:
    listener = Listener(Echo, tls=identity.context)
    await listener.start([("127.0.0.1", 0)])
    address = listener.addresses[0]
    running, waiting = await asyncio.open_connection(*address), await asyncio.open_connection(*address)
    running[1].write(b"1")
    await running[0].readuntil(b"1")
    await until(lambda: listener.connections == 2)
    await listener.stop()
    assert await asyncio.wait_for(waiting[0].read(), 10) == b""
    with pytest.raises(OSError):
        await asyncio.open_connection(*address)
    running[1].write(b"2")
    assert await asyncio.wait_for(running[0].readexactly(1), 10) == b"2"
    for _, writer in (running, waiting):
        writer.close()
        await writer.wait_closed()


async def test_a_listening_socket_can_be_passed_in() -> None:
    given = socket.create_server(("127.0.0.1", 0))
    listener = Listener(Echo)
    await listener.start(sockets=[given])
    assert await talk(given.getsockname(), b"hello") == b"plain hello"
    await listener.stop()
    assert given.fileno() == -1


INHERIT = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="ipp")
from ipp.listener import inherited_sockets
found = inherited_sockets(os.environ)
print(found[0].getsockname()[1], os.get_inheritable(3), [name for name in os.environ if "LISTEN" in name])
print(inherited_sockets({"LISTEN_PID": "1", "LISTEN_FDS": "1"}), inherited_sockets({}))
found[0].detach()
"""


def test_sockets_of_systemd_are_taken_once_and_only_by_the_process_they_are_meant_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as given:
        done = subprocess.run(
            [sys.executable, "-c", INHERIT, str(given.fileno())],
            pass_fds=[given.fileno()],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        port = given.getsockname()[1]
    assert done.stdout == f"{port} False []\n[] []\n", done.stderr
