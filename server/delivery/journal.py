"""The journal's half of a delivery: each step of it, with the change of the job, in one commit.

A step that another worker made impossible, because it took the job or has ended it, is not taken at all.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from ipp import JobState, RemoteProtocolError
from ipp.job import Event, Job
from ipp.spool import Clock
from server.delivery.transport import Device
from server.errors import NotStoredError, PullprintError
from server.jobs.actors import SYSTEM
from server.jobs.lock import PARKED, parked_reasons
from server.jobs.service import JobService
from server.storage import ledger
from server.storage.deliveries import Delivery, Outcome
from server.storage.documents import StoredDocument
from server.storage.index import Index, Transaction

_log: Final = logging.getLogger(__name__)

STOPPED: Final = "printer-stopped"


class TakenError(PullprintError):
    """Another worker has the job or the device, or has ended the delivery."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A delivery that is journaled, and what it needs; `device` is None where nobody knows it any more.

    `waits_for` are the job-state-reasons with which the job is parked again, if a queue had parked it.
    """

    delivery: Delivery
    job: Job
    device: Device | None
    stored: tuple[StoredDocument, ...]
    waits_for: frozenset[str]

    @property
    def holds(self) -> bool:
        """Whether the job came out of a queue that parks."""
        return bool(self.waits_for)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a delivery ended, what that does to its job, and what its owner is told."""

    outcome: Outcome
    event: Event
    reasons: Iterable[str] = ()
    message: str = ""
    impressions: int | None = None


