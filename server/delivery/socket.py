"""Delivery to a raw TCP port ("9100", "AppSocket"): octets go out, and the device says nothing about them.

Behind a raw port nobody can tell what was printed. So once an octet has left, a failure is an unknown
outcome, and so is every attempt that a crash cut short: its owner is asked.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import struct
import termios
from collections.abc import AsyncIterable, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from ipp import Attributes
from server.delivery.transport import (
    Device,
    NotDeliveredError,
    OutcomeUnknownError,
    Progress,
    Receipt,
    Shipment,
)

PORT: Final = 9100
_BEGUN: Final = "begun"
_READ_OCTETS: Final = 1 << 16
_LOOK_S: Final = 0.05
_COUNT: Final = struct.Struct("i")


@dataclass(frozen=True, slots=True)
class SocketTimes:
    """How long to wait, in seconds: for the connection, for the device to take the next octets (a printer
    without paper takes none for long), for it to close once it took the last one. After `quiet_s` without an
    octet taken it is told that the printer stopped."""

    connect_s: float = 10.0
    stall_s: float = 900.0
    close_s: float = 60.0
    quiet_s: float = 15.0


class SocketTransport:
    """Sends each document over a connection of its own, half-closes it and waits for the device to close."""

    def __init__(self, device: Device, *, times: SocketTimes = SocketTimes()) -> None:
        parts = urlsplit(device.uri)
        self._host = parts.hostname or ""
        self._port = parts.port or PORT
        self._name = device.name
        self._times = times

    async def probe(self) -> Attributes:
        """As `Transport.probe`: a raw port tells nothing; that it can be reached is all that is learnt."""
        _, writer = await self._connect()
        await _close(writer)
        return Attributes()

    async def deliver(self, shipment: Shipment) -> Receipt:
        """As `Transport.deliver`; "printed" is that the device took every octet and closed in order."""
        reader, writer = await self._connect()
        await shipment.note(_BEGUN)
        for number, cargo in enumerate(shipment.cargo):
            try:
                if number:
                    reader, writer = await self._connect()
                await self._send(reader, writer, cargo.octets, shipment)
            except (OSError, TimeoutError, NotDeliveredError) as error:
                raise self._unknown(str(error) or "it took no more octets") from error
            finally:
                writer.transport.abort()  # after an orderly end this changes nothing
        return Receipt()

    async def settle(self, shipment: Shipment) -> Receipt:
        """As `Transport.settle`: known only where no octet can have left."""
        if shipment.remote_job is None:
            raise NotDeliveredError(
                f"The delivery to {self._name} was interrupted before anything was sent.", again=True
            )
        raise self._unknown("the delivery was interrupted")

    async def cancel(self, shipment: Shipment) -> Receipt:
        """As `Transport.cancel`: the connection is gone with the attempt; no more can be done."""
        return await self.settle(shipment)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            async with asyncio.timeout(self._times.connect_s):
                return await asyncio.open_connection(self._host, self._port)
        except (OSError, TimeoutError) as error:
            why = str(error) or f"no answer within {self._times.connect_s:g} s"
            raise NotDeliveredError(
                f"{self._name} cannot be reached: {why}. Look whether it is switched on.", again=True
            ) from error

    async def _send(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        octets: AsyncIterable[bytes],
        shipment: Shipment,
    ) -> None:
        ended = asyncio.create_task(_discard(reader))  # some devices stop reading when nobody hears them
        try:
            async for chunk in octets:
                writer.write(chunk)
                await self._patiently(writer.drain, shipment)
            writer.write_eof()
            # The last ones are only in our own memory yet; and a device may have ended before it had them.
            while left := _not_taken(writer):
                await self._patiently(partial(_fewer, writer, left), shipment)
            async with asyncio.timeout(self._times.close_s):
                await ended
        finally:
            ended.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await ended

    async def _patiently(self, taking: Callable[[], Awaitable[None]], shipment: Shipment) -> None:
        """Wait until the device has taken some of what was written; tell when it does not for a while."""
        try:
            async with asyncio.timeout(self._times.quiet_s):
                await taking()
                return
        except TimeoutError:
            await shipment.report(Progress(True, f"{self._name} takes no more: has it paper and toner?"))
        async with asyncio.timeout(self._times.stall_s):
            await taking()
        await shipment.report(Progress())

    def _unknown(self, why: str) -> OutcomeUnknownError:
        return OutcomeUnknownError(
            f"Nobody can say whether {self._name} printed the job ({why}): a raw port does not tell. Look at "
            "the printer; release the job again if its pages are not there, else cancel it."
        )


async def _discard(reader: asyncio.StreamReader) -> None:
    """Read until the peer ends the connection. Raises OSError where it breaks it off."""
    while await reader.read(_READ_OCTETS):
        pass


def _not_taken(writer: asyncio.StreamWriter) -> int:
    """How many octets the device's machine has not acknowledged. Raises OSError where it broke off."""
    connection: socket.socket = writer.get_extra_info("socket")
    if writer.is_closing():
        raise ConnectionResetError("it broke off the connection")
    if error := connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        raise OSError(error, os.strerror(error))
    (count,) = _COUNT.unpack(fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(_COUNT.size)))
    return int(count) + writer.transport.get_write_buffer_size()


async def _fewer(writer: asyncio.StreamWriter, left: int) -> None:
    """Return once fewer octets are left than that."""
    while _not_taken(writer) >= left:  # noqa: ASYNC110 - the kernel tells nobody
        await asyncio.sleep(_LOOK_S)


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
