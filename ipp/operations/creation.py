"""Making jobs: Print-Job, Validate-Job, Create-Job, Send-Document, Close-Job, Resubmit-Job (RFC 8011 4.2,
4.3.1, PWG 5100.7)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from typing import Final

from ..compression import ENCODINGS, inflate
from ..enums import GroupTag, Status, Tag
from ..errors import RemoteProtocolError
from ..exchange import Response
from ..job import Event, Job
from ..message import Attribute, Attributes, Group
from ..printer import Call, Handler
from ..registry import attribute
from ..spool import DocumentTicket, Ticket
from ..ticket import check_count, check_value, sort_out
from ..values import OutOfBand
from ..vocabulary.enums import Operation
from .describe import JOB_CREATED, describe_job
from .job import is_kept_secret, own_job
from .subscription import creation_status, subscribe, wishes_of

# Operation attributes of a job that it goes on telling (RFC 8011 5.3, PWG 5100.7).
_KEPT: Final = (
    "document-name",
    "document-format",
    "document-natural-language",
    "job-account-id",
    "job-accounting-user-id",
    "job-impressions-estimated",
    "ipp-attribute-fidelity",
)
_MANDATORY: Final = "printer-mandatory-job-attributes"
_SUPPLIED: Final = {"document-name", "document-format", "document-natural-language", "compression"}


async def validate_job(call: Call) -> Response:
    """Say whether Print-Job would be accepted, and make nothing (RFC 8011 4.2.3)."""
    wishes = wishes_of(call, for_job=True)
    await ticket_of(call)
    document_of(call)
    ignored = any(wish.refusal is not None for wish in wishes)
    status = Status.SUCCESSFUL_OK_IGNORED_SUBSCRIPTIONS if ignored else Status.SUCCESSFUL_OK
    return call.reply(status, [wish.answer() for wish in wishes])


async def print_job(call: Call) -> Response:
    """A job with its one document (RFC 8011 4.2.1)."""
    wishes = wishes_of(call, for_job=True)
    ticket = await ticket_of(call)
    document = document_of(call)
    data = await _with_first(call.request.document)
    if data is None:
        raise RemoteProtocolError("Print-Job without a document")
    plain = _plain(data, document.compression)
    if not wishes:
        return _created(call, await call.spool.submit(ticket, document, plain))
    # Who subscribes with the job is to hear of all that happens to it: the job must be there before.
    job = await call.spool.create(ticket)
    try:
        subscriptions = await subscribe(call, wishes, job)
        job = await call.spool.receive(job.id, document, plain, last=True, user=call.user)
    except BaseException:
        # Half a document is no job: the client was not told of it, and cannot add to it.
        with suppress(RemoteProtocolError):  # somebody ended it already
            await call.spool.change(job.id, Event.ABORTED, call.user)
        raise
    return _created(call, job, subscriptions)


async def create_job(call: Call) -> Response:
    """A job whose documents come by Send-Document (RFC 8011 4.2.4)."""
    wishes = wishes_of(call, for_job=True)
    job = await call.spool.create(await ticket_of(call))
    return _created(call, job, await subscribe(call, wishes, job))


async def send_document(call: Call) -> Response:
    """One more document, or only the word that it was the last (RFC 8011 4.3.1)."""
    last = call.asked.boolean("last-document")
    if last is None:
        raise RemoteProtocolError("Send-Document without last-document")
    job = await own_job(call)
    if not job.incoming:
        raise RemoteProtocolError("the job is closed", status=Status.CLIENT_ERROR_NOT_POSSIBLE)
    document = document_of(call)
    data = await _with_first(call.request.document)
    if data is None and not last:
        raise RemoteProtocolError("Send-Document without a document that is not the last")
    several = call.printer.attributes.boolean("multiple-document-jobs-supported", default=True)
    if data is not None and job.documents and not several:
        raise RemoteProtocolError(
            "a second document", status=Status.SERVER_ERROR_MULTIPLE_DOCUMENT_JOBS_NOT_SUPPORTED
        )
    if data is None:
        job = await call.spool.change(job.id, Event.CLOSED, call.user)
    else:
        job = await call.spool.receive(
            job.id, document, _plain(data, document.compression), last=last, user=call.user
        )
    return _created(call, job)


async def close_job(call: Call) -> Response:
    """No more documents will come (PWG 5100.7 4.1)."""
    job = await own_job(call)
    if job.incoming:
        job = await call.spool.change(job.id, Event.CLOSED, call.user)
    return call.reply(groups=[describe_job(call, job, JOB_CREATED)])


async def resubmit_job(call: Call) -> Response:
    """A new job with the documents of an old one (PWG 5100.7 4.4)."""
    old = await own_job(call)
    wishes = wishes_of(call, for_job=True)
    asked = await ticket_of(call, old)
    job = await call.spool.resubmit(old.id, asked)
    return _created(call, job, await subscribe(call, wishes, job))


async def reprocess_job(call: Call) -> Response:
    """RFC 3998 4.1: a copy of a finished job, as a new one."""
    if not (await own_job(call)).finished:
        raise RemoteProtocolError("it is not finished", status=Status.CLIENT_ERROR_NOT_POSSIBLE)
    return await resubmit_job(call)


def _created(call: Call, job: Job, subscriptions: Iterable[Group] = ()) -> Response:
    groups = [describe_job(call, job, JOB_CREATED), *subscriptions]
    return call.reply(creation_status(subscriptions), groups=groups)


async def ticket_of(call: Call, old: Job | None = None) -> Ticket:
    """What is validly asked for a new job; with `old`, what that job had is the start.

    Raises `RemoteProtocolError` as RFC 8011 4.2.1.2 has it; what was ignored is in `call.unsupported`.
    """
    call.demand()
    status = await call.spool.status()
    if not status.accepting_jobs:
        raise RemoteProtocolError("not accepting jobs", status=Status.SERVER_ERROR_NOT_ACCEPTING_JOBS)
    asked = call.asked
    template = [each for group in call.message.groups_of(GroupTag.JOB) for each in group]
    for each in template:
        check_value(each)
        if each.name != "job-sheets":  # CUPS sends one for each end
            check_count(each)
    accepted, unsupported = sort_out(template, call.printer.attributes)
    call.unsupported.extend(unsupported)
    _check_mandatory(call, accepted)
    password = _password(call)
    mandatory = asked.strings("job-mandatory-attributes")
    refused = any(each.name in mandatory for each in unsupported)
    if refused or (unsupported and asked.boolean("ipp-attribute-fidelity", default=False)):
        raise RemoteProtocolError(
            "what the job must have", status=Status.CLIENT_ERROR_ATTRIBUTES_OR_VALUES_NOT_SUPPORTED
        )
    name = asked.string("job-name") or asked.string("document-name") or (old.name if old else "Untitled")
    if old is not None:
        asked_names = set(accepted.names())
        accepted = Attributes((*accepted, *(each for each in old.attributes if each.name not in asked_names)))
    accepted.add(*_description(asked))
    hold_time = accepted.date_time("job-hold-until-time")
    return Ticket(
        user=call.user,
        name=str(name),
        attributes=accepted,
        hold_until=accepted.string("job-hold-until", "indefinite" if hold_time else "no-hold"),
        priority=accepted.integer("job-priority", 50),
        password=password,
    )


def _check_mandatory(call: Call, accepted: Attributes) -> None:
    """See that the job has all of printer-mandatory-job-attributes (PWG 5100.13).

    Raises `RemoteProtocolError`; what is missing is named in `call.unsupported`.
    """
    names = call.printer.attributes.strings(_MANDATORY)
    missing = [name for name in names if name not in accepted and name not in call.asked]
    if missing:
        call.unsupported.extend(
            Attribute.of(name, Tag.UNSUPPORTED, OutOfBand.UNSUPPORTED) for name in missing
        )
        raise RemoteProtocolError(
            f"without {', '.join(missing)}", status=Status.CLIENT_ERROR_ATTRIBUTES_OR_VALUES_NOT_SUPPORTED
        )


def _password(call: Call) -> bytes | None:
    """The job's password (PWG 5100.11 5.1), if it came in a way in which it can be kept secret.

    It is never echoed. One that is refused goes back as unsupported: its client is told, not left to believe.
    Where the printer wants one of each job, none is made without: raises `RemoteProtocolError`
    (client-error-attributes-or-values-not-supported).
    """
    given = call.asked.get("job-password")
    if given is None:
        return None
    if not isinstance(given.value, bytes) or not is_kept_secret(call, given.value):
        call.unsupported.append(Attribute.of("job-password", Tag.UNSUPPORTED, OutOfBand.UNSUPPORTED))
        if "job-password" in call.printer.attributes.strings(_MANDATORY):
            raise RemoteProtocolError(
                "job-password", status=Status.CLIENT_ERROR_ATTRIBUTES_OR_VALUES_NOT_SUPPORTED
            )
        return None
    return given.value


def _description(asked: Attributes) -> list[Attribute]:
    """What the operation attributes say of the job, under the names by which the job tells it."""
    kept = []
    for name in _KEPT:
        given = asked.get(name)
        if given is not None and not isinstance(given.value, OutOfBand):
            kept.append(given.renamed(f"{name}-supplied") if name in _SUPPLIED else given)
    return kept


def document_of(call: Call) -> DocumentTicket:
    """What is said of the document. Raises where its format or compression is not supported."""
    asked, printer = call.asked, call.printer.attributes
    compression = asked.string("compression", "none")
    if compression not in printer.strings("compression-supported"):
        call.unsupported.append(asked["compression"])
        raise RemoteProtocolError(compression, status=Status.CLIENT_ERROR_COMPRESSION_NOT_SUPPORTED)
    usual = printer.string("document-format-default", "application/octet-stream")
    given = asked.string("document-format", usual)
    if given not in printer.strings("document-format-supported"):
        call.unsupported.append(attribute("document-format", given))
        raise RemoteProtocolError(given, status=Status.CLIENT_ERROR_DOCUMENT_FORMAT_NOT_SUPPORTED)
    name = asked.string("document-name", "")
    template = [each for group in call.message.groups_of(GroupTag.DOCUMENT) for each in group]
    for each in template:
        check_value(each)
    return DocumentTicket(str(name), given, compression, Attributes(template))


def _plain(data: AsyncIterator[bytes], compression: str) -> AsyncIterator[bytes]:
    """The document's own octets, whatever `compression` they came in."""
    for encoding in ENCODINGS:
        if compression == encoding:
            return inflate(data, encoding)
    return data


async def _with_first(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes] | None:
    """The stream, once its first octets are there; None where there are none."""
    async for first in chunks:
        if first:
            return _chain(first, chunks)
    return None


async def _chain(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk


def own_attributes() -> Attributes:
    """What these operations add to the printer's attributes."""
    return Attributes(
        [
            attribute("compression-supported", "none", "gzip", "deflate"),
            attribute("job-mandatory-attributes-supported", True),
            attribute("multiple-document-jobs-supported", True),
        ]
    )


HANDLERS: Final[dict[Operation, Handler]] = {
    Operation.PRINT_JOB: print_job,
    Operation.VALIDATE_JOB: validate_job,
    Operation.CREATE_JOB: create_job,
    Operation.SEND_DOCUMENT: send_document,
    Operation.CLOSE_JOB: close_job,
    Operation.RESUBMIT_JOB: resubmit_job,
    Operation.REPROCESS_JOB: reprocess_job,
}
