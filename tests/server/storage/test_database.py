"""The database: durable when it answers, each change alone in its fate, and no thread left behind."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import apsw
import pytest

from server.errors import DatabaseClosedError, DatabaseError, StorageFullError
from server.storage.database import BATCH_MAX, Database


def create(connection: apsw.Connection) -> None:
    connection.execute("CREATE TABLE numbers (number INTEGER PRIMARY KEY, octets BLOB)")


def insert(number: int) -> Callable[[apsw.Connection], int]:
    def change(connection: apsw.Connection) -> int:
        connection.execute("INSERT INTO numbers (number) VALUES (?)", (number,))
        return number

    return change


def numbers(connection: apsw.Connection) -> list[int]:
    return [row[0] for row in connection.execute("SELECT number FROM numbers ORDER BY number")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "pullprint.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    async with await Database.open(path) as database:
        await database.write(create)
        yield database


async def test_a_change_returns_what_it_returned_and_is_read_at_once(database: Database) -> None:
    assert await database.write(insert(7)) == 7
    assert await database.write(lambda connection: [None]) == [None]
    assert await database.read(numbers) == [7]


async def test_a_failed_change_is_undone_alone(database: Database) -> None:
    def half(connection: apsw.Connection) -> None:
        connection.execute("INSERT INTO numbers (number) VALUES (100)")
        raise KeyError("halfway")

    answers = await asyncio.gather(
        database.write(insert(1)),
        database.write(half),
        database.write(insert(1)),
        database.write(insert(2)),
        return_exceptions=True,
    )
    assert answers[0] == 1
    assert isinstance(answers[1], KeyError)
    assert isinstance(answers[2], DatabaseError)
    assert "UNIQUE constraint failed: numbers.number" in str(answers[2])
    assert answers[3] == 2
    assert await database.read(numbers) == [1, 2]


async def test_changes_are_made_in_the_order_they_were_asked(database: Database) -> None:
    seen: list[int] = []
    changes = [
        functools.partial(lambda number, connection: seen.append(number), number) for number in range(3000)
    ]
    await asyncio.gather(*(database.write(change) for change in changes))
    assert seen == list(range(3000))


async def test_changes_that_wait_share_a_commit(database: Database) -> None:
    commits: list[int] = []
    database.on_commit(lambda connection: commits.append(len(numbers(connection))))
    inside, gate = threading.Event(), threading.Event()

    def hold(connection: apsw.Connection) -> None:
        inside.set()
        gate.wait()

    first = asyncio.create_task(database.write(hold))
    await asyncio.to_thread(inside.wait)
    rest = [asyncio.create_task(database.write(insert(number))) for number in range(BATCH_MAX + 10)]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(first, *rest)
    assert commits == [0, BATCH_MAX, BATCH_MAX + 10]


async def test_what_is_answered_is_committed_and_what_is_not_committed_is_not_seen(
    database: Database,
) -> None:
    inside, gate = threading.Event(), threading.Event()

    def slow(connection: apsw.Connection) -> None:
        insert(1)(connection)
        inside.set()
        gate.wait()

    writing = asyncio.create_task(database.write(slow))
    await asyncio.to_thread(inside.wait)
    assert await database.read(numbers) == []
    gate.set()
    await writing
    assert await database.read(numbers) == [1]


async def test_a_question_sees_one_snapshot(database: Database) -> None:
    between, gate = threading.Event(), threading.Event()

    def twice(connection: apsw.Connection) -> tuple[list[int], list[int]]:
        before = numbers(connection)
        between.set()
        gate.wait()
        return before, numbers(connection)

    reading = asyncio.create_task(database.read(twice))
    await asyncio.to_thread(between.wait)
    await database.write(insert(1))
    gate.set()
    assert await reading == ([], [])


async def test_a_question_cannot_change_anything(database: Database) -> None:
    with pytest.raises(DatabaseError, match="readonly"):
        await database.read(insert(1))
    assert await database.read(numbers) == []


async def test_a_question_that_fails_leaves_its_reader_usable(path: Path) -> None:
    async with await Database.open(path, readers=1) as database:
        for _ in range(3):
            with pytest.raises(DatabaseError, match="no such table"):
                await database.read(numbers)
            with pytest.raises(RuntimeError, match="StopIteration"):
                await database.read(lambda connection: next(connection.execute("SELECT 1 WHERE 0")))
        assert await database.read(lambda connection: connection.execute("SELECT 1").fetchall()) == [(1,)]


async def test_a_stop_iteration_does_not_leave_the_caller_waiting(database: Database) -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        await database.write(lambda connection: next(connection.execute("SELECT 1 WHERE 0")))


async def test_a_cancelled_caller_does_not_disturb_the_others(database: Database) -> None:
    inside, gate = threading.Event(), threading.Event()

    def slow(connection: apsw.Connection) -> None:
        insert(1)(connection)
        inside.set()
        gate.wait()

    running = asyncio.create_task(database.write(slow))
    await asyncio.to_thread(inside.wait)
    queued = asyncio.create_task(database.write(insert(2)))
    other = asyncio.create_task(database.write(insert(3)))
    await asyncio.sleep(0)
    running.cancel()
    queued.cancel()
    gate.set()
    assert await other == 3
    assert running.cancelled() or (await asyncio.wait([running]))[0]
    assert await database.read(numbers) == [
        1,
        3,
    ]  # the one that ran was made whole, the one that waited not at all


async def test_a_commit_inside_a_change_is_refused_and_the_writer_goes_on(database: Database) -> None:
    with pytest.raises(DatabaseError):
        await database.write(lambda connection: connection.execute("COMMIT"))
    assert await database.write(insert(5)) == 5
    assert await database.read(numbers) == [5]


async def test_a_commit_that_fails_fails_every_change_of_it(database: Database) -> None:
    """A deferred foreign key is checked by COMMIT itself."""

    def dangling(connection: apsw.Connection) -> None:
        connection.execute("INSERT INTO children VALUES (99)")

    await database.write(
        lambda connection: connection.execute(
            "CREATE TABLE children (parent INTEGER REFERENCES numbers DEFERRABLE INITIALLY DEFERRED)"
        ).close()
    )
    answers = await asyncio.gather(
        database.write(insert(1)), database.write(dangling), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [DatabaseError, DatabaseError]
    assert await database.read(numbers) == []
    assert await database.write(insert(1)) == 1


async def test_a_full_database_is_told_as_full_and_keeps_what_it_had(database: Database) -> None:
    await database.write(insert(1))

    def limit(connection: apsw.Connection) -> None:
        connection.execute("PRAGMA max_page_count = 30").fetchall()

    def fill(connection: apsw.Connection) -> None:
        connection.execute("INSERT INTO numbers VALUES (2, zeroblob(1000000))")

    await database.write(limit)
    answers = await asyncio.gather(
        database.write(insert(3)), database.write(fill), database.write(insert(4)), return_exceptions=True
    )
    assert isinstance(answers[1], StorageFullError)
    kept = [answer for answer in answers if isinstance(answer, int)]
    assert await database.read(numbers) == [1, *kept]
    assert await database.write(insert(5)) == 5


async def test_a_full_disk_that_undoes_all_is_told_to_all_as_full(database: Database) -> None:
    def fill(connection: apsw.Connection) -> None:
        connection.execute(
            "ROLLBACK"
        )  # as SQLite does, where it cannot write what the transaction has so far
        raise apsw.FullError("database or disk is full")

    began, go_on = threading.Event(), threading.Event()

    def wait(connection: apsw.Connection) -> None:
        began.set()
        go_on.wait(10)

    waiting = asyncio.create_task(database.write(wait))
    await asyncio.to_thread(began.wait, 10)
    together = [asyncio.create_task(database.write(each)) for each in (insert(1), fill, insert(2))]
    await asyncio.sleep(0)
    go_on.set()
    answers = await asyncio.gather(*together, return_exceptions=True)
    await waiting
    assert [type(answer) for answer in answers] == [StorageFullError] * 3
    assert await database.read(numbers) == []
    assert await database.write(insert(3)) == 3


async def test_a_listener_that_fails_is_logged_and_harms_nobody(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(connection: apsw.Connection) -> None:
        raise KeyError("listener")

    database.on_commit(broken)
    assert await database.write(insert(1)) == 1
    assert "a listener to commits failed" in caplog.text


async def test_closing_commits_what_waits_and_then_takes_nothing(path: Path) -> None:
    database = await Database.open(path)
    await database.write(create)
    writes = [asyncio.create_task(database.write(insert(number))) for number in range(50)]
    await asyncio.sleep(0)
    await asyncio.gather(database.close(), database.close())
    assert await asyncio.gather(*writes) == list(range(50))
    with pytest.raises(DatabaseClosedError):
        await database.write(insert(51))
    with pytest.raises(DatabaseClosedError):
        await database.read(numbers)
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]  # the WAL is folded in and gone
    async with await Database.open(path) as again:
        assert await again.read(numbers) == list(range(50))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("database")]


async def test_its_files_are_private(database: Database, path: Path) -> None:
    await database.write(insert(1))
    assert {entry.suffix for entry in path.parent.iterdir()} == {".db", ".db-wal", ".db-shm"}
    assert {stat.S_IMODE(entry.stat().st_mode) for entry in path.parent.iterdir()} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_it_writes_durably_and_forgets_what_is_deleted(database: Database) -> None:
    def settings(connection: apsw.Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "secure_delete", "foreign_keys", "temp_store")
        return [connection.execute(f"PRAGMA {name}").fetchall()[0][0] for name in names]

    assert await database.write(settings) == ["wal", 2, 1, 1, 2]


async def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.parent.mkdir()
    Path.write_bytes(path, b"%PDF-1.7" + bytes(5000))
    with pytest.raises(DatabaseError, match=r"pullprint\.db cannot be used: file is not a database"):
        await Database.open(path)
    with pytest.raises(DatabaseError, match="cannot be opened"):
        await Database.open(path.parent)


WRITE_FOR_EVER = """
import asyncio, os, pathlib, sys
from server.storage.database import Database
async def write_some(database, start):
    for number in range(start, 10**9, 8):
        def change(connection):
            connection.execute("INSERT INTO numbers VALUES (?, randomblob(3000))", (number,))
            connection.execute("INSERT INTO pairs VALUES (?)", (number,))
        await database.write(change)
        os.write(1, b"%d\\n" % number)
