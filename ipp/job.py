"""A print job as a value, and the one table that says how its state may change (RFC 8011 5.3.7).

Nothing here does I/O or knows the time: `advance` takes a job, what happened and when, and gives the
next job.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Final
from uuid import UUID

from .enums import Status
from .errors import RemoteProtocolError
from .message import Attributes
from .vocabulary.enums import DocumentState, JobState

ACTIVE: Final = frozenset(
    {JobState.PENDING, JobState.PENDING_HELD, JobState.PROCESSING, JobState.PROCESSING_STOPPED}
)
FINISHED: Final = frozenset({JobState.CANCELED, JobState.ABORTED, JobState.COMPLETED})


class Event(Enum):
    """What can happen to a job. The value is the word that the journal and messages use."""

    RECEIVED = "received"  # a document is whole and durable; more may come
    CLOSED = "closed"  # no more documents will come
    HELD = "held"
    RELEASED = "released"
    STARTED = "started"  # its delivery began
    STOPPED = "stopped"  # its delivery pauses: the device is stopped, or the job was suspended
    PARKED = "parked"  # back to the park, or the queue, after a delivery that did not happen
    COMPLETED = "completed"
    CANCELED = "canceled"
    ABORTED = "aborted"
    RESTARTED = "restarted"


_S: Final = JobState
_E: Final = Event

# (state, event) -> state. A pair that is not here is client-error-not-possible.
TRANSITIONS: Final[dict[tuple[JobState, Event], JobState]] = {
    **{(state, _E.RECEIVED): state for state in (_S.PENDING, _S.PENDING_HELD, _S.PROCESSING)},
    **{(state, _E.CLOSED): state for state in (_S.PENDING, _S.PENDING_HELD, _S.PROCESSING)},
    (_S.PENDING, _E.HELD): _S.PENDING_HELD,
    (_S.PENDING_HELD, _E.HELD): _S.PENDING_HELD,
    (_S.PENDING_HELD, _E.RELEASED): _S.PENDING,
    (_S.PENDING, _E.RELEASED): _S.PENDING,
    (_S.PROCESSING_STOPPED, _E.RELEASED): _S.PENDING,
    (_S.PENDING, _E.STARTED): _S.PROCESSING,
    (_S.PROCESSING_STOPPED, _E.STARTED): _S.PROCESSING,
    (_S.PROCESSING, _E.STOPPED): _S.PROCESSING_STOPPED,
    (_S.PENDING, _E.PARKED): _S.PENDING_HELD,
    (_S.PROCESSING, _E.PARKED): _S.PENDING_HELD,
    (_S.PROCESSING_STOPPED, _E.PARKED): _S.PENDING_HELD,
    (_S.PROCESSING, _E.COMPLETED): _S.COMPLETED,
    **{(state, _E.CANCELED): _S.CANCELED for state in ACTIVE},
    **{(state, _E.ABORTED): _S.ABORTED for state in ACTIVE},
    **{(state, _E.RESTARTED): _S.PENDING for state in FINISHED},
}

# Why a job waits (PWG 5100.11 6.1, RFC 8011 5.3.8). They go when the job leaves pending-held.
HOLD_REASONS: Final = frozenset(
    {
        "job-hold-until-specified",
        "job-release-wait",
        "job-password-wait",
        "job-held-for-authorization",
        "job-held-for-button-press",
        "job-held-for-release",
        "job-held-for-review",
    }
)
# Why it did not come out; they go when it is tried again.
STOP_REASONS: Final = frozenset({"printer-stopped", "job-suspended", "resources-are-not-ready"})

_ADDED: Final[dict[Event, frozenset[str]]] = {
    _E.STARTED: frozenset({"job-printing"}),
    _E.COMPLETED: frozenset({"job-completed-successfully"}),
}
_DROPPED: Final[dict[Event, frozenset[str]]] = {
    _E.CLOSED: frozenset({"job-incoming", "job-data-insufficient"}),
    _E.RELEASED: HOLD_REASONS,
    _E.STARTED: STOP_REASONS | HOLD_REASONS,
    _E.STOPPED: frozenset({"job-printing"}),
    _E.PARKED: STOP_REASONS | {"job-printing"},
}


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a job (PWG 5100.5). `octets` counts what the client sent after decompression;
    `impressions` is None where nobody knows. `attributes` is what the client said of this document."""

    number: int
    name: str
    format: str
    octets: int
    created: datetime
    impressions: int | None = None
    state: DocumentState = DocumentState.PENDING
    attributes: Attributes = field(default_factory=Attributes)


