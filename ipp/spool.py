"""What a Printer asks of the place where its jobs are: the protocol that the operations speak to.

The operations turn messages into these calls; what a call does (memory, a database, a fleet) is the spool's.
`ipp.memory` has one that keeps everything in memory.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Protocol, TypeAlias

from .exchange import User
from .job import Event, Job
from .message import Attribute, Attributes
from .vocabulary.enums import JobState, PrinterState

Clock: TypeAlias = Callable[[], datetime]


def utc_now() -> datetime:
    """The time in UTC: the clock where none is passed in."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a client validly asked for a new job. `hold_until` is a job-hold-until keyword or name."""

    user: User
    name: str
    attributes: Attributes
    hold_until: str = "no-hold"
    priority: int = 50
    password: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class DocumentTicket:
    """What a client said of a document. `format` is a MIME media type, possibly application/octet-stream."""

    name: str
    format: str
    compression: str = "none"
    attributes: Attributes = field(default_factory=Attributes)


@dataclass(frozen=True, slots=True)
class Query:
    """Which jobs are wanted: in these states, of this owner, with these ids (None: any).

    They come in the order they will print, or with `newest_first` the most recently finished first; of those,
    `limit` from the `first_index`-th (1 is the first).
    """

    states: frozenset[JobState]
    owner: str | None = None
    ids: frozenset[int] | None = None
    first_index: int = 1
    limit: int | None = None
    newest_first: bool = False


class Command(Enum):
    """What an operator can tell a printer (RFC 8011 4.2, RFC 3998 3)."""

    PAUSE = "pause"
    PAUSE_AFTER_CURRENT_JOB = "pause-after-current-job"
    RESUME = "resume"
    ENABLE = "enable"
    DISABLE = "disable"
    HOLD_NEW_JOBS = "hold-new-jobs"
    RELEASE_HELD_NEW_JOBS = "release-held-new-jobs"
    RESTART = "restart"
    SHUTDOWN = "shutdown"
    STARTUP = "startup"


@dataclass(frozen=True, slots=True)
class PrinterStatus:
    """The state of a printer, as printer-state and its companions tell it."""

    state: PrinterState
    changed: datetime
    reasons: frozenset[str] = frozenset()
    message: str = ""
    accepting_jobs: bool = True
    holding_new_jobs: bool = False
    queued_jobs: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that subscribers may want to know: an event keyword (RFC 3995 5.3.3.4) and its job."""

    kind: str
    at: datetime
    job: Job | None = None


class Notices(Protocol):
    """An ordered stream of notices; a position says how far somebody has read."""

    @property
    def position(self) -> int:
        """Behind the newest notice."""
        ...

    async def since(self, position: int) -> tuple[Sequence[Notice], int]:
        """The notices after `position` that are still kept, and the position after them."""
        ...

    async def wait(self, position: int) -> None:
        """Return once there is a notice after `position`."""
        ...


class Spool(Protocol):
    """The jobs of one printer. Every call is durable, as far as the spool promises, when it returns.

    Calls raise `RemoteProtocolError` with the status a client is to see: client-error-not-found,
    client-error-not-possible, server-error-too-many-jobs ...
    """

    @property
    def notices(self) -> Notices:
        """What happens here, for subscribers."""
        ...

    @property
    def stamp(self) -> object:
        """Something that is equal to what it was only where `status` is what it was."""
        ...

    async def status(self) -> PrinterStatus:
        """The state of the printer now."""
        ...

    async def command(self, command: Command, user: User) -> None:
        """Carry out what an operator said."""
        ...

    async def configure(self, changes: Sequence[Attribute], user: User) -> None:
        """Keep printer attributes that an operator set."""
        ...

    async def identify(self, actions: Sequence[str], message: str, user: User) -> None:
        """Let the device show which one it is (PWG 5100.13 Identify-Printer)."""
        ...

    async def create(self, ticket: Ticket) -> Job:
        """A new job that expects documents (`job-incoming`)."""
        ...

    async def submit(self, ticket: Ticket, document: DocumentTicket, data: AsyncIterator[bytes]) -> Job:
        """A new job with its one document, closed (Print-Job). If the document fails, no job waits for it."""
        ...

    async def receive(
        self, job_id: int, document: DocumentTicket, data: AsyncIterator[bytes], *, last: bool, user: User
    ) -> Job:
        """Take in a document; with `last`, close the job."""
        ...

    async def change(self, job_id: int, event: Event, user: User, *, message: str = "") -> Job:
        """Let something happen to a job."""
        ...

    async def release(
        self, job_id: int, user: User, *, password: bytes | None = None, peer: str = "", message: str = ""
    ) -> Job:
        """Let a held job print. One that came with a job-password wants it again; `peer` is where it is given
        from, so that guessing can be slowed down. Raises client-error-not-authorized where it is not the one.
        """
        ...

    async def amend(self, job_id: int, changes: Sequence[Attribute], user: User) -> Job:
        """Set job attributes; an attribute whose value is delete-attribute is removed (RFC 3380 4.2)."""
        ...

    async def get(self, job_id: int) -> Job | None:
        """The job, or None."""
        ...

    async def find(self, query: Query) -> list[Job]:
        """The jobs that the query asks for."""
        ...

    async def schedule(self, job_id: int, after: int | None, user: User) -> Job:
        """Let a job print next after another one, or (None) before all others (RFC 3998 4.4, 4.5)."""
        ...

    async def resubmit(self, job_id: int, ticket: Ticket) -> Job:
        """A new job that prints the documents of an old one again (PWG 5100.7 Resubmit-Job)."""
        ...

    async def forget(self, job_ids: Iterable[int], user: User) -> None:
        """Remove jobs and their history (Purge-Jobs)."""
        ...
