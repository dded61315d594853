"""The dispatcher: released jobs are claimed, brought to their devices, and their outcome is recorded.

Which job is next, who has it and what became of it is in the index alone: any number of dispatchers may work
on it, and what one leaves behind when it is killed, another, or the same one started again, carries to its
end. A delivery is in the journal before its first octet leaves, and nothing is sent twice unless the device
said that it did not print it, or a person asked for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final, Protocol, TypeAlias

from ipp import JobState, RemoteProtocolError
from ipp.job import Event
from ipp.spool import Clock
from server.delivery import open_transport
from server.delivery.journal import STOPPED, Begun, Ending, Journal, TakenError
from server.delivery.transport import (
    Cargo,
    DeliveryError,
    Device,
    NotDeliveredError,
    OutcomeUnknownError,
    Progress,
    Receipt,
    Shipment,
    Transport,
)
from server.errors import NotStoredError, PullprintError, StorageError
from server.jobs.service import JobService
from server.storage.deliveries import Delivery, Outcome
from server.storage.dispatch import Waiting
from server.storage.documents import StoredDocument
from server.storage.index import Index, Transaction
from server.storage.ledger import Ledger

_log: Final = logging.getLogger(__name__)

_PAUSE_MAX_S: Final = 300.0
_FLOCK_S: Final = 0.02
_LATE: Final = (
    "It did not come out for long after it was released. Release it again when you are at the printer."
)


@dataclass(frozen=True, slots=True)
class Policy:
    """Bounds of the dispatcher.

    At most `deliveries_max` at once. A claim lasts `lease_s` unless it is renewed. A device that cannot be
    reached or is busy is tried again, after `retry_s`, then twice as long and so on up to five minutes, for
    `hold_patience` where a person stands and waits, for `direct_patience` where a queue delivers by itself.
    A job that was released and has not begun to come out within `release_lasts` is parked again: who released
    it does not stand there any more. A delivery that is to end, its job canceled or the daemon told to stop,
    has `settle_s` for it; one that is under way when the daemon stops may go on for `grace_s` before.
    """

    deliveries_max: int = 32
    lease_s: float = 30.0
    retry_s: float = 1.0
    hold_patience: timedelta = timedelta(seconds=30)
    direct_patience: timedelta = timedelta(hours=24)
    release_lasts: timedelta = timedelta(minutes=30)
    settle_s: float = 30.0
    grace_s: float = 10.0


_Step: TypeAlias = Callable[[Transport, Shipment], Coroutine[Any, Any, Receipt]]


class Documents(Protocol):
    """Where documents are opened: the vault."""

    def open(self, document: StoredDocument) -> AsyncGenerator[bytes, None]:
        """The plaintext of a document in chunks."""
        ...


class _Why(Enum):
    """Why a delivery that is under way is cut short."""

    CANCELED = "its job was canceled"
    STOPPING = "the daemon stops"
    LOST = "another worker took the job"


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one look at the index found."""

    under_way: set[int]
    late: Sequence[int] = ()
    abandoned: Sequence[Delivery] = ()
    waiting: Sequence[Waiting] = ()


class _Errand:
    """One delivery under way in this process."""

    def __init__(self, job_id: int, attempts: int = 0) -> None:
        self.job_id = job_id
        self.attempts = attempts  # this one included
        self.begun: Begun | None = None
        self.remote_job: str | None = None
        self.stopped = False
        self.why: _Why | None = None
        self._work: asyncio.Task[Receipt] | None = None

    def interrupt(self, why: _Why) -> None:
        """Cut the work short; the first reason counts."""
        if self.why is None:
            self.why = why
            if self._work is not None:
                self._work.cancel()

    async def work(self, doing: Coroutine[Any, Any, Receipt]) -> Receipt | None:
        """What the transport's work gave, or None where it was interrupted. Raises what it raised."""
        self._work = asyncio.create_task(doing)
        if self.why is not None:
            self._work.cancel()
        try:
            await asyncio.wait({self._work})
        except asyncio.CancelledError:
            self._work.cancel()
            await asyncio.wait({self._work})
            raise
        return None if self._work.cancelled() else self._work.result()


class _Octets:
    """A stored document, opened anew by each iteration; None: it was destroyed with its job."""

    def __init__(self, documents: Documents, stored: StoredDocument | None) -> None:
        self._documents = documents
        self._stored = stored

    def __aiter__(self) -> AsyncGenerator[bytes, None]:
        if self._stored is None:
            raise NotStoredError("its documents are gone: print it anew")
        return self._documents.open(self._stored)


