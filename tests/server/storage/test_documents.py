"""A document's key and octets live as long as a job has it, and not a moment longer."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from server.errors import DatabaseError, NotStoredError
from server.storage.database import Database
from server.storage.documents import StoredDocument
from server.storage.index import Index, Transaction
from server.storage.keys import frame_wrapped
from tests.server.storage.conftest import make_job

BLOB = "0" * 32
WRAPPED = frame_wrapped("key-1", b"wrapped key of the document")
INLINE = StoredDocument(1, UUID(int=100), WRAPPED, None, 12, b"d" * 32)
LARGE = StoredDocument(2, UUID(int=200), WRAPPED, BLOB, 10**9, b"e" * 32)


def fill(t: Transaction) -> None:
    t.jobs.add(make_job(1))
    t.jobs.add(make_job(2))
    t.documents.add(1, INLINE, b"ciphertext 1")
    t.documents.add(1, LARGE)


async def test_documents_come_back_as_they_were_added(index: Index) -> None:
    await index.write(fill)
    assert await index.read(lambda t: t.documents.of(1)) == [INLINE, LARGE]
    assert await index.read(lambda t: t.documents.get(1, 2)) == LARGE
    assert await index.read(lambda t: t.documents.octets(INLINE.uuid)) == b"ciphertext 1"
    assert await index.read(lambda t: t.documents.of(2)) == []


async def test_a_document_is_in_one_place_and_of_a_job(index: Index) -> None:
    await index.write(fill)
    with pytest.raises(ValueError, match="in one of the two"):
        await index.write(lambda t: t.documents.add(1, replace(LARGE, number=3), b"octets"))
    with pytest.raises(ValueError, match="in one of the two"):
        await index.write(lambda t: t.documents.add(1, replace(INLINE, number=3)))
    with pytest.raises(DatabaseError, match="FOREIGN KEY"):
        await index.write(lambda t: t.documents.add(9, LARGE))
    with pytest.raises(DatabaseError, match="UNIQUE"):
        await index.write(lambda t: t.documents.add(1, LARGE))


@pytest.mark.parametrize("how", ["destroyed", "forgotten"])
async def test_what_is_destroyed_is_gone_from_the_file(index: Index, database: Database, how: str) -> None:
    await index.write(fill)
    if how == "destroyed":
        assert await index.write(lambda t: t.documents.destroy(1)) == [BLOB]
    else:
        assert await index.write(lambda t: t.jobs.forget(1)) == [BLOB]
    for question in (lambda t: t.documents.get(1, 1), lambda t: t.documents.octets(INLINE.uuid)):
        with pytest.raises(NotStoredError):
            await index.read(question)
    assert await index.write(lambda t: t.documents.destroy(1)) == []
    await database.close()
    assert b"ciphertext 1" not in database.path.read_bytes()
    assert b"wrapped key of the document" not in database.path.read_bytes()


async def test_a_shared_document_lasts_as_long_as_either_job_has_it(index: Index) -> None:
    await index.write(fill)
    await index.write(lambda t: t.documents.share(1, 2))
    assert await index.read(lambda t: t.documents.of(2)) == [INLINE, LARGE]
    assert await index.write(lambda t: t.documents.destroy(1)) == []
    assert await index.read(lambda t: t.documents.octets(INLINE.uuid)) == b"ciphertext 1"
    assert await index.read(lambda t: t.documents.orphans([BLOB])) == []
    assert await index.write(lambda t: t.documents.destroy(2)) == [BLOB]
    with pytest.raises(NotStoredError):
        await index.read(lambda t: t.documents.octets(INLINE.uuid))


async def test_orphans_are_the_blobs_that_no_document_is_in(index: Index) -> None:
    await index.write(fill)
    others = ["f" * 32, "a" * 32]
    assert await index.read(lambda t: t.documents.orphans([others[0], BLOB, others[1]])) == others
    assert await index.read(lambda t: t.documents.orphans([])) == []
