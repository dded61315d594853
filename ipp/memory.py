"""A spool that keeps everything in memory: for a printer in a test, an example, or a small appliance."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Final, Self, TypeAlias
from uuid import uuid4

from .enums import Status
from .errors import RemoteProtocolError
from .exchange import User
from .job import ACTIVE, Document, Event, Job, advance
from .message import Attribute, Attributes
from .spool import Clock, Command, DocumentTicket, Notice, PrinterStatus, Query, Ticket, utc_now
from .values import OutOfBand
from .vocabulary.enums import DocumentState, JobState, PrinterState

_log: Final = logging.getLogger(__name__)

SWEEP_EVERY_S: Final = 30.0

# Prints one document; raising makes the job aborted.
Deliver: TypeAlias = Callable[[Job, Document, bytes], Awaitable[None]]


class MemoryNotices:
    """The most recent notices, in order."""

    def __init__(self, kept: int = 1000) -> None:
        self._notices: deque[Notice] = deque(maxlen=kept)
        self._position = 0
        self._more = asyncio.Event()

    @property
    def position(self) -> int:
        """How many there have been."""
        return self._position

    def publish(self, notice: Notice) -> None:
        """Add a notice and wake those who wait."""
        self._notices.append(notice)
        self._position += 1
        self._more.set()
        self._more = asyncio.Event()

    async def since(self, position: int) -> tuple[Sequence[Notice], int]:
        """The notices after `position` that are still kept, and the position after them."""
        missing = min(self._position - position, len(self._notices))
        return list(self._notices)[len(self._notices) - missing :] if missing > 0 else [], self._position

    async def wait(self, position: int) -> None:
        """Return once there is a notice after `position`."""
        while self._position <= position:
            await self._more.wait()


class MemorySpool:
    """Jobs in memory, printed one after the other by `deliver`.

    Bounded: `octets` of documents are kept in all, those of finished jobs (for Restart-Job) going first;
    `waiting` jobs that are not finished, and `history` that are. What does not fit is refused. A job whose
    documents stop coming for the time of an `operation` (multiple-operation-time-out) is aborted. Use as an
    async context manager: leaving it stops printing.
    """

    def __init__(
        self,
        deliver: Deliver,
        *,
        name: str = "printer",
        clock: Clock = utc_now,
        octets: int = 256 << 20,
        waiting: int = 1000,
        history: int = 500,
        operation: timedelta = timedelta(seconds=300),
    ) -> None:
        self._deliver = deliver
        self._name = name
        self._clock = clock
        self._octets = octets
        self._waiting = waiting
        self._history = history
        self._operation = operation
        self._arriving: dict[int, datetime] = {}  # jobs that expect documents, and when octets last came
        self._ids = count(1)
        self._jobs: dict[int, Job] = {}
        self._data: dict[tuple[int, int], bytes] = {}
        self._coming_octets = 0  # of documents that are not whole yet
        self._order: list[int] = []  # of active jobs, as they will print
        self._ready = asyncio.Event()
        self._printing: asyncio.Task[None] | None = None
        self._worker: asyncio.Task[None] | None = None
        self._status = PrinterStatus(PrinterState.IDLE, clock())
        self._paused = False
        self._notices = MemoryNotices()

    async def __aenter__(self) -> Self:
        self._worker = asyncio.create_task(self._work(), name=f"print {self._name}")
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in (self._worker, self._printing):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    @property
    def notices(self) -> MemoryNotices:
        """What happens here, for subscribers."""
        return self._notices

    @property
    def stamp(self) -> tuple[PrinterStatus, int]:
        """All that the status is made of."""
        return self._status, len(self._order)

    async def status(self) -> PrinterStatus:
        """The state of the printer now."""
        return replace(self._status, queued_jobs=len(self._order))

    async def command(self, command: Command, user: User) -> None:
        """Carry out what an operator said."""
        status = self._status
        if command in (Command.PAUSE, Command.PAUSE_AFTER_CURRENT_JOB, Command.SHUTDOWN):
            self._paused = True
        elif command in (Command.RESUME, Command.RESTART, Command.STARTUP):
            self._paused = False
        if command in (Command.ENABLE, Command.DISABLE):
            status = replace(status, accepting_jobs=command is Command.ENABLE)
        elif command in (Command.SHUTDOWN, Command.RESTART, Command.STARTUP):
            status = replace(status, accepting_jobs=command is not Command.SHUTDOWN)
        elif command in (Command.HOLD_NEW_JOBS, Command.RELEASE_HELD_NEW_JOBS):
            status = replace(status, holding_new_jobs=command is Command.HOLD_NEW_JOBS)
        self._status = status
        if command is Command.RELEASE_HELD_NEW_JOBS:
            for job_id in list(self._order):
                if "job-held-for-release" in self._jobs[job_id].reasons:
                    await self.change(job_id, Event.RELEASED, user)
        self._show_state()
        self._ready.set()

    def _show_state(self) -> None:
        """Let printer-state follow from what the printer does and was told."""
        if self._printing is not None:
            state = PrinterState.PROCESSING
        else:
            state = PrinterState.STOPPED if self._paused else PrinterState.IDLE
        told = {"moving-to-paused" if self._printing is not None else "paused"} if self._paused else set()
        reasons = frozenset(told | ({"hold-new-jobs"} if self._status.holding_new_jobs else set()))
        if (state, reasons) != (self._status.state, self._status.reasons):
            now = self._clock()
            self._status = replace(self._status, state=state, reasons=reasons, changed=now)
            self._notices.publish(Notice("printer-state-changed", now))

    async def configure(self, changes: Sequence[Attribute], user: User) -> None:
        """Nothing to keep: a printer in memory forgets with its process."""
        self._notices.publish(Notice("printer-config-changed", self._clock()))

    async def identify(self, actions: Sequence[str], message: str, user: User) -> None:
        """Say it in the log: a printer in memory has no lamp."""
        _log.warning("%s: here I am (%s) %s", self._name, ", ".join(actions), message)

    async def create(self, ticket: Ticket) -> Job:
        """A new job that expects documents."""
        if ticket.password is not None:
            # Nothing here asks for it again: a job that seems locked and is not would be worse than none.
            raise RemoteProtocolError(
                "a spool in memory keeps no job-password",
                status=Status.CLIENT_ERROR_ATTRIBUTES_OR_VALUES_NOT_SUPPORTED,
            )
        if len(self._order) >= self._waiting:
            raise RemoteProtocolError(
                f"{self._waiting} jobs wait already", status=Status.SERVER_ERROR_TOO_MANY_JOBS
            )
        job_id = next(self._ids)
        held = ticket.hold_until != "no-hold"
        reasons = {"job-incoming"}
        if held:
            reasons.add("job-hold-until-specified")
        elif self._status.holding_new_jobs:
            reasons.add("job-held-for-release")
        job = Job(
            id=job_id,
            uuid=uuid4(),
            printer=self._name,
            owner=ticket.user.name,
            name=ticket.name,
            created=self._clock(),
            state=JobState.PENDING_HELD if len(reasons) > 1 else JobState.PENDING,
            reasons=frozenset(reasons),
            attributes=ticket.attributes,
            priority=ticket.priority,
        )
        self._jobs[job_id] = job
        self._arriving[job_id] = job.created
        self._enqueue(job)
        self._notices.publish(Notice("job-created", job.created, job))
        return job

    async def submit(self, ticket: Ticket, document: DocumentTicket, data: AsyncIterator[bytes]) -> Job:
        """A new job with its one document, closed; aborted where that fails."""
        job = await self.create(ticket)
        try:
            return await self.receive(job.id, document, data, last=True, user=ticket.user)
        except BaseException:
            with suppress(RemoteProtocolError):  # somebody ended it already
                await self._happen(job.id, Event.ABORTED)
            raise

    def _enqueue(self, job: Job) -> None:
        """Behind every job of the same or a higher priority."""
        position = sum(1 for other in self._order if self._jobs[other].priority >= job.priority)
        self._order.insert(position, job.id)

    async def receive(
        self, job_id: int, document: DocumentTicket, data: AsyncIterator[bytes], *, last: bool, user: User
    ) -> Job:
        """Take in a document; with `last`, close the job. A document cut short leaves the job as it was."""
        self._need(job_id)
        whole = await self._take(job_id, data)
        job = self._need(job_id)
        if whole or not last:
            number, octets, now = len(job.documents) + 1, len(whole), self._clock()
            added = Document(
                number, document.name, document.format, octets, now, attributes=document.attributes
            )
            job = advance(job, Event.RECEIVED, now)
            self._data[job_id, number] = whole
            self._jobs[job_id] = replace(job, documents=(*job.documents, added))
        if last:
            await self._happen(job_id, Event.CLOSED)
        self._ready.set()
        return self._need(job_id)

    async def _take(self, job_id: int, data: AsyncIterator[bytes]) -> bytes:
        """The whole document, as far as there is room for it beside all that is kept and all that comes."""
        chunks: list[bytes] = []
        octets = 0
        try:
            async for chunk in data:
                if job_id in self._arriving:
                    self._arriving[job_id] = self._clock()
                octets += len(chunk)
                self._coming_octets += len(chunk)
                if octets > self._octets:
                    raise RemoteProtocolError(
                        f"a document of more than {self._octets} octets",
                        status=Status.CLIENT_ERROR_REQUEST_ENTITY_TOO_LARGE,
                    )
                if not self._make_room():
                    raise RemoteProtocolError(
                        f"documents of {self._octets} octets wait already",
                        status=Status.SERVER_ERROR_TEMPORARY_ERROR,
                    )
                chunks.append(chunk)
            return b"".join(chunks)
        finally:
            self._coming_octets -= octets

    def _make_room(self) -> bool:
        """Forget the documents of finished jobs, oldest first, until all fits; whether it does."""
        kept = self._coming_octets + sum(map(len, self._data.values()))
        for key in list(self._data):
            if kept <= self._octets:
                break
            if self._jobs[key[0]].finished:
                kept -= len(self._data.pop(key))
        return kept <= self._octets

    async def change(self, job_id: int, event: Event, user: User, *, message: str = "") -> Job:
        """Let something happen to a job."""
        job = self._need(job_id)
        if event is Event.RESTARTED and any(
            (job_id, each.number) not in self._data for each in job.documents
        ):
            raise RemoteProtocolError("its documents are gone", status=Status.CLIENT_ERROR_NOT_POSSIBLE)
        add = {"job-hold-until-specified"} if event is Event.HELD else set[str]()
        if event is Event.CANCELED:
            add.add("job-canceled-by-user" if user.name == job.owner else "job-canceled-by-operator")
        return await self._happen(job_id, event, add=add, message=message)

    async def release(
        self, job_id: int, user: User, *, password: bytes | None = None, peer: str = "", message: str = ""
    ) -> Job:
        """Let a held job print; no job here has a password."""
        return await self._happen(job_id, Event.RELEASED, message=message)

    async def _happen(self, job_id: int, event: Event, *, add: Iterable[str] = (), message: str = "") -> Job:
        before = self._need(job_id)
        job = self._jobs[job_id] = advance(before, event, self._clock(), add=add, message=message)
        taken_away = before.state is JobState.PROCESSING and job.state is not JobState.PROCESSING
        if taken_away and self._printing not in (None, asyncio.current_task()):
            self._printing.cancel()
        if not job.incoming:
            self._arriving.pop(job_id, None)
        if job.finished:
            self._order.remove(job_id)
            self._forget_old()
        elif event is Event.RESTARTED:
            self._enqueue(job)
        if job.finished:
            self._notices.publish(Notice("job-completed", self._clock(), job))
        elif (job.state, job.reasons) != (before.state, before.reasons):
            self._notices.publish(Notice("job-state-changed", self._clock(), job))
        self._ready.set()
        return job

    def _forget_old(self) -> None:
        finished = [job_id for job_id, job in self._jobs.items() if job.finished]
        for job_id in finished[: max(0, len(finished) - self._history)]:
            self._drop(job_id)

    def _drop(self, job_id: int) -> None:
        job = self._jobs.pop(job_id)
        for document in job.documents:
            self._data.pop((job_id, document.number), None)

    async def amend(self, job_id: int, changes: Sequence[Attribute], user: User) -> Job:
        """Set job attributes."""
        job = self._need(job_id)
        attributes = Attributes(job.attributes)
        for change in changes:
            if change.value is OutOfBand.DELETE_ATTRIBUTE:
                attributes.discard(change.name)
            else:
                attributes.put(change)
        changed = Attributes(changes)
        name, priority = changed.string("job-name", job.name), changed.integer("job-priority", job.priority)
        self._jobs[job_id] = replace(
            job, attributes=attributes, name=name, priority=priority, version=job.version + 1
        )
        if priority != job.priority and job_id in self._order:
            self._order.remove(job_id)
            self._enqueue(self._jobs[job_id])
        self._notices.publish(Notice("job-config-changed", self._clock(), self._jobs[job_id]))
        hold_until = changed.string("job-hold-until")
        if hold_until is not None:
            await self._happen(
                job_id,
                Event.RELEASED if hold_until == "no-hold" else Event.HELD,
                add=() if hold_until == "no-hold" else ("job-hold-until-specified",),
            )
        return self._jobs[job_id]

    async def get(self, job_id: int) -> Job | None:
        """The job, or None."""
        return self._jobs.get(job_id)

    async def find(self, query: Query) -> list[Job]:
        """The jobs that the query asks for."""
        place = {job_id: index for index, job_id in enumerate(self._order)}
        found = [
            job
            for job in self._jobs.values()
            if job.state in query.states
            and (query.owner is None or job.owner == query.owner)
            and (query.ids is None or job.id in query.ids)
        ]
        if query.newest_first:
            found.sort(key=lambda job: (job.completed or job.created, job.id), reverse=True)
        else:
            found.sort(key=lambda job: (place.get(job.id, len(place)), job.id))
        start = query.first_index - 1
        return found[start : None if query.limit is None else start + query.limit]

    async def schedule(self, job_id: int, after: int | None, user: User) -> Job:
        """Let a job print next after another one, or before all others."""
        job = self._need(job_id)
        if job.state not in (JobState.PENDING, JobState.PENDING_HELD) or (after and after not in self._order):
            raise RemoteProtocolError("it is not waiting", status=Status.CLIENT_ERROR_NOT_POSSIBLE)
        self._order.remove(job_id)
        self._order.insert(self._order.index(after) + 1 if after else 0, job_id)
        return job

    async def resubmit(self, job_id: int, ticket: Ticket) -> Job:
        """A new job that prints the documents of an old one again."""
        old = self._need(job_id)
        if not old.documents or any((job_id, each.number) not in self._data for each in old.documents):
            raise RemoteProtocolError("its documents are gone", status=Status.CLIENT_ERROR_NOT_POSSIBLE)
        job = await self.create(ticket)
        for document in old.documents:
            self._data[job.id, document.number] = self._data[job_id, document.number]
        documents = tuple(replace(each, state=DocumentState.PENDING) for each in old.documents)
        self._jobs[job.id] = replace(job, documents=documents)
        return await self._happen(job.id, Event.CLOSED)

    async def forget(self, job_ids: Iterable[int], user: User) -> None:
        """Remove jobs and their history."""
        for job_id in job_ids:
            if job_id in self._jobs:
                if self._jobs[job_id].state in ACTIVE:
                    await self.change(job_id, Event.CANCELED, user)
                if job_id in self._jobs:
                    self._drop(job_id)

    def _need(self, job_id: int) -> Job:
        job = self._jobs.get(job_id)
        if job is None:
            raise RemoteProtocolError(f"no job {job_id}", status=Status.CLIENT_ERROR_NOT_FOUND)
        return job

    async def sweep(self) -> None:
        """Abort the jobs whose documents stopped coming."""
        now = self._clock()
        for job_id in [each for each, last in self._arriving.items() if now - last > self._operation]:
            await self._happen(
                job_id, Event.ABORTED, add={"aborted-by-system"}, message="its documents stopped coming"
            )

    async def _work(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_EVERY_S):
                    await self._ready.wait()
            self._ready.clear()
            await self.sweep()
            while (job_id := self._next()) is not None:
                job = await self._happen(job_id, Event.STARTED)
                self._printing = asyncio.create_task(self._print(job), name=str(job_id))
                self._show_state()
                await asyncio.wait([self._printing])
                self._printing = None
                self._show_state()

    def _next(self) -> int | None:
        if self._paused:
            return None
        jobs = (self._jobs[job_id] for job_id in self._order)
        return next((job.id for job in jobs if job.state is JobState.PENDING and not job.incoming), None)

    async def _print(self, job: Job) -> None:
        try:
            for document in job.documents:
                await self._deliver(job, document, self._data[job.id, document.number])
        except Exception:
            _log.exception("job %d could not be printed", job.id)
            await self._happen(job.id, Event.ABORTED, add={"aborted-by-system"})
        else:
            await self._happen(job.id, Event.COMPLETED)
