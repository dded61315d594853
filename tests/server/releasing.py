"""The rooms that a dispatcher works in, opened on one folder; run as a program, a daemon that only delivers.

`python -m tests.server.releasing FOLDER LEASE_S` delivers what waits in FOLDER until it is told to end.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from ipp import Attributes, JobState
from ipp.exchange import User
from ipp.job import Job
from ipp.spool import DocumentTicket, Query, Ticket, utc_now
from server.delivery import open_transport
from server.delivery.transport import Device, Transport
from server.jobs.intake import Intake
from server.jobs.lock import Lock
from server.jobs.service import JobService
from server.jobs.spool import QueueSpool
from server.release import Policy, Releaser
from server.storage.blobs import FileBlobs
from server.storage.database import Database
from server.storage.deliveries import Delivery
from server.storage.fleet import Printer, Queue
from server.storage.index import Index
from server.storage.keys import LocalKeyFile
from server.storage.ledger import Ledger, Recorded
from server.storage.vault import Vault

ANNA = User("anna", authenticated=True)
PDF = b"%PDF-1.7\n" + bytes(range(256)) * 40
QUICK = Policy(
    lease_s=2.0,
    retry_s=0.02,
    hold_patience=timedelta(seconds=0.2),
    direct_patience=timedelta(seconds=0.4),
    settle_s=5.0,
    grace_s=0.2,
)


class NoPasswords:
    """No job here has a password."""

    async def hash_octets(self, octets: bytes) -> str:
        raise NotImplementedError

    async def verify_octets(self, octets: bytes, phc: str | None) -> bool:
        raise NotImplementedError


@dataclass
class Rooms:
    """One daemon's objects over a data folder."""

    folder: Path
    index: Index
    ledger: Ledger
    service: JobService
    vault: Vault
    releasers: list[Releaser] = field(default_factory=list)

    def releaser(
        self, policy: Policy = QUICK, transports: Callable[[Device], Transport] = open_transport
    ) -> Releaser:
        """A dispatcher of its own name."""
        return Releaser(
            self.index,
            self.ledger,
            self.service,
            self.vault,
            worker=uuid4().hex,
            clock=utc_now,
            policy=policy,
            transports=transports,
        )

    async def add_printer(self, name: str, uri: str) -> None:
        """An output device."""
        await self.index.write(lambda t: t.printers.put(Printer(name, uri, utc_now())))

    async def add_queue(
        self, name: str, kind: str, printer: str | None = None, *, paused: bool = False
    ) -> None:
        """What people print to."""
        queue = Queue(name, kind, utc_now(), printer, paused=paused)
        await self.index.write(lambda t: t.queues.put(queue))

    async def park(
        self,
        *documents: bytes,
        queue: str = "park",
        attributes: Attributes | None = None,
        name: str = "minutes",
    ) -> int:
        """A whole job of these documents (default: one PDF); its id."""
        spool = QueueSpool(queue, self.service, self.index, self.ledger, utc_now)
        job = await spool.create(Ticket(ANNA, name, attributes or Attributes()))
        documents = documents or (PDF,)
        for number, octets in enumerate(documents, 1):
            ticket = DocumentTicket(f"{number}.pdf", "application/pdf")
            last = number == len(documents)
            await spool.receive(job.id, ticket, _chunks(octets), last=last, user=ANNA)
        return job.id

    async def job(self, job_id: int) -> Job:
        """The job as it is now."""
        job = await self.service.get(job_id)
        assert job is not None
        return job

    async def until(self, condition: Callable[[Job], bool], job_id: int, *, timeout_s: float = 10.0) -> Job:
        """The job, once the condition holds; looked at after each event."""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    position = self.ledger.head
                    job = await self.job(job_id)
                    if condition(job):
                        return job
                    await self.ledger.wait(position)
        except TimeoutError:
            raise AssertionError(f"waited in vain: {job}") from None

    async def finished(self, job_id: int) -> Job:
        """The job, once it is finished."""
        return await self.until(lambda job: job.finished, job_id)

    async def parked(self, job_id: int) -> Job:
        """The job, once it is parked (again)."""
        return await self.until(lambda job: job.state is JobState.PENDING_HELD, job_id)

    async def told(self, kind: str, *, timeout_s: float = 10.0) -> Recorded:
        """The first event of that kind, once there is one."""
        async with asyncio.timeout(timeout_s):
            while True:
                position = self.ledger.head
                if found := await self.ledger.events(kinds=[kind], limit=1):
                    return found[0]
                await self.ledger.wait(position)

    async def deliveries(self, job_id: int) -> list[Delivery]:
        """Every attempt to deliver it."""
        return await self.index.read(lambda t: t.deliveries.of(job_id))

    async def delivered(self) -> list[Job]:
        """Every job that came out."""
        return await self.service.find(Query(frozenset({JobState.COMPLETED})))


async def _chunks(octets: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(octets), 1 << 16):
        yield octets[start : start + (1 << 16)]


@asynccontextmanager
async def open_rooms(folder: Path) -> AsyncIterator[Rooms]:
    """A daemon's objects on a data folder; several may be open on one at a time."""
    keys = LocalKeyFile.load_or_create(folder / "tenant.keys")
    blobs = await FileBlobs.open(folder / "blobs")
    try:
        async with await Database.open(folder / "pullprint.db") as database:
            index = await Index.open(database, keys)
            vault = Vault(index, blobs, keys)
            service = JobService(index, vault, Intake(vault), utc_now, Lock(index, NoPasswords(), utc_now))
            yield Rooms(folder, index, await Ledger.open(database), service, vault)
    finally:
        await blobs.close()


@asynccontextmanager
async def running(releaser: Releaser) -> AsyncIterator[None]:
    """Let a dispatcher run; it is stopped in order at the end."""
    run = asyncio.create_task(releaser.run())
    try:
        yield
    finally:
        releaser.stop()
        await run


async def _serve(folder: Path, lease_s: float) -> None:
    async with open_rooms(folder) as rooms:
        releaser = rooms.releaser(Policy(lease_s=lease_s))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, releaser.stop)
        await releaser.run()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), float(sys.argv[2])))
