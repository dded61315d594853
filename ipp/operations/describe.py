"""Jobs and documents as attributes, made one by one, so that only what was requested is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final, TypeAlias

from ..enums import GroupTag, Tag
from ..errors import RemoteProtocolError
from ..job import Document, Job
from ..message import Attribute, Attributes, Group
from ..printer import Call, is_number
from ..registry import attribute
from ..values import DateTime, OutOfBand
from ..vocabulary.attributes import ATTRIBUTES

_JOB_TEMPLATE: Final = frozenset(ATTRIBUTES["job-template"])


def job_uri(call: Call, job_id: int) -> str:
    """The job's URI as this client is to call it."""
    return f"{call.printer_uri}/{job_id}"


def _number(name: str, value: int | None) -> Attribute:
    return Attribute.of(name, Tag.INTEGER, OutOfBand.NO_VALUE if value is None else value)


def _seconds(call: Call, name: str, when: datetime | None) -> Attribute:
    return _number(name, None if when is None else call.printer.up_time_at(when))


def _up_time(call: Call, name: str) -> Attribute:
    return attribute(name, call.printer.up_time)


def _date(name: str, when: datetime | None) -> Attribute:
    return Attribute.of(name, Tag.DATE_TIME, OutOfBand.NO_VALUE if when is None else DateTime.of(when))


Describe: TypeAlias = Callable[[Call, Job], Attribute]

_JOB: Final[dict[str, Describe]] = {
    "job-id": lambda _, job: attribute("job-id", job.id),
    "job-uri": lambda call, job: attribute("job-uri", job_uri(call, job.id)),
    "job-uuid": lambda _, job: attribute("job-uuid", job.uuid.urn),
    "job-printer-uri": lambda call, _: attribute("job-printer-uri", call.printer_uri),
    "job-name": lambda _, job: Attribute.of("job-name", Tag.NAME, job.name),
    "job-originating-user-name": lambda _, job: Attribute.of(
        "job-originating-user-name", Tag.NAME, job.owner
    ),
    "job-state": lambda _, job: attribute("job-state", job.state),
    "job-state-reasons": lambda _, job: attribute("job-state-reasons", *(sorted(job.reasons) or ["none"])),
    "job-state-message": lambda _, job: Attribute.of("job-state-message", Tag.TEXT, job.message),
    "job-priority": lambda _, job: attribute("job-priority", job.priority),
    "job-printer-up-time": lambda call, _: _up_time(call, "job-printer-up-time"),
    "time-at-creation": lambda call, job: _seconds(call, "time-at-creation", job.created),
    "time-at-processing": lambda call, job: _seconds(call, "time-at-processing", job.processing),
    "time-at-completed": lambda call, job: _seconds(call, "time-at-completed", job.completed),
    "date-time-at-creation": lambda _, job: _date("date-time-at-creation", job.created),
    "date-time-at-processing": lambda _, job: _date("date-time-at-processing", job.processing),
    "date-time-at-completed": lambda _, job: _date("date-time-at-completed", job.completed),
    "number-of-documents": lambda _, job: attribute("number-of-documents", len(job.documents)),
    "job-k-octets": lambda _, job: attribute("job-k-octets", -(-job.octets // 1024)),
    "job-impressions": lambda _, job: _number("job-impressions", job.impressions),
    "job-impressions-completed": lambda _, job: attribute(
        "job-impressions-completed", job.impressions_completed
    ),
    "attributes-charset": lambda *_: attribute("attributes-charset", "utf-8"),
    "attributes-natural-language": lambda *_: attribute("attributes-natural-language", "en"),
}

# What a client has a right to learn from the answer that made its job (RFC 8011 4.2.1.2).
JOB_CREATED: Final = frozenset(
    {"job-id", "job-uri", "job-uuid", "job-state", "job-state-reasons", "job-state-message"}
)
GET_JOBS_DEFAULT: Final = frozenset({"job-id", "job-uri"})


def _wanted(name: str, requested: frozenset[str], description: str, template: bool) -> bool:
    """Whether requested-attributes asks for the name itself, for all, or for the group it belongs to."""
    if name in requested or "all" in requested:
        return True
    return ("job-template" if template else description) in requested


def describe_job(call: Call, job: Job, requested: frozenset[str]) -> Group:
    """The job group for a job: what was requested, each attribute once; requests win over what was asked."""
    group = Group(GroupTag.JOB)
    asks_status = requested | {"job-description"} if "job-status" in requested else requested
    for name, make in _JOB.items():
        if _wanted(name, asks_status, "job-description", template=name == "job-priority"):
            group.add(make(call, job))
    own = Attributes(job.attributes)
    if job.output_device is not None:
        own.put(Attribute.of("output-device-assigned", Tag.NAME, job.output_device))
    for each in own:
        if each.name not in _JOB and _wanted(
            each.name, asks_status, "job-description", template=each.name in _JOB_TEMPLATE
        ):
            group.add(each)
    return group


def describe_document(call: Call, job: Job, document: Document, requested: frozenset[str]) -> Group:
    """The document group for a document of a job (PWG 5100.5)."""
    group = Group(GroupTag.DOCUMENT)
    told = set[str]()
    for each in (*_document(call, job, document), *document.attributes):
        if each.name not in told and (
            each.name in requested or requested & {"all", "document-description", "document-status"}
        ):
            told.add(each.name)
            group.add(each)
    return group


def _document(call: Call, job: Job, document: Document) -> Iterator[Attribute]:
    yield attribute("document-number", document.number)
    yield attribute("document-job-id", job.id)
    yield attribute("document-job-uri", job_uri(call, job.id))
    yield attribute("document-printer-uri", call.printer_uri)
    yield Attribute.of("document-name", Tag.NAME, document.name)
    yield attribute("document-format", document.format)
    yield attribute("document-state", document.state)
    yield attribute("document-state-reasons", "none")
    yield attribute("document-state-message", "")
    yield attribute("last-document", document.number == len(job.documents) and not job.incoming)
    yield attribute("k-octets", -(-document.octets // 1024))
    yield _number("impressions", document.impressions)
    yield _seconds(call, "time-at-creation", document.created)
    yield _date("date-time-at-creation", document.created)
    yield _seconds(call, "time-at-processing", job.processing)
    yield _seconds(call, "time-at-completed", job.completed)
    yield _up_time(call, "printer-up-time")
    yield attribute("attributes-charset", "utf-8")
    yield attribute("attributes-natural-language", "en")


def requested_attributes(asked: Attributes, default: frozenset[str]) -> frozenset[str]:
    """What the client wants to be told; the operation's default where it does not say."""
    return frozenset(asked.strings("requested-attributes")) or default


def job_id_of(call: Call) -> int:
    """The job a request is about: job-id, or the number at the end of job-uri (RFC 8011 4.3).

    Raises `RemoteProtocolError` (client-error-bad-request) where neither is there.
    """
    uri = call.asked.string("job-uri")
    if uri is not None:
        tail = uri.rstrip("/").rpartition("/")[2]
        if is_number(tail) and len(tail) <= 10:
            return int(tail)
        raise RemoteProtocolError("a job-uri without a number")
    job_id = call.asked.integer("job-id")
    if job_id is None:
        raise RemoteProtocolError("neither job-id nor job-uri")
    return job_id
