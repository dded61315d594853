"""Documents as everybody else sees them: plaintext in, plaintext out, and only ciphertext between.

`take_in` seals a document on its way in, in one pass and bounded memory: a small one comes back as octets for
the database, a larger one is in a blob when it returns. It belongs to no job until `DocumentRows.add`
commits; what never gets that far is discarded, after a crash by the sweep.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import BytesIO
from typing import Final
from uuid import UUID

from server.storage.blobs import BlobStore, new_blob_name
from server.storage.documents import StoredDocument
from server.storage.index import Index, document_context
from server.storage.keys import KeyWrapper
from server.storage.seal import (
    KEY_OCTETS,
    PREFIX_OCTETS,
    SEGMENT_OCTETS,
    Octets,
    Opener,
    Random,
    Sealer,
)

# Ciphertext up to this length goes into the database; tests/benchmarks/bench_storage.py measured it.
INLINE_OCTETS_MAX: Final = 128 * 1024
# Less than this is sealed and opened at once; more in a thread, where it blocks nobody.
_THREAD_OCTETS: Final = SEGMENT_OCTETS
_UUID_OCTETS: Final = 16
_GATHERED_OCTETS: Final = 4 * SEGMENT_OCTETS


@dataclass(frozen=True, slots=True)
class TakenIn:
    """A document that is sealed and kept, and belongs to no job yet.

    `octets` counts the plaintext; `inline` is the ciphertext where it goes into the database.
    """

    uuid: UUID
    octets: int
    sealed_octets: int
    sha256: bytes = field(repr=False)
    wrapped_key: bytes = field(repr=False)
    blob: str | None
    inline: bytes | None = field(repr=False)

    def stored(self, number: int) -> StoredDocument:
        """Its row as the document of that number of a job: for `DocumentRows.add`, with `inline`."""
        return StoredDocument(number, self.uuid, self.wrapped_key, self.blob, self.sealed_octets, self.sha256)


class Vault:
    """The documents of one tenant."""

    def __init__(
        self,
        index: Index,
        blobs: BlobStore,
        wrapper: KeyWrapper,
        *,
        inline_octets_max: int = INLINE_OCTETS_MAX,
        random: Random = os.urandom,
    ) -> None:
        self._index = index
        self._blobs = blobs
        self._wrapper = wrapper
        self._inline_octets_max = inline_octets_max
        self._random = random

    async def take_in(self, chunks: AsyncIterable[Octets]) -> TakenIn:
        """Seal a document and keep it, durably where it went into a blob.

        What `chunks` raises is raised here, and nothing is kept then, nor when this is cancelled.

        Raises:
            StorageFullError: the disk is full.
            StorageError: it could not be kept.
        """
        # Drawn at once: each draw lets other threads run, and waits until they let this one go on.
        drawn = BytesIO(self._random(_UUID_OCTETS + KEY_OCTETS + PREFIX_OCTETS))
        uuid = UUID(bytes=drawn.read(_UUID_OCTETS), version=4)
        data_key = drawn.read(KEY_OCTETS)
        wrapped_key = await self._wrapper.wrap(data_key, document_context(self._index.tenant, str(uuid)))
        pass_ = _Pass(Sealer(data_key, uuid, random=drawn.read))
        async with aclosing(pass_.run(chunks)) as sealed:
            head = bytearray()
            async for part in sealed:
                head += part
                if len(head) > self._inline_octets_max:
                    break
            else:
                return pass_.taken_in(uuid, wrapped_key, None, bytes(head))
            blob = new_blob_name(self._random)
            await self._blobs.put(blob, _joined(head, sealed))
            return pass_.taken_in(uuid, wrapped_key, blob, None)

    async def discard(self, taken: TakenIn) -> None:
        """Drop a document that no job is to have."""
        if taken.blob is not None:
            await self._blobs.delete(taken.blob)

    async def delete(self, blobs: list[str]) -> None:
        """Delete the blobs that `DocumentRows.destroy` or `JobRows.forget` named, after their commit."""
        for blob in blobs:
            await self._blobs.delete(blob)

    async def open(self, document: StoredDocument) -> AsyncGenerator[bytes, None]:
        """The plaintext of a document in chunks, in bounded memory.

        What comes is authenticated, chunk by chunk; it is the whole document only if this ends without an
        error.

        Raises:
            SealBrokenError: the ciphertext was altered or cut.
            BlobMissingError: the ciphertext is gone.
            NotStoredError: the document was destroyed.
        """
        context = document_context(self._index.tenant, str(document.uuid))
        data_key = await self._wrapper.unwrap(document.wrapped_key, context)
        opener = Opener(data_key, document.uuid)
        if document.blob is None:
            octets = await self._index.read(lambda t: t.documents.octets(document.uuid))
            if plain := opener.update(octets):
                yield bytes(plain)
        else:
            async with aclosing(self._blobs.get(document.blob)) as sealed:
                async for part in sealed:
                    if plain := await asyncio.to_thread(opener.update, part):
                        yield bytes(plain)
        if plain := opener.finish():
            yield bytes(plain)

    async def sweep(self, now: datetime, *, grace: timedelta = timedelta(hours=24)) -> int:
        """Delete blobs that are older than `grace` and that no document is in; return how many.

        `grace` must be longer than the longest upload: a blob that is whole has no row until its job is told
        of it.
        """
        swept = 0
        names: list[str] = []
        async with aclosing(self._blobs.scan()) as blobs:
            async for blob in blobs:
                if blob.put_at_s <= (now - grace).timestamp():
                    names.append(blob.name)
                if len(names) == 500:
                    swept += await self._sweep(names)
                    names = []
        return swept + await self._sweep(names)

    async def _sweep(self, names: list[str]) -> int:
        orphans = await self._index.read(lambda t: t.documents.orphans(names))
        await self.delete(orphans)
        return len(orphans)


class _Pass:
    """One document's way through the sealer, with what is learnt on the way."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._digest = hashlib.sha256()
        self._sealed_octets = 0

    async def run(self, chunks: AsyncIterable[Octets]) -> AsyncGenerator[bytearray, None]:
        """The sealed document, in chunks."""
        yield self._counted(bytearray(self._sealer.header))
        gathered = bytearray()
        async for chunk in chunks:
            gathered += chunk
            if len(gathered) >= _GATHERED_OCTETS:
                yield self._counted(await asyncio.to_thread(self._seal, gathered))
                gathered = bytearray()
        if len(gathered) >= _THREAD_OCTETS:
            yield self._counted(await asyncio.to_thread(self._seal, gathered))
        elif gathered:
            yield self._counted(self._seal(gathered))
        yield self._counted(self._sealer.finish())

    def taken_in(self, uuid: UUID, wrapped_key: bytes, blob: str | None, inline: bytes | None) -> TakenIn:
        return TakenIn(
            uuid,
            self._sealer.octets,
            self._sealed_octets,
            self._digest.digest(),
            wrapped_key,
            blob,
            inline,
        )

    def _seal(self, gathered: bytearray) -> bytearray:
        self._digest.update(gathered)
        return self._sealer.update(gathered)

    def _counted(self, sealed: bytearray) -> bytearray:
        self._sealed_octets += len(sealed)
        return sealed


async def _joined(head: Octets, rest: AsyncIterable[bytearray]) -> AsyncGenerator[Octets, None]:
    yield head
    async for part in rest:
        yield part
