"""From what the daemon has to what a command's answer tells of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ipp import Attribute, Attributes, Collection, OutOfBand, PrinterState, RemoteProtocolError
from ipp.job import Job
from ipp.message import Value
from ipp.spool import PrinterStatus
from server.admin.commands import (
    DocumentView,
    EventView,
    FaultView,
    JobView,
    PersonView,
    PrinterView,
    QueueView,
    VerdictView,
)
from server.config import PrinterSettings, QueueSettings
from server.storage.ledger import Recorded, Verdict
from server.storage.people import Person

_PRINTER_STATES: Final = {
    PrinterState.IDLE: "idle",
    PrinterState.PROCESSING: "processing",
    PrinterState.STOPPED: "stopped",
}


def view_person(person: Person) -> PersonView:
    """A person, without secrets."""
    return PersonView(
        name=person.name,
        role=person.role.value,
        has_password=person.password is not None,
        has_path=person.has_path,
        created=person.created,
    )


def view_queue(
    queue: QueueSettings, status: PrinterStatus | None, uris: Sequence[str], *, from_file: bool
) -> QueueView:
    """A queue; `status` is None where it is not being served."""
    return QueueView(
        name=queue.name,
        kind=queue.kind,
        printer=queue.printer,
        authentication=queue.authentication,
        release=queue.release,
        info=queue.info,
        location=queue.location,
        default=queue.default,
        from_file=from_file,
        state=_PRINTER_STATES.get(status.state, "unknown") if status else "unknown",
        accepting=status.accepting_jobs if status else False,
        jobs=status.queued_jobs if status else 0,
        uris=list(uris),
    )


def view_printer(
    printer: PrinterSettings, told: Attributes, *, from_file: bool, certificate: str = ""
) -> PrinterView:
    """A printer, what it told of itself as far as that makes sense, and the certificate it is held to."""
    try:
        return _view_printer(printer, told, from_file, certificate)
    except RemoteProtocolError:
        return _view_printer(printer, Attributes(), from_file, certificate)


def _view_printer(
    printer: PrinterSettings, told: Attributes, from_file: bool, certificate: str
) -> PrinterView:
    state = told.integer("printer-state")
    sides = told.strings("sides-supported")
    return PrinterView(
        name=printer.name,
        uri=printer.uri,
        info=printer.info,
        location=printer.location,
        from_file=from_file,
        make_and_model=str(told.string("printer-make-and-model", "")),
        state=_PRINTER_STATES.get(PrinterState(state), "") if state is not None else "",
        formats=[str(each) for each in told.strings("document-format-supported")],
        color=told.boolean("color-supported"),
        two_sided=any(each.startswith("two-sided") for each in sides) if sides else None,
        certificate=certificate,
    )


def view_job(job: Job, *, whole: bool = False) -> JobView:
    """A job; `whole` adds its documents and what was asked for it."""
    documents = [
        DocumentView(
            number=document.number,
            name=str(document.name),
            format=str(document.format),
            octets=document.octets,
            impressions=document.impressions,
        )
        for document in job.documents
    ]
    return JobView(
        id=job.id,
        uuid=str(job.uuid),
        queue=job.printer,
        owner=str(job.owner),
        title=str(job.name),
        state=job.state.name.lower().replace("_", "-"),
        reasons=sorted(job.reasons),
        message=str(job.message),
        created=job.created,
        completed=job.completed,
        octets=job.octets,
        impressions=job.impressions,
        printer=job.output_device,
        documents=documents if whole else [],
        asked={each.name: describe_attribute(each) for each in job.attributes} if whole else {},
    )


def view_event(recorded: Recorded) -> EventView:
    """An event of the ledger."""
    event = recorded.event
    return EventView(
        seq=recorded.seq,
        at=event.at,
        kind=event.kind,
        actor=event.actor,
        job=event.job_id,
        subject=event.subject,
        payload=dict(event.payload),
        hash=recorded.hash.hex(),
    )


def view_verdict(verdict: Verdict) -> VerdictView:
    """What reading the whole ledger found."""
    return VerdictView(
        sound=verdict.sound,
        events=verdict.events,
        head=f"{verdict.head_seq}:{verdict.head_hash.hex()}",
        faults=[FaultView(seq=fault.seq, what=fault.what) for fault in verdict.faults],
    )


def describe_attribute(attribute: Attribute) -> str:
    """The values of an attribute as people read them; of a collection, the members' names."""
    return ", ".join(_describe(value) for value in attribute.values)


def _describe(value: Value) -> str:
    if isinstance(value, Collection):
        return f"{{{' '.join(value.names())}}}"
    if isinstance(value, OutOfBand):
        return value.name.lower().replace("_", "-")
    if isinstance(value, bytes):
        return f"{len(value)} octets"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
