"""The one writer of jobs: every change of a job goes through here, with its ledger event, in one transaction.

Whoever wants a job changed (an IPP operation, the command line, a page, the delivery) calls the same
functions, so each change is checked by the same table (`ipp.job.TRANSITIONS`), told by the same event and
durable before the call returns.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias
from uuid import UUID, uuid4

from ipp import Attribute, Attributes, JobState, OutOfBand, RemoteProtocolError, Status
from ipp.dnssd import cut_octets
from ipp.exchange import User
from ipp.job import ACTIVE, Event, Job, advance
from ipp.spool import Clock, DocumentTicket, Query, Ticket
from server.errors import NotStoredError, StorageError, VersionConflictError
from server.jobs.actors import SYSTEM, actor_of
from server.jobs.arrival import add_document, check_number, check_size, make_job, put_before, read_ahead
from server.jobs.intake import Intake, Received
from server.jobs.lock import LOCKED, PARKED, Lock, parked_reasons
from server.jobs.telling import kind_of, record
from server.storage import ledger
from server.storage.index import Index, Transaction
from server.storage.vault import Vault

_log: Final = logging.getLogger(__name__)

# A document up to this length is read before its job is made: both are then one row written once, in one
# transaction. Of a larger one, which may take its time, the job is there and can be canceled while it comes.
WHOLE_OCTETS_MAX: Final = 256 << 10

# A job-state-message is text(1023); what a device says may be longer.
MESSAGE_OCTETS_MAX: Final = 1023

Also: TypeAlias = Callable[[Transaction, Job], None]


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long things are kept: a parked job, the documents of a delivered one, a finished job's history,
    and a job whose documents stop coming; and how many jobs of one owner may wait or print."""

    parked: timedelta = timedelta(hours=72)
    delivered: timedelta = timedelta(0)
    history: timedelta = timedelta(days=30)
    operation: timedelta = timedelta(seconds=300)
    waiting_per_owner_max: int = 1000


