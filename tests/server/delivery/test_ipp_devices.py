"""Delivery to devices of every making, built from our own printer: old, plain, locked, full, failing ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

import pytest

from ipp import Attribute, Group, GroupTag, JobState, Message, Operation, PrinterState, Status, Tag, encode
from ipp.endpoint import Endpoint
from ipp.errors import ConnectionFailed
from ipp.everywhere import Capabilities, attributes
from ipp.exchange import Handler, Request, Response, Route, User
from ipp.job import ACTIVE, Document, Event, Job
from ipp.memory import MemorySpool
from ipp.operations import STANDARD, standard_printer
from ipp.printer import Printer
from ipp.registry import attribute
from ipp.spool import Command, Query, Ticket
from ipp.tls import OwnIdentity
from server.delivery.device import IppDevice, RemoteJob, RemoteStatus
from server.delivery.ipp import IppTransport, Pace
from server.delivery.transport import Device, NotDeliveredError, OutcomeUnknownError
from server.errors import SealBrokenError
from tests.server.delivery.conftest import PDF, Load, Octets

PACE = Pace(poll_s=0.01, poll_max_s=0.05, silence_s=0.3, cancel_s=1)
OPERATOR = User("olga", authenticated=True, operator=True)
TAKEN_BACK = frozenset({Operation.CREATE_JOB, Operation.SEND_DOCUMENT})


class OneUser:
    """Lets `daemon` in, with the password `a b:c`."""

    challenges: Sequence[str] = ('Basic realm="device"',)

    async def identify(self, scheme: str, credentials: str, peer: str) -> User | None:
        return User("daemon", authenticated=True) if credentials == "ZGFlbW9uOmEgYjpj" else None


@dataclass
class Made:
    """A device, what it printed, and the operations it was asked."""

    port: int = 0
    spool: MemorySpool = field(init=False)
    printed: list[bytes] = field(default_factory=list)
    failure: Exception | None = None
    asked: list[Operation] = field(default_factory=list)
    plain: list[Operation] = field(default_factory=list)
    refuse: Callable[[Request], Status | None] = lambda request: None

    @property
    def uri(self) -> str:
        return f"ipp://127.0.0.1:{self.port}/ipp/print"


class Watched:
    """A printer whose requests are noted, and some refused."""

    def __init__(self, made: Made, printer: Handler) -> None:
        self._made = made
        self._printer = printer

    async def handle(self, request: Request) -> Response:
        self._made.asked.append(request.message.operation)
        if not request.secure:
            self._made.plain.append(request.message.operation)
        if (status := self._made.refuse(request)) is None:
            return await self._printer.handle(request)
        head = [attribute("attributes-charset", "utf-8"), attribute("attributes-natural-language", "en")]
        groups = [Group(GroupTag.OPERATION, [*head, attribute("status-message", "Nobody at home.")])]
        return Response(encode(Message(status, request.message.request_id, groups)))


Make = Callable[..., AbstractAsyncContextManager[Made]]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Start a device: without some operations, with TLS or without, behind a password."""

    @asynccontextmanager
    async def make(
        *, without: frozenset[Operation] = frozenset(), tls: bool = False, locked: bool = False
    ) -> AsyncIterator[Made]:
        made = Made()

        async def write(job: Job, document: Document, data: bytes) -> None:
            if made.failure is not None:
                raise made.failure
            made.printed.append(data)

        capabilities = Capabilities("Device", UUID(int=1))
        identity = OwnIdentity(tmp_path / "identity.pem", ["localhost"])
        async with MemorySpool(write) as spool:
            made.spool = spool
            full = standard_printer(attributes(capabilities), spool)
            handlers = {code: handler for code, handler in STANDARD.items() if code not in without}
            printer = Printer(full.attributes, handlers, spool)
            watched = Watched(made, printer)

            async def route(path: str) -> Route | None:
                return Route(watched, authentication="always" if locked else "none")

            endpoint = Endpoint(
                route,
                hosts={"localhost"},
                authenticator=OneUser(),
                tls=identity.context if tls else None,
            )
            async with endpoint.serving([("127.0.0.1", 0)]):
                made.port = endpoint.addresses[0][1]
                yield made

    return make


