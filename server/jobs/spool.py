"""One queue as its Printer sees it: `ipp.spool.Spool` over the one writer of jobs."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from ipp import Attribute, Attributes, JobState, PrinterState, RemoteProtocolError, Status
from ipp.exchange import User
from ipp.job import ACTIVE, FINISHED, Event, Job
from ipp.registry import attribute
from ipp.spool import Clock, Command, DocumentTicket, Notice, PrinterStatus, Query, Ticket
from server.errors import NotStoredError
from server.jobs.actors import actor_of
from server.jobs.service import JobService
from server.storage import ledger
from server.storage.fleet import Queue
from server.storage.index import Index, Transaction
from server.storage.ledger import PAGE_EVENTS, Ledger

_log: Final = logging.getLogger(__name__)

# How many events of the ledger a reader may be behind: one who comes back after days is not read a novel.
EVENTS_KEPT: Final = 10_000
_KINDS: Final = (
    "job-created",
    "job-state-changed",
    "job-completed",
    "job-config-changed",
    "printer-state-changed",
    "printer-config-changed",
)


class LedgerNotices:
    """What the ledger tells of one queue, as notices; a position is an event's number."""

    def __init__(self, log: Ledger, index: Index, queue: str) -> None:
        self._ledger = log
        self._index = index
        self._queue = queue

    @property
    def position(self) -> int:
        """Where the ledger stands."""
        return self._ledger.head

    async def since(self, position: int) -> tuple[Sequence[Notice], int]:
        """The notices after `position`, and where they end; of what is long ago, none is kept."""
        notices: list[Notice] = []
        head = self._ledger.head
        position = max(position, head - EVENTS_KEPT)
        while position < head:
            page = await self._ledger.events(position, tenant=self._index.tenant, kinds=_KINDS)
            mine = [recorded.event for recorded in page if recorded.event.subject == self._queue]
            notices += [told for event in mine if (told := await self._notice(event))]
            last = page[-1].seq if page else head  # it may be of an event that came while we read
            position = last if len(page) == PAGE_EVENTS else max(head, last)
        return notices, position

    async def _notice(self, event: ledger.Event) -> Notice | None:
        if event.job_id is None:
            return Notice(event.kind, event.at)
        job_id = event.job_id
        try:
            job = await self._index.read(lambda t: t.jobs.get(job_id))
        except NotStoredError:
            return None  # purged since: there is nobody left to tell of it
        state, reasons = event.payload.get("job-state"), event.payload.get("job-state-reasons")
        if isinstance(state, int) and isinstance(reasons, list):
            job = replace(job, state=JobState(state), reasons=frozenset(map(str, reasons)))
        return Notice(event.kind, event.at, job)

    async def wait(self, position: int) -> None:
        """Return once something happened after `position`."""
        await self._ledger.wait(position)


