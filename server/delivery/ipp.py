"""Delivery by IPP: Create-Job, Send-Document, and then the device is asked until it has printed.

Exactly once: the device's job-id is in the journal before the first octet of a document leaves. So after a
crash an attempt without one has sent nothing, and an attempt with one is asked for: the device knows whether
it has the job whole, and a job that it has not whole is canceled there before it is printed anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Final, NoReturn

from ipp import Attribute, Attributes, IppError, JobState, Operation, Status, Tag
from ipp.errors import CertificateChanged, ConnectionFailed
from ipp.upload import ClientTimes
from server.delivery.connection import connect
from server.delivery.device import IppDevice, RefusedError, RemoteJob, RemoteStatus
from server.delivery.ticket import Loss, fit, unprintable
from server.delivery.transport import (
    Cargo,
    Device,
    NotDeliveredError,
    OutcomeUnknownError,
    Progress,
    Receipt,
    Shipment,
)
from server.errors import PullprintError, StorageFullError

_log: Final = logging.getLogger(__name__)

# Nothing is wrong with the job: the same request may succeed later.
_LATER: Final = frozenset(
    {
        Status.SERVER_ERROR_SERVICE_UNAVAILABLE,
        Status.SERVER_ERROR_DEVICE_ERROR,
        Status.SERVER_ERROR_TEMPORARY_ERROR,
        Status.SERVER_ERROR_NOT_ACCEPTING_JOBS,
        Status.SERVER_ERROR_BUSY,
        Status.SERVER_ERROR_PRINTER_IS_DEACTIVATED,
        Status.SERVER_ERROR_TOO_MANY_JOBS,
        Status.CLIENT_ERROR_TIMEOUT,
    }
)
_REASONS: Final = {
    Status.CLIENT_ERROR_DOCUMENT_FORMAT_NOT_SUPPORTED: "unsupported-document-format",
    Status.CLIENT_ERROR_DOCUMENT_FORMAT_ERROR: "document-format-error",
    Status.CLIENT_ERROR_DOCUMENT_PASSWORD_ERROR: "document-password-error",
    Status.CLIENT_ERROR_DOCUMENT_PERMISSION_ERROR: "document-permission-error",
    Status.CLIENT_ERROR_DOCUMENT_SECURITY_ERROR: "document-security-error",
    Status.CLIENT_ERROR_DOCUMENT_UNPRINTABLE_ERROR: "document-unprintable-error",
    Status.CLIENT_ERROR_ATTRIBUTES_OR_VALUES_NOT_SUPPORTED: "unsupported-attributes-or-values",
}
# What a device says of a job that it completed, and that its owner should know too.
_TOLD: Final = frozenset({"job-completed-with-errors", "job-completed-with-warnings"})

# A device that is to refuse a document has done so by Create-Job: little is to be had from waiting for 100
# Continue, and some (ippeveprinter) never say it before they have the request.
_TIMES: Final = ClientTimes(continue_s=0.1)
_UNSEEN: Final = "it says that it completed the job, but it was not seen to take the whole of it"


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a device is asked for a job, from `poll_s` slowing down to `poll_max_s`; how long it may give
    no answer (`silence_s`) before nobody knows; and how long it may take to cancel (`cancel_s`)."""

    poll_s: float = 0.1
    poll_max_s: float = 10.0
    silence_s: float = 600.0
    cancel_s: float = 30.0


