"""What durability and encryption cost, and where the boundary between database and blobs pays.

Prints rates of this machine; every figure of ours stands beside what it is compared with, from the same run.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import UUID

import apsw
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ipp import Attribute, Attributes, JobState, Tag
from ipp.job import ACTIVE, Document, Job
from ipp.spool import Query
from server.storage import ledger
from server.storage.blobs import FileBlobs
from server.storage.database import Database
from server.storage.index import Index, Transaction
from server.storage.keys import LocalKeyFile
from server.storage.seal import SEALED_SEGMENT_OCTETS, SEGMENT_OCTETS, Opener, Sealer
from server.storage.vault import Vault

NOW = datetime(2026, 11, 21, tzinfo=UTC)
KEY, DOCUMENT = bytes(32), UUID(int=7)
RUNS = 5


def best(run: Callable[[], None]) -> float:
    """Seconds of the fastest of some runs."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


async def rate(count: int, tasks: int, act: Callable[[int], Awaitable[object]]) -> float:
    """How many times a second `act` was done, `count` times by `tasks` at once."""
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            await act(number)

    start = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(tasks)))
    return count / (time.perf_counter() - start)


async def chunked(document: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    for at in range(0, len(document), size):
        yield document[at : at + size]


def make_job() -> Job:
    sides = Attribute.of("sides", Tag.KEYWORD, "two-sided-long-edge")
    return Job(
        id=0,
        uuid=UUID(bytes=os.urandom(16), version=4),
        printer="park",
        owner="ada",
        name="Quarterly report",
        created=NOW,
        state=JobState.PENDING_HELD,
        reasons=frozenset({"job-release-wait"}),
        attributes=Attributes([Attribute.of("copies", Tag.INTEGER, 2), sides]),
        documents=(Document(1, "report.pdf", "application/pdf", 100_000, NOW, 3),),
    )


async def find(index: Index, query: Query, _: int) -> int:
    return len(await index.read(lambda t: t.jobs.find(query)))


async def park(index: Index, vault: Vault, document: bytes, _: int) -> None:
    taken = await vault.take_in(chunked(document))

    def change(t: Transaction) -> None:
        job = t.jobs.add(make_job())
        t.documents.add(job.id, taken.stored(1), taken.inline)
        t.record(ledger.Event("job-created", NOW, "person:1", job_id=job.id))

    await index.write(change)


def bench_seal() -> None:
    """Sealing and opening in memory, beside the bare cipher into one buffer."""
    octets = 64 * 2**20
    chunk = bytes(2**20)
    sealed: list[bytes] = []

    def seal() -> None:
        sealer = Sealer(KEY, DOCUMENT)
        sealed[:] = [sealer.header, *(bytes(sealer.update(chunk)) for _ in range(64)), bytes(sealer.finish())]

    def unseal() -> None:
        opener = Opener(KEY, DOCUMENT)
        for part in sealed:
            opener.update(part)
        opener.finish()

    cipher, slot = AESGCM(KEY), bytearray(SEALED_SEGMENT_OCTETS)

    def bare() -> None:
        for _ in range(256):
            cipher.encrypt_into(bytes(12), memoryview(chunk)[:SEGMENT_OCTETS], b"", slot)

    bare_s = best(bare)
    for name, run in (("seal", seal), ("open", unseal)):
        seconds = best(run)
        print(
            f"{name} 64 MiB: {octets / seconds / 1e9:.1f} GB/s; AES-GCM alone {octets / bare_s / 1e9:.1f};"
            f" ratio {bare_s / seconds:.2f}"
        )


async def bench_commits(folder: Path) -> None:
    """Durable rows: one commit each, and group commit by our writer."""
    connection = apsw.Connection(str(folder / "plain.db"))
    connection.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE a (x)").fetchall()

    def one_by_one() -> None:
        for number in range(1000):
            connection.execute("INSERT INTO a VALUES (?)", (number,)).close()

    alone = 1000 / best(one_by_one)
    connection.close()
    async with await Database.open(folder / "rows.db") as database:
        await database.write(lambda connection: connection.execute("CREATE TABLE a (x)").close())

        async def insert(number: int) -> None:
            await database.write(
                lambda connection: connection.execute("INSERT INTO a VALUES (?)", (number,)).close()
            )

        for tasks in (1, 8, 64):
            ours = await rate(2000 * min(tasks, 8), tasks, insert)
            print(
                f"rows/s, {tasks:2} tasks: {ours:,.0f}; apsw, a commit each: {alone:,.0f};"
                f" ratio {ours / alone:.2f}"
            )


async def bench_jobs(folder: Path) -> None:
    """Jobs parked durably with their event, and read back."""
    async with await Database.open(folder / "jobs.db") as database:
        index = await Index.open(database, LocalKeyFile.load_or_create(folder / "keys"))

        async def add(_: int) -> None:
            def change(t: Transaction) -> None:
                job = t.jobs.add(make_job())
                t.record(ledger.Event("job-created", NOW, "person:1", job_id=job.id))

            await index.write(change)

        for tasks in (1, 16):
            print(f"jobs parked/s with their event, {tasks:2} tasks: {await rate(2000, tasks, add):,.0f}")
        for limit in (1, 500):
            query = Query(ACTIVE, owner="ada", limit=limit)
            read = await rate(20_000 // limit, 1, partial(find, index, query))
            print(f"Get-Jobs of {limit:3} of 4000: {read:,.0f}/s, {1e6 / read / limit:.0f} us a job")
        verdict_start = time.perf_counter()
        verdict = await (await ledger.Ledger.open(database)).verify()
        seconds = time.perf_counter() - verdict_start
        print(f"ledger verified: {verdict.events / seconds:,.0f} events/s, sound: {verdict.sound}")


async def bench_boundary(folder: Path) -> None:
    """The same documents in the database and as files: where one overtakes the other is the boundary."""
    keys = LocalKeyFile.load_or_create(folder / "keys")
    for kibibytes in (4, 16, 32, 64, 128, 256, 512, 1024):
        document = os.urandom(kibibytes * 1024)
        count = max(30, min(400, 25_000 // kibibytes))
        rates = []
        for name, inline_octets_max in (("database", 2**30), ("files", 0)):
            place = folder / f"{name}-{kibibytes}"
            async with await Database.open(place / "pullprint.db") as database:
                index, blobs = await Index.open(database, keys), await FileBlobs.open(place / "blobs")
                vault = Vault(index, blobs, keys, inline_octets_max=inline_octets_max)
                rates.append(await rate(count, 16, partial(park, index, vault, document)))
                await blobs.close()
        database_rate, files_rate = rates
        print(
            f"{kibibytes:5} KiB documents/s, 16 tasks: database {database_rate:7,.0f},"
            f" files {files_rate:7,.0f}; ratio {database_rate / files_rate:.2f}"
        )


async def bench_large(folder: Path) -> None:
    """A 256 MB document: sealed and durable, beside the same octets written and synchronised as they are."""
    chunk, count = os.urandom(65_536), 4096

    def plain() -> None:
        with (folder / "plain").open("wb") as file:
            for _ in range(count // 16):
                file.write(chunk * 16)
            file.flush()
            os.fdatasync(file.fileno())

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(count):
            yield chunk

    async with await Database.open(folder / "large.db") as database:
        keys = LocalKeyFile.load_or_create(folder / "keys")
        index, blobs = await Index.open(database, keys), await FileBlobs.open(folder / "blobs")
        vault = Vault(index, blobs, keys)
        start = time.perf_counter()
        taken = await vault.take_in(chunks())
        sealed = time.perf_counter() - start
        job = await index.write(lambda t: t.jobs.add(make_job()))
        await index.write(lambda t: t.documents.add(job.id, taken.stored(1), taken.inline))
        start = time.perf_counter()
        octets = 0
        async for part in vault.open(taken.stored(1)):
            octets += len(part)
        opened = time.perf_counter() - start
        await blobs.close()
    start = time.perf_counter()
    await asyncio.to_thread(plain)
    written = time.perf_counter() - start
    print(
        f"256 MB in: {octets / sealed / 1e6:,.0f} MB/s; plain {octets / written / 1e6:,.0f} MB/s;"
        f" ratio {written / sealed:.2f}; out: {octets / opened / 1e6:,.0f} MB/s"
    )


async def main() -> None:
    """Every benchmark, in a folder of its own on the disk."""
    bench_seal()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        await bench_commits(folder)
        await bench_jobs(folder)
        await bench_boundary(folder)
        await bench_large(folder)


if __name__ == "__main__":
    asyncio.run(main())
