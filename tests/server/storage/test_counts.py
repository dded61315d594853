"""How many jobs wait is known without counting them, in the transaction that changes it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipp import JobState
from ipp.job import ACTIVE, FINISHED, Job
from server.storage.database import Database
from server.storage.dispatch import LATE, WAITING
from server.storage.index import Index
from server.storage.jobs import COUNT_BY_OWNER, COUNT_BY_QUEUE, JobRows
from server.storage.migrations import migrate, read_migrations
from server.storage.scope import Scope
from server.storage.seal import BlindIndex, FieldSealer
from tests.server.storage.conftest import NOW, make_job

OWNERS, QUEUES = ("ada", "bob"), ("park", "desk")
BEFORE_THE_COUNTS = 2


@pytest.mark.parametrize(
    ("question", "index"),
    [
        (COUNT_BY_OWNER, "active_by_owner USING PRIMARY KEY (tenant=? AND owner_digest=?)"),
        (COUNT_BY_QUEUE, "active_by_queue USING PRIMARY KEY (tenant=? AND printer=?)"),
        (WAITING, "jobs USING INDEX jobs_to_deliver (tenant=?"),
        (LATE, "jobs USING INDEX jobs_to_deliver (tenant=?"),
    ],
    ids=["owner", "queue", "waiting", "late"],
)
def test_what_is_asked_with_every_job_is_answered_from_an_index(question: str, index: str) -> None:
    connection = apsw.Connection(":memory:")
    migrate(connection, Path("memory"))
    names = ("tenant", "owner_digest", "printer", "now", "before")
    plan = connection.execute(f"EXPLAIN QUERY PLAN {question}", dict.fromkeys(names)).fetchall()
    steps = [str(step[3]) for step in plan]
    assert any(step.startswith(f"SEARCH {index}") for step in steps), steps
    assert not any(step.startswith("SCAN jobs") for step in steps), steps


STEPS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from(OWNERS),
        st.sampled_from(QUEUES),
        st.sampled_from([None, *sorted(ACTIVE | FINISHED)]),
    ),
    max_size=30,
)


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_the_counts_are_what_counting_gives(steps: list[tuple[int, str, str, JobState | None]]) -> None:
    """Each step adds the job of that number, changes it to these, or (no state) forgets it."""
    connection = apsw.Connection(":memory:")
    migrate(connection, Path("memory"))
    rows = JobRows(Scope(connection, "default", FieldSealer(bytes(32)), BlindIndex(bytes(32))))
    jobs: dict[int, Job] = {}
    for number, owner, printer, state in steps:
        if state is None:
            if number in jobs:
                rows.forget(jobs.pop(number).id)
        elif number in jobs:
            changed = replace(jobs[number], owner=owner, printer=printer, state=state)
            jobs[number] = rows.update(changed, changed.version)
        else:
            jobs[number] = rows.add(make_job(number, owner=owner, printer=printer, state=state))
        active = [job for job in jobs.values() if job.state in ACTIVE]
        for name in OWNERS:
            assert rows.count_active_of(name) == sum(job.owner == name for job in active)
        for name in QUEUES:
            assert rows.count_active(name) == Counter(job.state for job in active if job.printer == name)
    kept = connection.execute("SELECT count(*) FROM active_by_owner WHERE jobs = 0").fetchall()
    assert kept == [(0,)], "an owner without jobs leaves no digest behind"
    connection.close()


async def test_another_tenants_jobs_are_not_counted(index: Index, database: Database) -> None:
    await index.write(lambda t: t.jobs.add(make_job()))
    await database.write(lambda connection: connection.execute("UPDATE jobs SET tenant = 'other'").close())
    assert await index.read(lambda t: t.jobs.count_active_of("ada")) == 0
    assert await index.read(lambda t: t.jobs.count_active("park")) == Counter()


def test_an_older_database_is_counted_once_when_it_is_migrated() -> None:
    connection = apsw.Connection(":memory:")
    migrate(connection, Path("memory"), read_migrations()[:BEFORE_THE_COUNTS])
    rows = JobRows(Scope(connection, "default", FieldSealer(bytes(32)), BlindIndex(bytes(32))))
    rows.add(make_job(1))
    rows.add(make_job(2, printer="desk", state=JobState.PENDING))
    rows.add(make_job(3, owner="bob"))
    rows.add(make_job(4, state=JobState.COMPLETED, completed=NOW))
    migrate(connection, Path("memory"))
    assert (rows.count_active_of("ada"), rows.count_active_of("bob")) == (2, 1)
    assert rows.count_active("park") == {JobState.PENDING_HELD: 2}
    assert rows.count_active("desk") == {JobState.PENDING: 1}
    rows.forget(1)
    assert rows.count_active_of("ada") == 1
