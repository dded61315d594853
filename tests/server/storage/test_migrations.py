"""Migrations: forward only, whole or not at all, and never onto a database that is not ours to change."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from server.errors import DatabaseTooNewError, MigrationError
from server.storage.database import Database
from server.storage.migrations import Migration, migrate, read_migrations

FIRST = Migration(1, "0001_first.sql", "CREATE TABLE a (x); CREATE TABLE b (x);")
SECOND = Migration(2, "0002_second.sql", "INSERT INTO a VALUES (1); DROP TABLE b;")
PATH = Path("data/pullprint.db")


def tables(connection: apsw.Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def test_each_is_applied_once_and_in_order() -> None:
    connection = apsw.Connection(":memory:")
    assert migrate(connection, PATH, [FIRST]) == 1
    assert tables(connection) == {"migrations", "a", "b"}
    assert migrate(connection, PATH, [FIRST, SECOND]) == 1
    assert migrate(connection, PATH, [FIRST, SECOND]) == 0
    assert tables(connection) == {"migrations", "a"}
    assert connection.execute("SELECT * FROM a").fetchall() == [(1,)]


def test_one_that_fails_changes_nothing() -> None:
    connection = apsw.Connection(":memory:")
    migrate(connection, PATH, [FIRST])
    broken = Migration(2, "0002_broken.sql", "DROP TABLE a; INSERT INTO missing VALUES (1);")
    with pytest.raises(apsw.SQLError):
        migrate(connection, PATH, [FIRST, broken])
    assert tables(connection) == {"migrations", "a", "b"}
    assert migrate(connection, PATH, [FIRST, SECOND]) == 1


def test_an_error_that_ends_the_transaction_by_itself_is_told() -> None:
    # As a disk that is full does.
    connection = apsw.Connection(":memory:")
    ending = Migration(
        2, "0002_ending.sql", "CREATE UNIQUE INDEX i ON a (x); INSERT OR ROLLBACK INTO a VALUES (1), (1);"
    )
    with pytest.raises(apsw.ConstraintError):
        migrate(connection, PATH, [FIRST, ending])
    assert tables(connection) == set()


def test_a_newer_database_is_refused_with_what_to_do() -> None:
    connection = apsw.Connection(":memory:")
    migrate(connection, PATH, [FIRST, SECOND])
    with pytest.raises(
        DatabaseTooNewError, match=r"has migration 0002_second\.sql.*run the version that wrote it"
    ):
        migrate(connection, PATH, [FIRST])


def test_a_migration_that_was_edited_after_its_release_is_refused() -> None:
    connection = apsw.Connection(":memory:")
    migrate(connection, PATH, [FIRST])
    with pytest.raises(MigrationError, match=r"0001_first\.sql, which reads differently"):
        migrate(connection, PATH, [Migration(1, "0001_first.sql", FIRST.sql + " "), SECOND])
    assert tables(connection) == {"migrations", "a", "b"}


def test_another_programs_database_is_left_alone() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE places (url)")
    with pytest.raises(MigrationError, match="database of another program"):
        migrate(connection, PATH, [FIRST])
    assert tables(connection) == {"places"}


def test_those_of_the_program_are_numbered_without_gaps_and_apply() -> None:
    known = read_migrations()
    assert [migration.number for migration in known] == list(range(1, len(known) + 1))
    connection = apsw.Connection(":memory:")
    assert migrate(connection, PATH) == len(known) > 0
    assert "ledger" in tables(connection)


async def test_a_database_opened_by_an_older_program_says_so(tmp_path: Path) -> None:
    path = tmp_path / "pullprint.db"
    await (await Database.open(path)).close()
    connection = apsw.Connection(str(path))
    connection.execute("INSERT INTO migrations (number, name, checksum) VALUES (9999, '9999_future.sql', '')")
    connection.close()
    with pytest.raises(DatabaseTooNewError, match="9999_future"):
        await Database.open(path)
