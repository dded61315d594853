"""A document on its way in: counted and analysed while it passes, then sealed and kept by the vault."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from time import monotonic
from typing import Final, Protocol

from ipp import RemoteProtocolError, Status
from ipp.spool import DocumentTicket
from server.storage.vault import TakenIn, Vault

# An analyser is fed in a thread, where it blocks nobody, and so much at a time: changing threads takes time.
_FED_OCTETS: Final = 1 << 16
# So many analyses may end, or wait for their turn, at a time.
_FINISHING_MAX: Final = 64
# After so many octets, of all that come in, or so long it is asked again whether there is room for more.
_ROOM_OCTETS: Final = 1 << 20
_ROOM_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Analysis:
    """What an analyser learnt: the format (None: not recognised) and the impressions (None: unknown)."""

    format: str | None = None
    impressions: int | None = None


class Analyser(Protocol):
    """Learns what is in a document while it passes; called from one thread at a time, not always the same."""

    def feed(self, chunk: bytes) -> None:
        """Take the next octets."""
        ...

    def finish(self) -> Analysis:
        """What was learnt."""
        ...

    def close(self) -> None:
        """Let go of a document that is not to be known any more; harmless after `finish`."""
        ...


@dataclass(frozen=True, slots=True)
class Received:
    """A document that is kept and belongs to no job yet: what was said of it, and what was learnt."""

    ticket: DocumentTicket
    taken: TakenIn
    analysis: Analysis

    @property
    def format(self) -> str:
        """What the document is, or where nobody could tell, what its client said it is."""
        return self.analysis.format or self.ticket.format


class Intake:
    """Takes documents in. `analyse` makes an analyser for a claimed format; without it none looks.

    `check_room` raises StorageFullError where nothing more is to come in.
    """

    def __init__(
        self,
        vault: Vault,
        *,
        analyse: Callable[[str], Analyser] | None = None,
        octets_max: int = 8 << 30,
        check_room: Callable[[], None] = lambda: None,
        time_s: Callable[[], float] = monotonic,
    ) -> None:
        self._vault = vault
        self._analyse = analyse
        self._octets_max = octets_max
        self._check_room = check_room
        self._time_s = time_s
        self._checked_s = -_ROOM_S
        self._unchecked = _ROOM_OCTETS  # octets that came since it was asked whether there is room
        # Threads that wait for a worker which reads a document, none of those that everybody shares.
        self._finishing = ThreadPoolExecutor(_FINISHING_MAX, thread_name_prefix="analysis")

    def close(self) -> None:
        """Finish no more analyses; those under way end by themselves."""
        self._finishing.shutdown(wait=False, cancel_futures=True)

    def check_room(self, octets: int = 0) -> None:
        """Raise StorageFullError where nothing more is to come in; `octets` have just come.

        The file system is asked again after a mebibyte and after a second: it takes its time to answer.
        """
        self._unchecked += octets
        now_s = self._time_s()
        if self._unchecked >= _ROOM_OCTETS or now_s - self._checked_s >= _ROOM_S:
            self._unchecked = _ROOM_OCTETS  # until there was room
            self._check_room()
            self._unchecked, self._checked_s = 0, now_s

    async def receive(
        self, data: AsyncIterable[bytes], ticket: DocumentTicket, touch: Callable[[], None]
    ) -> Received:
        """Take in one document, in bounded memory whatever its size; `touch` is called as octets arrive.

        What `data` raises is raised, and then nothing is kept. Raises `RemoteProtocolError`
        (client-error-request-entity-too-large) for a document above the limit.
        """
        if self._analyse is None:
            return Received(ticket, await self._take_in(data, None, touch), Analysis())
        analyser = self._analyse(ticket.format)
        try:
            taken = await self._take_in(data, analyser, touch)
            try:
                loop = asyncio.get_running_loop()
                return Received(ticket, taken, await loop.run_in_executor(self._finishing, analyser.finish))
            except BaseException:
                await self._vault.discard(taken)
                raise
        finally:
            analyser.close()

    async def receive_whole(self, octets: bytes, ticket: DocumentTicket) -> Received:
        """As `receive`, of a document that is all here: analysed in one go of a thread while it is sealed."""
        self._check_octets(len(octets))
        self.check_room(len(octets))
        if self._analyse is None:
            return Received(ticket, await self._vault.take_in(_once(octets)), Analysis())
        loop = asyncio.get_running_loop()
        learning = loop.run_in_executor(self._finishing, _learn, self._analyse(ticket.format), octets)
        try:
            taken = await self._vault.take_in(_once(octets))
        except BaseException:
            learning.cancel()
            raise
        try:
            return Received(ticket, taken, await learning)
        except BaseException:
            await self._vault.discard(taken)
            raise

    async def _take_in(
        self, data: AsyncIterable[bytes], analyser: Analyser | None, touch: Callable[[], None]
    ) -> TakenIn:
        async with aclosing(self._pass(data, analyser, touch)) as passing:
            return await self._vault.take_in(passing)

    async def discard(self, received: Received) -> None:
        """Let go of a document that no job is to have."""
        await self._vault.discard(received.taken)

    async def _pass(
        self, data: AsyncIterable[bytes], analyser: Analyser | None, touch: Callable[[], None]
    ) -> AsyncGenerator[bytes, None]:
        octets, unread = 0, bytearray()
        async for chunk in data:
            touch()
            octets += len(chunk)
            self.check_room(len(chunk))
            self._check_octets(octets)
            if analyser is not None:
                unread += chunk
                if len(unread) >= _FED_OCTETS:
                    await asyncio.to_thread(analyser.feed, bytes(unread))
                    unread.clear()
            yield chunk
        if analyser is not None and unread:
            await asyncio.to_thread(analyser.feed, bytes(unread))

    def _check_octets(self, octets: int) -> None:
        if octets > self._octets_max:
            raise RemoteProtocolError(
                f"a document of more than {self._octets_max} octets",
                status=Status.CLIENT_ERROR_REQUEST_ENTITY_TOO_LARGE,
            )


def _learn(analyser: Analyser, octets: bytes) -> Analysis:
    """What an analyser learns of a whole document; runs in a thread."""
    try:
        analyser.feed(octets)
        return analyser.finish()
    finally:
        analyser.close()


async def _once(octets: bytes) -> AsyncGenerator[bytes, None]:
    yield octets
