"""Documents go in and come out whole, whatever their size; what is broken is not passed on as whole."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from server.errors import BlobMissingError, NotStoredError, SealBrokenError
from server.storage.blobs import FileBlobs
from server.storage.documents import StoredDocument
from server.storage.index import Index
from server.storage.keys import LocalKeyFile
from server.storage.seal import HEADER_OCTETS, SEGMENT_OCTETS, sealed_octets
from server.storage.vault import INLINE_OCTETS_MAX, TakenIn, Vault
from tests.server.storage.conftest import NOW, make_job

INLINE_PLAIN = INLINE_OCTETS_MAX - sealed_octets(0)  # the longest plaintext that goes into the database


async def cut(octets: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(octets), size):
        yield octets[at : at + size]


@pytest.fixture
async def blobs(folder: Path) -> AsyncIterator[FileBlobs]:
    blobs = await FileBlobs.open(folder / "blobs")
    yield blobs
    await blobs.close()


@pytest.fixture
def vault(index: Index, blobs: FileBlobs, keys: LocalKeyFile) -> Vault:
    return Vault(index, blobs, keys)


async def keep(index: Index, taken: TakenIn, job_id: int = 1) -> StoredDocument:
    await index.write(lambda t: t.jobs.add(make_job(job_id)))
    await index.write(lambda t: t.documents.add(job_id, taken.stored(1), taken.inline))
    return await index.read(lambda t: t.documents.get(job_id, 1))


async def plain_of(vault: Vault, document: StoredDocument) -> bytes:
    return b"".join([chunk async for chunk in vault.open(document)])


@pytest.mark.parametrize(
    ("size", "inline"),
    [(0, True), (1, True), (INLINE_PLAIN, True), (INLINE_PLAIN + 1, False)]
    + [(size, False) for size in (SEGMENT_OCTETS, 4 * SEGMENT_OCTETS, 5_000_003)],
)
async def test_a_document_comes_out_as_it_went_in(
    vault: Vault, index: Index, size: int, inline: bool
) -> None:
    document = os.urandom(size)
    taken = await vault.take_in(cut(document, 65_536))
    assert (taken.blob is None, taken.inline is not None) == (inline, inline)
    assert (taken.octets, taken.sealed_octets) == (size, sealed_octets(size))
    assert taken.sha256 == hashlib.sha256(document).digest()
    stored = await keep(index, taken)
    assert stored == taken.stored(1)
    assert await plain_of(vault, stored) == document


async def test_the_boundary_is_a_setting(index: Index, blobs: FileBlobs, keys: LocalKeyFile) -> None:
    never = Vault(index, blobs, keys, inline_octets_max=0)
    assert (await never.take_in(cut(b"", 1))).blob is not None
    always = Vault(index, blobs, keys, inline_octets_max=10**9)
    assert (await always.take_in(cut(bytes(3_000_000), 65_536))).blob is None


async def test_no_two_documents_have_a_key_or_a_name_in_common(vault: Vault) -> None:
    first, second = [await vault.take_in(cut(bytes(200_000), 65_536)) for _ in range(2)]
    assert first.uuid != second.uuid
    assert first.blob != second.blob
    assert first.sha256 == second.sha256


@pytest.mark.parametrize("before", [10, 3_000_000])
async def test_an_upload_that_breaks_leaves_nothing(vault: Vault, blobs: FileBlobs, before: int) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(before)
        raise ConnectionResetError("the client went away")

    with pytest.raises(ConnectionResetError):
        await vault.take_in(broken())
    assert [blob async for blob in blobs.scan()] == []


@pytest.mark.parametrize("before", [10, 3_000_000])
async def test_an_upload_that_is_cancelled_leaves_nothing(
    vault: Vault, blobs: FileBlobs, before: int
) -> None:
    stalled = asyncio.Event()

    async def stall() -> AsyncIterator[bytes]:
        yield bytes(before)
        stalled.set()
        await asyncio.Event().wait()

    taking = asyncio.create_task(vault.take_in(stall()))
    await stalled.wait()
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    assert [blob async for blob in blobs.scan()] == []


async def test_a_document_that_no_job_is_to_have_is_discarded(vault: Vault, blobs: FileBlobs) -> None:
    for size in (10, 3_000_000):
        await vault.discard(await vault.take_in(cut(bytes(size), 65_536)))
    assert [blob async for blob in blobs.scan()] == []


async def test_a_blob_that_was_cut_is_not_passed_on_as_whole(
    vault: Vault, index: Index, folder: Path
) -> None:
    stored = await keep(index, await vault.take_in(cut(bytes(3 * SEGMENT_OCTETS), 65_536)))
    (path,) = [each for each in (folder / "blobs").rglob("*") if each.is_file()]
    os.truncate(path, HEADER_OCTETS + 2 * (SEGMENT_OCTETS + 16))
    with pytest.raises(SealBrokenError, match="cut short"):
        await plain_of(vault, stored)


async def test_a_document_put_in_anothers_place_is_found(vault: Vault, index: Index) -> None:
    first = await keep(index, await vault.take_in(cut(b"first", 10)), 1)
    second = await keep(index, await vault.take_in(cut(b"other", 10)), 2)
    with pytest.raises(SealBrokenError):
        await plain_of(vault, replace(first, wrapped_key=second.wrapped_key))
    with pytest.raises(SealBrokenError):
        await plain_of(vault, replace(first, uuid=second.uuid))


async def test_a_destroyed_document_does_not_open(vault: Vault, index: Index, blobs: FileBlobs) -> None:
    small = await keep(index, await vault.take_in(cut(b"small", 10)), 1)
    large = await keep(index, await vault.take_in(cut(bytes(1_000_000), 65_536)), 2)
    for job_id in (1, 2):
        names = await index.write(lambda t, job_id=job_id: t.documents.destroy(job_id))  # type: ignore[misc]
        await vault.delete(names)
    with pytest.raises(NotStoredError):
        await plain_of(vault, small)
    with pytest.raises(BlobMissingError):
        await plain_of(vault, large)
    assert [blob async for blob in blobs.scan()] == []


async def test_the_sweep_takes_old_orphans_only(vault: Vault, index: Index, blobs: FileBlobs) -> None:
    kept = await keep(index, await vault.take_in(cut(bytes(200_000), 65_536)))
    await vault.take_in(cut(bytes(200_000), 65_536))
    (put_at_s,) = {int(blob.put_at_s) for blob in [blob async for blob in blobs.scan()]}
    now = NOW.fromtimestamp(put_at_s, NOW.tzinfo)
    assert await vault.sweep(now, grace=timedelta(minutes=1)) == 0
    assert await vault.sweep(now + timedelta(hours=25)) == 1
    assert [blob.name async for blob in blobs.scan()] == [kept.blob]
    assert await vault.sweep(now + timedelta(hours=25)) == 0


async def test_memory_is_bounded_whatever_the_size(vault: Vault, index: Index) -> None:
    """100 MB in and out, with less than 12 MB held."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(1600):
            yield bytes(65_536)

    tracemalloc.start()
    stored = await keep(index, await vault.take_in(chunks()))
    octets = 0
    async for chunk in vault.open(stored):
        octets += len(chunk)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert octets == 1600 * 65_536
    assert peak < 12 * 2**20