class IppTransport:
    """Brings jobs to one IPP printer."""

    def __init__(self, device: Device, *, pace: Pace = Pace(), times: ClientTimes | None = None) -> None:
        self._device = device
        self._pace = pace
        self._times = times or _TIMES

    async def probe(self) -> Attributes:
        """As `Transport.probe`; it pins no certificate, since the device is told nothing."""
        try:
            async with connect(self._device, "pullprint", None, self._times) as device:
                return await device.printer_attributes()
        except IppError as error:
            raise self._not_reached(error) from error

    async def deliver(self, shipment: Shipment) -> Receipt:
        """As `Transport.deliver`."""
        try:
            async with self._connect(shipment) as device:
                printer = await device.printer_attributes()
                self._check(shipment, printer)
                ticket, lost = fit(shipment.job.attributes, printer)
                if "job-uuid" in printer.strings("job-creation-attributes-supported"):
                    ticket.add(Attribute.of("job-uuid", Tag.URI, shipment.job.uuid.urn))
                attempt = _Attempt(self._device, device, shipment, self._pace, lost)
                if Operation.CREATE_JOB in printer.integers("operations-supported"):
                    await attempt.create(ticket)
                else:
                    await attempt.print_at_once(ticket)
                return await attempt.follow()
        except IppError as error:  # of the connection, or of a request before the job was made
            raise self._not_reached(error) from error

    async def settle(self, shipment: Shipment) -> Receipt:
        """As `Transport.settle`: a job that the device has whole is waited for, any other is canceled.

        A device that cannot be reached is given time: after a power cut it may start later than we do.
        """
        loop = asyncio.get_running_loop()
        began_s, pause_s = loop.time(), self._pace.poll_s
        while True:
            try:
                return await self._resume(shipment, stop=False)
            except IppError as error:
                if not isinstance(error, ConnectionFailed) or loop.time() - began_s >= self._pace.silence_s:
                    raise self._not_asked(error) from error
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, self._pace.poll_max_s)

    async def cancel(self, shipment: Shipment) -> Receipt:
        """As `Transport.cancel`."""
        try:
            return await self._resume(shipment, stop=True)
        except IppError as error:
            raise self._not_asked(error) from error

    async def _resume(self, shipment: Shipment, *, stop: bool) -> Receipt:
        if shipment.remote_job is None:
            raise NotDeliveredError(
                f"The delivery to {self._device.name} was interrupted before anything was sent.", again=True
            )
        remote = RemoteJob.parse(shipment.remote_job)
        async with self._connect(shipment) as device:
            attempt = _Attempt(self._device, device, shipment, self._pace, [], remote)
            if not remote.id:
                attempt.lose_track("the printer was not heard to take it")
            if not await attempt.is_ours():
                attempt.lose_track("the printer does not know the job any more")
            if remote.whole and not stop:
                return await attempt.follow()
            return await attempt.withdraw("The delivery was interrupted.")

    def _not_asked(self, error: IppError) -> OutcomeUnknownError:
        return OutcomeUnknownError(
            f"{self._device.name} cannot be asked what became of the job ({_words(error)}). Look at the "
            "printer; release the job again if its pages are not there, else cancel it."
        )

    def _check(self, shipment: Shipment, printer: Attributes) -> None:
        """Refuse what the device would refuse, before it is told anything."""
        formats = printer.strings("document-format-supported")
        if wrong := unprintable(shipment.job, formats):
            raise NotDeliveredError(
                f"{self._device.name} does not print {', '.join(wrong)}: release the job at another printer.",
                reasons=frozenset({"unsupported-document-format"}),
            )
        if len(shipment.cargo) > 1 and (
            Operation.CREATE_JOB not in printer.integers("operations-supported")
            or printer.boolean("multiple-document-jobs-supported") is False
        ):
            raise NotDeliveredError(
                f"{self._device.name} takes one document at a time and the job has {len(shipment.cargo)}: "
                "release it at another printer."
            )

    def _connect(self, shipment: Shipment) -> AbstractAsyncContextManager[IppDevice]:
        return connect(self._device, shipment.job.owner, shipment.pin, self._times)

    def _not_reached(self, error: IppError) -> NotDeliveredError:
        """What came before the device had a job: nothing was printed."""
        name = self._device.name
        if isinstance(error, RefusedError):
            again = error.status in _LATER
            advice = "It is tried again." if again else "Release the job at another printer."
            return NotDeliveredError(
                f"{name} did not take the job: {_words(error)}. {advice}",
                reasons=frozenset({_REASONS[error.status]} if error.status in _REASONS else ()),
                again=again,
            )
        if isinstance(error, CertificateChanged):
            return NotDeliveredError(
                f"{name} shows another certificate than it did ({error.shown}). If it was given a new one, "
                f"`pullprint printers trust {name}` takes it.",
                again=True,
            )
        return NotDeliveredError(f"{name} cannot be reached: {_words(error)}", again=True)


