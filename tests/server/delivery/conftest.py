"""Shipments as the dispatcher makes them, and what a transport told while it had one."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from ipp.job import Document, Job
from server.delivery.transport import Cargo, Progress, Shipment
from tests.peers.ippeveprinter import IppEvePrinter

NOW = datetime(2026, 11, 21, 21, 0, tzinfo=UTC)
PDF = b"%PDF-1.7\n" + bytes(range(256)) * 40


class Octets:
    """A document that can be read again and again, in chunks; `broken` is raised after so many of them."""

    def __init__(
        self, data: bytes, *, chunk: int = 4096, broken: tuple[int, Exception] | None = None
    ) -> None:
        self._data = data
        self._chunk = chunk
        self._broken = broken

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for number, start in enumerate(range(0, len(self._data), self._chunk)):
            if self._broken is not None and number == self._broken[0]:
                raise self._broken[1]
            yield self._data[start : start + self._chunk]


class Blank:
    """A document of any size that is never held in memory: the same chunk again and again."""

    def __init__(self, octets: int) -> None:
        self._octets = octets
        self._piece = bytes(range(256)) * 1024

    @property
    def sha256(self) -> str:
        """The digest of the whole."""
        digest = hashlib.sha256()
        for start in range(0, self._octets, len(self._piece)):
            digest.update(self._piece[: self._octets - start])
        return digest.hexdigest()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, self._octets, len(self._piece)):
            yield self._piece[: self._octets - start]


@dataclass
class Told:
    """What a transport told of one shipment."""

    notes: list[str] = field(default_factory=list)
    pins: list[str] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def noted(self, count: int) -> None:
        """Wait until there are so many notes."""
        await self._until(lambda: len(self.notes) >= count)

    async def reported(self, count: int) -> None:
        """Wait until progress was told so often."""
        await self._until(lambda: len(self.progress) >= count)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self.changed.clear()
            await self.changed.wait()


Load = Callable[..., tuple[Shipment, Told]]


@pytest.fixture
def eve_printer(start_eve_printer: Callable[..., IppEvePrinter]) -> IppEvePrinter:
    """A printer for one test alone: what is done to it here may leave it busy for ever."""
    return start_eve_printer()


@pytest.fixture
def load() -> Load:
    """Make a shipment of documents (octets, or an iterable), with attributes of the job to change."""

    def load(
        *documents: bytes | AsyncIterable[bytes],
        document_format: str = "application/pdf",
        number: int = 1,
        remote_job: str | None = None,
        **changes: object,
    ) -> tuple[Shipment, Told]:
        told = Told()
        described = tuple(
            Document(place, "minutes.pdf", document_format, len(each) if isinstance(each, bytes) else 1, NOW)
            for place, each in enumerate(documents, 1)
        )
        job = Job(7, UUID(int=7), "park", "anna", "minutes", NOW, documents=described)
        job = replace(job, **changes)  # type: ignore[arg-type]  # the test names fields of a job

        async def note(text: str) -> None:
            told.notes.append(text)
            told.changed.set()

        async def pin(text: str) -> None:
            told.pins.append(text)

        async def report(progress: Progress) -> None:
            told.progress.append(progress)
            told.changed.set()

        cargo = tuple(
            Cargo(document, Octets(each) if isinstance(each, bytes) else each)
            for document, each in zip(described, documents, strict=True)
        )
        return Shipment(number, job, cargo, remote_job, note=note, pin=pin, report=report), told

    return load
