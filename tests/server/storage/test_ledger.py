"""The ledger: nothing in it changes unnoticed, and nothing new in it has to be asked for twice."""

from __future__ import annotations

import asyncio
import hashlib
import json
import struct
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import DatabaseError, StorageError
from server.storage.database import Database
from server.storage.ledger import PAGE_EVENTS, Event, Json, Ledger, Recorded, append
from server.storage.migrations import migrate

AT = datetime(2026, 11, 21, 20, 15, 1, 123456, tzinfo=UTC)
CREATED = Event("job-created", AT, "person:7", job_id=1, payload={"octets": 5, "queue": "park"})

COLUMNS = "time_us, tenant, kind, actor, job_id, subject, payload, hash"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pullprint.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    async with await Database.open(path) as database:
        yield database


async def add(database: Database, *events: Event) -> list[Recorded]:
    return await database.write(lambda connection: [append(connection, event) for event in events])


def numbered(count: int) -> list[Event]:
    return [replace(CREATED, job_id=number, payload={"number": number}) for number in range(1, count + 1)]


async def tamper(database: Database, *statements: str) -> None:
    """Change the ledger as somebody would who can write to the file: without its triggers."""

    def change(connection: apsw.Connection) -> None:
        triggers = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'ledger%'"
        saved = connection.execute(triggers).fetchall()
        for name, _ in saved:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement).fetchall()
        for _, sql in saved:
            connection.execute(str(sql))

    await database.write(change)


async def test_events_come_back_as_they_were_appended_in_their_order(database: Database) -> None:
    vienna = timezone(timedelta(hours=1))
    second = Event("printer-state-changed", AT.astimezone(vienna), "system", "acme", None, "printer:3", {})
    recorded = await add(database, CREATED, second)
    ledger = await Ledger.open(database)
    assert await ledger.events() == recorded
    assert [(each.seq, each.event) for each in recorded] == [(1, CREATED), (2, second)]
    assert ledger.head == 2
    assert [each.seq for each in await ledger.events(1)] == [2]
    assert [each.seq for each in await ledger.events(limit=1)] == [1]
    assert [each.seq for each in await ledger.events(tenant="acme")] == [2]
    assert [each.seq for each in await ledger.events(tenant="default", job_id=1)] == [1]
    assert [each.seq for each in await ledger.events(kinds=["printer-state-changed", "other"])] == [2]
    assert await ledger.events(2) == []


async def test_an_event_of_a_change_that_failed_is_not_there(database: Database) -> None:
    def broken(connection: apsw.Connection) -> None:
        append(connection, CREATED)
        raise KeyError("halfway")

    answers = await asyncio.gather(
        add(database, CREATED), database.write(broken), add(database, CREATED), return_exceptions=True
    )
    assert isinstance(answers[1], KeyError)
    ledger = await Ledger.open(database)
    assert [each.seq for each in await ledger.events()] == [1, 2]
    assert (await ledger.verify()).sound


def test_the_hash_is_the_documented_one() -> None:
    connection = apsw.Connection(":memory:")
    migrate(connection, Path("memory"))
    recorded = append(connection, CREATED)
    fields = [
        "1",
        "1795292101123456",
        "default",
        "job-created",
        "person:7",
        "1",
        "",
        '{"octets":5,"queue":"park"}',
    ]
    octets = b"pullprint ledger 1" + bytes(32)
    for text in fields:
        octets += struct.pack(">I", len(text)) + text.encode()
    assert recorded.hash == hashlib.sha256(octets).digest()