def to(made: Made, uri: str = "", certificate: str = "") -> IppTransport:
    return IppTransport(Device("device", uri or made.uri, certificate), pace=PACE)


async def test_a_device_without_tls_is_spoken_to_without(make: Make, load: Load) -> None:
    shipment, told = load(PDF)
    async with make() as made:
        await to(made).deliver(shipment)
    assert made.printed == [PDF]
    assert told.pins == []


async def test_nothing_but_questions_goes_without_tls_to_a_device_that_has_it(make: Make, load: Load) -> None:
    shipment, told = load(PDF)
    async with make(tls=True) as made:
        await to(made).deliver(shipment)
    assert made.printed == [PDF]
    assert len(told.pins) == 1
    assert set(made.plain) == {Operation.GET_PRINTER_ATTRIBUTES}


async def test_several_documents_are_one_job(make: Make, load: Load) -> None:
    async with make() as made:
        await to(made).deliver(load(b"one", b"", PDF)[0])
    assert made.printed == [b"one", PDF]  # there is nothing to print of an empty one
    assert made.asked.count(Operation.CREATE_JOB) == 1


async def test_a_job_of_nothing_is_completed_all_the_same(make: Make, load: Load) -> None:
    async with make() as made:
        await to(made).deliver(load(b"")[0])


async def test_a_device_that_has_print_job_only_gets_a_print_job(make: Make, load: Load) -> None:
    shipment, told = load(PDF)
    async with make(without=TAKEN_BACK) as made:
        await to(made).deliver(shipment)
    assert made.printed == [PDF]
    assert [note.split()[0] for note in told.notes] == ["0", "1"]  # nothing left before the first was noted


async def test_behind_print_job_an_attempt_that_was_cut_short_is_unknown(make: Make, load: Load) -> None:
    async with make(without=TAKEN_BACK) as made:
        with pytest.raises(OutcomeUnknownError, match="was not heard to take it"):
            await to(made).settle(load(PDF, remote_job="0 - begun")[0])


async def test_several_documents_are_not_for_a_device_that_takes_one(make: Make, load: Load) -> None:
    async with make(without=TAKEN_BACK) as made:
        with pytest.raises(NotDeliveredError, match="takes one document at a time and the job has 2"):
            await to(made).deliver(load(PDF, PDF)[0])
    assert made.asked == [Operation.GET_PRINTER_ATTRIBUTES] * 2


async def test_a_device_behind_a_password_takes_the_one_in_its_uri(make: Make, load: Load) -> None:
    async with make(locked=True, tls=True) as made:
        uri = f"ipps://daemon:a%20b%3Ac@127.0.0.1:{made.port}/ipp/print"
        await to(made, uri).deliver(load(PDF)[0])
        with pytest.raises(NotDeliveredError, match="credentials") as caught:
            await to(made, f"ipps://daemon:wrong@127.0.0.1:{made.port}/ipp/print").deliver(load(PDF)[0])
    assert made.printed == [PDF]
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize(
    ("operation", "status", "again"),
    [
        (Operation.GET_PRINTER_ATTRIBUTES, Status.SERVER_ERROR_SERVICE_UNAVAILABLE, True),
        (Operation.CREATE_JOB, Status.SERVER_ERROR_BUSY, True),
        (Operation.CREATE_JOB, Status.CLIENT_ERROR_NOT_AUTHORIZED, False),
        (Operation.SEND_DOCUMENT, Status.SERVER_ERROR_TEMPORARY_ERROR, True),
        (Operation.SEND_DOCUMENT, Status.CLIENT_ERROR_DOCUMENT_FORMAT_ERROR, False),
    ],
)
async def test_what_a_device_refuses_was_not_printed(
    make: Make, load: Load, operation: Operation, status: Status, again: bool
) -> None:
    async with make() as made:
        made.refuse = lambda request: status if request.message.operation == operation else None
        with pytest.raises(NotDeliveredError, match="Nobody at home") as caught:
            await to(made).deliver(load(PDF)[0])
        assert caught.value.again is again
        assert await made.spool.find(Query(ACTIVE)) == []  # nothing is left behind at the device
    assert made.printed == []


