"""Octets that come or go compressed: `gzip` (RFC 1952) and `deflate` (RFC 1950, or bare RFC 1951).

For the `compression` operation attribute (RFC 8011 5.4.32) and for HTTP's Content-Encoding.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from .enums import Status
from .errors import LocalProtocolError, RemoteProtocolError

Encoding: TypeAlias = Literal["gzip", "deflate"]
ENCODINGS: Final[tuple[Encoding, ...]] = ("gzip", "deflate")

_GZIP: Final = 31  # zlib's window bits of each format
_ZLIB: Final = 15
_BARE: Final = -15
# What one step of work puts out or takes in: short enough for the event loop, long enough for zlib.
_STEP_OCTETS: Final = 1 << 18
_LEVEL: Final = 3


@dataclass(frozen=True, slots=True)
class InflateLimits:
    """What compressed octets may become.

    At most `octets` in all, and, once `free_octets` came out, at most `ratio` for each octet that went in.
    Deflate cannot pass 1032; blank pages come near it, so a small document may have any ratio.
    """

    octets: int = 8 << 30
    ratio: int = 256
    free_octets: int = 256 << 20


DEFAULT_INFLATE_LIMITS: Final = InflateLimits()


class Inflater:
    """Sans-I/O: takes compressed octets as they come, gives pieces of bounded size.

    No octets at all are an empty document, not a broken one. Raises `RemoteProtocolError`:
    client-error-compression-error where the octets are no such stream, end early or go on after its end;
    client-error-request-entity-too-large where a limit is passed.
    """

    def __init__(self, encoding: Encoding, limits: InflateLimits = DEFAULT_INFLATE_LIMITS) -> None:
        if encoding not in ENCODINGS:
            raise LocalProtocolError(f"{encoding!r}: compression is one of {', '.join(ENCODINGS)}")
        self._encoding = encoding
        self._limits = limits
        self._taken = 0
        self._given = 0
        self._start = b""  # of a deflate stream, until it shows which kind it is
        self._stream: zlib._Decompress | None = zlib.decompressobj(_GZIP) if encoding == "gzip" else None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The octets that `data` adds, in pieces of at most 256 KiB."""
        if not data:
            return
        self._taken += len(data)
        if self._stream is None:
            data = self._start = self._start + data
            if len(data) < 2:
                return
            self._stream = zlib.decompressobj(_ZLIB if _is_zlib(data) else _BARE)
        piece = b""
        # zlib may have taken all that came and still hold output back, where a step ended at its limit.
        while data or (len(piece) == _STEP_OCTETS and not self._stream.eof):
            if self._stream.eof:
                if self._encoding != "gzip":
                    raise _broken("octets after the end of the compressed data")
                self._stream = zlib.decompressobj(_GZIP)  # RFC 1952 2.2: members follow one another
            try:
                piece = self._stream.decompress(data, _STEP_OCTETS)
            except zlib.error as error:
                raise _broken(f"not {self._encoding} data: {error}") from error
            data = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
            if piece:
                yield self._count(piece)

    def finish(self) -> None:
        """Tell that no more octets will come. Raises where the stream is cut short."""
        if self._taken and (self._stream is None or not self._stream.eof):
            raise _broken("the compressed data is cut short")

    def _count(self, piece: bytes) -> bytes:
        self._given += len(piece)
        limits = self._limits
        if self._given > limits.octets:
            raise _too_large(f"compressed data becomes more than {limits.octets} octets")
        if self._given > limits.free_octets and self._given > self._taken * limits.ratio:
            raise _too_large(f"compressed data becomes more than {limits.ratio} times as much")
        return piece


def _is_zlib(start: bytes) -> bool:
    """Whether a stream begins with the header of RFC 1950: method 8, and a multiple of 31."""
    return start[0] & 0x0F == 8 and start[0] >> 4 <= 7 and int.from_bytes(start[:2]) % 31 == 0


def _broken(what: str) -> RemoteProtocolError:
    return RemoteProtocolError(what, status=Status.CLIENT_ERROR_COMPRESSION_ERROR)


def _too_large(what: str) -> RemoteProtocolError:
    return RemoteProtocolError(what, status=Status.CLIENT_ERROR_REQUEST_ENTITY_TOO_LARGE)


async def inflate(
    chunks: AsyncIterable[bytes], encoding: Encoding, limits: InflateLimits = DEFAULT_INFLATE_LIMITS
) -> AsyncGenerator[bytes, None]:
    """The octets that compressed chunks stand for, as they come; raises as `Inflater` does."""
    inflater = Inflater(encoding, limits)
    async for chunk in chunks:
        for piece in inflater.feed(chunk):
            yield piece
            if len(piece) == _STEP_OCTETS:  # a long run of work: let others have the loop between its steps
                await asyncio.sleep(0)
    inflater.finish()


async def compress(chunks: AsyncIterable[bytes], encoding: Encoding) -> AsyncIterator[bytes]:
    """The chunks compressed (`deflate` as RFC 1950), as they come; quickly rather than small."""
    if encoding not in ENCODINGS:
        raise LocalProtocolError(f"{encoding!r}: compression is one of {', '.join(ENCODINGS)}")
    stream = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP if encoding == "gzip" else _ZLIB)
    async for chunk in chunks:
        for start in range(0, len(chunk), _STEP_OCTETS):
            if piece := stream.compress(chunk[start : start + _STEP_OCTETS]):
                yield piece
            if start:
                await asyncio.sleep(0)
    yield stream.flush()
