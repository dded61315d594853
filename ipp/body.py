"""The body of a request as it comes, within its bounds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiohttp import StreamReader, web

from .enums import Status
from .errors import RemoteProtocolError


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """What a body may cost: at most `octets`, as they come.

    The client may be silent for `silence_s`, and silent in all for as long and another second for each
    `slowest_octets_per_s` that it sent; time in which nobody reads does not count.
    """

    octets: int = 16 << 30
    silence_s: float = 300.0
    slowest_octets_per_s: float = 500.0


class Body:
    """The octets of a request's body, in time and within bounds, raising `RemoteProtocolError` where not."""

    __slots__ = ("_content", "_limits", "_taken", "_waited_s")

    def __init__(self, content: StreamReader, limits: BodyLimits) -> None:
        self._content = content
        self._limits = limits
        self._taken = 0
        self._waited_s = 0.0

    def __aiter__(self) -> Body:
        return self

    async def __anext__(self) -> bytes:
        content = self._content
        try:
            chunk = content.read_nowait()
            if not chunk and not content.at_eof():
                chunk = await self._wait()
        except TimeoutError as error:
            raise RemoteProtocolError(
                f"the body stalled after {self._taken} octets", status=Status.CLIENT_ERROR_TIMEOUT
            ) from error
        except (web.RequestPayloadError, OSError, RuntimeError) as error:
            raise RemoteProtocolError(f"the body was cut short after {self._taken} octets") from error
        if not chunk:
            raise StopAsyncIteration
        self._taken += len(chunk)
        if self._taken > self._limits.octets:
            raise RemoteProtocolError(
                f"a body of more than {self._limits.octets} octets",
                status=Status.CLIENT_ERROR_REQUEST_ENTITY_TOO_LARGE,
            )
        return chunk

    async def _wait(self) -> bytes:
        """The next octets when they come; none at the end. Raises TimeoutError."""
        limits = self._limits
        allowed_s = limits.silence_s + self._taken / limits.slowest_octets_per_s - self._waited_s
        loop = asyncio.get_running_loop()
        started = loop.time()
        async with asyncio.timeout(min(limits.silence_s, allowed_s)):
            chunk = await self._content.readany()
        self._waited_s += loop.time() - started
        return chunk