async def test_a_device_that_accepts_no_jobs_can_be_tried_again(make: Make, load: Load) -> None:
    shipment, told = load(PDF)
    async with make() as made:
        await made.spool.command(Command.DISABLE, OPERATOR)
        with pytest.raises(NotDeliveredError, match="did not take the job") as caught:
            await to(made).deliver(shipment)
    assert caught.value.again
    assert told.notes == []


@pytest.mark.parametrize(("impressions", "words"), [(3, "3 impressions"), (None, "some impressions")])
async def test_what_was_canceled_after_pages_came_out_is_not_sent_again_unasked(
    make: Make, load: Load, monkeypatch: pytest.MonkeyPatch, impressions: int | None, words: str
) -> None:
    real = IppDevice.status

    async def count(device: IppDevice, job_id: int) -> RemoteStatus | None:
        status = await real(device, job_id)
        return None if status is None else replace(status, impressions=impressions)

    monkeypatch.setattr(IppDevice, "status", count)
    broken = Octets(PDF, broken=(1, SealBrokenError("segment 1 was altered")))
    async with make() as made:
        with pytest.raises(OutcomeUnknownError, match=f"segment 1 was altered; {words} may have come out"):
            await to(made).deliver(load(broken)[0])


def test_a_device_that_counts_below_nothing_does_not_count() -> None:
    told = Group(GroupTag.JOB, [attribute("job-state", JobState.COMPLETED)])
    told.add(Attribute.of("job-impressions-completed", Tag.INTEGER, -1))
    told.add(Attribute.of("job-k-octets", Tag.INTEGER, -2))
    status = RemoteStatus.of(told)
    assert (status.impressions, status.k_octets) == (None, None)


async def test_what_the_device_aborts_is_told_and_not_sent_again(make: Make, load: Load) -> None:
    async with make() as made:
        made.failure = RuntimeError("a jam")
        with pytest.raises(NotDeliveredError, match="device gave up the job") as caught:
            await to(made).deliver(load(PDF)[0])
    assert caught.value.state is JobState.ABORTED
    assert not caught.value.again


async def test_what_somebody_cancels_at_the_device_is_told(make: Make, load: Load) -> None:
    async with make() as made:
        await made.spool.command(Command.PAUSE, OPERATOR)
        shipment, told = load(PDF)
        delivery = asyncio.create_task(to(made).deliver(shipment))
        await told.noted(2)
        await made.spool.change(1, Event.CANCELED, OPERATOR)
        with pytest.raises(NotDeliveredError, match="device canceled the job") as caught:
            await delivery
    assert caught.value.state is JobState.CANCELED
    assert caught.value.reasons == {"job-canceled-at-device"}


async def test_a_device_that_holds_the_job_is_told_of_and_waited_for(make: Make, load: Load) -> None:
    async with make() as made:
        await made.spool.command(Command.PAUSE, OPERATOR)
        shipment, told = load(PDF)
        delivery = asyncio.create_task(to(made).deliver(shipment))
        await told.noted(2)
        await made.spool.change(1, Event.HELD, OPERATOR)
        await told.reported(1)
        assert told.progress[0].stopped
        await made.spool.change(1, Event.RELEASED, OPERATOR)
        await made.spool.command(Command.RESUME, OPERATOR)
        await delivery
    assert made.printed == [PDF]
    assert (await made.spool.status()).state is PrinterState.IDLE


