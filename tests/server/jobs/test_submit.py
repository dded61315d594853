"""Print-Job: a job and its one document, kept in one transaction where the document is small."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import pytest

from ipp import Attributes, JobState, RemoteProtocolError, Status
from ipp.job import ACTIVE, FINISHED, Event, Job
from ipp.registry import attribute
from ipp.spool import DocumentTicket, Query, Ticket
from ipp.values import Range
from server.errors import StorageFullError
from server.jobs.service import WHOLE_OCTETS_MAX
from server.storage.vault import INLINE_OCTETS_MAX
from tests.ipp.asking import ANNA, BERT, stream
from tests.server.jobs.conftest import DOCUMENT, House

EVERY = frozenset(JobState)
SIZES = [1, WHOLE_OCTETS_MAX // 2 + 7, WHOLE_OCTETS_MAX, WHOLE_OCTETS_MAX + 1, 5 * WHOLE_OCTETS_MAX]
SMALL, LARGE = bytes(WHOLE_OCTETS_MAX), bytes(WHOLE_OCTETS_MAX + 1)
TICKET = Ticket(ANNA, "minutes", Attributes([attribute("copies", 2)]))


async def submit(
    house: House, data: AsyncIterator[bytes], queue: str = "park", ticket: Ticket = TICKET
) -> Job:
    return await house.spool(queue).submit(ticket, DOCUMENT, data)


async def pieces(data: bytes, octets: int = 10_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), octets):
        yield data[start : start + octets]


async def blobs(house: House) -> list[object]:
    return [blob async for blob in house.blobs.scan()]


@pytest.mark.parametrize("queue", ["park", "desk"])
@pytest.mark.parametrize("octets", SIZES)
async def test_it_is_what_create_job_and_send_document_make(house: House, octets: int, queue: str) -> None:
    data = bytes(number % 251 for number in range(octets))
    spool = house.spool(queue)
    first = await spool.create(TICKET)
    first = await spool.receive(first.id, DOCUMENT, pieces(data), last=True, user=ANNA)
    second = await submit(house, pieces(data), queue)
    nobody = UUID(int=0)
    assert replace(second, id=0, uuid=nobody) == replace(first, id=0, uuid=nobody)
    assert await house.service.get(second.id) == second
    assert await house.content(second.id) == data
    events = [each.event for each in await house.ledger.events()]
    told = [
        [(each.kind, each.actor, each.subject, each.payload) for each in events if each.job_id == job_id]
        for job_id in (first.id, second.id)
    ]
    assert told[0] == told[1]
    assert [kind for kind, *_ in told[1]] == ["job-created", "job-state-changed"]


async def test_it_expires_as_any_other(house: House) -> None:
    job = await submit(house, stream(b"%PDF-1.7"))
    house.clock.pass_(house.service.keeping.parked.total_seconds() + 1)
    await house.service.sweep()
    ended = await house.service.get(job.id)
    assert ended is not None
    assert ended.state is JobState.ABORTED


async def test_its_password_is_kept(house: House) -> None:
    job = await submit(house, stream(b"%PDF"), ticket=Ticket(ANNA, "minutes", Attributes(), password=b"4711"))
    assert "job-password-wait" in job.reasons
    phc = await house.index.read(lambda t: t.jobs.password(job.id))
    assert phc is not None
    assert phc.startswith("$argon2id$")


async def test_a_small_document_cut_short_makes_no_job(house: House) -> None:
    async def cut() -> AsyncIterator[bytes]:
        yield SMALL
        raise RemoteProtocolError("the body ended early")

    with pytest.raises(RemoteProtocolError, match="ended early"):
        await submit(house, cut())
    assert await house.service.find(Query(EVERY)) == []
    assert await house.ledger.events() == []


async def test_a_large_document_cut_short_leaves_an_aborted_job(house: House) -> None:
    async def cut() -> AsyncIterator[bytes]:
        yield LARGE
        (job,) = await house.service.find(Query(ACTIVE))
        assert job.incoming  # everybody sees it while it comes, and its owner can cancel it
        raise RemoteProtocolError("the body ended early")

    with pytest.raises(RemoteProtocolError, match="ended early"):
        await submit(house, cut())
    (job,) = await house.service.find(Query(EVERY))
    assert job.state is JobState.ABORTED
    assert await blobs(house) == []


async def test_who_sends_a_large_document_of_a_job_that_is_canceled_meanwhile_is_told_so(
    house: House,
) -> None:
    async def canceled_half_way() -> AsyncIterator[bytes]:
        yield LARGE
        (job,) = await house.service.find(Query(ACTIVE))
        await house.service.change(job.id, Event.CANCELED, ANNA)
        yield b"more"

    with pytest.raises(RemoteProtocolError) as raised:
        await submit(house, canceled_half_way())
    assert raised.value.status is Status.SERVER_ERROR_JOB_CANCELED


@pytest.mark.parametrize("data", [b"%PDF-1.7", SMALL, LARGE], ids=["tiny", "small", "large"])
async def test_a_client_that_leaves_before_the_answer_leaves_no_job_that_waits(
    house: House, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = house.index.write

    async def write_and_be_cancelled(change: object) -> object:
        monkeypatch.undo()
        await write(change)  # type: ignore[arg-type] # whatever it was called with
        raise asyncio.CancelledError

    monkeypatch.setattr(house.index, "write", write_and_be_cancelled)
    with pytest.raises(asyncio.CancelledError):
        await submit(house, stream(data))
    assert [
        job for job in await house.service.find(Query(EVERY)) if not job.finished and not job.incoming
    ] == []
    assert await blobs(house) == []


async def test_a_client_that_leaves_before_anything_was_stored_leaves_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def be_cancelled(_: object) -> object:
        monkeypatch.undo()
        raise asyncio.CancelledError

    monkeypatch.setattr(house.index, "write", be_cancelled)
    with pytest.raises(asyncio.CancelledError):
        await submit(house, stream(SMALL))
    assert await house.service.find(Query(EVERY)) == []
    assert await blobs(house) == []


@pytest.mark.parametrize("data", [b"%PDF-1.7", SMALL, LARGE], ids=["tiny", "small", "large"])
async def test_of_many_at_the_same_moment_only_as_many_as_may_wait_are_kept(
    house: House, data: bytes
) -> None:
    house.service.keeping = replace(house.service.keeping, waiting_per_owner_max=3)
    answers = await asyncio.gather(
        *(submit(house, stream(data)) for _ in range(5)),
        *(submit(house, stream(data), ticket=Ticket(BERT, "minutes", Attributes())) for _ in range(2)),
        return_exceptions=True,
    )
    refused = [each for each in answers if isinstance(each, RemoteProtocolError)]
    assert [each.status for each in refused] == [Status.SERVER_ERROR_TOO_MANY_JOBS] * 2
    waiting = await house.service.find(Query(EVERY))
    assert sorted(job.owner for job in waiting) == ["anna"] * 3 + ["bert"] * 2
    kept_in_blobs = 0 if len(data) < INLINE_OCTETS_MAX else 5
    assert len(await blobs(house)) == kept_in_blobs, "what was refused is gone from the disk too"


async def test_what_is_asked_of_it_is_bounded_before_its_document_is_read(house: House) -> None:
    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError("nobody reads the document of a job that is refused")
        yield b""

    many = Attributes([attribute("page-ranges", *[Range(n, n) for n in range(1, 1000)])])
    spool = house.spool("park")
    for refused in (
        spool.submit(Ticket(ANNA, "minutes", many), DOCUMENT, unread()),
        spool.submit(TICKET, DocumentTicket("minutes.pdf", "application/pdf", attributes=many), unread()),
    ):
        with pytest.raises(RemoteProtocolError) as raised:
            await refused
        assert raised.value.status is Status.CLIENT_ERROR_REQUEST_ENTITY_TOO_LARGE
    assert await house.service.find(Query(EVERY)) == []


async def test_it_goes_the_way_of_every_job(house: House) -> None:
    job = await submit(house, stream(SMALL))
    await house.service.release(job.id, "laser", ANNA)
    await house.service.change(job.id, Event.CANCELED, ANNA)
    assert await house.index.read(lambda t: t.documents.of(job.id)) == []
    assert await blobs(house) == []


async def test_what_broke_a_document_off_is_told_though_its_job_was_canceled_before(house: House) -> None:
    async def breaks_off() -> AsyncIterator[bytes]:
        yield bytes(WHOLE_OCTETS_MAX + 1)
        yield bytes(1)
        for job in await house.service.find(Query(ACTIVE)):
            await house.service.change(job.id, Event.CANCELED, ANNA)
        raise StorageFullError("the disk is full")

    with pytest.raises(StorageFullError):
        await submit(house, breaks_off())
    (job,) = await house.service.find(Query(FINISHED))
    assert job.state is JobState.CANCELED
