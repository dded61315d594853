"""A device that speaks IPP: the few operations that a delivery needs, each one request and its answer."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from dataclasses import dataclass
from typing import Final

from ipp import (
    Attribute,
    Attributes,
    Group,
    GroupTag,
    JobState,
    Message,
    Operation,
    RemoteProtocolError,
    Status,
)
from ipp.client import Client
from ipp.job import Document, Job
from ipp.registry import attribute

_JOB_STATUS: Final = (
    *("job-id", "job-uuid", "job-name", "job-state", "job-state-reasons", "job-state-message"),
    *("job-impressions-completed", "job-k-octets"),
)
# All that fitting a ticket needs, without the long lists that `all` would bring.
_PRINTER: Final = ("job-template", "printer-description")


@dataclass(frozen=True, slots=True)
class RemoteJob:
    """A job of the device, and how much of it the device has: what the journal keeps of an attempt.

    `uuid` is the device's own and empty where it has none. `whole`: it took the last octet.
    """

    id: int
    uuid: str = ""
    whole: bool = False

    def __str__(self) -> str:
        return f"{self.id} {self.uuid or '-'} {'whole' if self.whole else 'begun'}"

    @classmethod
    def parse(cls, text: str) -> RemoteJob:
        """The remote job that `str` wrote down."""
        number, _, rest = text.partition(" ")
        uuid, _, extent = rest.rpartition(" ")  # it is the device's, and may hold spaces of its own
        return cls(int(number), "" if uuid == "-" else uuid, extent == "whole")


@dataclass(frozen=True, slots=True)
class RemoteStatus:
    """What the device tells of a job it has."""

    id: int
    uuid: str
    name: str
    state: JobState
    reasons: frozenset[str]
    message: str
    impressions: int | None
    k_octets: int | None

    @classmethod
    def of(cls, group: Group) -> RemoteStatus:
        """The status in a job group; a state that is missing is read as pending."""
        return cls(
            group.integer("job-id", 0),
            group.string("job-uuid", ""),
            group.string("job-name", ""),
            JobState(group.integer("job-state", JobState.PENDING)),
            frozenset(group.strings("job-state-reasons")),
            group.string("job-state-message", ""),
            _count(group, "job-impressions-completed"),
            _count(group, "job-k-octets"),
        )

    @property
    def finished(self) -> bool:
        """Whether it is canceled, aborted or completed."""
        return self.state >= JobState.CANCELED


class RefusedError(RemoteProtocolError):
    """The device answered with a status that is not a success; `str` is that and its status-message."""

    def __init__(self, status: Status, text: str) -> None:
        super().__init__(f"{text} ({status.keyword})" if text else status.keyword, status=status)


class IppDevice:
    """A conversation with a device.

    Raises what `Client.send` does, `RefusedError` for an answer that is not a success, and
    `RemoteProtocolError` for one that makes no sense.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._version = (2, 0)

    async def printer_attributes(self) -> Attributes:
        """What the device tells of itself. One that speaks IPP/1.1 only is spoken to so from here on."""
        asked = attribute("requested-attributes", *_PRINTER)
        try:
            answer = await self._ask(Operation.GET_PRINTER_ATTRIBUTES, asked)
        except RefusedError as error:
            if error.status != Status.SERVER_ERROR_VERSION_NOT_SUPPORTED:
                raise
            self._version = (1, 1)
            answer = await self._ask(Operation.GET_PRINTER_ATTRIBUTES, asked)
        return answer.printer

    async def create_job(self, job: Job, ticket: Iterable[Attribute]) -> int:
        """Make a job that expects documents; return the device's job-id."""
        answer = await self._ask(Operation.CREATE_JOB, *_named(job), ticket=ticket)
        return _job_id(answer)

    async def send_document(
        self, job_id: int, document: Document, octets: AsyncIterable[bytes], *, last: bool
    ) -> None:
        """Send one document of a job."""
        await self._ask(
            Operation.SEND_DOCUMENT,
            attribute("job-id", job_id),
            *_described(document),
            attribute("last-document", last),
            octets=octets,
        )

    async def print_job(
        self, job: Job, ticket: Iterable[Attribute], document: Document, octets: AsyncIterable[bytes]
    ) -> int:
        """Make a job of one document; return the device's job-id."""
        answer = await self._ask(
            Operation.PRINT_JOB, *_named(job), *_described(document), ticket=ticket, octets=octets
        )
        return _job_id(answer)

    async def status(self, job_id: int) -> RemoteStatus | None:
        """What the device tells of a job; None where it does not know it, or any more."""
        try:
            answer = await self._ask(
                Operation.GET_JOB_ATTRIBUTES,
                attribute("job-id", job_id),
                attribute("requested-attributes", *_JOB_STATUS),
            )
        except RefusedError as error:
            if error.status in (Status.CLIENT_ERROR_NOT_FOUND, Status.CLIENT_ERROR_GONE):
                return None
            raise
        return RemoteStatus.of(answer.job)

    async def cancel(self, job_id: int) -> None:
        """Cancel a job; one that is finished or gone stays as it is."""
        try:
            await self._ask(Operation.CANCEL_JOB, attribute("job-id", job_id))
        except RefusedError as error:
            if error.status not in (
                Status.CLIENT_ERROR_NOT_POSSIBLE,
                Status.CLIENT_ERROR_NOT_FOUND,
                Status.CLIENT_ERROR_GONE,
            ):
                raise

    async def _ask(
        self,
        operation: Operation,
        *attributes: Attribute,
        ticket: Iterable[Attribute] = (),
        octets: AsyncIterable[bytes] | None = None,
    ) -> Message:
        request = self._client.request(operation, *attributes)
        request.version = self._version
        if template := list(ticket):
            request.groups.append(Group(GroupTag.JOB, template))
        answer = await self._client.send(request, octets)
        if not answer.status.successful:
            raise RefusedError(answer.status, answer.operation_attributes.string("status-message", ""))
        return answer


def _count(group: Group, name: str) -> int | None:
    """What a device counted; some say by a negative number that they do not count."""
    count = group.integer(name)
    return count if count is not None and count >= 0 else None


def _named(job: Job) -> list[Attribute]:
    return [attribute("job-name", job.name)] if job.name else []


def _described(document: Document) -> list[Attribute]:
    named = [attribute("document-name", document.name)] if document.name else []
    return [*named, attribute("document-format", document.format)]


def _job_id(answer: Message) -> int:
    job_id = answer.job.integer("job-id")
    if job_id is None:
        raise RemoteProtocolError("the device made a job and did not tell its job-id")
    return job_id