@pytest.mark.parametrize(
    "event",
    [
        replace(CREATED, kind="Job Created"),
        replace(CREATED, kind=""),
        replace(CREATED, actor=""),
        replace(CREATED, actor="Ada Lovelace"),
        replace(CREATED, actor="x" * 129),
        replace(CREATED, tenant="größe"),
        replace(CREATED, subject="a\nb"),
        replace(CREATED, payload={"text": "x" * 16 * 1024}),
    ],
)
async def test_an_event_that_is_not_of_its_form_is_refused_and_not_kept(
    database: Database, event: Event
) -> None:
    with pytest.raises(ValueError, match="event"):
        await add(database, event)
    assert (await Ledger.open(database)).head == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET actor = 'person:8' WHERE seq = 1",
        "UPDATE ledger SET hash = zeroblob(32)",
        "DELETE FROM ledger WHERE seq = 2",
        "DELETE FROM ledger",
        f"INSERT OR REPLACE INTO ledger SELECT 1, {COLUMNS} FROM ledger WHERE seq = 2",
        f"INSERT INTO ledger SELECT 7, {COLUMNS} FROM ledger WHERE seq = 2",
        "UPDATE ledger_head SET seq = 1",
        "UPDATE ledger_head SET hash = zeroblob(32)",
        "DELETE FROM ledger_head",
        "INSERT INTO ledger_head VALUES (2, 1, zeroblob(32))",
    ],
)
async def test_the_database_itself_refuses_to_change_it(database: Database, statement: str) -> None:
    recorded = await add(database, *numbered(2))
    with pytest.raises(DatabaseError):
        await database.write(lambda connection: connection.execute(statement).fetchall())
    ledger = await Ledger.open(database)
    assert await ledger.events() == recorded
    assert (await ledger.verify()).sound


async def test_a_sound_ledger_is_found_sound_whatever_its_length(database: Database) -> None:
    ledger = await Ledger.open(database)
    verdict = await ledger.verify()
    assert (verdict.sound, verdict.events, verdict.head_seq) == (True, 0, 0)
    recorded = await add(database, *numbered(2 * PAGE_EVENTS + 3))
    verdict = await ledger.verify((5, recorded[4].hash))
    assert (verdict.sound, verdict.events) == (True, 2 * PAGE_EVENTS + 3)
    assert (verdict.head_seq, verdict.head_hash) == (recorded[-1].seq, recorded[-1].hash)


@pytest.mark.parametrize(
    "change",
    [
        "time_us = time_us + 1",
        "tenant = 'acme'",
        "kind = 'job-completed'",
        "actor = 'person:8'",
        "job_id = NULL",
        "job_id = 77",
        "subject = 'x'",
        "payload = '{}'",
        "actor = actor || substr(subject, 1), payload = ' ' || payload",
    ],
)
async def test_a_changed_row_is_found_and_named(database: Database, change: str) -> None:
    await add(database, *numbered(5))
    await tamper(database, f"UPDATE ledger SET {change} WHERE seq = 3")
    verdict = await (await Ledger.open(database)).verify()
    assert [(fault.seq, fault.what) for fault in verdict.faults] == [
        (3, "the row was changed, or the row before it was replaced")
    ]


@pytest.mark.parametrize(
    ("statements", "faults"),
    [
        (["DELETE FROM ledger WHERE seq = 1"], [(1, "row 1 is missing")]),
        (["DELETE FROM ledger WHERE seq IN (2, 3)"], [(2, "rows 2 to 3 are missing")]),
        (["DELETE FROM ledger WHERE seq = 5"], [(5, "row 5 is missing at the end")]),
        (["DELETE FROM ledger"], [(1, "rows 1 to 5 are missing at the end")]),
        (
            [f"UPDATE ledger SET seq = {to} WHERE seq = {old}" for old, to in ((2, 99), (3, 2), (99, 3))],
            [(number, "the row was changed, or the row before it was replaced") for number in (2, 3, 4)],
        ),
        (
            ["DELETE FROM ledger WHERE seq = 3", "UPDATE ledger SET seq = seq - 1 WHERE seq > 3"],
            [
                (3, "the row was changed, or the row before it was replaced"),
                (4, "the row was changed, or the row before it was replaced"),
                (5, "row 5 is missing at the end"),
            ],
        ),
        (
            ["UPDATE ledger SET hash = zeroblob(32) WHERE seq = 5"],
            [
                (5, "the row was changed, or the row before it was replaced"),
                (5, "the newest row is not the one that was written last"),
            ],
        ),
    ],
)
async def test_rows_removed_or_reordered_are_found_and_named(
    database: Database, statements: list[str], faults: list[tuple[int, str]]
) -> None:
    await add(database, *numbered(5))
    await tamper(database, *statements)
    verdict = await (await Ledger.open(database)).verify()
    assert [(fault.seq, fault.what) for fault in verdict.faults] == faults
    assert not verdict.sound


