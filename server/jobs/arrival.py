"""A job as it comes: made of its ticket and its queue, and what each document that arrives makes of it.

Pure: nothing here stores anything. The one writer (`server.jobs.service`) does.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from ipp import Attributes, JobState, RemoteProtocolError, Status
from ipp.job import Document, Job
from ipp.spool import Ticket
from server.jobs.intake import Received
from server.jobs.lock import LOCKED, PARKED
from server.storage.fleet import Queue
from server.storage.scope import encode_attributes

# What is told of a job, or of a document, besides names: thousands of them are read for one Get-Jobs.
ATTRIBUTES_OCTETS_MAX: Final = 8 << 10
# What a document claims to be may be any number; an integer of IPP has 31 bits (RFC 8010 3.5.2).
IMPRESSIONS_MAX: Final = 2**31 - 1
# A job's row holds what it tells of each of its documents, and is written anew with each.
DOCUMENTS_MAX: Final = 1000


def make_job(queue: Queue, ticket: Ticket, uuid: UUID, now: datetime) -> Job:
    """A new job without id that expects documents: parked in a hold queue, else waiting for its device."""
    reasons = {"job-incoming"}
    if queue.kind == "hold":
        reasons.add(PARKED)
        if ticket.password is not None:
            reasons.add(LOCKED)
    if ticket.hold_until != "no-hold":
        reasons.add("job-hold-until-specified")
    elif queue.holding:
        reasons.add("job-held-for-release")
    return Job(
        id=0,
        uuid=uuid,
        printer=queue.name,
        owner=ticket.user.name,
        name=ticket.name,
        created=now,
        state=JobState.PENDING_HELD if len(reasons) > 1 else JobState.PENDING,
        reasons=frozenset(reasons),
        attributes=ticket.attributes,
        priority=ticket.priority,
        output_device=None if queue.kind == "hold" else queue.printer,
    )


def add_document(job: Job, received: Received, now: datetime) -> Job:
    """The job with one more document. Raises where it has too many."""
    check_number(job)
    document = Document(
        number=len(job.documents) + 1,
        name=received.ticket.name,
        format=received.format,
        octets=received.taken.octets,
        created=now,
        impressions=_bounded(received.analysis.impressions),
        attributes=received.ticket.attributes,
    )
    known = [each.impressions for each in (*job.documents, document)]
    total = None if None in known else sum(count for count in known if count is not None)
    return replace(job, documents=(*job.documents, document), impressions=_bounded(total))


def _bounded(impressions: int | None) -> int | None:
    return None if impressions is None else min(impressions, IMPRESSIONS_MAX)


def check_number(job: Job) -> None:
    """Raise where a job takes no more documents."""
    if len(job.documents) >= DOCUMENTS_MAX:
        raise RemoteProtocolError(
            f"job {job.id} has {DOCUMENTS_MAX} documents", status=Status.SERVER_ERROR_TOO_MANY_DOCUMENTS
        )


def check_size(attributes: Attributes) -> None:
    """Raise where more is told of a job or a document than is kept of it."""
    if len(encode_attributes(attributes)) > ATTRIBUTES_OCTETS_MAX:
        raise RemoteProtocolError(
            f"more than {ATTRIBUTES_OCTETS_MAX} octets of attributes",
            status=Status.CLIENT_ERROR_REQUEST_ENTITY_TOO_LARGE,
        )


async def read_ahead(data: AsyncIterable[bytes], octets: int) -> tuple[bytes, AsyncIterator[bytes] | None]:
    """The beginning of a stream, and the rest of it; None where the beginning was all of it.

    The beginning ends with the first chunk that takes it beyond `octets`.
    """
    chunks = aiter(data)
    head = bytearray()
    async for chunk in chunks:
        head += chunk
        if len(head) > octets:
            return bytes(head), chunks
    return bytes(head), None


async def put_before(head: bytes, rest: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """A stream that `read_ahead` began to read, whole again."""
    yield head
    async for chunk in rest:
        yield chunk