@dataclass(frozen=True, slots=True)
class Job:
    """A job as everybody sees it.

    `owner` is its most authenticated user name; `attributes` are the Job Template and description attributes
    that were validly asked, as they are echoed; times are aware datetimes.

    `version` counts changes: a writer names the version it read, so that the second of two at the same moment
    is told instead of overwriting the first.
    """

    id: int
    uuid: UUID
    printer: str
    owner: str
    name: str
    created: datetime
    state: JobState = JobState.PENDING
    reasons: frozenset[str] = frozenset()
    message: str = ""
    processing: datetime | None = None
    completed: datetime | None = None
    attributes: Attributes = field(default_factory=Attributes)
    documents: tuple[Document, ...] = ()
    priority: int = 50
    impressions: int | None = None
    impressions_completed: int = 0
    output_device: str | None = None
    version: int = 0

    @property
    def finished(self) -> bool:
        """Whether it is canceled, aborted or completed."""
        return self.state in FINISHED

    @property
    def incoming(self) -> bool:
        """Whether documents may still be added."""
        return "job-incoming" in self.reasons

    @property
    def octets(self) -> int:
        """The octets of all documents."""
        return sum(document.octets for document in self.documents)


def advance(
    job: Job,
    event: Event,
    at: datetime,
    *,
    add: Iterable[str] = (),
    drop: Iterable[str] = (),
    message: str = "",
) -> Job:
    """The job after `event` at the time `at`; `add` and `drop` are further job-state-reasons.

    Raises `RemoteProtocolError` where the job's state does not allow the event: client-error-not-possible, or
    server-error-job-canceled (RFC 8011 B.1.5.9) where a document came while the job was canceled.
    """
    target = TRANSITIONS.get((job.state, event))
    if target is None or (event is Event.RECEIVED and not job.incoming):
        overtaken = event is Event.RECEIVED and job.state is JobState.CANCELED
        raise RemoteProtocolError(
            f"job {job.id} is {job.state.keyword}: it cannot be {event.value}",
            status=Status.SERVER_ERROR_JOB_CANCELED if overtaken else Status.CLIENT_ERROR_NOT_POSSIBLE,
        )
    reasons = (job.reasons - _DROPPED.get(event, frozenset()) - frozenset(drop)) | _ADDED.get(
        event, frozenset()
    )
    changes: dict[str, object] = {}
    if target in FINISHED:
        # A finished job says how it ended and nothing of what it once waited for.
        reasons = _ADDED.get(event, frozenset())
        changes["completed"] = at
        changes["documents"] = tuple(replace(document, state=_ENDED[target]) for document in job.documents)
    elif event is Event.RESTARTED:
        reasons = frozenset()
        changes |= {"completed": None, "processing": None, "impressions_completed": 0}
        changes["documents"] = tuple(
            replace(document, state=DocumentState.PENDING) for document in job.documents
        )
    elif event is Event.STARTED and job.processing is None:
        changes["processing"] = at
    return replace(
        job,
        state=target,
        reasons=reasons | frozenset(add),
        message=message,
        version=job.version + 1,
        **changes,  # type: ignore[arg-type]  # each name above is a field of that type
    )


_ENDED: Final = {
    JobState.COMPLETED: DocumentState.COMPLETED,
    JobState.CANCELED: DocumentState.CANCELED,
    JobState.ABORTED: DocumentState.ABORTED,
}