class JobService:
    """All jobs of one tenant. Raises `RemoteProtocolError` with the status that an IPP client is to see."""

    def __init__(
        self,
        index: Index,
        vault: Vault,
        intake: Intake,
        clock: Clock,
        lock: Lock,
        keeping: Keeping = Keeping(),
    ) -> None:
        self._index = index
        self._vault = vault
        self._intake = intake
        self._clock = clock
        self._lock = lock
        self.keeping = keeping
        self._arriving: dict[int, datetime] = {}  # jobs that expect documents, and when one last came

    async def get(self, job_id: int) -> Job | None:
        """The job, or None."""
        try:
            return await self._index.read(lambda t: t.jobs.get(job_id))
        except NotStoredError:
            return None

    async def find(self, query: Query, queue: str | None = None) -> list[Job]:
        """The jobs that the query asks for, of one queue or of all."""
        return await self._index.read(lambda t: t.jobs.find(query, printer=queue))

    async def submit(
        self, queue: str, ticket: Ticket, document: DocumentTicket, data: AsyncIterator[bytes]
    ) -> Job:
        """A new job with its one document: both durable when this returns, or neither is kept.

        Of a job whose document breaks off on the way, one that was there already stays as aborted. Raises
        StorageFullError where the disk has no room for more.
        """
        check_size(ticket.attributes)
        check_size(document.attributes)
        self._intake.check_room()
        head, rest = await read_ahead(data, WHOLE_OCTETS_MAX)
        if rest is None:
            return await self._submit_whole(queue, ticket, await self._intake.receive_whole(head, document))
        job = await self.accept(queue, ticket)
        try:
            return await self.receive(job.id, document, put_before(head, rest), last=True, user=ticket.user)
        except BaseException:
            # Half a document is no job: the client was not told of it, and cannot add to it.
            with suppress(RemoteProtocolError):  # it has ended already: what broke it off is what is told
                await self.change(job.id, Event.ABORTED, ticket.user)
            raise

    async def _submit_whole(self, queue: str, ticket: Ticket, received: Received) -> Job:
        """One transaction for the job and its document; its events tell both steps, as ever."""
        now, uuid = self._clock(), uuid4()
        events = [Event.RECEIVED, Event.CLOSED]

        def submit(t: Transaction) -> Job:
            self._check_waiting(t, ticket.user.name)
            job = made = make_job(t.queues.get(queue), ticket, uuid, now)
            for event in events:
                job = advance(job, event, now)
            job = add_document(job, received, now)
            job = t.jobs.add(job, expires=now + self.keeping.parked, password=secret)
            t.documents.add(job.id, received.taken.stored(1), received.taken.inline)
            actor = actor_of(t, ticket.user)
            record(t, "job-created", replace(made, id=job.id), actor, now)
            record(t, "job-state-changed", job, actor, now, events)
            return job

        try:
            secret = await self._hash(ticket)
            return await self._index.write(submit)
        except asyncio.CancelledError:
            await self._withdraw(uuid, received, ticket.user)
            raise
        except Exception:
            await self._intake.discard(received)
            raise

    async def _withdraw(self, uuid: UUID, received: Received, user: User) -> None:
        """End the job of a client that left before it was told of it, if it was stored at all."""
        try:  # the writer takes changes in their order: behind that of the job, so as to see it
            job = await self._index.write(lambda t: t.jobs.get_by_uuid(uuid))
        except NotStoredError:
            await self._intake.discard(received)
        else:
            with suppress(RemoteProtocolError):  # it came out, or was canceled, before
                await self.change(job.id, Event.ABORTED, user)

    async def accept(self, queue: str, ticket: Ticket) -> Job:
        """A new job that expects documents: parked in a hold queue, else waiting for its device.

        Raises StorageFullError where the disk has no room for more.
        """
        check_size(ticket.attributes)
        self._intake.check_room()
        secret = await self._hash(ticket)
        now = self._clock()

        def add(t: Transaction) -> Job:
            self._check_waiting(t, ticket.user.name)
            job = make_job(t.queues.get(queue), ticket, uuid4(), now)
            job = t.jobs.add(job, expires=now + self.keeping.parked, password=secret)
            record(t, "job-created", job, actor_of(t, ticket.user), now)
            return job

        job = await self._index.write(add)
        self._arriving[job.id] = now
        return job

    async def _hash(self, ticket: Ticket) -> str | None:
        return None if ticket.password is None else await self._lock.hash(ticket.password)

    def _check_waiting(self, t: Transaction, owner: str) -> None:
        """Asked in the transaction that adds a job: two at the same moment do not both get the last place."""
        waiting = t.jobs.count_active_of(owner)
        if waiting >= self.keeping.waiting_per_owner_max:
            raise RemoteProtocolError(
                f"{waiting} jobs of one owner", status=Status.SERVER_ERROR_TOO_MANY_JOBS
            )

    async def receive(
        self, job_id: int, document: DocumentTicket, data: AsyncIterator[bytes], *, last: bool, user: User
    ) -> Job:
        """Take in a document: durable, and the job with it, when this returns. If it fails, nothing stays."""
        check_size(document.attributes)
        self._intake.check_room()
        check_number(await self._need(job_id))
        received = await self._intake.receive(data, document, self._touch(job_id))
        try:
            return await self._change(
                job_id, [Event.RECEIVED, *([Event.CLOSED] if last else [])], user, document=received
            )
        except Exception:  # when cancelled nobody knows whether it was stored: what was not, the sweep finds
            await self._intake.discard(received)
            raise

    def _touch(self, job_id: int) -> Callable[[], None]:
        def touch() -> None:
            self._arriving[job_id] = self._clock()

        return touch

    async def change(
        self,
        job_id: int,
        event: Event,
        user: User,
        *,
        add: Iterable[str] = (),
        drop: Iterable[str] = (),
        message: str = "",
        impressions: int | None = None,
        also: Also | None = None,
        printer: str | None = None,
    ) -> Job:
        """Let something happen to a job; `add` and `drop` are reasons, `impressions` is how many came out.

        `also` runs in the same transaction, after the row is written; what it raises undoes all. With
        `printer`, only where the job is of that queue.
        """
        return await self._change(
            job_id,
            [event],
            user,
            add=add,
            drop=drop,
            message=message,
            impressions=impressions,
            also=also,
            printer=printer,
        )

    async def release(
        self,
        job_id: int,
        device: str,
        user: User,
        *,
        password: bytes | None = None,
        peer: str = "",
        message: str = "",
    ) -> Job:
        """Let a parked job come out of a device. The same call for every way in which a person asks.

        A job with a job-password comes out for nobody without it: see `Lock.open`.
        """
        await self._lock.open(await self._need(job_id), password, user, peer)
        return await self._change(job_id, [Event.RELEASED], user, device=device, message=message)

    async def restart(self, job_id: int, user: User) -> Job:
        """Print a finished job again, if its documents are still there; parked again, if it was."""
        job = await self._need(job_id)
        reasons = await self._index.read(lambda t: parked_reasons(t, job))
        events = [Event.RESTARTED, *([Event.HELD] if reasons else [])]
        return await self._change(job_id, events, user, add=reasons)

    async def _change(
        self,
        job_id: int,
        events: Sequence[Event],
        user: User,
        *,
        add: Iterable[str] = (),
        drop: Iterable[str] = (),
        message: str = "",
        document: Received | None = None,
        device: str | None = None,
        impressions: int | None = None,
        version: int | None = None,
        also: Also | None = None,
        printer: str | None = None,
    ) -> Job:
        """Events, one after the other, in one transaction, and what they bring with them.

        With `version`, only where the job is at that version: else raises VersionConflictError.
        """
        now = self._clock()
        message = cut_octets(message, MESSAGE_OCTETS_MAX)

        def change(t: Transaction) -> tuple[Job, list[str]]:
            before = job = _stored(t, job_id, printer)
            if Event.RELEASED in events:
                _check_release(t, before, device)
            if Event.RESTARTED in events and len(t.documents.of(job_id)) < len(job.documents):
                raise RemoteProtocolError("its documents are gone", status=Status.CLIENT_ERROR_NOT_POSSIBLE)
            for event in events:
                reasons = _reasons(event, job, user, add) if event is events[-1] else ()
                job = advance(job, event, now, add=reasons, drop=drop, message=message)
            if document is not None:
                job = add_document(job, document, now)
                t.documents.add(job.id, document.taken.stored(len(job.documents)), document.taken.inline)
            if device is not None:
                job = replace(job, output_device=device)
            if impressions is not None:
                job = replace(job, impressions_completed=impressions)
            job = t.jobs.update(job, before.version if version is None else version)
            gone = self._settle(t, job, before, now)
            if also is not None:
                also(t, job)
            record(t, kind_of(before, job), job, actor_of(t, user), now, events)
            return job, gone

        job, gone = await self._index.write(change)
        if not job.incoming:
            self._arriving.pop(job_id, None)
        await self._delete(gone)
        return job

    def _settle(self, t: Transaction, job: Job, before: Job, now: datetime) -> list[str]:
        """What a new state means for expiry and for the documents; gives the blobs that are garbage now."""
        if job.finished and not before.finished:
            kept = self.keeping.delivered if job.state is JobState.COMPLETED else timedelta(0)
            if not kept:
                return t.documents.destroy(job.id)
        elif before.finished or PARKED in before.reasons - job.reasons:
            t.jobs.expire_at(job.id, now + self.keeping.parked)
        return []

    async def _delete(self, blobs: Iterable[str]) -> None:
        """Delete ciphertext whose key is gone; what fails here the vault's sweep finds."""
        try:
            await self._vault.delete(list(blobs))
        except StorageError as error:
            _log.warning("ciphertext could not be deleted now: %s", error)

    async def amend(self, job_id: int, changes: Sequence[Attribute], user: User) -> Job:
        """Set job attributes; one whose value is delete-attribute goes. job-hold-until holds or releases."""
        now = self._clock()
        changed = Attributes(changes)

        def change(t: Transaction) -> Job:
            before = _stored(t, job_id)
            attributes = Attributes(before.attributes)
            for each in changes:
                if each.value is OutOfBand.DELETE_ATTRIBUTE:
                    attributes.discard(each.name)
                else:
                    attributes.put(each)
            check_size(attributes)
            job = replace(
                before,
                attributes=attributes,
                name=changed.string("job-name", before.name),
                priority=changed.integer("job-priority", before.priority),
                version=before.version + 1,
            )
            until = changed.string("job-hold-until")
            if until == "no-hold":
                job = _without_hold(job, now)
            elif until is not None:
                # What was released and did not begin to come out is parked again, and its lock closed.
                waits_for = {"job-hold-until-specified"} | parked_reasons(t, job)
                job = advance(job, Event.HELD, now, add=waits_for)
            job = t.jobs.update(job, before.version)
            kind = "job-config-changed" if job.state == before.state else "job-state-changed"
            record(t, kind, job, actor_of(t, user), now)
            return job

        return await self._index.write(change)

    async def schedule(self, job_id: int, after: int | None, user: User) -> Job:
        """Let a job print next after another one, or before all others."""
        now = self._clock()

        def change(t: Transaction) -> Job:
            job = _stored(t, job_id)
            if job.state not in (JobState.PENDING, JobState.PENDING_HELD):
                raise RemoteProtocolError("it does not wait", status=Status.CLIENT_ERROR_NOT_POSSIBLE)
            try:
                t.jobs.schedule(job_id, after)
            except NotStoredError as error:
                raise RemoteProtocolError(str(error), status=Status.CLIENT_ERROR_NOT_POSSIBLE) from error
            record(t, "job-config-changed", job, actor_of(t, user), now)
            return job

        return await self._index.write(change)

    async def resubmit(self, job_id: int, queue: str, ticket: Ticket) -> Job:
        """A new job with the documents of an old one; they last as long as either has them.

        Not of one with a job-password: a copy would come out without it.
        """
        await self._need(job_id)
        if await self._index.read(lambda t: t.jobs.password(job_id)) is not None:
            raise RemoteProtocolError("it has a password", status=Status.CLIENT_ERROR_NOT_POSSIBLE)
        job = await self.accept(queue, ticket)
        now = self._clock()

        def share(t: Transaction) -> Job:
            old, new = _stored(t, job_id), _stored(t, job.id)
            if not old.documents or len(t.documents.of(job_id)) < len(old.documents):
                raise RemoteProtocolError("its documents are gone", status=Status.CLIENT_ERROR_NOT_POSSIBLE)
            t.documents.share(job_id, new.id)
            closed = advance(
                replace(new, documents=old.documents, impressions=old.impressions), Event.CLOSED, now
            )
            closed = t.jobs.update(closed, new.version)
            record(t, "job-state-changed", closed, actor_of(t, ticket.user), now)
            return closed

        try:
            return await self._index.write(share)
        except BaseException:
            await self.change(job.id, Event.ABORTED, ticket.user)
            raise
        finally:
            self._arriving.pop(job.id, None)

    async def forget(self, job_ids: Iterable[int], user: User) -> None:
        """Remove jobs and their history; those that are not finished are canceled first."""
        # At once, so that the writer commits them together.
        await asyncio.gather(*(self._purge(job_id, user) for job_id in job_ids))

    async def _purge(self, job_id: int, user: User) -> None:
        job = await self.get(job_id)
        if job is not None and job.state in ACTIVE:
            with suppress(RemoteProtocolError):  # it ended by itself meanwhile
                await self.change(job_id, Event.CANCELED, user)
        await self._forget(job_id, user)

    async def _forget(self, job_id: int, user: User) -> None:
        now = self._clock()

        def change(t: Transaction) -> list[str]:
            t.record(ledger.Event("job-purged", now, actor_of(t, user), job_id=job_id))
            return t.jobs.forget(job_id)

        await self._delete(await self._index.write(change))

    async def sweep(self) -> None:
        """End what is over: parked jobs that expired, uploads that stopped, old history, stray ciphertext."""
        now = self._clock()
        while over := await self._index.read(lambda t: t.jobs.expired(now)):
            ended = await self._end_all(over, "the time for which it is kept is over")
            if ended < len(over):  # what was released or ended meanwhile is seen again, or not, by the next
                break
        incoming = await self._index.read(lambda t: t.jobs.incoming())
        for job_id in self._arriving.keys() - {job.id for job in incoming}:
            del self._arriving[job_id]
        # After a restart nobody remembers when a document last came: the time begins anew.
        stopped = [
            job for job in incoming if now - self._arriving.setdefault(job.id, now) > self.keeping.operation
        ]
        await self._end_all(stopped, "its documents stopped coming")
        while old := await self._index.read(lambda t: t.jobs.finished_before(now - self.keeping.history)):
            await asyncio.gather(*(self._forget(job_id, SYSTEM) for job_id in old))
        await self._vault.sweep(now)

    async def _end_all(self, jobs: Iterable[Job], why: str) -> int:
        """End jobs at once, so that the writer commits them together; return how many were ended."""
        return sum(await asyncio.gather(*(self._end(job, why) for job in jobs)))

    async def _end(self, job: Job, why: str) -> bool:
        """End a job, if it is still as the sweep saw it: not released, closed or ended since."""
        add = ("aborted-by-system",)
        try:
            await self._change(job.id, [Event.ABORTED], SYSTEM, add=add, message=why, version=job.version)
        except (RemoteProtocolError, VersionConflictError) as error:
            _log.info("job %d is left alone, it has changed: %s", job.id, error)
            return False
        return True

    async def _need(self, job_id: int) -> Job:
        return await self._index.read(lambda t: _stored(t, job_id))


