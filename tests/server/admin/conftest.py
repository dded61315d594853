"""A desk over real people, queues, jobs and ledger, and the socket in front of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ipp import Attributes, PrinterState
from ipp.exchange import User
from ipp.registry import attribute
from ipp.spool import DocumentTicket, PrinterStatus, Ticket
from server.admin.commands import StatusView
from server.admin.desk import Desk
from server.admin.socket import AdminServer
from server.config import Config
from server.errors import PullprintError
from server.fleet import Fleet
from server.identity.people import Hasher, People
from server.jobs.intake import Intake
from server.jobs.lock import Lock
from server.jobs.service import JobService
from server.jobs.spool import QueueSpool
from server.storage.blobs import FileBlobs
from server.storage.database import Database
from server.storage.index import Index
from server.storage.keys import LocalKeyFile
from server.storage.ledger import Ledger
from server.storage.vault import Vault
from tests.ipp.asking import Clock, stream

BY = "uid:1000"
LASER = Attributes(
    [
        attribute("printer-make-and-model", "Laser 9000"),
        attribute("printer-dns-sd-name", "Laser, 2nd floor"),
        attribute("printer-info", "Laser by the\twindow"),
        attribute("printer-state", PrinterState.IDLE),
        attribute("document-format-supported", "application/octet-stream", "application/pdf"),
        attribute("color-supported", False),
        attribute("sides-supported", "one-sided", "two-sided-long-edge"),
    ]
)


@dataclass
class Serving:
    """Stands for the queues that are served."""

    refreshed: int = 0
    at: datetime = field(default_factory=lambda: datetime(2026, 1, 1, tzinfo=UTC))

    def uris(self, path: str, *, secret: bool = False) -> list[str]:
        schemes = ("ipps",) if secret else ("ipps", "ipp")
        return [f"{scheme}://printhost:8631{path}" for scheme in schemes]

    async def status(self, queue: str) -> PrinterStatus | None:
        return PrinterStatus(PrinterState.IDLE, self.at, queued_jobs=0)

    async def refresh(self) -> None:
        self.refreshed += 1

    def describe(self) -> StatusView:
        return StatusView(version="0", pid=1, addresses=["*:8631"], queues=0, jobs=0, fingerprint="00")


async def probe(uri: str) -> Attributes:
    """What is at a URI; of those that can say what they are only one printer is there."""
    if not uri.startswith("ipp"):
        return Attributes()
    if uri != "ipps://laser.example/ipp/print":
        raise PullprintError(f"{uri} does not answer: is it switched on?")
    return LASER


def make_profile(name: str, path: str, title: str, host: str, signed: bool) -> bytes:
    return f"{name} {path} {title} {host}".encode()


@dataclass
class Office:
    """Everything that commands are about."""

    folder: Path
    clock: Clock
    index: Index
    people: People
    fleet: Fleet
    jobs: JobService
    ledger: Ledger
    serving: Serving
    desk: Desk

    async def park(
        self, owner: str, title: str = "Letter", queue: str = "hold", password: bytes | None = None
    ) -> int:
        """A job with one document; its id."""
        user = User(owner, authenticated=True)
        spool = QueueSpool(queue, self.jobs, self.index, self.ledger, self.clock)
        job = await spool.create(Ticket(user, title, Attributes([attribute("copies", 2)]), password=password))
        document = DocumentTicket("letter.pdf", "application/pdf")
        await spool.receive(job.id, document, stream(b"%PDF-1.7"), last=True, user=user)
        return job.id


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    clock = Clock()
    keys = LocalKeyFile.load_or_create(tmp_path / "keys.toml")
    blobs = await FileBlobs.open(tmp_path / "blobs")
    async with await Database.open(tmp_path / "pullprint.db") as database:
        index = await Index.open(database, keys)
        ledger = await Ledger.open(database)
        hasher = Hasher()
        people = People(index, hasher, clock=clock)
        fleet = await Fleet.open(index, Config(), clock)
        vault = Vault(index, blobs, keys)
        jobs = JobService(index, vault, Intake(vault, octets_max=1 << 20), clock, Lock(index, hasher, clock))
        serving = Serving()
        desk = Desk(
            people=people,
            fleet=fleet,
            jobs=jobs,
            ledger=ledger,
            serving=serving,
            probe=probe,
            make_profile=make_profile,
        )
        yield Office(tmp_path, clock, index, people, fleet, jobs, ledger, serving, desk)
    await blobs.close()


@pytest.fixture
async def served(office: Office) -> AsyncIterator[Office]:
    """The office, with its socket open."""
    server = AdminServer(office.folder, office.desk.carry)
    await server.start()
    yield office
    await server.stop()
