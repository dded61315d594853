"""A queue as its Printer sees it; the same questions as any client asks, answered from the database."""

from uuid import UUID

import pytest

from ipp import (
    Attribute,
    Attributes,
    JobState,
    Operation,
    PrinterState,
    RemoteProtocolError,
    Status,
    Tag,
    decode,
)
from ipp.everywhere import Capabilities, attributes
from ipp.job import Event, Job
from ipp.operations import standard_printer
from ipp.printer import Printer
from ipp.spool import Command, Query, Ticket
from server.storage.fleet import Queue
from server.storage.ledger import Recorded
from tests.ipp.asking import ANNA, OPERATOR, of, request, stream
from tests.server.jobs.conftest import DOCUMENT, House


def printer_for(house: House, queue: str) -> Printer:
    capabilities = Capabilities("Park", UUID(int=4))
    return standard_printer(attributes(capabilities), house.spool(queue), clock=house.clock)


async def test_a_job_printed_over_ipp_is_parked_as_it_was_asked(house: House) -> None:
    printer = printer_for(house, "park")
    asked = [of("sides", Tag.KEYWORD, "two-sided-long-edge"), of("copies", Tag.INTEGER, 2)]
    made = request(Operation.PRINT_JOB, of("job-name", Tag.NAME, "minutes"), job=asked, document=b"%PDF-1.7")
    answer = decode((await printer.handle(made)).octets)
    assert answer.status is Status.SUCCESSFUL_OK
    assert answer.job.integer("job-state") == JobState.PENDING_HELD
    job = await house.service.get(answer.job.integer("job-id", 0))
    assert job is not None
    assert (job.attributes.string("sides"), job.attributes.integer("copies")) == ("two-sided-long-edge", 2)
    assert await house.content(job.id) == b"%PDF-1.7"


async def test_another_queues_job_is_not_there(house: House) -> None:
    job_id = await house.park(queue="desk")
    spool = house.spool("park")
    assert await spool.get(job_id) is None
    for act in (
        spool.change(job_id, Event.CANCELED, ANNA),
        spool.change(job_id, Event.RELEASED, ANNA),
        spool.amend(job_id, [], ANNA),
        spool.schedule(job_id, None, ANNA),
    ):
        with pytest.raises(RemoteProtocolError) as raised:
            await act
        assert raised.value.status is Status.CLIENT_ERROR_NOT_FOUND


async def test_a_parked_job_is_not_released_from_afar(house: House) -> None:
    job_id = await house.park()
    with pytest.raises(RemoteProtocolError) as raised:
        await house.spool("park").release(job_id, ANNA)
    assert raised.value.status is Status.CLIENT_ERROR_NOT_POSSIBLE


async def test_a_parked_job_comes_out_of_the_queue_s_own_device_with_what_it_asks_for(house: House) -> None:
    now = house.clock()
    await house.index.write(lambda t: t.queues.put(Queue("near", "hold", now, printer="laser")))
    spool = house.spool("near")
    job = await spool.create(Ticket(ANNA, "minutes", Attributes(), password=b"4711"))
    await spool.receive(job.id, DOCUMENT, stream(b"%PDF-1.7"), last=True, user=ANNA)
    with pytest.raises(RemoteProtocolError) as raised:
        await spool.release(job.id, ANNA, password=b"0000", peer="192.0.2.7")
    assert raised.value.status is Status.CLIENT_ERROR_NOT_AUTHORIZED
    released = await spool.release(job.id, ANNA, password=b"4711", peer="192.0.2.7")
    assert (released.state, released.output_device) == (JobState.PENDING, "laser")


async def test_a_job_that_is_merely_held_asks_for_no_device(house: House) -> None:
    spool = house.spool("desk")
    job = await spool.create(Ticket(ANNA, "minutes", Attributes(), hold_until="indefinite"))
    assert job.state is JobState.PENDING_HELD
    assert (await spool.release(job.id, ANNA)).state is JobState.PENDING


async def test_a_hold_ends_but_parking_does_not(house: House) -> None:
    job_id = await house.park()
    spool = house.spool("park")
    await spool.amend(job_id, [Attribute.of("job-hold-until", Tag.KEYWORD, "indefinite")], ANNA)
    job = await spool.amend(job_id, [Attribute.of("job-hold-until", Tag.KEYWORD, "no-hold")], ANNA)
    assert (job.state, job.reasons) == (JobState.PENDING_HELD, {"job-release-wait"})