class _Attempt:
    """One job at one device, from its first request on; the journal's note is kept true before each step."""

    def __init__(
        self,
        target: Device,
        device: IppDevice,
        shipment: Shipment,
        pace: Pace,
        lost: list[Loss],
        remote: RemoteJob | None = None,
    ) -> None:
        self._name = target.name
        self._device = device
        self._shipment = shipment
        self._pace = pace
        self._lost = lost
        self._remote = remote or RemoteJob(0)

    async def create(self, ticket: Attributes) -> None:
        """Create-Job, then Send-Document for each document."""
        making = asyncio.create_task(self._make(ticket))
        try:
            await asyncio.wait({making})
        except asyncio.CancelledError:
            await self._take_back(making)
            raise
        making.result()
        try:
            # An empty document is not sent: without octets, Send-Document is how a job is closed.
            cargo = [each for each in self._shipment.cargo if each.document.octets]
            cargo = cargo or list(self._shipment.cargo[-1:])
            for each in cargo:
                await self._send(each, last=each is cargo[-1])
        except (IppError, PullprintError) as error:
            await self._give_up(error)
        await self._note(replace(self._remote, whole=True))

    async def _make(self, ticket: Attributes) -> None:
        """Have the device make the job, and note which one it is."""
        job_id = await self._device.create_job(self._shipment.job, ticket)
        self._remote = RemoteJob(job_id)
        try:
            status = await self._device.status(job_id)
            await self._note(replace(self._remote, uuid=status.uuid if status is not None else ""))
        except (IppError, PullprintError) as error:
            await self._give_up(error)

    async def _take_back(self, making: asyncio.Task[None]) -> None:
        """Cancel the job that is being made, once its number is known.

        A device that holds one job at a time would else be busy with an empty one until it loses patience.
        """
        _, late = await asyncio.wait({making}, timeout=self._pace.cancel_s)
        for task in late:
            task.cancel()
        await asyncio.gather(making, return_exceptions=True)
        if self._remote.id:
            await self._cancel_first()

    async def _send(self, cargo: Cargo, *, last: bool) -> None:
        """Send a document; if it cannot be sent to its end, the job is canceled before the connection breaks.

        Some devices print what they have of a document that breaks off, and call it completed.
        """
        octets = _Guarded(cargo.octets, self._cancel_first)
        sending = asyncio.create_task(
            self._device.send_document(self._remote.id, cargo.document, octets, last=last)
        )
        try:
            await asyncio.wait({sending})
        except asyncio.CancelledError:
            await self._cancel_first()
            sending.cancel()
            await asyncio.wait({sending})
            raise
        sending.result()

    async def _cancel_first(self) -> None:
        try:
            async with asyncio.timeout(self._pace.cancel_s):
                await self._device.cancel(self._remote.id)
        except (IppError, TimeoutError) as error:
            _log.info("%s did not cancel job %d at once: %s", self._name, self._remote.id, error)

    async def print_at_once(self, ticket: Attributes) -> None:
        """Print-Job, where a device has nothing else: its job-id is known only when it has the document."""
        (cargo,) = self._shipment.cargo
        await self._note(self._remote)
        try:
            job_id = await self._device.print_job(self._shipment.job, ticket, cargo.document, cargo.octets)
        except IppError as error:
            if isinstance(error, RefusedError) or not getattr(error, "may_have_arrived", True):
                raise
            self.lose_track(_words(error))
        await self._note(RemoteJob(job_id, whole=True))

    async def follow(self) -> Receipt:
        """Wait until the device has printed the job, which it has whole."""
        loop = asyncio.get_running_loop()
        pause_s, heard_s = self._pace.poll_s, loop.time()
        told, was_silent = Progress(), False
        while True:
            try:
                status = await self._device.status(self._remote.id)
            except IppError as error:
                was_silent = True
                if loop.time() - heard_s >= self._pace.silence_s:
                    self.lose_track(_words(error))
            else:
                heard_s = loop.time()
                if status is None:
                    if was_silent:  # one that was switched off in the middle has forgotten it too
                        self.lose_track("it gave no answer for a while, and does not know the job any more")
                    # RFC 8011 5.3.7.2: a device may forget a job as soon as it is finished. It had it whole.
                    return self._receipt(None)
                was_silent = False
                if status.finished:
                    return self._ended(status)
                if (progress := _progress(status)) != told:
                    told = progress
                    await self._shipment.report(told)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, self._pace.poll_max_s)

    async def is_ours(self) -> bool:
        """Whether the device still knows the job under that number, and not another one by now."""
        status = await self._device.status(self._remote.id)
        if status is None:
            return False
        if self._remote.uuid and status.uuid:
            return status.uuid == self._remote.uuid
        return status.name == self._shipment.job.name

    async def withdraw(self, why: str) -> Receipt:
        """Cancel the job at the device and see how it ended. `why` opens what its owner is told."""
        await self._device.cancel(self._remote.id)
        waited_s = 0.0
        while True:
            status = await self._device.status(self._remote.id)
            if status is None:
                self.lose_track("it was canceled there and the printer does not tell how far it came")
            if status.state in (JobState.CANCELED, JobState.ABORTED):
                if status.impressions != 0:
                    count = "some" if status.impressions is None else str(status.impressions)
                    self.lose_track(f"{why.rstrip('.')}; {count} impressions may have come out before")
                raise NotDeliveredError(f"{why} {self._name} canceled the job.", again=True)
            if status.state == JobState.COMPLETED:
                return self._completed_early(status)
            if waited_s >= self._pace.cancel_s:
                self.lose_track("it was canceled there and does not end")
            await asyncio.sleep(self._pace.poll_s)
            waited_s += self._pace.poll_s

    def lose_track(self, why: str) -> NoReturn:
        """Say that nobody knows."""
        raise OutcomeUnknownError(
            f"Nobody can say whether {self._name} printed the job ({why}). Look at the printer; release the "
            "job again if its pages are not there, else cancel it."
        )

    async def _give_up(self, error: IppError | PullprintError) -> NoReturn:
        """Sending failed in the middle: take the job back from the device, and tell the cause."""
        why = f"{self._name} did not get the whole job: {_words(error)}."
        # A document that we cannot read is no more readable later: each attempt would print a part of it.
        again = isinstance(error, IppError | StorageFullError)
        if isinstance(error, RefusedError):
            again = error.status in _LATER
        reasons = _REASONS.get(error.status) if isinstance(error, RefusedError) else None
        try:
            await self.withdraw(why)
        except NotDeliveredError as canceled:
            raise NotDeliveredError(
                why, reasons=frozenset({reasons} if reasons else ()), again=again
            ) from canceled
        except IppError as silent:
            raise OutcomeUnknownError(
                f"{why} It gives no answer since ({_words(silent)}): look at the printer before the job is "
                "released again."
            ) from error
        self.lose_track(_UNSEEN)

    def _completed_early(self, status: RemoteStatus) -> Receipt:
        """The device says that it completed a job that we know, or believe, to have sent only in part."""
        octets = sum(each.document.octets for each in self._shipment.cargo)
        if not self._remote.whole and status.k_octets != -(-octets // 1024):
            self.lose_track(_UNSEEN)
        return self._receipt(status)

    def _ended(self, status: RemoteStatus) -> Receipt:
        if status.state == JobState.COMPLETED:
            return self._receipt(status)
        said = f": {status.message}" if status.message else ""
        reasons = status.reasons & set(_REASONS.values())
        verb = "canceled" if status.state == JobState.CANCELED else "gave up"
        if status.state == JobState.CANCELED:
            reasons |= {"job-canceled-at-device"}
        raise NotDeliveredError(
            f"{self._name} {verb} the job{_so_far(status)}{said}.",
            reasons=frozenset(reasons),
            state=status.state,
        )

    def _receipt(self, status: RemoteStatus | None) -> Receipt:
        reasons = status.reasons & _TOLD if status is not None else frozenset()
        message = ""
        if self._lost:
            message = f"{self._name} could not do: {', '.join(map(str, self._lost))}."
            reasons |= {"job-completed-with-warnings"}
        return Receipt(status.impressions if status is not None else None, reasons, message)

    async def _note(self, remote: RemoteJob) -> None:
        self._remote = remote
        await self._shipment.note(str(remote))


class _Guarded:
    """A document whose failure is told to somebody before the reader sees it."""

    def __init__(self, octets: AsyncIterable[bytes], failed: Callable[[], Awaitable[None]]) -> None:
        self._octets = octets
        self._failed = failed

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._octets:
                yield chunk
        except Exception:
            await self._failed()
            raise


def _progress(status: RemoteStatus) -> Progress:
    if status.state in (JobState.PROCESSING_STOPPED, JobState.PENDING_HELD):
        return Progress(True, status.message or f"The printer has stopped: {_plain(status.reasons)}.")
    return Progress(False, "", status.impressions)


def _so_far(status: RemoteStatus) -> str:
    return f" after {status.impressions} impressions" if status.impressions else ""


def _plain(reasons: frozenset[str]) -> str:
    return ", ".join(sorted(reasons - {"none"})) or "it does not say why"


def _words(error: Exception) -> str:
    """What went wrong, for a person, as part of a sentence."""
    return str(error).rstrip(".")