class Releaser:
    """Delivers the jobs of one tenant. `worker` names this process and its start, as no other was named."""

    def __init__(
        self,
        index: Index,
        ledger: Ledger,
        service: JobService,
        documents: Documents,
        *,
        worker: str,
        clock: Clock,
        policy: Policy = Policy(),
        transports: Callable[[Device], Transport] = open_transport,
    ) -> None:
        self._index = index
        self._ledger = ledger
        self._service = service
        self._documents = documents
        self._clock = clock
        self._policy = policy
        self._transports = transports
        self._journal = Journal(index, service, worker, policy.lease_s, clock)
        self._errands: dict[str, _Errand] = {}  # by device: one delivery at a time
        self._patience_from: dict[int, datetime] = {}
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Deliver until `stop`. When cancelled, what is under way is left to whoever runs next."""
        loop = asyncio.get_running_loop()
        renewed_s, stop_s = loop.time(), None
        async with asyncio.TaskGroup() as group:
            while not (self._stopping.is_set() and not self._errands):
                position = self._ledger.head
                self._wake.clear()
                if self._stopping.is_set():
                    stop_s = stop_s or loop.time() + self._policy.grace_s
                    if loop.time() >= stop_s:
                        self._interrupt_all()
                pause_s = self._policy.lease_s / 3
                try:
                    if loop.time() - renewed_s >= pause_s * 0.9:
                        await self._renew()
                        renewed_s = loop.time()
                    pause_s = min(pause_s, await self._look(group))
                except StorageError as error:
                    _log.error("released jobs cannot be looked for now: %s", error)
                if stop_s is not None and loop.time() < stop_s:
                    pause_s = min(pause_s, stop_s - loop.time())
                await self._wait(position, pause_s)

    def stop(self) -> None:
        """Begin nothing new and let `run` end: what is under way has its grace, then is settled or left."""
        self._stopping.set()
        self._wake.set()

    async def _look(self, group: asyncio.TaskGroup) -> float:
        """See what changed; begin what can begin. Return after how long something is due, in seconds."""
        now = self._clock()
        # Only of those that had begun before we look can it be said that they are not under way any more.
        begun = [errand for errand in self._errands.values() if errand.begun is not None]

        def look(t: Transaction) -> _Seen:
            going = t.dispatch.under_way([errand.job_id for errand in begun])
            if self._stopping.is_set():
                return _Seen(going)
            late = t.dispatch.late(now, self._policy.release_lasts)
            return _Seen(going, late, t.dispatch.abandoned(now), t.dispatch.waiting(now))

        seen = await self._index.read(look)
        for errand in begun:
            if errand.job_id not in seen.under_way:
                errand.interrupt(_Why.CANCELED)
        ours = {errand.job_id for errand in self._errands.values()}
        for delivery in seen.abandoned:
            if delivery.job_id not in ours and self._has_room(delivery.device):
                self._start(group, delivery.device, _Errand(delivery.job_id), self._settle, delivery)
        longest = max(self._policy.hold_patience, self._policy.direct_patience)
        self._patience_from = {
            job_id: since for job_id, since in self._patience_from.items() if now - since <= longest
        }
        due_s = _PAUSE_MAX_S
        for job_id in seen.late:
            await self._journal.park(job_id, _LATE)
        for each in seen.waiting:
            if each.job_id in seen.late or not self._has_room(each.device):
                continue
            wait_s = self._wait_s(each, now)
            if wait_s > 0:
                due_s = min(due_s, wait_s)
                continue
            if each.state is JobState.PENDING:
                self._patience_from[each.job_id] = now
            errand = _Errand(each.job_id, each.attempts + 1)
            self._start(group, each.device, errand, self._deliver, each.job_id)
        return due_s

    def _has_room(self, device: str) -> bool:
        return device not in self._errands and len(self._errands) < self._policy.deliveries_max

    def _wait_s(self, waiting: Waiting, now: datetime) -> float:
        """How long a job is to wait yet: not at all where a person has just asked for it."""
        if waiting.state is JobState.PENDING or waiting.tried is None:
            return 0.0
        if waiting.tried > now:  # the clock was put back since: nobody waits until it has come round again
            return 0.0
        return (waiting.tried + self._pause(waiting.attempts) - now).total_seconds()

    def _pause(self, attempts: int) -> timedelta:
        doubled = 2.0 ** min(max(attempts - 1, 0), 30)
        return timedelta(seconds=min(self._policy.retry_s * doubled, _PAUSE_MAX_S))

    def _start(
        self,
        group: asyncio.TaskGroup,
        device: str,
        errand: _Errand,
        run: Callable[[_Errand, Any], Awaitable[None]],
        subject: object,
    ) -> None:
        self._errands[device] = errand

        async def guarded() -> None:
            try:
                await run(errand, subject)
            except TakenError as error:
                _log.info("delivery to %s left to another: %s", device, error)
            except PullprintError as error:
                # The journal has no end of it: it is settled when our claim has run out.
                _log.error("the delivery of job %d to %s is not settled: %s", errand.job_id, device, error)
                await self._rest()
            except Exception:
                _log.exception("a defect in the delivery of job %d to %s", errand.job_id, device)
                await self._rest()
            finally:
                del self._errands[device]
                self._wake.set()

        group.create_task(guarded(), name=f"delivery to {device}")

    async def _rest(self) -> None:
        """Let a device be after something of ours failed: tried again at once, it would fail again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._policy.lease_s):
                await self._stopping.wait()

    async def _deliver(self, errand: _Errand, job_id: int) -> None:
        errand.begun = begun = await self._journal.begin(job_id)
        await self._carry_out(errand, begun, lambda transport, shipment: transport.deliver(shipment))

    async def _settle(self, errand: _Errand, delivery: Delivery) -> None:
        """Carry to its end what a worker that is gone has begun."""
        errand.begun = begun = await self._journal.take_over(delivery)
        errand.remote_job = delivery.remote_job
        _log.warning("the delivery of job %d to %s was cut short: asking", delivery.job_id, delivery.device)
        if begun.job.finished:
            errand.why = _Why.CANCELED
        await self._carry_out(errand, begun, lambda transport, shipment: transport.settle(shipment))

    async def _carry_out(self, errand: _Errand, begun: Begun, step: _Step) -> None:
        result: Receipt | DeliveryError | None
        try:
            result = await self._work(errand, begun, step)
        except DeliveryError as error:
            result = error
        if result is None:
            if errand.why is not _Why.LOST:
                await self._journal.let_go([errand.job_id])
            return
        ending = self._ending(errand, begun, result)
        await self._journal.finish(begun, ending)
        if ending.event is not Event.STOPPED:
            self._patience_from.pop(errand.job_id, None)
        _log.info("job %d, %s: %s", errand.job_id, begun.delivery.device, ending.outcome.value)

    async def _work(self, errand: _Errand, begun: Begun, step: _Step) -> Receipt | None:
        """What came of the delivery; None where that is left to another worker or the next start."""
        if begun.device is None:
            text = f"{begun.delivery.device} is no printer here any more: release the job at another one."
            if errand.remote_job is None:
                raise NotDeliveredError(text)
            raise OutcomeUnknownError(text)
        if not begun.job.documents:
            return Receipt()  # a job that was closed without a document
        transport = self._transports(begun.device)
        try:
            receipt = await errand.work(step(transport, self._shipment(errand, begun)))
        except DeliveryError:
            raise
        except Exception as error:
            job = await self._service.get(errand.job_id)
            if job is not None and not job.finished:
                _log.exception("the delivery of job %d to %s failed", errand.job_id, begun.device.name)
                return await self._after_defect(transport, self._shipment(errand, begun), error)
            receipt, errand.why = None, _Why.CANCELED  # its documents went with it, under our hands
        if receipt is not None or errand.why in (None, _Why.LOST):
            return receipt
        shipment = self._shipment(errand, begun)
        try:
            async with asyncio.timeout(self._policy.settle_s):
                if errand.why is _Why.CANCELED:
                    return await transport.cancel(shipment)
                return await transport.settle(shipment)
        except TimeoutError:
            if errand.why is _Why.STOPPING:
                return None  # the device has it and prints: the next start asks how it ended
            raise OutcomeUnknownError(
                f"{begun.device.name} was told to cancel the job and did not answer."
            ) from None

    async def _after_defect(self, transport: Transport, shipment: Shipment, error: Exception) -> Receipt:
        """Something of ours failed in the middle: see what the device made of it, and do not try again."""
        why = str(error) if isinstance(error, PullprintError) else "a defect; the daemon's log tells more"
        try:
            async with asyncio.timeout(self._policy.settle_s):
                return await transport.cancel(shipment)
        except NotDeliveredError as canceled:
            raise NotDeliveredError(f"The job could not be delivered: {why}") from canceled
        except TimeoutError:
            raise OutcomeUnknownError(
                f"The delivery failed ({why}) and the printer does not answer: look there."
            ) from error

    def _ending(self, errand: _Errand, begun: Begun, result: Receipt | DeliveryError) -> Ending:
        """What an outcome means for the job."""
        if isinstance(result, Receipt):
            impressions = result.impressions or begun.job.impressions
            return Ending(Outcome.DELIVERED, Event.COMPLETED, result.reasons, result.message, impressions)
        text = str(result)
        if not isinstance(result, NotDeliveredError):
            return Ending(Outcome.UNKNOWN, Event.PARKED, begun.waits_for | {"job-held-for-review"}, text)
        if result.again and errand.why is None and self._is_patient(errand, begun):
            return Ending(Outcome.FAILED, Event.STOPPED, {STOPPED}, f"{text} It is tried again.")
        if begun.holds:
            advice = "The job is parked again: release it once more, here or at another printer."
            return Ending(Outcome.FAILED, Event.PARKED, begun.waits_for, f"{text} {advice}")
        if errand.why is _Why.STOPPING and result.again:
            return Ending(Outcome.FAILED, Event.STOPPED, {STOPPED}, f"{text} It is tried again.")
        if result.state is JobState.CANCELED:
            return Ending(Outcome.FAILED, Event.CANCELED, result.reasons, text)
        return Ending(Outcome.FAILED, Event.ABORTED, result.reasons | {"aborted-by-system"}, text)

    def _is_patient(self, errand: _Errand, begun: Begun) -> bool:
        """Whether there is time left for another attempt."""
        if begun.holds:
            since = self._patience_from.get(errand.job_id)  # not known after a restart: nobody stands there
            patience = self._policy.hold_patience
        else:
            since = self._patience_from.get(errand.job_id, begun.job.processing)
            patience = self._policy.direct_patience
        return since is not None and self._clock() + self._pause(errand.attempts) <= since + patience

    def _shipment(self, errand: _Errand, begun: Begun) -> Shipment:
        """The delivery as its transport sees it, with the newest note."""

        async def note(remote_job: str) -> None:
            await self._journal.note(begun.delivery.id, remote_job)
            errand.remote_job = remote_job

        async def pin(certificate: str) -> None:
            await self._journal.pin(begun.delivery.device, certificate)

        async def report(progress: Progress) -> None:
            if progress.stopped == errand.stopped:
                return
            errand.stopped = progress.stopped
            try:
                if progress.stopped:
                    await self._journal.stop(errand.job_id, progress.message)
                else:
                    await self._journal.go_on(errand.job_id)
            except RemoteProtocolError as error:
                _log.info("job %d has changed meanwhile: %s", errand.job_id, error)
            except StorageError as error:  # no reason to take from the device what it prints
                _log.error(
                    "how job %d fares at %s is not kept: %s", errand.job_id, begun.delivery.device, error
                )

        stored = {each.number: each for each in begun.stored}
        cargo = tuple(
            Cargo(document, _Octets(self._documents, stored.get(document.number)))
            for document in begun.job.documents
        )
        return Shipment(
            begun.delivery.id, begun.job, cargo, errand.remote_job, note=note, pin=pin, report=report
        )

    async def _renew(self) -> None:
        held = {errand.job_id: errand for errand in self._errands.values() if errand.begun is not None}
        if held:
            for job_id in await self._journal.renew(held):
                held[job_id].interrupt(_Why.LOST)

    def _interrupt_all(self) -> None:
        for errand in self._errands.values():
            errand.interrupt(_Why.STOPPING)

    async def _wait(self, position: int, pause_s: float) -> None:
        """Wait for an event after `position`, for one of ours, or for so long."""
        changed = asyncio.ensure_future(self._ledger.wait(position))
        woken = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait({changed, woken}, timeout=pause_s, return_when=asyncio.FIRST_COMPLETED)
            if changed.done() and not woken.done():
                # Events come in flocks while jobs are taken in: one look after them costs less than one each.
                await asyncio.wait({woken}, timeout=_FLOCK_S)
        finally:
            changed.cancel()
            woken.cancel()