class Journal:
    """Writes what one worker delivers. `lease_s` is how long its claims last unless they are renewed."""

    def __init__(self, index: Index, service: JobService, worker: str, lease_s: float, clock: Clock) -> None:
        self._index = index
        self._service = service
        self._clock = clock
        self.worker: Final = worker
        self.lease_s: Final = lease_s

    async def begin(self, job_id: int) -> Begun:
        """Take a job and its device. Octets may leave when this returned.

        Raises:
            TakenError: another worker was first, or the job does not wait any more.
        """
        begun: list[Begun] = []

        def begin(t: Transaction, job: Job) -> None:
            now = self._clock()
            if job.output_device is None or t.dispatch.is_busy(job.output_device):
                raise TakenError(f"the device of job {job_id} is taken")
            if not t.jobs.claim(job_id, self.worker, self.lease_s, now):
                raise TakenError(f"job {job_id} is taken")
            delivery = t.deliveries.start(job_id, job.output_device, self.worker, now)
            t.record(self._told("delivery-started", job, delivery))
            begun.append(_gathered(t, delivery, job))

        try:
            await self._service.change(job_id, Event.STARTED, SYSTEM, also=begin)
        except RemoteProtocolError as error:  # canceled, parked or forgotten since it was seen to wait
            raise TakenError(str(error)) from error
        return begun[-1]

    async def take_over(self, delivery: Delivery) -> Begun:
        """Take a delivery whose worker is gone, to find out how it ended.

        Raises:
            TakenError: another worker was first.
        """

        def take(t: Transaction) -> Begun:
            if not t.jobs.claim(delivery.job_id, self.worker, self.lease_s, self._clock()):
                raise TakenError(f"job {delivery.job_id} is taken")
            for each in t.deliveries.of(delivery.job_id):
                if each.id == delivery.id and each.finished is None:
                    return _gathered(t, each, t.jobs.get(delivery.job_id))
            raise TakenError(f"delivery {delivery.id} has ended")

        return await self._index.write(take)

    async def renew(self, job_ids: Collection[int]) -> set[int]:
        """Renew our claims; return the jobs that another worker has taken from us."""

        def renew(t: Transaction) -> set[int]:
            now = self._clock()
            return {each for each in job_ids if not t.jobs.claim(each, self.worker, self.lease_s, now)}

        return await self._index.write(renew)

    async def note(self, delivery_id: int, remote_job: str) -> None:
        """Keep the transport's note of how far a delivery came."""
        await self._index.write(lambda t: t.deliveries.note_remote_job(delivery_id, remote_job))

    async def pin(self, device: str, certificate: str) -> None:
        """Keep the fingerprint of the certificate that a device is to show from now on."""

        def pin(t: Transaction) -> None:
            t.printers.pin(device, certificate)
            t.record(
                ledger.Event(
                    "printer-certificate-pinned",
                    self._clock(),
                    "system",
                    payload={"device": device, "certificate": certificate},
                )
            )

        await self._index.write(pin)

    async def park(self, job_id: int, message: str) -> None:
        """Park a job that was released and has not begun; one that has ended meanwhile stays as it is."""
        try:
            await self._service.change(
                job_id,
                Event.PARKED,
                SYSTEM,
                add=await self._index.read(lambda t: parked_reasons(t, t.jobs.get(job_id)) or {PARKED}),
                drop={STOPPED},
                message=message,
            )
        except RemoteProtocolError as error:
            _log.info("job %d is not parked: %s", job_id, error)

    async def stop(self, job_id: int, message: str) -> None:
        """Tell that the device has stopped in the middle of a job."""
        await self._service.change(job_id, Event.STOPPED, SYSTEM, add={STOPPED}, message=message)

    async def go_on(self, job_id: int) -> None:
        """Tell that the device goes on with a job it had stopped."""
        await self._service.change(job_id, Event.STARTED, SYSTEM)

    async def finish(self, begun: Begun, ending: Ending) -> None:
        """End a delivery and let that happen to its job; where the job was ended meanwhile, it stays so.

        Raises:
            TakenError: another worker has ended the delivery.
        """
        job_id = begun.job.id
        job = await self._service.get(job_id)
        if job is None:
            return  # purged, and its journal with it
        try:
            if job.state is JobState.PROCESSING_STOPPED and ending.event is Event.COMPLETED:
                await self.go_on(job_id)
            if not job.finished:
                await self._service.change(
                    job_id,
                    ending.event,
                    SYSTEM,
                    add=ending.reasons,
                    drop={STOPPED},
                    message=ending.message,
                    impressions=ending.impressions,
                    also=lambda t, changed: self._end(t, changed, begun.delivery, ending),
                )
                return
        except RemoteProtocolError:
            job = await self._service.get(job_id)  # canceled or purged between the two
        if job is not None:
            ended = job
            await self._index.write(lambda t: self._end(t, ended, begun.delivery, ending))

    async def let_go(self, job_ids: Collection[int]) -> None:
        """Give up claims, so that whoever comes next need not wait for them to run out."""

        def give_up(t: Transaction) -> None:
            for each in job_ids:
                t.jobs.give_up_claim(each, self.worker)

        await self._index.write(give_up)

    def _end(self, t: Transaction, job: Job, delivery: Delivery, ending: Ending) -> None:
        try:
            t.deliveries.finish(delivery.id, ending.outcome, self._clock(), ending.message)
        except NotStoredError as error:
            raise TakenError(str(error)) from error
        t.jobs.give_up_claim(job.id, self.worker)
        t.record(self._told("delivery-finished", job, delivery, outcome=ending.outcome.value))

    def _told(self, kind: str, job: Job, delivery: Delivery, **more: str) -> ledger.Event:
        payload: dict[str, ledger.Json] = {"delivery": delivery.id, "device": delivery.device, **more}
        return ledger.Event(
            kind, self._clock(), "system", job_id=job.id, subject=job.printer, payload=payload
        )


def _gathered(t: Transaction, delivery: Delivery, job: Job) -> Begun:
    device: Device | None
    try:
        printer = t.printers.get(delivery.device)
        device = Device(printer.name, printer.uri, printer.certificate)
    except NotStoredError:
        device = None
    waits_for = frozenset(parked_reasons(t, job))
    return Begun(delivery, job, device, tuple(t.documents.of(job.id)), waits_for)