async def main():
    database = await Database.open(pathlib.Path(sys.argv[1]))
    await database.write(lambda connection: connection.execute(
        "CREATE TABLE numbers (number INTEGER PRIMARY KEY, octets BLOB); CREATE TABLE pairs (number INTEGER)"
    ).fetchall())
    await asyncio.gather(*(write_some(database, start) for start in range(8)))
asyncio.run(main())
"""


@pytest.mark.parametrize("acknowledged", [1, 100, 1500])
async def test_a_kill_loses_nothing_acknowledged_and_leaves_no_half_change(
    path: Path, acknowledged: int
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITE_FOR_EVER, str(path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    told = [int(await process.stdout.readline()) for _ in range(acknowledged)]
    os.kill(process.pid, signal.SIGKILL)
    told += [int(line) for line in (await process.stdout.read()).split(b"\n")[:-1]]
    assert await process.wait() == -signal.SIGKILL

    def pairs(connection: apsw.Connection) -> list[int]:
        return [row[0] for row in connection.execute("SELECT number FROM pairs ORDER BY number")]

    async with await Database.open(path) as database:
        kept = await database.read(numbers)
        assert set(told) <= set(kept)
        assert await database.read(pairs) == kept
        assert await database.read(lambda c: c.execute("PRAGMA integrity_check").fetchall()) == [("ok",)]


@pytest.mark.peer
async def test_a_change_is_on_the_disk_before_it_is_told(path: Path, tmp_path: Path) -> None:
    """What only a power failure would show, seen in the system calls."""
    program = f"""
import asyncio, os, pathlib
from server.storage.database import Database
async def main():
    async with await Database.open(pathlib.Path({str(path)!r})) as database:
        await database.write(lambda connection: connection.execute("CREATE TABLE a (x)").close())
        os.write(1, b"ready")
        await database.write(lambda connection: connection.execute("INSERT INTO a VALUES (1)").close())
        os.write(1, b"told")
asyncio.run(main())
"""
    trace = tmp_path / "trace"
    calls = "trace=write,pwrite64,fdatasync,fsync"
    strace = ["strace", "-f", "-y", "-qq", "-e", calls, "-e", "signal=none", "-o", str(trace)]
    await asyncio.to_thread(
        subprocess.run, [*strace, sys.executable, "-c", program], capture_output=True, check=True
    )
    text = Path.read_text(trace)
    between = text[text.index('"ready"') : text.index('"told"')].splitlines()
    wal = [line for line in between if f"{path.name}-wal>" in line]
    assert any("pwrite64(" in line for line in wal)
    assert "sync(" in wal[-1]  # fsync or fdatasync, and nothing written after it
