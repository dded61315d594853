"""The spool in memory: prints in order, survives a printer that fails, stays within its bounds."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from ipp import JobState, Operation, RemoteProtocolError, Status, Tag
from ipp.exchange import User
from ipp.job import ACTIVE, FINISHED, Document, Event, Job
from ipp.memory import MemoryNotices, MemorySpool
from ipp.message import Attributes
from ipp.spool import DocumentTicket, Notice, Query, Ticket, utc_now
from tests.ipp.asking import ANNA, Desk, make_desk, of, stream


async def add(spool: MemorySpool, data: bytes = b"x", priority: int = 50) -> int:
    job = await spool.create(Ticket(ANNA, "job", Attributes(), priority=priority))
    await spool.receive(job.id, DocumentTicket("", "text/plain"), stream(data), last=True, user=ANNA)
    return job.id


async def finished(spool: MemorySpool, job_id: int) -> Job:
    position = 0
    while True:
        job = await spool.get(job_id)
        assert job is not None
        if job.finished:
            return job
        await spool.notices.wait(position)
        position = spool.notices.position


async def test_jobs_print_by_priority_then_in_the_order_they_came() -> None:
    printed: list[int] = []

    async def deliver(job: Job, document: Document, data: bytes) -> None:
        printed.append(job.id)

    spool = MemorySpool(deliver)
    jobs = [await add(spool, priority=priority) for priority in (50, 10, 90, 50)]
    async with spool:
        for job_id in jobs:
            await finished(spool, job_id)
    assert printed == [jobs[2], jobs[0], jobs[3], jobs[1]]


async def test_a_device_that_fails_aborts_the_job_and_the_next_one_prints() -> None:
    async def deliver(job: Job, document: Document, data: bytes) -> None:
        if data == b"jam":
            raise OSError("paper jam")

    async with MemorySpool(deliver) as spool:
        bad, good = await add(spool, b"jam"), await add(spool)
        assert (await finished(spool, bad)).state is JobState.ABORTED
        assert (await finished(spool, good)).state is JobState.COMPLETED


async def test_canceling_a_job_that_prints_stops_the_device() -> None:
    started, stopped = asyncio.Event(), asyncio.Event()

    async def deliver(job: Job, document: Document, data: bytes) -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async with MemorySpool(deliver) as spool:
        job_id = await add(spool)
        await started.wait()
        await spool.change(job_id, Event.CANCELED, ANNA)
        await stopped.wait()
        assert (await finished(spool, job_id)).reasons == {"job-canceled-by-user"}


async def test_a_suspended_job_prints_from_the_start_when_it_is_resumed(desk: Desk) -> None:
    await desk.ask(Operation.PAUSE_PRINTER)
    await desk.ask(Operation.PRINT_JOB, document=b"x")
    await desk.spool.change(1, Event.STARTED, ANNA)
    await desk.ask(Operation.SUSPEND_CURRENT_JOB, of("job-id", Tag.INTEGER, 1))
    await desk.ask(Operation.RESUME_JOB, of("job-id", Tag.INTEGER, 1))
    await desk.ask(Operation.RESUME_PRINTER)
    assert (await desk.finish(1)).state is JobState.COMPLETED


async def test_documents_of_finished_jobs_make_room_for_new_ones() -> None:
    async def deliver(job: Job, document: Document, data: bytes) -> None: ...

    async with MemorySpool(deliver, octets=100) as spool:
        first = await add(spool, b"x" * 60)
        await finished(spool, first)
        second = await add(spool, b"x" * 60)
        await finished(spool, second)
        with pytest.raises(RemoteProtocolError) as raised:
            await spool.change(first, Event.RESTARTED, ANNA)
        assert raised.value.status is Status.CLIENT_ERROR_NOT_POSSIBLE
        await spool.change(second, Event.RESTARTED, ANNA)


async def test_a_document_larger_than_all_the_room_is_refused() -> None:
    async def deliver(job: Job, document: Document, data: bytes) -> None: ...

    spool = MemorySpool(deliver, octets=100)
    with pytest.raises(RemoteProtocolError) as raised:
        await add(spool, b"x" * 101)
    assert raised.value.status is Status.CLIENT_ERROR_REQUEST_ENTITY_TOO_LARGE


async def test_the_history_is_bounded() -> None:
    async def deliver(job: Job, document: Document, data: bytes) -> None: ...

    async with MemorySpool(deliver, history=3) as spool:
        jobs = [await add(spool) for _ in range(6)]
        await finished(spool, jobs[-1])
        assert [job.id for job in await spool.find(Query(FINISHED))] == jobs[-3:]


async def test_notices_are_told_from_a_position_on_and_forgotten_in_the_end() -> None:
    notices = MemoryNotices(kept=2)
    for kind in ("a", "b", "c"):
        notices.publish(Notice(kind, utc_now()))
    told, position = await notices.since(0)
    assert ([notice.kind for notice in told], position) == (["b", "c"], 3)
    assert await notices.since(3) == ([], 3)


async def test_who_acts_is_told_apart() -> None:
    async def deliver(job: Job, document: Document, data: bytes) -> None: ...

    spool = MemorySpool(deliver)
    job_id = await add(spool)
    job = await spool.change(job_id, Event.CANCELED, User("olga", authenticated=True, operator=True))
    assert job.reasons == {"job-canceled-by-operator"}


async def test_a_job_whose_documents_stop_coming_is_aborted_and_a_slow_one_is_not(
    desk: Desk,
) -> None:
    stopped = await desk.spool.create(Ticket(ANNA, "stopped", Attributes()))
    slow = await desk.spool.create(Ticket(ANNA, "slow", Attributes()))

    async def drip() -> AsyncIterator[bytes]:
        for _ in range(3):
            desk.clock.pass_(200)
            yield b"x"
            await desk.spool.sweep()

    await desk.spool.receive(slow.id, DocumentTicket("", "text/plain"), drip(), last=False, user=ANNA)
    ended, going = await desk.spool.get(stopped.id), await desk.spool.get(slow.id)
    assert ended is not None
    assert going is not None
    assert (ended.state, ended.message) == (JobState.ABORTED, "its documents stopped coming")
    assert going.incoming


async def test_a_job_that_wants_a_lock_is_refused_where_nothing_would_lock_it() -> None:
    desk = make_desk()
    with pytest.raises(RemoteProtocolError) as raised:
        await desk.spool.create(Ticket(ANNA, "minutes", Attributes(), password=b"4711"))
    assert raised.value.status is Status.CLIENT_ERROR_ATTRIBUTES_OR_VALUES_NOT_SUPPORTED


async def test_a_changed_priority_changes_the_order() -> None:
    desk = make_desk()
    jobs = [await add(desk.spool) for _ in range(3)]
    await desk.spool.amend(jobs[2], [of("job-priority", Tag.INTEGER, 80)], ANNA)
    assert [job.id for job in await desk.spool.find(Query(ACTIVE))] == [jobs[2], jobs[0], jobs[1]]


async def test_documents_that_wait_or_come_take_the_room_of_further_ones() -> None:
    desk = make_desk()
    spool = MemorySpool(desk.printed, octets=100)
    await add(spool, b"x" * 60)
    with pytest.raises(RemoteProtocolError) as refused:
        await add(spool, b"x" * 60)
    assert refused.value.status is Status.SERVER_ERROR_TEMPORARY_ERROR
    half_way = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"x" * 30
        half_way.set()
        await asyncio.Event().wait()

    job = await spool.create(Ticket(ANNA, "slow", Attributes()))
    document = DocumentTicket("", "text/plain")
    coming = asyncio.create_task(spool.receive(job.id, document, slow(), last=True, user=ANNA))
    await half_way.wait()
    with pytest.raises(RemoteProtocolError):
        await add(spool, b"x" * 20)
    coming.cancel()
    await asyncio.gather(coming, return_exceptions=True)
    await add(spool, b"x" * 20)


async def test_jobs_that_wait_are_bounded() -> None:
    desk = make_desk()
    spool = MemorySpool(desk.printed, waiting=2)
    for _ in range(2):
        await add(spool)
    with pytest.raises(RemoteProtocolError) as refused:
        await add(spool)
    assert refused.value.status is Status.SERVER_ERROR_TOO_MANY_JOBS