def _stored(t: Transaction, job_id: int, printer: str | None = None) -> Job:
    try:
        job = t.jobs.get(job_id)
    except NotStoredError as error:
        raise RemoteProtocolError(str(error), status=Status.CLIENT_ERROR_NOT_FOUND) from error
    if printer not in (None, job.printer):
        raise RemoteProtocolError(f"no job {job_id} in {printer}", status=Status.CLIENT_ERROR_NOT_FOUND)
    return job


def _reasons(event: Event, job: Job, user: User, add: Iterable[str]) -> set[str]:
    """The reasons that an event brings, with who canceled the job where nobody says so."""
    reasons = set(add)
    if event is Event.CANCELED and not any(reason.startswith("job-canceled-") for reason in reasons):
        reasons.add("job-canceled-by-user" if user.name == job.owner else "job-canceled-by-operator")
    return reasons


def _check_release(t: Transaction, job: Job, device: str | None) -> None:
    """No device has it yet; and a parked job comes out where somebody asked for it."""
    if t.deliveries.is_under_way(job.id):
        raise RemoteProtocolError("a device has it", status=Status.CLIENT_ERROR_NOT_POSSIBLE)
    if PARKED in job.reasons and device is None:
        raise RemoteProtocolError("it is released at a printer", status=Status.CLIENT_ERROR_NOT_POSSIBLE)


def _without_hold(job: Job, now: datetime) -> Job:
    """The job without job-hold-until; it stays parked where it waits for its owner."""
    left = job.reasons - {"job-hold-until-specified"}
    if job.state is not JobState.PENDING_HELD or left & {PARKED, LOCKED}:
        return replace(job, reasons=left)
    return advance(job, Event.RELEASED, now)
