"""Ask a printer as a client would, octets and all, without a network between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from ipp import Attribute, Group, GroupTag, Message, Operation, Tag, Value, decode, encode
from ipp.everywhere import Capabilities, attributes
from ipp.exchange import Request, Response, User
from ipp.job import Document, Job
from ipp.memory import MemorySpool
from ipp.operations import standard_printer
from ipp.printer import Printer

URI = "ipp://printer.example:631/ipp/print"
ANNA = User("anna", authenticated=True)
BERT = User("bert", authenticated=True)
OPERATOR = User("olga", authenticated=True, operator=True)


class Clock:
    """A clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    """The chunks, one by one."""
    for chunk in chunks:
        yield chunk


def of(name: str, tag: int, *values: Value) -> Attribute:
    """An attribute with a tag."""
    return Attribute.of(name, tag, *values)


def request(
    operation: int,
    *operation_attributes: Attribute,
    job: Iterable[Attribute] = (),
    groups: Iterable[Group] = (),
    document: AsyncIterator[bytes] | bytes | None = None,
    user: User | None = ANNA,
    uri: str = URI,
    target: str | None = URI,
    secure: bool = False,
    request_id: int = 1,
    version: tuple[int, int] = (2, 0),
) -> Request:
    """A request as the endpoint would hand it over."""
    first = [
        of("attributes-charset", Tag.CHARSET, "utf-8"),
        of("attributes-natural-language", Tag.NATURAL_LANGUAGE, "en"),
        *([of("printer-uri", Tag.URI, target)] if target is not None else []),
        *operation_attributes,
    ]
    message = Message(operation, request_id, [Group(GroupTag.OPERATION, first)], version)
    if job := list(job):
        message.groups.append(Group(GroupTag.JOB, job))
    message.groups.extend(groups)
    chunks = stream(document) if isinstance(document, bytes) else document or stream()
    return Request(decode(encode(message)), uri, chunks, user, secure, "192.0.2.7")


@dataclass
class Delivered:
    """What a printer in a test has printed."""

    documents: list[tuple[int, bytes]]

    async def __call__(self, job: Job, document: Document, data: bytes) -> None:
        self.documents.append((job.id, data))


@dataclass
class Desk:
    """A printer with its spool, and what came out of it."""

    printer: Printer
    spool: MemorySpool
    printed: Delivered
    clock: Clock

    async def ask(self, operation: int, *attributes: Attribute, **more: object) -> Message:
        """The printer's answer, decoded."""
        return decode((await self.respond(operation, *attributes, **more)).octets)

    async def respond(self, operation: int, *attributes: Attribute, **more: object) -> Response:
        """The printer's answer."""
        return await self.printer.handle(request(operation, *attributes, **more))  # type: ignore[arg-type]

    async def finish(self, job_id: int) -> Job:
        """The job, once it is finished."""
        position = 0
        while True:
            job = await self.spool.get(job_id)
            assert job is not None
            if job.finished:
                return job
            await self.spool.notices.wait(position)
            position = self.spool.notices.position

    async def park(self, name: str = "held", user: User = ANNA) -> int:
        """A job that is held; its id."""
        answer = await self.ask(
            Operation.PRINT_JOB,
            of("job-name", Tag.NAME, name),
            job=[of("job-hold-until", Tag.KEYWORD, "indefinite")],
            document=b"%PDF-1.7 parked",
            user=user,
        )
        job_id = answer.job.integer("job-id")
        assert job_id is not None
        return job_id


def make_desk(**options: object) -> Desk:
    """A printer of every ability; enter its spool to let it print."""
    clock = Clock()
    printed = Delivered([])
    spool = MemorySpool(printed, clock=clock)
    capabilities = Capabilities("Hall", UUID("3b3f4a8e-0d0c-4e6e-9d6b-0f4f4f7c2a11"))
    printer = standard_printer(attributes(capabilities), spool, clock=clock, **options)
    return Desk(printer, spool, printed, clock)
