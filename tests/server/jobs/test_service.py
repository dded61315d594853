"""The one writer of jobs: parked, released, ended, swept; each change durable and told in the ledger."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from ipp import Attributes, JobState, RemoteProtocolError, Status
from ipp.exchange import User
from ipp.job import ACTIVE, Event, Job
from ipp.registry import attribute
from ipp.spool import DocumentTicket, Query, Ticket
from ipp.values import Range
from server.errors import StorageFullError
from server.jobs.actors import SYSTEM
from server.jobs.arrival import IMPRESSIONS_MAX
from server.jobs.intake import Analysis, Intake
from server.jobs.service import JobService
from server.storage.index import Transaction
from tests.ipp.asking import ANNA, BERT, OPERATOR, stream
from tests.server.jobs.conftest import DOCUMENT, House

T = TypeVar("T")

LARGE = bytes(range(256)) * 4096  # a megabyte: larger than what goes into the database


async def test_a_job_is_parked_until_its_owner_comes(house: House) -> None:
    job = await house.service.get(await house.park())
    assert job is not None
    assert (job.state, job.reasons, job.owner) == (JobState.PENDING_HELD, {"job-release-wait"}, "anna")
    assert job.output_device is None


async def test_a_job_for_a_device_waits_for_it(house: House) -> None:
    job = await house.service.get(await house.park(queue="desk"))
    assert job is not None
    assert (job.state, job.reasons, job.output_device) == (JobState.PENDING, frozenset(), "laser")


@pytest.mark.parametrize("data", [b"", b"x", LARGE], ids=["empty", "small", "large"])
async def test_what_was_parked_comes_back_octet_for_octet(house: House, data: bytes) -> None:
    job_id = await house.park(data)
    assert await house.content(job_id) == data


@pytest.mark.parametrize("data", [b"canary-7f3a" * 9, b"canary-7f3a" + LARGE], ids=["small", "large"])
async def test_no_file_holds_a_word_of_it(house: House, data: bytes) -> None:
    spool = house.spool("park")
    job = await spool.create(Ticket(ANNA, "canary-title", Attributes()))
    ticket = DocumentTicket("canary-document-name", "application/pdf")
    await spool.receive(job.id, ticket, stream(data), last=True, user=ANNA)
    for path in house.folder.rglob("*"):
        if path.is_file():
            octets = path.read_bytes()
            assert b"canary" not in octets, path
            assert b"anna" not in octets, path


async def test_a_released_job_goes_to_the_device_and_is_destroyed_when_it_came_out(house: House) -> None:
    job_id = await house.park(LARGE)
    released = await house.service.release(job_id, "laser", ANNA)
    assert (released.state, released.output_device) == (JobState.PENDING, "laser")
    await house.service.change(job_id, Event.STARTED, SYSTEM)
    done = await house.service.change(job_id, Event.COMPLETED, SYSTEM)
    assert done.reasons == {"job-completed-successfully"}
    assert await house.index.read(lambda t: t.documents.of(job_id)) == []
    assert [blob async for blob in house.blobs.scan()] == []


async def test_of_two_releases_at_the_same_moment_both_mean_the_same(house: House) -> None:
    job_id = await house.park()
    await asyncio.gather(*(house.service.release(job_id, "laser", ANNA) for _ in range(2)))
    started = await asyncio.gather(
        *(house.service.change(job_id, Event.STARTED, SYSTEM) for _ in range(2)), return_exceptions=True
    )
    assert sorted(isinstance(each, Job) for each in started) == [False, True]


@pytest.mark.parametrize(
    ("user", "reason"), [(ANNA, "job-canceled-by-user"), (OPERATOR, "job-canceled-by-operator")]
)
async def test_a_canceled_job_is_destroyed_and_says_by_whom(house: House, user: object, reason: str) -> None:
    job_id = await house.park(LARGE)
    job = await house.service.change(job_id, Event.CANCELED, user)  # type: ignore[arg-type]
    assert job.reasons == {reason}
    assert [blob async for blob in house.blobs.scan()] == []


async def test_a_document_cut_short_leaves_nothing_and_the_job_as_it_was(house: House) -> None:
    async def cut() -> AsyncIterator[bytes]:
        yield LARGE
        raise RemoteProtocolError("the body ended early")

    spool = house.spool("park")
    job = await spool.create(Ticket(ANNA, "minutes", Attributes()))
    with pytest.raises(RemoteProtocolError, match="ended early"):
        await spool.receive(job.id, DOCUMENT, cut(), last=True, user=ANNA)
    after = await house.service.get(job.id)
    assert after is not None
    assert (after.incoming, after.documents) == (True, ())
    assert [blob async for blob in house.blobs.scan()] == []


async def test_a_document_for_a_job_that_was_canceled_meanwhile_leaves_nothing(house: House) -> None:
    spool = house.spool("park")
    job = await spool.create(Ticket(ANNA, "minutes", Attributes()))

    async def slow() -> AsyncIterator[bytes]:
        yield LARGE
        await house.service.change(job.id, Event.CANCELED, ANNA)
        yield b"more"

    with pytest.raises(RemoteProtocolError) as raised:
        await spool.receive(job.id, DOCUMENT, slow(), last=True, user=ANNA)
    assert raised.value.status is Status.SERVER_ERROR_JOB_CANCELED
    assert [blob async for blob in house.blobs.scan()] == []


async def test_a_document_that_was_stored_stays_though_its_sender_was_let_go_before_the_answer(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = house.spool("park")
    job = await spool.create(Ticket(ANNA, "minutes", Attributes()))
    write = house.index.write

    async def write_and_be_cancelled(change: object) -> object:
        await write(change)  # type: ignore[arg-type]
        raise asyncio.CancelledError

    monkeypatch.setattr(house.index, "write", write_and_be_cancelled)
    with pytest.raises(asyncio.CancelledError):
        await spool.receive(job.id, DOCUMENT, stream(LARGE), last=False, user=ANNA)
    assert await house.content(job.id) == LARGE


async def test_what_waits_can_be_canceled_when_there_is_no_room_for_more(house: House) -> None:
    free = 1

    def check_room() -> None:
        nonlocal free
        free -= 1
        if free < 0:
            raise StorageFullError("almost full")

    intake = Intake(house.vault, check_room=check_room)
    house.service = JobService(house.index, house.vault, intake, house.clock, house.lock)
    with pytest.raises(StorageFullError):
        await house.park(LARGE)  # asked for the job, and after each mebibyte
    with pytest.raises(StorageFullError):
        await house.park()
    assert [blob async for blob in house.blobs.scan()] == []
    (job,) = await house.service.find(Query(frozenset(JobState)))
    assert (await house.service.change(job.id, Event.CANCELED, ANNA)).finished


async def test_what_is_asked_of_a_job_is_bounded(house: House) -> None:
    spool = house.spool("park")
    many = attribute("page-ranges", *[Range(n, n) for n in range(1, 1000)])
    few = attribute("page-ranges", Range(1, 2))
    job = await spool.create(Ticket(ANNA, "minutes", Attributes([few])))
    said = DocumentTicket("minutes.pdf", "application/pdf", attributes=Attributes([many]))
    for refused in (
        spool.create(Ticket(ANNA, "minutes", Attributes([many]))),
        spool.amend(job.id, [many], ANNA),
        spool.receive(job.id, said, unreadable(), last=True, user=ANNA),
    ):
        with pytest.raises(RemoteProtocolError) as raised:
            await refused
        assert raised.value.status is Status.CLIENT_ERROR_REQUEST_ENTITY_TOO_LARGE
    assert await house.service.get(job.id) == job


async def test_one_owner_has_so_many_jobs_and_no_more(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.service.keeping = replace(house.service.keeping, waiting_per_owner_max=2)
    first, _ = await house.park(), await house.park()
    with pytest.raises(RemoteProtocolError) as raised:
        await house.park()
    assert raised.value.status is Status.SERVER_ERROR_TOO_MANY_JOBS
    await house.park(user=BERT)
    await house.service.change(first, Event.CANCELED, ANNA)
    await house.park()


async def test_two_at_the_same_moment_do_not_both_get_the_last_place(house: House) -> None:
    house.service.keeping = replace(house.service.keeping, waiting_per_owner_max=3)
    await house.park()
    answers = await asyncio.gather(*(house.park() for _ in range(5)), return_exceptions=True)
    refused = [each for each in answers if isinstance(each, RemoteProtocolError)]
    assert [each.status for each in refused] == [Status.SERVER_ERROR_TOO_MANY_JOBS] * 3
    assert await house.index.read(lambda t: t.jobs.count_active_of("anna")) == 3
    assert await house.service.find(Query(ACTIVE, owner="anna")) == await house.service.find(Query(ACTIVE))


async def test_a_job_has_so_many_documents_and_no_more(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.jobs.arrival.DOCUMENTS_MAX", 3)
    spool = house.spool("park")
    job = await spool.create(Ticket(ANNA, "minutes", Attributes()))

    async def send(data: AsyncIterator[bytes]) -> None:
        await spool.receive(job.id, DOCUMENT, data, last=False, user=ANNA)

    await send(stream(b"1"))
    answers = await asyncio.gather(*(send(stream(LARGE)) for _ in range(3)), return_exceptions=True)
    (refused,) = [each for each in answers if each is not None]
    assert isinstance(refused, RemoteProtocolError)
    assert refused.status is Status.SERVER_ERROR_TOO_MANY_DOCUMENTS
    unread = unreadable()
    with pytest.raises(RemoteProtocolError):
        await send(unread)
    assert len([blob async for blob in house.blobs.scan()]) == 2


async def unreadable() -> AsyncIterator[bytes]:
    raise AssertionError("it was read")
    yield b""


async def test_a_device_that_has_much_to_say_is_cut_short(house: House) -> None:
    job_id = await house.park(queue="desk")
    await house.service.change(job_id, Event.STARTED, SYSTEM)
    job = await house.service.change(job_id, Event.STOPPED, SYSTEM, message="ä" * 16_000)
    assert job.message == "ä" * 511


@pytest.mark.parametrize("impressions", [2**31, 2**80])
async def test_a_document_that_claims_pages_without_number_can_be_told_of(
    house: House, monkeypatch: pytest.MonkeyPatch, impressions: int
) -> None:
    class Claims:
        def feed(self, chunk: bytes) -> None: ...

        def close(self) -> None: ...

        def finish(self) -> Analysis:
            return Analysis(None, impressions)

    monkeypatch.setattr(house.service, "_intake", Intake(house.vault, analyse=lambda _: Claims()))
    spool = house.spool("park")
    job = await spool.create(Ticket(ANNA, "minutes", Attributes()))
    for last in (False, True):
        job = await spool.receive(job.id, DOCUMENT, stream(b"%PDF-1.7"), last=last, user=ANNA)
    assert job.impressions == IMPRESSIONS_MAX
    assert [each.impressions for each in job.documents] == [IMPRESSIONS_MAX] * 2


async def test_a_document_above_the_limit_is_refused(house: House) -> None:
    with pytest.raises(RemoteProtocolError) as raised:
        await house.park(LARGE * 5)
    assert raised.value.status is Status.CLIENT_ERROR_REQUEST_ENTITY_TOO_LARGE


async def test_a_password_is_kept_for_checking_and_shown_nowhere(house: House) -> None:
    spool = house.spool("park")
    job = await spool.create(Ticket(ANNA, "minutes", Attributes(), password=b"sesame"))
    assert job.reasons >= {"job-password-wait", "job-release-wait"}
    kept = await house.index.read(lambda t: t.jobs.password(job.id))
    assert kept is not None
    Argon2id.verify_phc_encoded(b"sesame", kept)
    assert "sesame" not in repr(job)
    assert "sesame" not in repr(Ticket(ANNA, "minutes", Attributes(), password=b"sesame"))


async def test_a_job_with_a_password_is_not_copied_into_one_without(house: House) -> None:
    spool = house.spool("park")
    job = await spool.create(Ticket(ANNA, "minutes", Attributes(), password=b"4711"))
    await spool.receive(job.id, DOCUMENT, stream(b"%PDF-1.7"), last=True, user=ANNA)
    with pytest.raises(RemoteProtocolError) as raised:
        await spool.resubmit(job.id, Ticket(ANNA, "again", Attributes()))
    assert raised.value.status is Status.CLIENT_ERROR_NOT_POSSIBLE
    assert [each.id for each in await house.service.find(Query(frozenset(JobState)))] == [job.id]


async def test_every_change_is_told_in_the_ledger_without_names_or_titles(house: House) -> None:
    job_id = await house.park()
    await house.service.release(job_id, "laser", ANNA)
    events = await house.ledger.events(job_id=job_id)
    assert [each.event.kind for each in events] == ["job-created", "job-state-changed", "job-state-changed"]
    assert events[-1].event.payload["events"] == ["released"]
    assert len({each.event.actor for each in events}) == 1
    assert "anna" not in repr(events)
    assert "minutes" not in repr(events)
    assert (await house.ledger.verify()).sound


async def test_nobody_passes_for_another_in_the_ledger(house: House) -> None:
    at_this_machine = User("uid:0", authenticated=True, operator=True)
    pretenders = [User(name, authenticated=False) for name in ("system", "uid:0")]
    actors = []
    for who in (SYSTEM, at_this_machine, *pretenders):
        job_id = await house.park(user=who)
        await house.service.change(job_id, Event.CANCELED, who)
        actors.append((await house.ledger.events(job_id=job_id))[-1].event.actor)
    assert actors[:2] == ["system", "uid:0"]
    assert all(actor.startswith("user:") for actor in actors[2:])


async def test_what_else_belongs_to_a_change_is_kept_or_undone_with_it(house: House) -> None:
    job_id = await house.park()

    def refuse(t: Transaction, job: Job) -> None:
        t.jobs.expire_at(job.id, None)
        raise RemoteProtocolError("no", status=Status.CLIENT_ERROR_NOT_POSSIBLE)

    with pytest.raises(RemoteProtocolError):
        await house.service.change(job_id, Event.HELD, ANNA, also=refuse)
    job = await house.service.get(job_id)
    assert job is not None
    assert job.version == 2
    house.clock.pass_(80 * 3600)
    assert [job.id for job in await house.index.read(lambda t: t.jobs.expired(house.clock()))] == [job_id]


async def test_a_restarted_job_needs_its_documents_and_is_parked_again(house: House) -> None:
    house.service.keeping = type(house.service.keeping)(delivered=timedelta(hours=1))
    job_id = await house.park()
    await house.service.release(job_id, "laser", ANNA)
    await house.service.change(job_id, Event.STARTED, SYSTEM)
    await house.service.change(job_id, Event.COMPLETED, SYSTEM)
    again = await house.service.restart(job_id, ANNA)
    assert (again.state, again.reasons) == (JobState.PENDING_HELD, {"job-release-wait"})
    await house.service.change(job_id, Event.CANCELED, ANNA)
    with pytest.raises(RemoteProtocolError) as raised:
        await house.service.restart(job_id, ANNA)
    assert raised.value.status is Status.CLIENT_ERROR_NOT_POSSIBLE


async def test_a_resubmitted_job_has_the_documents_as_long_as_it_needs_them(house: House) -> None:
    old = await house.park(LARGE)
    new = await house.service.resubmit(old, "park", Ticket(ANNA, "again", Attributes()))
    await house.service.change(old, Event.CANCELED, ANNA)
    assert await house.content(new.id) == LARGE
    await house.service.change(new.id, Event.CANCELED, ANNA)
    assert [blob async for blob in house.blobs.scan()] == []


async def test_a_parked_job_expires_and_its_document_with_it(house: House) -> None:
    job_id = await house.park(LARGE)
    house.clock.pass_(house.service.keeping.parked.total_seconds() + 1)
    await house.service.sweep()
    job = await house.service.get(job_id)
    assert job is not None
    assert (job.state, job.message) == (JobState.ABORTED, "the time for which it is kept is over")
    assert [blob async for blob in house.blobs.scan()] == []


async def test_however_many_expire_one_sweep_ends_them(house: House) -> None:
    await asyncio.gather(*(house.park() for _ in range(230)))
    house.clock.pass_(house.service.keeping.parked.total_seconds() + 1)
    late = await house.park()
    await house.service.sweep()
    assert [job.id for job in await house.service.find(Query(ACTIVE))] == [late]


async def test_a_job_that_is_released_while_the_sweep_looks_does_not_stop_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    released, expired = await house.park(), await house.park()
    house.clock.pass_(house.service.keeping.parked.total_seconds() + 1)
    write = house.index.write

    async def release_first(change: Callable[[Transaction], T]) -> T:
        monkeypatch.undo()
        await house.service.release(released, "laser", ANNA)
        return await write(change)

    monkeypatch.setattr(house.index, "write", release_first)
    await house.service.sweep()
    assert [job.id for job in await house.service.find(Query(ACTIVE))] == [released]
    ended = await house.service.get(expired)
    assert ended is not None
    assert ended.state is JobState.ABORTED


async def test_a_job_whose_documents_stop_coming_is_ended(house: House) -> None:
    job = await house.spool("park").create(Ticket(ANNA, "minutes", Attributes()))
    await house.service.sweep()
    house.clock.pass_(house.service.keeping.operation.total_seconds() + 1)
    await house.service.sweep()
    ended = await house.service.get(job.id)
    assert ended is not None
    assert ended.state is JobState.ABORTED


async def test_a_job_that_still_uploads_is_left_alone(house: House) -> None:
    spool = house.spool("park")
    job = await spool.create(Ticket(ANNA, "minutes", Attributes()))

    async def slow() -> AsyncIterator[bytes]:
        for _ in range(5):
            house.clock.pass_(200)
            yield b"x"
            await house.service.sweep()

    done = await spool.receive(job.id, DOCUMENT, slow(), last=True, user=ANNA)
    assert done.state is JobState.PENDING_HELD


async def test_a_job_that_closes_while_the_sweep_looks_is_not_ended(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = house.spool("park")
    job = await spool.create(Ticket(ANNA, "minutes", Attributes()))
    await spool.receive(job.id, DOCUMENT, stream(b"%PDF-1.7"), last=False, user=ANNA)
    house.clock.pass_(house.service.keeping.operation.total_seconds() + 1)
    write = house.index.write

    async def close_first(change: Callable[[Transaction], T]) -> T:
        monkeypatch.undo()
        await spool.change(job.id, Event.CLOSED, ANNA)
        return await write(change)

    monkeypatch.setattr(house.index, "write", close_first)
    await house.service.sweep()
    assert await house.content(job.id) == b"%PDF-1.7"


async def test_a_job_that_a_device_has_in_hand_does_not_expire(house: House) -> None:
    job_id = await house.park(queue="desk")
    now = house.clock()
    begin = lambda t, job: t.deliveries.start(job.id, "laser", "worker", now)  # noqa: E731
    await house.service.change(job_id, Event.STARTED, SYSTEM, also=begin)
    house.clock.pass_(house.service.keeping.parked.total_seconds() + 1)
    await house.service.sweep()
    job = await house.service.get(job_id)
    assert job is not None
    assert job.state is JobState.PROCESSING
    assert await house.content(job_id) == b"%PDF-1.7"


async def test_nothing_is_remembered_of_a_job_that_was_canceled_while_it_came_in(house: House) -> None:
    spool = house.spool("park")
    job = await spool.create(Ticket(ANNA, "minutes", Attributes()))

    async def slow() -> AsyncIterator[bytes]:
        yield b"x"
        await house.service.change(job.id, Event.CANCELED, ANNA)
        yield b"more"

    with pytest.raises(RemoteProtocolError):
        await spool.receive(job.id, DOCUMENT, slow(), last=True, user=ANNA)
    await house.service.sweep()
    assert house.service._arriving == {}


async def test_old_history_is_forgotten(house: House) -> None:
    job_id = await house.park()
    await house.service.change(job_id, Event.CANCELED, ANNA)
    house.clock.pass_(house.service.keeping.history.total_seconds() + 1)
    await house.service.sweep()
    assert await house.service.get(job_id) is None


async def test_a_long_history_is_forgotten_in_one_sweep(house: House) -> None:
    spool = house.spool("park")
    jobs = [await spool.create(Ticket(ANNA, "minutes", Attributes())) for _ in range(230)]
    await asyncio.gather(*(house.service.change(job.id, Event.CANCELED, ANNA) for job in jobs))
    house.clock.pass_(house.service.keeping.history.total_seconds() + 1)
    await house.service.sweep()
    assert await house.service.find(Query(frozenset(JobState))) == []


async def test_purging_cancels_what_is_not_finished(house: House) -> None:
    job_id = await house.park(LARGE)
    await house.service.forget([job_id, 999], OPERATOR)
    assert await house.service.get(job_id) is None
    assert [blob async for blob in house.blobs.scan()] == []


async def test_jobs_are_found_by_queue_and_owner(house: House) -> None:
    mine, theirs, desk = await house.park(), await house.park(user=BERT), await house.park(queue="desk")
    everything = Query(frozenset(JobState))
    assert [job.id for job in await house.service.find(everything)] == [mine, theirs, desk]
    assert [job.id for job in await house.service.find(everything, "park")] == [mine, theirs]
    assert [job.id for job in await house.service.find(Query(frozenset(JobState), owner="bert"))] == [theirs]
