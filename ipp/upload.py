"""What a client sends and gets, part by part, each in its time: the body of a request, that of an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, TypeAlias

import aiohttp
from aiohttp.abc import AbstractStreamWriter

from .compression import Encoding, compress
from .enums import Status
from .errors import ConnectionFailed, RemoteProtocolError

# An iterator can be sent once; bytes and what can be iterated anew also again, where a server demands it.
Document: TypeAlias = bytes | AsyncIterable[bytes]

_PART_OCTETS: Final = 1 << 18
_END_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class ClientTimes:
    """How long to wait for a server, in seconds.

    `connect_s` for a connection with its TLS handshake, `answer_s` for the answer once a request is sent
    and for each further part of it, `stall_s` for the server to take the next part of a document: a printer
    takes none while it waits for paper. `continue_s` for 100 Continue, after which the document is sent all
    the same, and later ones at once (RFC 9110 10.1.1).
    """

    connect_s: float = 10.0
    answer_s: float = 60.0
    stall_s: float = 3600.0
    continue_s: float = 1.0


class Deadline:
    """A time-out of the task that enters it, put off from wherever the work goes on."""

    def __init__(self) -> None:
        self._timeout = asyncio.timeout(None)
        self._open = False

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()
        self._open = True

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False
        await self._timeout.__aexit__(kind, error, trace)

    def set(self, seconds: float | None) -> None:
        """Time out so long from now; not at all for None."""
        if self._open and not self._timeout.expired():
            now = asyncio.get_running_loop().time()
            self._timeout.reschedule(None if seconds is None else now + seconds)


class Upload:
    """The body of a request: the message, then the document."""

    def __init__(self, message: bytes, document: Document | None, expects_continue: bool = True) -> None:
        self._message = message
        self._document = document
        self.begun = False
        self.failure: Exception | None = None  # of the document itself, which is the caller's matter
        self.expects_continue = expects_continue and document is not None
        self.octets: int | None = None  # of the whole body, where it is known
        if document is None or isinstance(document, bytes):
            self.octets = len(message) + len(document or b"")

    async def stream(self, deadline: Deadline, times: ClientTimes) -> AsyncGenerator[bytes, None]:
        """The octets; the server has `stall_s` to take each part, and the document's source any time."""
        self.begun = True
        deadline.set(times.stall_s)
        yield self._message
        document = self._document
        if isinstance(document, bytes):
            for start in range(0, len(document), _PART_OCTETS):
                deadline.set(times.stall_s)
                yield document[start : start + _PART_OCTETS]
        elif document is not None:
            chunks = aiter(document)
            while True:
                deadline.set(None)
                try:
                    chunk = await anext(chunks)
                except StopAsyncIteration:
                    break
                except Exception as error:
                    self.failure = error
                    raise
                deadline.set(times.stall_s)
                if chunk:
                    yield chunk
        deadline.set(times.answer_s)

    def rewind(self, where: str) -> None:
        """Make ready to be sent again. Raises `RemoteProtocolError` where the document cannot be."""
        if self.begun and _is_read_once(self._document):
            raise RemoteProtocolError(
                f"{where} made demands only after it took the document, which cannot be read again",
                status=Status.CLIENT_ERROR_NOT_AUTHENTICATED,
            )
        self.begun = False


class Compressed:
    """A document in compressed form, as often as the document itself can be read."""

    def __init__(self, document: Document, encoding: Encoding) -> None:
        self._document = document
        self._encoding = encoding
        self.is_read_once = _is_read_once(document)

    def __aiter__(self) -> AsyncIterator[bytes]:
        document = self._document
        return compress(_one(document) if isinstance(document, bytes) else document, self._encoding)


def _is_read_once(document: Document | None) -> bool:
    return isinstance(document, AsyncIterator) or (isinstance(document, Compressed) and document.is_read_once)


async def _one(octets: bytes) -> AsyncIterator[bytes]:
    yield octets


class AnswerChunks:
    """The octets of an answer's body, each part in time."""

    def __init__(self, response: aiohttp.ClientResponse, timeout_s: float, where: str) -> None:
        self._content = response.content
        self._timeout_s = timeout_s
        self._where = where

    def __aiter__(self) -> AnswerChunks:
        return self

    async def end(self) -> None:
        """Read the end of the body, where only that is left, so that the connection can be used again."""
        self._timeout_s = min(self._timeout_s, _END_S)
        with suppress(ConnectionFailed):
            await anext(self, None)

    async def __anext__(self) -> bytes:
        try:
            async with asyncio.timeout(self._timeout_s):
                chunk = await self._content.readany()
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionFailed(
                f"the answer of {self._where} was cut short ({type(error).__name__})", may_have_arrived=True
            ) from error
        if not chunk:
            raise StopAsyncIteration
        return chunk


class Patience:
    """How long requests of a client wait for 100 Continue, and whether one of them did so in vain."""

    def __init__(self, continue_s: float) -> None:
        self.continue_s = continue_s
        self.was_in_vain = False

    def end(self, waiting: asyncio.Future[bool]) -> None:
        """Let a request that still waits go on."""
        if not waiting.done():
            self.was_in_vain = True
            waiting.set_result(True)


class PatientRequest(aiohttp.ClientRequest):
    """A request that does not wait for 100 Continue without end: a server may never say it."""

    def __init__(self, *arguments: Any, patience: Patience, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._patience = patience

    async def write_bytes(
        self, writer: AbstractStreamWriter, conn: Any, content_length: int | None = None
    ) -> None:
        """Send the body, once told to or after a while."""
        waiting = self._continue
        if waiting is None:
            await super().write_bytes(writer, conn, content_length)
            return
        handle = self.loop.call_later(self._patience.continue_s, self._patience.end, waiting)
        try:
            await super().write_bytes(writer, conn, content_length)
        finally:
            handle.cancel()