async def test_what_operators_say_is_kept_and_shown(house: House) -> None:
    spool = house.spool("desk")
    assert (await spool.status()).state is PrinterState.IDLE
    await spool.command(Command.PAUSE, OPERATOR)
    paused = await house.spool("desk").status()
    assert (paused.state, paused.reasons) == (PrinterState.STOPPED, {"paused"})
    await spool.command(Command.RESUME, OPERATOR)
    await spool.command(Command.DISABLE, OPERATOR)
    assert not (await spool.status()).accepting_jobs
    await spool.command(Command.RESTART, OPERATOR)
    assert (await spool.status()).accepting_jobs


async def test_the_state_follows_the_jobs(house: House) -> None:
    spool = house.spool("desk")
    job_id = await house.park(queue="desk")
    assert (await spool.status()).queued_jobs == 1
    await house.service.change(job_id, Event.STARTED, ANNA)
    assert (await spool.status()).state is PrinterState.PROCESSING
    await house.service.change(job_id, Event.COMPLETED, ANNA)
    assert (await spool.status()).queued_jobs == 0


async def test_jobs_held_on_arrival_are_let_go_together(house: House) -> None:
    spool = house.spool("desk")
    await spool.command(Command.HOLD_NEW_JOBS, OPERATOR)
    jobs = [await house.park(queue="desk") for _ in range(2)]
    held = await spool.find(Query(frozenset({JobState.PENDING_HELD})))
    assert [job.id for job in held] == jobs
    await spool.command(Command.RELEASE_HELD_NEW_JOBS, OPERATOR)
    assert [job.id for job in await spool.find(Query(frozenset({JobState.PENDING})))] == jobs


async def test_a_job_that_goes_meanwhile_does_not_keep_back_the_others(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = house.spool("desk")
    await spool.command(Command.HOLD_NEW_JOBS, OPERATOR)
    gone, left = [await house.park(queue="desk") for _ in range(2)]
    find = house.service.find

    async def canceled_then(query: Query, queue: str | None = None) -> list[Job]:
        found = await find(query, queue)
        await house.service.change(gone, Event.CANCELED, ANNA)
        return found

    monkeypatch.setattr(house.service, "find", canceled_then)
    await spool.command(Command.RELEASE_HELD_NEW_JOBS, OPERATOR)
    job = await house.service.get(left)
    assert job is not None
    assert job.state is JobState.PENDING


async def test_subscribers_hear_what_the_ledger_tells_of_their_queue(house: House) -> None:
    spool = house.spool("park")
    start = spool.notices.position
    job_id = await house.park()
    await house.park(queue="desk")
    await house.service.change(job_id, Event.CANCELED, ANNA)
    notices, end = await spool.notices.since(start)
    assert [notice.kind for notice in notices] == ["job-created", "job-state-changed", "job-completed"]
    assert [notice.job.state for notice in notices if notice.job] == [
        JobState.PENDING_HELD,
        JobState.PENDING_HELD,
        JobState.CANCELED,
    ]
    assert await spool.notices.since(end) == ([], end)


async def test_what_happens_while_a_reader_reads_is_told_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = house.spool("park")
    start = spool.notices.position
    first = await house.park()
    events = house.ledger.events

    async def late(*given: object, **named: object) -> list[Recorded]:
        monkeypatch.undo()
        await house.service.change(first, Event.CANCELED, ANNA)
        return await events(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(house.ledger, "events", late)
    told, position = await spool.notices.since(start)
    more, _ = await spool.notices.since(position)
    assert [notice.kind for notice in (*told, *more)] == ["job-created", "job-state-changed", "job-completed"]


async def test_who_was_away_for_long_hears_the_newest_only(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = house.spool("park")
    start = spool.notices.position
    for _ in range(3):
        newest = await house.park()
    monkeypatch.setattr("server.jobs.spool.EVENTS_KEPT", 2)
    notices, position = await spool.notices.since(start)
    assert [notice.job.id for notice in notices if notice.job] == [newest, newest]
    assert position == spool.notices.position


async def test_who_asks_which_printer_this_is_does_not_fill_the_ledger(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    before = house.ledger.head
    with caplog.at_level("INFO"):
        answer = decode((await printer_for(house, "park").handle(request(Operation.IDENTIFY_PRINTER))).octets)
    assert answer.status is Status.SUCCESSFUL_OK
    assert "queue park: somebody asks which printer this is" in caplog.text
    assert house.ledger.head == before
