"""The admin socket's two ends: a server in the daemon, a client in the command line.

The socket lies in the data folder with mode 0600; whose process connects is asked of the kernel besides, and
only root and the daemon's own user are answered.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from server.admin.commands import (
    ANSWER_OCTETS_MAX,
    LINE_OCTETS_MAX,
    AnyCommand,
    Command,
    Outcome,
)
from server.errors import PullprintError

SOCKET_NAME: Final = "admin.sock"
REQUEST_TIME_OUT_S: Final = 10.0
# A command line that is suspended reads no answer, for how long nobody knows.
ANSWER_TIME_OUT_S: Final = 60.0
STOP_GRACE_S: Final = 5.0
CONNECTIONS_MAX: Final = 32

_LOG: Final = logging.getLogger(__name__)
_CREDENTIALS: Final = struct.Struct("3i")  # struct ucred: pid, uid, gid (unix(7))
_DECODER: Final = msgspec.json.Decoder(AnyCommand)

# Carries out a command for whom the ledger calls so; returns its value.
Carry = Callable[[Command, str], Awaitable[Any]]


class NotRunningError(PullprintError):
    """No daemon serves this data folder."""


class RefusedError(PullprintError):
    """The daemon did not do it; the text is the daemon's."""


class AdminServer:
    """Answers commands at the socket in the data folder."""

    def __init__(self, folder: Path, carry: Carry) -> None:
        self._folder = folder
        self._carry = carry
        self._server: asyncio.Server | None = None
        self._answering: set[asyncio.Task[None] | None] = set()

    async def start(self) -> None:
        """Listen. What an earlier daemon left there is replaced: the caller holds the folder's lock.

        Raises:
            PullprintError: the socket cannot be made.
        """
        try:
            listening = _listen(self._folder)
        except OSError as error:
            raise PullprintError(
                f"the admin socket in {self._folder} cannot be made: {error.strerror}; name a data folder "
                "on a local disk"
            ) from error
        self._server = await asyncio.start_unix_server(self._serve, sock=listening, limit=LINE_OCTETS_MAX)

    async def stop(self) -> None:
        """Stop listening and take the socket away; commands under way have a moment to come to their end."""
        if self._server is not None:
            self._server.close()
            answering = {task for task in self._answering if task is not None}
            if answering:
                _, late = await asyncio.wait(answering, timeout=STOP_GRACE_S)
                for task in late:
                    task.cancel()
                await asyncio.gather(*late, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None
            (self._folder / SOCKET_NAME).unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._answering.add(task)
        try:
            uid = _peer_uid(writer.get_extra_info("socket"))
            line = await _read_line(reader)
            if uid not in (0, os.geteuid()):
                _LOG.warning("user %d was refused at the admin socket", uid)
                outcome = Outcome(error="only root and the daemon's own user give commands")
            elif len(self._answering) > CONNECTIONS_MAX:
                outcome = Outcome(error="too many commands at once: try again in a moment")
            else:
                outcome = await self._answer(line, f"uid:{uid}")
            async with asyncio.timeout(ANSWER_TIME_OUT_S):
                writer.write(msgspec.json.encode(outcome) + b"\n")
                writer.close()
                await writer.wait_closed()
        except (ConnectionError, TimeoutError) as error:
            _LOG.debug("a command's sender went away: %r", error)
        finally:
            self._answering.discard(task)
            writer.transport.abort()  # after an orderly end this changes nothing

    async def _answer(self, line: bytes | None, by: str) -> Outcome:
        if line is None:
            return Outcome(error=f"a command has at most {LINE_OCTETS_MAX} octets")
        try:
            command = _DECODER.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return Outcome(error=f"this is no command: {error}; use the command line of the same version")
        try:
            value = await self._carry(command, by)
            return Outcome(value=msgspec.Raw(msgspec.json.encode(value)))
        except PullprintError as error:
            return Outcome(error=str(error))
        except Exception:
            _LOG.exception("the command %s failed", type(command).__struct_config__.tag)
            return Outcome(error="the daemon failed at this; its log says more", kind="failed")


async def _read_line(reader: asyncio.StreamReader) -> bytes | None:
    """The line that is sent; None where it is too long."""
    async with asyncio.timeout(REQUEST_TIME_OUT_S):
        try:
            return await reader.readline()
        except ValueError:
            return None


def request(folder: Path, command: Command, *, time_out_s: float | None = None) -> Any:
    """Ask the daemon that serves a data folder; return the command's value (blocking).

    Raises:
        NotRunningError: no daemon serves it.
        RefusedError: the daemon did not do it.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(time_out_s)
        try:
            with _reachable(folder) as address:
                connection.connect(address)
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            raise NotRunningError(
                f"no daemon serves {folder}: `pullprint serve` starts one, --data names another folder"
            ) from None
        except PermissionError:
            raise NotRunningError(
                f"the daemon that serves {folder} is another user's: run this as that user or as root"
            ) from None
        try:
            connection.sendall(msgspec.json.encode(command) + b"\n")
            outcome = msgspec.json.decode(_read_all(connection), type=Outcome)
        except (OSError, msgspec.MsgspecError) as error:
            raise RefusedError(f"the daemon broke off while it answered ({error}); look at its log") from None
    if outcome.error:
        raise RefusedError(outcome.error)
    return msgspec.json.decode(outcome.value, type=type(command).answer)


def _read_all(connection: socket.socket) -> bytes:
    received = bytearray()
    while chunk := connection.recv(64 * 1024):
        received += chunk
        if len(received) > ANSWER_OCTETS_MAX:
            raise OSError("an answer without end")
    return bytes(received)


def _peer_uid(connection: socket.socket) -> int:
    octets = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(octets)[1])


def _listen(folder: Path) -> socket.socket:
    (folder / SOCKET_NAME).unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)  # so that it is never open to others, not even for a moment
    try:
        with _reachable(folder) as address:
            listening.bind(address)
        listening.listen(CONNECTIONS_MAX)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    finally:
        os.umask(before)
    return listening


@contextmanager
def _reachable(folder: Path) -> Iterator[str]:
    """The socket's address through the open folder: a path of any length fits into 108 octets (unix(7))."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET_NAME}"
    finally:
        os.close(descriptor)
