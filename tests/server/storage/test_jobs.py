"""Jobs come back as they were stored, in the order they print, and are changed by one at a time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipp import Attribute, Attributes, Collection, JobState, Tag
from ipp.job import ACTIVE, FINISHED, Document, Event, Job, advance
from ipp.message import Value
from ipp.spool import Query
from server.errors import AlreadyStoredError, NotStoredError, SealBrokenError, VersionConflictError
from server.storage.database import Database
from server.storage.index import Index, Transaction
from server.storage.jobs import JobRows
from server.storage.migrations import migrate
from server.storage.scope import Scope
from server.storage.seal import BlindIndex, FieldSealer
from tests.server.storage.conftest import NOW, make_job

EVERY_STATE = ACTIVE | FINISHED


async def add(index: Index, *jobs: Job) -> list[Job]:
    return await index.write(lambda t: [t.jobs.add(job) for job in jobs])


async def ids(index: Index, query: Query, printer: str | None = None) -> list[int]:
    return [job.id for job in await index.read(lambda t: t.jobs.find(query, printer=printer))]


async def test_a_job_comes_back_as_it_was_added_with_an_id_of_its_own(index: Index) -> None:
    media = Collection([Attribute.of("media-type", Tag.KEYWORD, "stationery")])
    job = make_job(
        created=NOW.astimezone(timezone(timedelta(hours=-5))),
        processing=NOW + timedelta(seconds=1),
        completed=NOW + timedelta(days=400),
        message="toner low",
        attributes=Attributes([Attribute.of("media-col", Tag.BEG_COLLECTION, media)]),
        documents=(Document(1, "", "", 0, NOW), Document(2, "b", "image/urf", 2**40, NOW, None)),
        priority=100,
        impressions=7,
        impressions_completed=3,
        output_device="third floor",
        version=12,
    )
    (added,) = await add(index, job)
    assert added == replace(job, id=1)
    assert await index.read(lambda t: t.jobs.get(1)) == added
    assert await index.read(lambda t: t.jobs.get_by_uuid(job.uuid)) == added


async def test_what_is_not_utf_8_survives(index: Index) -> None:
    odd = b"\xff\xfeM\xfcller".decode(errors="surrogateescape")
    (added,) = await add(index, make_job(name=odd, owner=odd, message=odd))
    assert await index.read(lambda t: t.jobs.get(1)) == added
    assert await ids(index, Query(ACTIVE, owner=odd)) == [1]


VALUES: st.SearchStrategy[tuple[Tag, Value]] = st.one_of(
    st.tuples(st.just(Tag.INTEGER), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.just(Tag.NAME), st.text(max_size=30)),
    st.tuples(st.just(Tag.OCTET_STRING), st.binary(max_size=30)),
    st.tuples(st.just(Tag.BOOLEAN), st.booleans()),
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(),
    st.text(),
    st.text(),
    st.lists(VALUES, max_size=4),
    st.frozensets(st.sampled_from(["a-b", "c"])),
)
def test_any_job_survives(
    owner: str, name: str, message: str, values: list[tuple[Tag, Value]], reasons: frozenset[str]
) -> None:
    connection = apsw.Connection(":memory:")
    migrate(connection, Path("memory"))
    rows = JobRows(Scope(connection, "default", FieldSealer(bytes(32)), BlindIndex(bytes(32))))
    attributes = Attributes(
        Attribute.of(f"x{place}", tag, value) for place, (tag, value) in enumerate(values)
    )
    job = make_job(owner=owner, name=name, message=message, attributes=attributes, reasons=reasons)
    assert rows.add(job) == rows.get(1) == replace(job, id=1)
    connection.close()


async def test_a_password_is_kept_hashed_and_sealed(index: Index, database: Database) -> None:
    phc = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNo"
    await index.write(lambda t: t.jobs.add(make_job(1), password=phc))
    await index.write(lambda t: t.jobs.add(make_job(2)))
    assert await index.read(lambda t: t.jobs.password(1)) == phc
    assert await index.read(lambda t: t.jobs.password(2)) is None
    with pytest.raises(NotStoredError):
        await index.read(lambda t: t.jobs.password(3))
    with pytest.raises(ValueError, match="Argon2id PHC string only"):
        await index.write(lambda t: t.jobs.add(make_job(3), password="1234"))
    await database.close()
    assert phc.encode() not in Path.read_bytes(database.path)


async def test_ids_are_never_used_twice_and_a_uuid_once(index: Index) -> None:
    await add(index, make_job(1), make_job(2))
    with pytest.raises(AlreadyStoredError):
        await add(index, make_job(2))
    await index.write(lambda t: t.jobs.forget(2))
    assert (await add(index, make_job(2)))[0].id == 3


async def test_a_job_that_is_not_there_is_told(index: Index) -> None:
    with pytest.raises(NotStoredError, match="no job 5"):
        await index.read(lambda t: t.jobs.get(5))
    with pytest.raises(NotStoredError, match=str(UUID(int=5))):
        await index.read(lambda t: t.jobs.get_by_uuid(UUID(int=5)))
    with pytest.raises(NotStoredError):
        await index.write(lambda t: t.jobs.update(make_job(id=5), 0))


async def test_the_second_of_two_changes_at_the_same_moment_is_told(index: Index) -> None:
    (job,) = await add(index, make_job())
    first, second = (advance(job, event, NOW) for event in (Event.RELEASED, Event.CANCELED))
    answers = await asyncio.gather(
        index.write(lambda t: t.jobs.update(first, job.version)),
        index.write(lambda t: t.jobs.update(second, job.version)),
        return_exceptions=True,
    )
    assert answers[0] == first
    assert isinstance(answers[1], VersionConflictError)
    assert await index.read(lambda t: t.jobs.get(1)) == first


async def test_an_update_without_an_event_still_counts_a_version(index: Index) -> None:
    (job,) = await add(index, make_job())
    renamed = await index.write(lambda t: t.jobs.update(replace(job, name="other", owner="bob"), job.version))
    assert renamed.version == job.version + 1
    assert await index.read(lambda t: t.jobs.get(1)) == renamed
    assert await ids(index, Query(ACTIVE, owner="bob")) == [1]
    assert await ids(index, Query(ACTIVE, owner="ada")) == []


async def test_jobs_are_found_by_state_owner_id_and_printer(index: Index) -> None:
    jobs = [
        make_job(1),
        make_job(2, owner="Ada"),
        make_job(3, state=JobState.PENDING),
        make_job(4, state=JobState.COMPLETED, completed=NOW),
        make_job(5, printer="other"),
    ]
    await add(index, *jobs)
    assert await ids(index, Query(EVERY_STATE)) == [1, 2, 3, 5, 4]
    assert await ids(index, Query(ACTIVE)) == [1, 2, 3, 5]
    assert await ids(index, Query(frozenset({JobState.PENDING}))) == [3]
    assert await ids(index, Query(frozenset())) == []
    assert await ids(index, Query(EVERY_STATE, owner="ada")) == [1, 3, 5, 4]
    assert await ids(index, Query(EVERY_STATE, owner="nobody")) == []
    assert await ids(index, Query(EVERY_STATE, ids=frozenset({2, 4, 99}))) == [2, 4]
    assert await ids(index, Query(EVERY_STATE, ids=frozenset())) == []
    assert await ids(index, Query(ACTIVE), "park") == [1, 2, 3]


async def test_jobs_are_paged_in_the_order_they_print(index: Index) -> None:
    await add(index, *(make_job(number, priority=(50, 80)[number == 4]) for number in range(1, 7)))
    everything = [4, 1, 2, 3, 5, 6]
    assert await ids(index, Query(ACTIVE)) == everything
    for first in range(1, 8):
        for limit in range(8):
            page = await ids(index, Query(ACTIVE, first_index=first, limit=limit))
            assert page == everything[first - 1 : first - 1 + limit]


async def test_the_newest_come_first_when_asked(index: Index) -> None:
    times = [3, 1, 2, 2]
    done = [
        make_job(n, state=JobState.CANCELED, completed=NOW + timedelta(seconds=at))
        for n, at in enumerate(times)
    ]
    await add(index, *done)
    assert await ids(index, Query(FINISHED, newest_first=True)) == [1, 4, 3, 2]
    assert await ids(index, Query(FINISHED, newest_first=True, limit=2, first_index=2)) == [4, 3]


async def test_a_changed_priority_and_a_restart_move_a_job(index: Index) -> None:
    jobs = await add(index, *map(make_job, (1, 2, 3)))
    await index.write(lambda t: t.jobs.update(replace(jobs[2], priority=51), 0))
    assert await ids(index, Query(ACTIVE)) == [3, 1, 2]
    canceled = await index.write(lambda t: t.jobs.update(advance(jobs[0], Event.CANCELED, NOW), 0))
    await index.write(lambda t: t.jobs.update(advance(canceled, Event.RESTARTED, NOW), 1))
    assert await ids(index, Query(ACTIVE)) == [3, 2, 1]
    await add(index, make_job(4))
    assert await ids(index, Query(ACTIVE)) == [3, 2, 1, 4]


async def test_jobs_are_scheduled_behind_others_and_before_all(index: Index) -> None:
    await add(index, *(make_job(n, priority=(50, 80)[n == 2]) for n in (1, 2, 3, 4)))
    await index.write(lambda t: t.jobs.schedule(4, 2))
    assert await ids(index, Query(ACTIVE)) == [2, 4, 1, 3]
    await index.write(lambda t: t.jobs.schedule(3, None))
    assert await ids(index, Query(ACTIVE)) == [3, 2, 4, 1]
    await index.write(lambda t: t.jobs.schedule(3, 1))
    assert await ids(index, Query(ACTIVE)) == [2, 4, 1, 3]
    await add(index, make_job(5))
    assert await ids(index, Query(ACTIVE)) == [2, 4, 1, 3, 5]
    await index.write(lambda t: t.jobs.schedule(1, 1))
    assert await ids(index, Query(ACTIVE)) == [2, 4, 1, 3, 5]
    with pytest.raises(NotStoredError, match="no job 9"):
        await index.write(lambda t: t.jobs.schedule(9, None))
    with pytest.raises(NotStoredError, match="no job 9 that waits"):
        await index.write(lambda t: t.jobs.schedule(1, 9))


async def test_a_job_can_be_scheduled_at_the_same_place_for_ever(index: Index) -> None:
    await add(index, *map(make_job, (1, 2, 3, 4)))

    def shuffle(t: Transaction) -> None:
        for round_ in range(200):
            moved = 2 + round_ % 3
            t.jobs.schedule(moved, 1)
            order = [job.id for job in t.jobs.find(Query(ACTIVE))]
            assert order[:2] == [1, moved]

    await index.write(shuffle)
    await add(index, make_job(5))
    assert (await ids(index, Query(ACTIVE)))[-1] == 5


async def test_a_claim_is_held_by_one_until_its_lease_ends(index: Index) -> None:
    await add(index, make_job())

    async def claim(worker: str, after_s: float) -> bool:
        return await index.write(lambda t: t.jobs.claim(1, worker, 30, NOW + timedelta(seconds=after_s)))

    assert await claim("a", 0)
    assert not await claim("b", 0)
    assert await claim("a", 20)  # renewed: until 50
    assert not await claim("b", 49.9)
    assert await claim("b", 50)
    assert not await claim("a", 51)
    await index.write(lambda t: t.jobs.give_up_claim(1, "a"))
    assert not await claim("a", 51)
    await index.write(lambda t: t.jobs.give_up_claim(1, "b"))
    assert await claim("a", 51)
    assert not await index.write(lambda t: t.jobs.claim(9, "a", 30, NOW))


async def test_the_only_process_takes_what_its_dead_forerunner_had_claimed(index: Index) -> None:
    await add(index, make_job())
    await index.write(lambda t: t.jobs.claim(1, "dead", 30, NOW))
    await index.write(lambda t: t.jobs.give_up_all_claims())
    assert await index.write(lambda t: t.jobs.claim(1, "alive", 30, NOW))


async def test_the_next_job_is_claimed_once_and_only_when_it_is_whole(index: Index) -> None:
    ready: frozenset[str] = frozenset()
    await add(
        index,
        make_job(1),
        make_job(2, state=JobState.PENDING),
        make_job(3, state=JobState.PENDING, reasons=ready),
        make_job(4, state=JobState.PENDING, reasons=ready, priority=60),
        make_job(5, state=JobState.PENDING, reasons=ready, printer="other"),
    )

    async def claim(worker: str, after_s: float = 0) -> int | None:
        at = NOW + timedelta(seconds=after_s)
        job = await index.write(lambda t: t.jobs.claim_next("park", worker, 30, at))
        return None if job is None else job.id

    assert await asyncio.gather(*(claim(worker) for worker in "abc")) == [4, 3, None]
    assert await claim("c", 31) == 4


async def test_what_is_over_is_found(index: Index) -> None:
    def at(hours: int) -> datetime:
        return NOW + timedelta(hours=hours)

    def fill(t: Transaction) -> None:
        t.jobs.add(make_job(1), expires=at(2))
        t.jobs.add(make_job(2), expires=at(1))
        t.jobs.add(make_job(3))
        t.jobs.add(make_job(4, state=JobState.CANCELED, completed=at(1)), expires=at(1))

    await index.write(fill)
    assert [job.id for job in await index.read(lambda t: t.jobs.expired(at(0)))] == []
    assert [job.id for job in await index.read(lambda t: t.jobs.expired(at(2)))] == [2, 1]
    assert [job.id for job in await index.read(lambda t: t.jobs.expired(at(2), limit=1))] == [2]
    await index.write(lambda t: t.jobs.expire_at(2, None))
    await index.write(lambda t: t.jobs.expire_at(3, at(1)))
    assert [job.id for job in await index.read(lambda t: t.jobs.expired(at(2)))] == [3, 1]
    assert await index.read(lambda t: t.jobs.finished_before(at(1))) == []
    assert await index.read(lambda t: t.jobs.finished_before(at(2))) == [4]


async def test_an_old_state_put_back_is_found(index: Index, database: Database) -> None:
    """Whoever can write to the file may copy, but not what is sealed for another row or another version."""
    (job, _) = await add(index, make_job(1), make_job(2))

    def old(connection: apsw.Connection) -> bytes:
        (row,) = connection.execute("SELECT sealed FROM jobs WHERE id = 1").fetchall()
        assert isinstance(row[0], bytes)
        return row[0]

    before = await database.read(old)
    await index.write(lambda t: t.jobs.update(advance(job, Event.CANCELED, NOW), 0))
    await database.write(
        lambda connection: connection.execute("UPDATE jobs SET sealed = ?", (before,)).close()
    )
    with pytest.raises(SealBrokenError):
        await index.read(lambda t: t.jobs.get(1))
    with pytest.raises(SealBrokenError):
        await index.read(lambda t: t.jobs.get(2))
