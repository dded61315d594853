"""Answers as text for a terminal: tables, and a few words where there is nothing to list."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from server.admin import commands as c

_COLUMN_MAX: Final = 60


def show_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns under their names, each as wide as it needs, at most 60 characters."""
    cells = [[_cut(clean(cell)) for cell in row] for row in (head, *rows)]
    widths = [max(width_of(row[column]) for row in cells) for column in range(len(head))]
    lines = []
    for row in cells:
        padded = (cell + " " * (width - width_of(cell)) for cell, width in zip(row, widths, strict=True))
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def clean(text: str) -> str:
    """Text that cannot command a terminal: what is not printable is replaced."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )


def width_of(text: str) -> int:
    """How many columns of a terminal a text takes."""
    width = 0
    for character in text:
        if not unicodedata.combining(character):
            width += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return width


def _cut(text: str) -> str:
    if width_of(text) <= _COLUMN_MAX:
        return text
    kept = ""
    for character in text:
        if width_of(kept + character) >= _COLUMN_MAX:
            break
        kept += character
    return kept + "…"


def show_octets(octets: int) -> str:
    """A size as people say it."""
    size = float(octets)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 10 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def show_age(at: datetime, now: datetime | None = None) -> str:
    """How long ago that was."""
    passed = (now or datetime.now(UTC)) - at
    if passed < timedelta(minutes=1):
        return "just now"
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if passed.total_seconds() >= unit:
            return f"{int(passed.total_seconds() // unit)} {name} ago"
    return "just now"


def show_status(status: c.StatusView) -> str:
    """The daemon itself."""
    return "\n".join(
        (
            f"pullprint {status.version} runs as process {status.pid}",
            f"listens at {', '.join(status.addresses)}",
            f"queues: {status.queues}; jobs that wait or print: {status.jobs}",
            f"certificate (SHA-256): {status.fingerprint}",
        )
    )


def show_people(people: Sequence[c.PersonView]) -> str:
    """People in a table."""
    if not people:
        return "Nobody is known yet: `pullprint users add NAME` makes somebody known."
    rows = [
        (
            person.name,
            person.role,
            "yes" if person.has_password else "no",
            "yes" if person.has_path else "no",
            show_age(person.created),
        )
        for person in people
    ]
    return show_table(("NAME", "ROLE", "PASSWORD", "LINK", "ADDED"), rows)


def show_uris(path: c.PathView) -> str:
    """A secret path, which is shown this once."""
    return "\n".join(
        (
            f"{clean(path.name)} prints to:",
            *(f"  {uri}" for uri in path.uris),
            "Whoever has this address prints as them. It is not shown again.",
        )
    )


def show_queues(queues: Sequence[c.QueueView]) -> str:
    """Queues in a table, and where to print to each."""
    rows = [
        (
            queue.name + (" *" if queue.default else ""),
            queue.kind,
            queue.printer or "-",
            queue.authentication,
            queue.release if queue.kind == "hold" else "-",
            queue.state if queue.accepting else f"{queue.state}, takes no jobs",
            str(queue.jobs),
            queue.uris[0] if queue.uris else "-",
        )
        for queue in queues
    ]
    head = ("QUEUE", "KIND", "PRINTER", "LOGIN", "RELEASE", "STATE", "JOBS", "URI")
    return show_table(head, rows)


def show_printers(printers: Sequence[c.PrinterView]) -> str:
    """Printers in a table."""
    if not printers:
        return "There is no printer yet: `pullprint printers add URI` adds one."
    rows = [
        (
            printer.name,
            printer.uri,
            printer.make_and_model or "-",
            printer.state or "-",
            _abilities(printer),
            printer.location or "-",
        )
        for printer in printers
    ]
    return show_table(("PRINTER", "URI", "MODEL", "STATE", "CAN", "LOCATION"), rows)


def _abilities(printer: c.PrinterView) -> str:
    known = {"color": printer.color, "two-sided": printer.two_sided}
    formats = [each.rpartition("/")[2] for each in printer.formats if each != "application/octet-stream"]
    return ", ".join([word for word, able in known.items() if able] + formats) or "-"


def show_jobs(jobs: Sequence[c.JobView]) -> str:
    """Jobs in a table."""
    if not jobs:
        return "No jobs."
    rows = [
        (
            str(job.id),
            job.owner,
            job.title,
            job.state,
            job.queue,
            job.printer or "-",
            "-" if job.impressions is None else str(job.impressions),
            show_octets(job.octets),
            show_age(job.created),
        )
        for job in jobs
    ]
    return show_table(("JOB", "OWNER", "TITLE", "STATE", "QUEUE", "PRINTER", "PAGES", "SIZE", "SENT"), rows)


def show_job(job: c.JobView) -> str:
    """One job, a line for each thing that is known of it."""
    lines = [
        ("job", str(job.id)),
        ("title", job.title),
        ("owner", job.owner),
        ("queue", job.queue),
        ("state", f"{job.state} ({', '.join(job.reasons) or 'none'})"),
        ("message", job.message),
        ("printer", job.printer or "-"),
        ("sent", job.created.isoformat(timespec="seconds")),
        ("finished", job.completed.isoformat(timespec="seconds") if job.completed else "-"),
        ("UUID", job.uuid),
    ]
    lines += [
        (f"document {each.number}", f"{each.name or '-'}, {each.format}, {show_octets(each.octets)}")
        for each in job.documents
    ]
    lines += sorted(job.asked.items())
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{clean(name):{width}}  {clean(text)}" for name, text in lines)


def show_events(events: Sequence[c.EventView]) -> str:
    """Events in a table."""
    if not events:
        return "No events."
    rows = [
        (
            str(event.seq),
            event.at.isoformat(timespec="seconds"),
            event.kind,
            event.actor,
            "-" if event.job is None else str(event.job),
            event.subject or "-",
        )
        for event in events
    ]
    return show_table(("SEQ", "AT", "EVENT", "BY", "JOB", "ABOUT"), rows)


def show_verdict(verdict: c.VerdictView) -> str:
    """What reading the whole ledger found."""
    if verdict.sound:
        noted = f"Note this elsewhere and give it as --head:\n{verdict.head}"
        return f"{verdict.events} events, none changed. {noted}"
    faults = "\n".join(f"  row {fault.seq}: {clean(fault.what)}" for fault in verdict.faults)
    return f"The ledger is not what was written:\n{faults}"