async def test_a_row_added_behind_the_head_is_found(database: Database) -> None:
    await add(database, *numbered(2))
    await tamper(database, f"INSERT INTO ledger SELECT 3, {COLUMNS} FROM ledger WHERE seq = 2")
    verdict = await (await Ledger.open(database)).verify()
    assert [(fault.seq, fault.what) for fault in verdict.faults] == [(3, "a row follows the newest one")]


async def test_a_ledger_made_anew_is_found_by_a_head_that_was_noted(database: Database) -> None:
    noted = (await add(database, *numbered(5)))[3]
    statements = ["DELETE FROM ledger", "UPDATE ledger_head SET seq = 0, hash = zeroblob(32)"]
    await tamper(database, *statements)
    await add(database, *(replace(event, actor="person:8") for event in numbered(5)))
    ledger = await Ledger.open(database)
    assert (await ledger.verify()).sound
    verdict = await ledger.verify((noted.seq, noted.hash))
    assert [(fault.seq, "written anew" in fault.what) for fault in verdict.faults] == [(4, True)]
    verdict = await ledger.verify((9, noted.hash))
    assert [(fault.seq, "noted head is missing" in fault.what) for fault in verdict.faults] == [(9, True)]


async def test_faults_are_bounded(database: Database) -> None:
    await add(database, *numbered(300))
    await tamper(database, "UPDATE ledger SET actor = 'x'")
    assert len((await (await Ledger.open(database)).verify()).faults) == 100


async def test_a_damaged_payload_is_told_with_what_to_do(database: Database) -> None:
    await add(database, CREATED)
    await tamper(database, "UPDATE ledger SET payload = '{'")
    with pytest.raises(StorageError, match="row 1 of the ledger is damaged: run `pullprint ledger verify`"):
        await (await Ledger.open(database)).events()


async def test_a_reader_waits_for_the_next_commit_and_is_woken_by_it(database: Database) -> None:
    ledger = await Ledger.open(database)
    waiting = [asyncio.create_task(ledger.wait(after)) for after in (0, 0, 1)]
    await asyncio.sleep(0)
    await add(database, CREATED)
    assert await waiting[0] == await waiting[1] == 1
    assert await ledger.wait(0) == 1
    assert not waiting[2].done()
    await database.write(lambda connection: None)  # a commit without events wakes nobody
    assert not waiting[2].done()
    await add(database, CREATED)
    assert await waiting[2] == 2


async def test_a_reader_that_gives_up_leaves_no_trace(database: Database) -> None:
    ledger = await Ledger.open(database)
    waiting = asyncio.create_task(ledger.wait(0))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert not ledger._waiters
    await add(database, CREATED)


async def test_following_gives_every_event_once_and_in_order(database: Database) -> None:
    await add(database, *numbered(PAGE_EVENTS + 500))
    ledger = await Ledger.open(database)
    total = PAGE_EVENTS + 500 + 100

    async def follow(tenant: str | None) -> list[int]:
        seen: list[int] = []
        async for recorded in ledger.follow(0, tenant=tenant):
            seen.append(recorded.seq)
            if recorded.seq == total:
                break
        return seen

    everything = asyncio.create_task(follow(None))
    ours = asyncio.create_task(follow("acme"))
    for number in range(99):
        await add(database, replace(CREATED, tenant="acme" if number % 10 == 0 else "default"))
    await add(database, replace(CREATED, tenant="acme"))
    assert await everything == list(range(1, total + 1))
    assert await ours == [*range(PAGE_EVENTS + 501, total, 10), total]


JSON: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=5))
def test_any_payload_survives(payload: dict[str, Json]) -> None:
    connection = apsw.Connection(":memory:")
    migrate(connection, Path("memory"))
    append(connection, replace(CREATED, payload=payload))
    stored = connection.execute("SELECT payload FROM ledger").fetchall()[0][0]
    assert json.loads(str(stored)) == payload
    connection.close()
