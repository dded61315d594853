"""What the ledger is told of a job's change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ipp.job import Event, Job
from server.storage import ledger
from server.storage.index import Transaction


def kind_of(before: Job, job: Job) -> str:
    """The event keyword (RFC 3995 5.3.3.4.3) for a change."""
    return "job-completed" if job.finished and not before.finished else "job-state-changed"


def record(
    t: Transaction, kind: str, job: Job, actor: str, at: datetime, events: Sequence[Event] = ()
) -> None:
    """The ledger's event of a change: keywords and numbers, no title and no name."""
    payload: dict[str, ledger.Json] = {
        "events": [event.value for event in events],
        "job-state": int(job.state),
        "job-state-reasons": sorted(job.reasons),
        "job-impressions-completed": job.impressions_completed,
        "documents": len(job.documents),
        "k-octets": -(-job.octets // 1024),
    }
    t.record(ledger.Event(kind, at, actor, job_id=job.id, subject=job.printer, payload=payload))