async def test_a_device_that_forgets_what_it_printed_has_printed_it(make: Make, load: Load) -> None:
    async with make() as made:
        shipment, told = load(PDF)
        await made.spool.command(Command.PAUSE, OPERATOR)
        delivery = asyncio.create_task(to(made).deliver(shipment))
        await told.noted(2)
        await made.spool.forget([1], OPERATOR)
        await delivery


async def test_a_device_that_was_switched_off_while_it_printed_has_not_printed_for_sure(
    make: Make, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, off = IppDevice.status, asyncio.Event()

    async def forgets_in_the_dark(device: IppDevice, job_id: int) -> RemoteStatus | None:
        if off.is_set():
            off.clear()
            await made.spool.forget([1], OPERATOR)
            raise ConnectionFailed("no connection", may_have_arrived=False)
        return await real(device, job_id)

    monkeypatch.setattr(IppDevice, "status", forgets_in_the_dark)
    async with make() as made:
        await made.spool.command(Command.PAUSE, OPERATOR)
        shipment, told = load(PDF)
        delivery = asyncio.create_task(to(made).deliver(shipment))
        await told.noted(2)
        off.set()
        with pytest.raises(OutcomeUnknownError, match="does not know the job any more"):
            await delivery


async def test_a_device_that_goes_silent_while_it_prints_leaves_the_outcome_unknown(
    make: Make, load: Load
) -> None:
    async with make() as made:
        await made.spool.command(Command.PAUSE, OPERATOR)
        shipment, told = load(PDF)
        delivery = asyncio.create_task(to(made).deliver(shipment))
        await told.noted(2)
    with pytest.raises(OutcomeUnknownError, match="Nobody can say whether device printed the job"):
        await delivery


async def test_a_device_that_starts_later_than_we_do_is_waited_for(make: Make, load: Load) -> None:
    async with make() as made:
        await made.spool.command(Command.PAUSE, OPERATOR)
        shipment, told = load(PDF)
        delivery = asyncio.create_task(to(made).deliver(shipment))
        await told.noted(2)
        delivery.cancel()
        await asyncio.wait({delivery})
        stopped = replace(shipment, remote_job=told.notes[-1])
        closed = Made(port=1)
        settling = asyncio.create_task(to(closed).settle(stopped))
        await asyncio.sleep(0.05)
        assert not settling.done()
        with pytest.raises(OutcomeUnknownError, match="cannot be asked"):
            await settling


@pytest.mark.parametrize("uuid", ["", "urn:uuid:1", "urn:uuid: of a kind", " ", "  whole", "ä whole begun"])
@pytest.mark.parametrize("whole", [False, True])
def test_what_is_noted_of_a_device_s_job_is_read_again_whatever_it_calls_it(uuid: str, whole: bool) -> None:
    remote = RemoteJob(2**31 - 1, uuid, whole)
    assert RemoteJob.parse(str(remote)) == remote


async def test_a_device_that_speaks_the_first_version_only_is_spoken_to_in_it(make: Make, load: Load) -> None:
    def old(request: Request) -> Status | None:
        return Status.SERVER_ERROR_VERSION_NOT_SUPPORTED if request.message.version > (1, 1) else None

    async with make() as made:
        made.refuse = old
        await to(made).deliver(load(PDF)[0])
    assert made.printed == [PDF]


async def test_a_job_that_the_device_is_making_when_it_is_canceled_is_taken_back(
    make: Make, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_there, tell = asyncio.Event(), asyncio.Event()
    create = MemorySpool.create

    async def create_late(spool: MemorySpool, ticket: Ticket) -> Job:
        job = await create(spool, ticket)
        made_there.set()
        await tell.wait()
        return job

    monkeypatch.setattr(MemorySpool, "create", create_late)
    async with make() as made:
        delivering = asyncio.create_task(to(made).deliver(load(PDF)[0]))
        await made_there.wait()
        delivering.cancel()
        await asyncio.sleep(0)
        tell.set()
        with pytest.raises(asyncio.CancelledError):
            await delivering
        (job,) = await made.spool.find(Query(frozenset(JobState)))
    assert job.state is JobState.CANCELED
    assert made.printed == []
