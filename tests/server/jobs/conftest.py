"""The one writer of jobs over a real database, key file and blobs, with one hold and one direct queue."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from ipp import Attributes
from ipp.exchange import User
from ipp.spool import DocumentTicket, Ticket
from server.identity.guessing import Attempts
from server.jobs.intake import Intake
from server.jobs.lock import RATES, Lock
from server.jobs.service import JobService
from server.jobs.spool import QueueSpool
from server.storage.blobs import FileBlobs
from server.storage.database import Database
from server.storage.fleet import Queue
from server.storage.index import Index
from server.storage.keys import LocalKeyFile
from server.storage.ledger import Ledger
from server.storage.vault import Vault
from tests.ipp.asking import ANNA, Clock, stream

DOCUMENT = DocumentTicket("minutes.pdf", "application/pdf")


@dataclass
class House:
    """The rooms that jobs live in."""

    folder: Path
    clock: Clock
    index: Index
    blobs: FileBlobs
    vault: Vault
    ledger: Ledger
    service: JobService
    lock: Lock

    def spool(self, queue: str) -> QueueSpool:
        """A queue's spool."""
        return QueueSpool(queue, self.service, self.index, self.ledger, self.clock)

    async def park(self, data: bytes = b"%PDF-1.7", user: User = ANNA, queue: str = "park") -> int:
        """A whole job; its id."""
        spool = self.spool(queue)
        job = await spool.create(Ticket(user, "minutes", Attributes()))
        await spool.receive(job.id, DOCUMENT, stream(data), last=True, user=user)
        return job.id

    async def content(self, job_id: int, number: int = 1) -> bytes:
        """A document's plaintext."""
        stored = await self.index.read(lambda t: t.documents.get(job_id, number))
        return b"".join([chunk async for chunk in self.vault.open(stored)])


class QuickHasher:
    """Argon2id at its least: what it costs in earnest has its own tests."""

    async def hash_octets(self, octets: bytes) -> str:
        function = Argon2id(salt=b"saltsalt", length=16, iterations=1, lanes=1, memory_cost=8)
        return function.derive_phc_encoded(octets)

    async def verify_octets(self, octets: bytes, phc: str | None) -> bool:
        return phc == await self.hash_octets(octets)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A house with a hold queue `park`, a direct queue `desk` and its device `laser`."""
    clock = Clock()
    keys = LocalKeyFile.load_or_create(tmp_path / "tenant.keys")
    blobs = await FileBlobs.open(tmp_path / "blobs")
    async with await Database.open(tmp_path / "pullprint.db") as database:
        index = await Index.open(database, keys)
        vault = Vault(index, blobs, keys)
        # One clock for all: the limits on guessing count its seconds too.
        attempts = Attempts(rates=RATES, clock=lambda: clock().timestamp())
        lock = Lock(index, QuickHasher(), clock, attempts)
        service = JobService(index, vault, Intake(vault, octets_max=4 << 20), clock, lock)
        now = clock()
        await index.write(lambda t: t.queues.put(Queue("park", "hold", now)))
        await index.write(lambda t: t.queues.put(Queue("desk", "direct", now, printer="laser")))
        yield House(tmp_path, clock, index, blobs, vault, await Ledger.open(database), service, lock)
    await blobs.close()
