"""Carries out commands: from a typed command to the people, queues, printers, jobs and ledger it is about."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import msgspec

from ipp import Attributes, JobState, RemoteProtocolError, Status
from ipp.exchange import User
from ipp.job import ACTIVE, FINISHED, Event, Job
from ipp.spool import PrinterStatus, Query
from server.admin import commands as c
from server.admin.views import view_event, view_job, view_person, view_printer, view_queue, view_verdict
from server.config import (
    PERSONAL,
    RESOURCE_PATH,
    TEXT_OCTETS_MAX,
    ConfigError,
    PrinterSettings,
    QueueSettings,
    check_printer,
)
from server.errors import PullprintError
from server.fleet import Fleet
from server.identity.people import People
from server.storage.ledger import Ledger
from server.storage.people import Role

_WHICH: Final[Mapping[str, frozenset[JobState]]] = {
    "active": ACTIVE,
    "finished": FINISHED,
    "all": ACTIVE | FINISHED,
}
_INTEGER_MAX: Final = 2**63 - 1  # of the database
_HEAD: Final = re.compile(r"([0-9]+):([0-9a-f]{64})")
_NOT_NAME: Final = re.compile(r"[^a-z0-9]+")


class CommandError(PullprintError):
    """A command asks for what cannot be; the text says why."""


class Jobs(Protocol):
    """What commands ask of the one writer of jobs (`server.jobs.service.JobService`)."""

    async def get(self, job_id: int) -> Job | None:
        """The job, or None."""
        ...

    async def find(self, query: Query, queue: str | None = None) -> list[Job]:
        """The jobs that the query asks for, of one queue or of all."""
        ...

    async def change(self, job_id: int, event: Event, user: User) -> Job:
        """Let something happen to a job."""
        ...

    async def release(
        self, job_id: int, device: str, user: User, *, password: bytes | None = None, peer: str = ""
    ) -> Job:
        """Let a parked job come out of a device."""
        ...

    async def forget(self, job_ids: Iterable[int], user: User) -> None:
        """Remove jobs and their history; those that are not finished are canceled first."""
        ...


class Serving(Protocol):
    """What commands ask of the queues that are being served."""

    def uris(self, path: str, *, secret: bool = False) -> list[str]:
        """Where clients reach a resource path; one that is a secret by TLS only."""
        ...

    async def status(self, queue: str) -> PrinterStatus | None:
        """The state of a queue; None where it is not served."""
        ...

    async def refresh(self) -> None:
        """Serve the queues as the fleet has them now."""
        ...

    def describe(self) -> c.StatusView:
        """The daemon itself; `queues` and `jobs` are filled in here."""
        ...


# Asks a printer at a URI what it is; one that cannot say (9100, a folder) says nothing. Raises PullprintError
# where nothing is there.
Probe = Callable[[str], Awaitable[Attributes]]
# An AirPrint profile for a person's name, a secret path, a queue's title and a host; signed, if so asked.
MakeProfileFile = Callable[[str, str, str, str, bool], bytes]


class Desk:
    """Carries out commands. `carry` is what the admin socket calls."""

    def __init__(
        self,
        *,
        people: People,
        fleet: Fleet,
        jobs: Jobs,
        ledger: Ledger,
        serving: Serving,
        probe: Probe,
        make_profile: MakeProfileFile,
    ) -> None:
        self._people = people
        self._fleet = fleet
        self._jobs = jobs
        self._ledger = ledger
        self._serving = serving
        self._probe = probe
        self._make_profile = make_profile
        self._handlers: dict[type[c.Command], Callable[[Any, str], Awaitable[Any]]] = {
            c.GetStatus: self._status,
            c.AddPerson: self._add_person,
            c.ListPeople: self._list_people,
            c.RemovePerson: self._remove_person,
            c.SetPassword: self._set_password,
            c.SetRole: self._set_role,
            c.MakePath: self._make_path,
            c.RevokePath: self._revoke_path,
            c.MakeProfile: self._profile,
            c.ListQueues: self._list_queues,
            c.AddQueue: self._add_queue,
            c.SetQueue: self._set_queue,
            c.RemoveQueue: self._remove_queue,
            c.ListPrinters: self._list_printers,
            c.AddPrinter: self._add_printer,
            c.ProbePrinter: self._probe_printer,
            c.TrustPrinter: self._trust_printer,
            c.RemovePrinter: self._remove_printer,
            c.ListJobs: self._list_jobs,
            c.ShowJob: self._show_job,
            c.ReleaseJob: self._release_job,
            c.CancelJob: self._cancel_job,
            c.VerifyLedger: self._verify_ledger,
            c.ShowLedger: self._show_ledger,
        }

    async def carry(self, command: c.Command, by: str) -> Any:
        """Carry out a command for whom the ledger calls `by`; return its value.

        Raises:
            PullprintError: it cannot be done; the text says why and what to do.
        """
        try:
            return await self._handlers[type(command)](command, by)
        except ConfigError as error:
            raise CommandError(str(error).removeprefix("$.")) from error
        except RemoteProtocolError as error:
            raise CommandError(f"it cannot be done now: {error}") from error

    async def _status(self, command: c.GetStatus, by: str) -> c.StatusView:
        jobs = await self._jobs.find(Query(ACTIVE))
        queues = len(self._fleet.queues)
        return msgspec.structs.replace(self._serving.describe(), queues=queues, jobs=len(jobs))

    async def _add_person(self, command: c.AddPerson, by: str) -> c.PersonView:
        return view_person(await self._people.add(command.name, command.password, Role(command.role), by))

    async def _list_people(self, command: c.ListPeople, by: str) -> list[c.PersonView]:
        return [view_person(person) for person in await self._people.list_all()]

    async def _remove_person(self, command: c.RemovePerson, by: str) -> int:
        """Who comes later under the same name must not find what this person printed: not even the titles."""
        person = await self._people.get(command.name)
        waiting = await self._forget_jobs(person.name, by)
        await self._people.remove(person.name, by)
        return waiting + await self._forget_jobs(person.name, by)  # what came in between

    async def _forget_jobs(self, owner: str, by: str) -> int:
        """Cancel what an owner has waiting and forget all that there was; return how many waited."""
        jobs = await self._jobs.find(Query(ACTIVE | FINISHED, owner=owner))
        await self._jobs.forget([job.id for job in jobs], _operator(by))
        return sum(not job.finished for job in jobs)

    async def _set_password(self, command: c.SetPassword, by: str) -> c.PersonView:
        await self._people.set_password(command.name, command.password, by)
        return view_person(await self._people.get(command.name))

    async def _set_role(self, command: c.SetRole, by: str) -> c.PersonView:
        return view_person(await self._people.set_role(command.name, Role(command.role), by))

    async def _make_path(self, command: c.MakePath, by: str) -> c.PathView:
        person, queue = await self._people.get(command.name), self._chosen_queue(command.queue)
        path = self._secret_path(queue, await self._people.make_token(person.name, by))
        return c.PathView(name=person.name, uris=self._serving.uris(path, secret=True))

    async def _revoke_path(self, command: c.RevokePath, by: str) -> c.PersonView:
        await self._people.revoke_token(command.name, by)
        return view_person(await self._people.get(command.name))

    async def _profile(self, command: c.MakeProfile, by: str) -> c.ProfileView:
        person, queue = await self._people.get(command.name), self._chosen_queue(command.queue)
        path = self._secret_path(queue, await self._people.make_token(person.name, by))
        octets = self._make_profile(person.name, path, queue.title, command.host, command.sign)
        return c.ProfileView(name=person.name, octets=octets, uris=self._serving.uris(path, secret=True))

    def _chosen_queue(self, name: str) -> QueueSettings:
        queue = self._fleet.queue(name) if name else self._fleet.default
        if queue is None:
            raise CommandError("there is no queue to print to: `pullprint queues add` makes one")
        return queue

    def _secret_path(self, queue: QueueSettings, token: str) -> str:
        """The path of the default queue is the token's alone; another queue's name follows it."""
        suffix = "" if queue == self._fleet.default else f"/{queue.name}"
        return f"{RESOURCE_PATH}/{PERSONAL}/{token}{suffix}"

    async def _list_queues(self, command: c.ListQueues, by: str) -> list[c.QueueView]:
        return [await self._view_queue(queue) for queue in self._fleet.queues.values()]

    async def _view_queue(self, queue: QueueSettings) -> c.QueueView:
        paths = [queue.path]
        if queue == self._fleet.default:
            paths.insert(0, RESOURCE_PATH)
        uris = [uri for path in paths for uri in self._serving.uris(path)]
        status = await self._serving.status(queue.name)
        return view_queue(queue, status, uris, from_file=self._fleet.is_from_file(queue))

    async def _add_queue(self, command: c.AddQueue, by: str) -> c.QueueView:
        await self._fleet.add_queue(command.queue, by)
        await self._serving.refresh()
        return await self._view_queue(self._fleet.queue(command.queue.name))

    async def _set_queue(self, command: c.SetQueue, by: str) -> c.QueueView:
        before = self._fleet.queue(command.name)
        given = {name: getattr(command, name) for name in command.__struct_fields__ if name != "name"}
        changes = {name: value for name, value in given.items() if value is not None}
        if before == self._fleet.default and changes.get("default") is False:
            raise CommandError(f"one queue is the default: make another one it instead of {before.name!r}")
        await self._fleet.change_queue(msgspec.structs.replace(before, **changes), by)
        await self._serving.refresh()
        return await self._view_queue(self._fleet.queue(command.name))

    async def _remove_queue(self, command: c.RemoveQueue, by: str) -> None:
        await self._fleet.remove_queue(command.name, by)
        await self._serving.refresh()

    async def _list_printers(self, command: c.ListPrinters, by: str) -> list[c.PrinterView]:
        return [await self._view_printer(printer) for printer in self._fleet.printers.values()]

    async def _view_printer(self, printer: PrinterSettings) -> c.PrinterView:
        row = await self._fleet.row(printer.name)
        from_file = self._fleet.is_from_file(printer)
        return view_printer(printer, row.attributes, from_file=from_file, certificate=row.certificate)

    async def _add_printer(self, command: c.AddPrinter, by: str) -> c.PrinterView:
        check_printer(PrinterSettings(name=command.name or "printer", uri=command.uri))
        told = await self._probe(command.uri) if command.probe else Attributes()
        name = command.name or _free_name(command.uri, told, self._fleet.printers)
        printer = PrinterSettings(
            name=name,
            uri=command.uri,
            info=command.info or _clean(told.string("printer-info", "")),
            location=command.location or _clean(told.string("printer-location", "")),
        )
        await self._fleet.add_printer(printer, by, told)
        return await self._view_printer(printer)

    async def _probe_printer(self, command: c.ProbePrinter, by: str) -> c.PrinterView:
        if "://" in command.printer:
            check_printer(PrinterSettings(name="printer", uri=command.printer))
            told = await self._probe(command.printer)
            name = _free_name(command.printer, told, {})
            return view_printer(PrinterSettings(name=name, uri=command.printer), told, from_file=False)
        printer = self._fleet.printer(command.printer)
        await self._fleet.learn(printer.name, await self._probe(printer.uri), by)
        await self._serving.refresh()  # a direct queue promises what its printer does
        return await self._view_printer(printer)

    async def _trust_printer(self, command: c.TrustPrinter, by: str) -> c.PrinterView:
        await self._fleet.trust(command.name, command.certificate, by)
        return await self._view_printer(self._fleet.printer(command.name))

    async def _remove_printer(self, command: c.RemovePrinter, by: str) -> None:
        await self._fleet.remove_printer(command.name, by)

    async def _list_jobs(self, command: c.ListJobs, by: str) -> list[c.JobView]:
        if not 1 <= command.limit <= c.LIST_MAX:
            raise CommandError(f"a list has 1 to {c.LIST_MAX} entries, not {command.limit}")
        if command.queue is not None:
            self._fleet.queue(command.queue)
        query = Query(
            _WHICH[command.which],
            owner=command.owner,
            limit=command.limit,
            newest_first=command.which == "finished",
        )
        return [view_job(job) for job in await self._jobs.find(query, command.queue)]

    async def _show_job(self, command: c.ShowJob, by: str) -> c.JobView:
        return view_job(await self._job(command.job), whole=True)

    async def _job(self, job_id: int) -> Job:
        job = await self._jobs.get(job_id) if abs(job_id) <= _INTEGER_MAX else None
        if job is None:
            raise CommandError(f"there is no job {job_id}: `pullprint jobs list` shows those there are")
        return job

    async def _release_job(self, command: c.ReleaseJob, by: str) -> c.JobView:
        job, printer = await self._job(command.job), self._fleet.printer(command.printer)
        try:
            pin = None if command.pin is None else command.pin.encode(errors="surrogateescape")
            released = await self._jobs.release(
                job.id, printer.name, _operator(by), password=pin, peer="this machine"
            )
            return view_job(released)
        except RemoteProtocolError as error:
            raise _told(job, "released", error) from error

    async def _cancel_job(self, command: c.CancelJob, by: str) -> c.JobView:
        job = await self._job(command.job)
        try:
            return view_job(await self._jobs.change(job.id, Event.CANCELED, _operator(by)))
        except RemoteProtocolError as error:
            raise _told(job, "canceled", error) from error

    async def _verify_ledger(self, command: c.VerifyLedger, by: str) -> c.VerdictView:
        anchor = None
        if command.head:
            noted = _HEAD.fullmatch(command.head)
            if noted is None:
                raise CommandError("a noted head is a number, a colon and 64 hexadecimal digits")
            anchor = int(noted[1]), bytes.fromhex(noted[2])
        return view_verdict(await self._ledger.verify(anchor))

    async def _show_ledger(self, command: c.ShowLedger, by: str) -> list[c.EventView]:
        if not 1 <= command.limit <= c.LIST_MAX:
            raise CommandError(f"a list has 1 to {c.LIST_MAX} entries, not {command.limit}")
        after = command.after
        if max(abs(after or 0), abs(command.job or 0)) > _INTEGER_MAX:
            return []
        if after is None:  # a job has few events: all of them are its newest
            after = max(0, self._ledger.head - command.limit) if command.job is None else 0
        events = await self._ledger.events(after, limit=command.limit, job_id=command.job)
        return [view_event(recorded) for recorded in events]


def _operator(by: str) -> User:
    """Who gives commands at this machine."""
    return User(by, authenticated=True, operator=True)


def _told(job: Job, what: str, error: RemoteProtocolError) -> CommandError:
    if error.status is Status.CLIENT_ERROR_NOT_POSSIBLE:
        state = job.state.name.lower().replace("_", "-")
        return CommandError(f"job {job.id} cannot be {what}: it is {state}")
    if error.status is Status.CLIENT_ERROR_NOT_AUTHORIZED:
        return CommandError(f"job {job.id} has a PIN (`--pin` asks for it): {error}")
    return CommandError(f"job {job.id} cannot be {what}: {error}")


def _clean(text: str) -> str:
    """What a printer says of itself as far as it can be kept: printable, at most 127 octets."""
    printable = "".join(character for character in text if character.isprintable())
    return printable.encode()[:TEXT_OCTETS_MAX].decode(errors="ignore")


def _free_name(uri: str, told: Attributes, taken: Mapping[str, PrinterSettings]) -> str:
    """A name for a printer that nobody named: from what it calls itself, or from its address."""
    parts = urlsplit(uri)
    own = told.string("printer-dns-sd-name") or told.string("printer-name")
    source = str(own or parts.hostname or Path(parts.path).name or "printer")
    name = _NOT_NAME.sub("-", source.lower()).strip("-")[:48].strip("-") or "printer"
    if name.isdigit() or name == PERSONAL or (parts.hostname == source and source[:1].isdigit()):
        name = f"printer-{name}"
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free
