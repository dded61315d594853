"""The guard of a queue without passwords: a name is believed where it is nobody's, and comes from near."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from ipp import Group, GroupTag, Message, Operation, Status, Tag, decode
from ipp.errors import AuthenticationRequired
from ipp.everywhere import Capabilities, attributes
from ipp.exchange import Request, Response, User
from ipp.job import Document, Job
from ipp.memory import MemorySpool
from ipp.message import Attribute
from ipp.operations import standard_printer
from ipp.registry import attribute
from server.identity.guard import Guard
from server.identity.people import People
from server.storage.people import Role

NEAR, FAR = "192.168.1.7", "203.0.113.5"


@dataclass(slots=True)
class Answering:
    asked: list[Request] = field(default_factory=list)

    async def handle(self, request: Request) -> Response:
        self.asked.append(request)
        return Response(b"answer")


async def no_document() -> AsyncIterator[bytes]:
    return
    yield b""


async def print_nothing(job: Job, document: Document, data: bytes) -> None:
    """A printer that is not asked to print."""


def ask(
    operation: Operation = Operation.PRINT_JOB,
    name: str | None = "ada",
    peer: str = NEAR,
    user: User | None = None,
) -> Request:
    asked: list[Attribute] = []
    if name is not None:
        asked.append(attribute("requesting-user-name", name))
    message = Message(operation, 1, [Group(GroupTag.OPERATION, asked)])
    return Request(message, "ipp://localhost/ipp/print", no_document(), user, False, peer)


@pytest.fixture
async def guard(people: People) -> Guard:
    await people.add("ada", "correct horse", Role.USER, "uid:0")
    return Guard(Answering(), people, {NEAR})


@pytest.mark.parametrize("name", ["bob", "", None])
async def test_a_name_that_is_nobodys_is_believed(guard: Guard, name: str | None) -> None:
    assert (await guard.handle(ask(name=name))).octets == b"answer"


@pytest.mark.parametrize("peer", [NEAR, FAR])
async def test_a_name_of_another_syntax_is_answered_by_the_printer_and_nobodys(
    people: People, peer: str
) -> None:
    described = attributes(Capabilities("Park", UUID(int=4)))
    async with MemorySpool(print_nothing) as spool:
        guard = Guard(standard_printer(described, spool), people, {NEAR})
        head = [
            attribute("attributes-charset", "utf-8"),
            attribute("attributes-natural-language", "en"),
            attribute("printer-uri", "ipp://localhost/ipp/print"),
            Attribute.of("requesting-user-name", Tag.OCTET_STRING, b"ada"),
        ]
        message = Message(Operation.GET_JOBS, 1, [Group(GroupTag.OPERATION, head)])
        request = Request(message, "ipp://localhost/ipp/print", no_document(), None, False, peer)
        if peer == FAR:
            with pytest.raises(AuthenticationRequired):
                await guard.handle(request)
        else:
            assert decode((await guard.handle(request)).octets).status is Status.CLIENT_ERROR_BAD_REQUEST


@pytest.mark.parametrize("name", ["ada", "ADA", " Ada"])
async def test_a_name_that_is_somebodys_needs_proof(guard: Guard, name: str) -> None:
    with pytest.raises(AuthenticationRequired):
        await guard.handle(ask(name=name))


async def test_who_has_proved_a_name_passes_from_everywhere(guard: Guard) -> None:
    user = User("ada", authenticated=True)
    assert (await guard.handle(ask(user=user, peer=FAR))).octets == b"answer"


async def test_from_far_every_name_needs_proof(guard: Guard) -> None:
    with pytest.raises(AuthenticationRequired):
        await guard.handle(ask(name="bob", peer=FAR))


@pytest.mark.parametrize("peer", [NEAR, FAR])
async def test_everybody_may_look_at_the_printer(guard: Guard, peer: str) -> None:
    await guard.handle(ask(Operation.GET_PRINTER_ATTRIBUTES, peer=peer))


async def test_an_operation_that_nobody_knows_needs_proof_too(guard: Guard) -> None:
    with pytest.raises(AuthenticationRequired):
        await guard.handle(ask(Operation(0x3FFF), peer=FAR))