class QueueSpool:
    """The jobs of one queue. Its state is read again when the ledger has moved, not for each request."""

    def __init__(self, queue: str, service: JobService, index: Index, log: Ledger, clock: Clock) -> None:
        self._name = queue
        self._service = service
        self._index = index
        self._ledger = log
        self._clock = clock
        self._notices = LedgerNotices(log, index, queue)
        self._status: PrinterStatus | None = None
        self._status_at = -1

    @property
    def notices(self) -> LedgerNotices:
        """What happens here, for subscribers."""
        return self._notices

    @property
    def stamp(self) -> int:
        """Where the ledger stands: nothing of a queue changes without it."""
        return self._ledger.head

    async def queue(self) -> Queue:
        """The queue's row."""
        return await self._index.read(lambda t: t.queues.get(self._name))

    async def status(self) -> PrinterStatus:
        """The state of the queue: processing while a job of it is delivered, stopped while it is paused."""
        head = self._ledger.head
        if self._status is None or self._status_at != head:
            self._status = await self._index.read(self._read_status)
            self._status_at = head
        return self._status

    def _read_status(self, t: Transaction) -> PrinterStatus:
        queue = t.queues.get(self._name)
        active = t.jobs.count_active(self._name)
        printing = active[JobState.PROCESSING]
        reasons = set()
        if queue.paused:
            reasons.add("moving-to-paused" if printing else "paused")
        if queue.holding:
            reasons.add("hold-new-jobs")
        idle = PrinterState.STOPPED if queue.paused else PrinterState.IDLE
        return PrinterStatus(
            state=PrinterState.PROCESSING if printing else idle,
            changed=queue.changed,
            reasons=frozenset(reasons),
            accepting_jobs=queue.accepting,
            holding_new_jobs=queue.holding,
            queued_jobs=active.total(),
        )

    async def command(self, command: Command, user: User) -> None:
        """Carry out what an operator said."""
        now = self._clock()

        def change(t: Transaction) -> None:
            queue = _commanded(t.queues.get(self._name), command)
            t.queues.put(replace(queue, changed=now))
            payload: dict[str, ledger.Json] = {"command": command.value}
            actor = actor_of(t, user)
            t.record(ledger.Event("printer-state-changed", now, actor, subject=self._name, payload=payload))

        await self._index.write(change)
        if command is Command.RELEASE_HELD_NEW_JOBS:
            for job in await self.find(Query(frozenset({JobState.PENDING_HELD}))):
                if "job-held-for-release" in job.reasons and "job-release-wait" not in job.reasons:
                    with suppress(RemoteProtocolError):  # it was canceled meanwhile: the others go on
                        await self._service.change(job.id, Event.RELEASED, user)

    async def configure(self, changes: Sequence[Attribute], user: User) -> None:
        """Keep printer attributes that an operator set."""
        now = self._clock()

        def change(t: Transaction) -> None:
            queue = t.queues.get(self._name)
            attributes = Attributes(queue.attributes)
            for each in changes:
                attributes.put(each)
            t.queues.put(replace(queue, attributes=attributes, changed=now))
            payload: dict[str, ledger.Json] = {"attributes": [each.name for each in changes]}
            actor = actor_of(t, user)
            t.record(ledger.Event("printer-config-changed", now, actor, subject=self._name, payload=payload))

        await self._index.write(change)

    async def identify(self, actions: Sequence[str], message: str, user: User) -> None:
        """Say it in the log; not in the ledger, since anybody may ask, as often as they like."""
        _log.info("queue %s: somebody asks which printer this is (%s)", self._name, ", ".join(actions))

    async def create(self, ticket: Ticket) -> Job:
        """A new job that expects documents."""
        return await self._service.accept(self._name, ticket)

    async def submit(self, ticket: Ticket, document: DocumentTicket, data: AsyncIterator[bytes]) -> Job:
        """A new job with its one document, closed."""
        return await self._service.submit(self._name, ticket, document, data)

    async def receive(
        self, job_id: int, document: DocumentTicket, data: AsyncIterator[bytes], *, last: bool, user: User
    ) -> Job:
        """Take in a document; with `last`, close the job."""
        await self._own(job_id)
        return await self._service.receive(job_id, document, data, last=last, user=user)

    async def change(self, job_id: int, event: Event, user: User, *, message: str = "") -> Job:
        """Let something happen to a job."""
        if event is Event.STOPPED:
            await self._own(job_id)
            raise RemoteProtocolError(
                "what a device has begun cannot be suspended", status=Status.CLIENT_ERROR_NOT_POSSIBLE
            )
        if event is Event.RESTARTED:
            await self._own(job_id)
            return await self._service.restart(job_id, user)
        if event is Event.HELD:
            return await self.amend(job_id, [attribute("job-hold-until", "indefinite")], user)
        # Whether it is of this queue is seen where it is changed: one request may cancel thousands.
        return await self._service.change(job_id, event, user, message=message, printer=self._name)

    async def release(
        self, job_id: int, user: User, *, password: bytes | None = None, peer: str = "", message: str = ""
    ) -> Job:
        """Let a held job print; a parked one comes out of the queue's device, if it has one."""
        job = await self._own(job_id)
        if "job-release-wait" not in job.reasons:
            return await self._service.change(job_id, Event.RELEASED, user, message=message)
        device = (await self.queue()).printer
        if device is None:
            raise RemoteProtocolError("it is released at a printer", status=Status.CLIENT_ERROR_NOT_POSSIBLE)
        return await self._service.release(
            job_id, device, user, password=password, peer=peer, message=message
        )

    async def amend(self, job_id: int, changes: Sequence[Attribute], user: User) -> Job:
        """Set job attributes."""
        await self._own(job_id)
        return await self._service.amend(job_id, changes, user)

    async def get(self, job_id: int) -> Job | None:
        """The job, if it is of this queue."""
        job = await self._service.get(job_id)
        return job if job is not None and job.printer == self._name else None

    async def find(self, query: Query) -> list[Job]:
        """The jobs of this queue that the query asks for."""
        return await self._service.find(query, self._name)

    async def schedule(self, job_id: int, after: int | None, user: User) -> Job:
        """Let a job print next after another one, or before all others."""
        await self._own(job_id)
        return await self._service.schedule(job_id, after, user)

    async def resubmit(self, job_id: int, ticket: Ticket) -> Job:
        """A new job that prints the documents of an old one again."""
        await self._own(job_id)
        return await self._service.resubmit(job_id, self._name, ticket)

    async def forget(self, job_ids: Iterable[int], user: User) -> None:
        """Remove jobs and their history."""
        own = await self.find(Query(ACTIVE | FINISHED, ids=frozenset(job_ids)))
        await self._service.forget([job.id for job in own], user)

    async def _own(self, job_id: int) -> Job:
        job = await self.get(job_id)
        if job is None:
            raise RemoteProtocolError(f"no job {job_id}", status=Status.CLIENT_ERROR_NOT_FOUND)
        return job


def _commanded(queue: Queue, command: Command) -> Queue:
    """The queue as a command leaves it."""
    if command in (Command.PAUSE, Command.PAUSE_AFTER_CURRENT_JOB):
        return replace(queue, paused=True)
    if command is Command.RESUME:
        return replace(queue, paused=False)
    if command in (Command.ENABLE, Command.DISABLE):
        return replace(queue, accepting=command is Command.ENABLE)
    if command in (Command.HOLD_NEW_JOBS, Command.RELEASE_HELD_NEW_JOBS):
        return replace(queue, holding=command is Command.HOLD_NEW_JOBS)
    running = command is not Command.SHUTDOWN
    return replace(queue, paused=not running, accepting=running)
