"""The index as a whole: tenants apart, keys rotated, events kept with their change, no plaintext on disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ipp import Attribute, Attributes, Tag
from ipp.job import ACTIVE, Document, Event, Job, advance
from ipp.spool import Query
from server.errors import NotStoredError, UnknownKeyError
from server.storage import ledger
from server.storage.blobs import FileBlobs
from server.storage.database import Database
from server.storage.deliveries import Outcome
from server.storage.fleet import Printer
from server.storage.index import Index, Transaction
from server.storage.keys import LocalKeyFile, split_wrapped
from server.storage.ledger import Ledger
from server.storage.people import Role
from server.storage.vault import Vault
from tests.server.storage.conftest import NOW, make_job


def created(job: Job) -> ledger.Event:
    return ledger.Event("job-created", NOW, "person:1", job_id=job.id)


async def test_a_change_and_its_event_are_kept_together_or_not_at_all(
    index: Index, database: Database
) -> None:
    def park(t: Transaction) -> Job:
        job = t.jobs.add(make_job())
        t.record(created(job))
        return job

    def fail(t: Transaction) -> None:
        t.record(created(t.jobs.add(make_job(2))))
        raise KeyError("halfway")

    job = await index.write(park)
    with pytest.raises(KeyError):
        await index.write(fail)
    events = await (await Ledger.open(database)).events()
    assert [(each.seq, each.event.job_id) for each in events] == [(1, job.id)]
    assert await index.read(lambda t: t.jobs.count_active("park").total()) == 1


async def test_the_documented_change_works(index: Index) -> None:
    job_id = (await index.write(lambda t: t.jobs.add(make_job()))).id

    def release(t: Transaction) -> Job:
        job = t.jobs.get(job_id)
        job = t.jobs.update(advance(job, Event.RELEASED, NOW), job.version)
        t.record(ledger.Event("job-state-changed", NOW, "person:1", job_id=job.id))
        return job

    released = await index.write(release)
    assert await index.read(lambda t: t.jobs.get(job_id)) == released


async def test_tenants_do_not_see_each_other(index: Index, database: Database, keys: LocalKeyFile) -> None:
    other = await Index.open(database, keys, tenant="acme")
    job = await index.write(lambda t: t.jobs.add(make_job()))
    await index.write(lambda t: t.people.add("ada", Role.USER, NOW))
    await index.write(lambda t: t.printers.put(Printer("third", "socket://x", NOW)))
    assert await other.read(lambda t: t.jobs.find(Query(ACTIVE))) == []
    assert await other.read(lambda t: t.people.list_all()) == []
    assert await other.read(lambda t: t.printers.list_all()) == []
    with pytest.raises(NotStoredError):
        await other.read(lambda t: t.jobs.get(job.id))
    with pytest.raises(NotStoredError):
        await other.write(lambda t: t.jobs.update(job, job.version))
    assert not await other.write(lambda t: t.jobs.claim(job.id, "worker", 30, NOW))
    await other.write(lambda t: t.jobs.forget(job.id))
    assert await index.read(lambda t: t.jobs.get(job.id)) == job
    await other.write(lambda t: t.people.add("ada", Role.USER, NOW))
    recorded = await other.write(lambda t: t.record(created(job)))
    assert recorded.event.tenant == other.tenant == "acme"


async def test_two_that_open_a_new_tenant_at_the_same_moment_agree(
    database: Database, keys: LocalKeyFile
) -> None:
    first, second = await asyncio.gather(*(Index.open(database, keys, tenant="new") for _ in range(2)))
    job = await first.write(lambda t: t.jobs.add(make_job()))
    assert await second.read(lambda t: t.jobs.find(Query(ACTIVE, owner="ada"))) == [job]


async def test_without_its_key_file_nothing_opens(index: Index, database: Database, tmp_path: Path) -> None:
    await index.write(lambda t: t.jobs.add(make_job()))
    with pytest.raises(UnknownKeyError, match="put back the one that was in use"):
        await Index.open(database, LocalKeyFile.load_or_create(tmp_path / "other.keys"))


async def test_after_a_rotation_everything_is_wrapped_under_the_new_key(
    index: Index, database: Database, keys: LocalKeyFile, folder: Path
) -> None:
    blobs = await FileBlobs.open(folder / "blobs")
    vault = Vault(index, blobs, keys)
    taken = [await vault.take_in(one(b"document %d" % number)) for number in range(150)]

    def fill(t: Transaction) -> None:
        for number, document in enumerate(taken, 1):
            t.jobs.add(make_job(number))
            t.documents.add(number, document.stored(1), document.inline)

    await index.write(fill)
    old = keys.key_id
    assert await index.rewrap() == 0
    keys.rotate()
    assert await index.rewrap() == 150 + 2
    assert await index.rewrap() == 0
    rows = await index.read(lambda t: [t.documents.get(number, 1) for number in range(1, 151)])
    assert {split_wrapped(row.wrapped_key)[0] for row in rows} == {keys.key_id} != {old}

    only_new = keys.path.read_text().split("[[key]]")
    Path.write_text(keys.path, only_new[0] + "[[key]]" + only_new[2])
    reopened = await Index.open(database, LocalKeyFile.load(keys.path))
    assert (await reopened.read(lambda t: t.jobs.get(7))).owner == "ada"
    opened = Vault(reopened, blobs, LocalKeyFile.load(keys.path)).open(rows[6])
    assert b"".join([chunk async for chunk in opened]) == b"document 6"
    await blobs.close()


async def one(octets: bytes) -> AsyncIterator[bytes]:
    yield octets


CANARY = "Kanarienvogel-4711"


def every_octet(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


async def test_no_plaintext_ever_touches_the_disk(
    index: Index, database: Database, keys: LocalKeyFile, folder: Path
) -> None:
    """Titles, names, tickets, messages, URIs and documents: none of it in any file, the WAL included."""
    blobs = await FileBlobs.open(folder / "blobs")
    vault = Vault(index, blobs, keys)
    documents = [(CANARY * 100).encode(), (CANARY * 100_000).encode()]
    taken = [await vault.take_in(one(document)) for document in documents]
    assert [each.blob is None for each in taken] == [True, False]
    attributes = Attributes([Attribute.of("job-account-id", Tag.NAME, CANARY)])

    def fill(t: Transaction) -> None:
        told = [Document(number, CANARY, CANARY, 1, NOW, attributes=attributes) for number in (1, 2)]
        job = make_job(
            owner=CANARY, name=CANARY, message=CANARY, attributes=attributes, documents=tuple(told)
        )
        job = t.jobs.add(job)
        for number, document in enumerate(taken, 1):
            t.documents.add(job.id, document.stored(number), document.inline)
        t.people.add(CANARY, Role.USER, NOW)
        t.people.set_path(1, CANARY + CANARY)
        t.printers.put(Printer("third", f"ipps://{CANARY}", NOW, CANARY, CANARY))
        delivery = t.deliveries.start(job.id, "third", "worker", NOW)
        t.deliveries.finish(delivery.id, Outcome.FAILED, NOW, CANARY)
        t.record(ledger.Event("job-created", NOW, t.people.actor(CANARY), job_id=job.id))
        t.record(ledger.Event("job-created", NOW, t.people.actor(CANARY + "2"), job_id=job.id))
        t.jobs.update(advance(job, Event.RELEASED, NOW, message=CANARY), job.version)

    await index.write(fill)
    seen = every_octet(folder)
    assert (folder / "pullprint.db-wal").stat().st_size > 0
    assert len(seen) > len(documents[1])
    await database.close()
    for octets in (seen, every_octet(folder)):
        assert CANARY.encode() not in octets
        assert CANARY.encode("utf-16-le") not in octets
    await blobs.close()
