"""Numbered, forward-only migrations: NNNN_name.sql beside this file, each applied once, in one transaction.

A migration that was released is never edited: its checksum is in every database that had it. What it did
wrong, the next one puts right.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

import apsw

from server.errors import DatabaseTooNewError, MigrationError

APPLICATION_ID: Final = 0x50504442  # "PPDB", in the file's header: tells our databases from others'
_NAME: Final = re.compile(r"([0-9]{4})_[a-z0-9_]+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema: its number (from 1, without gaps), file name and SQL."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the SQL, in hexadecimal."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def read_migrations() -> tuple[Migration, ...]:
    """The migrations that this version of the program knows, in order."""
    found = [
        Migration(int(match[1]), entry.name, entry.read_text("utf-8"))
        for entry in resources.files(__package__).iterdir()
        if (match := _NAME.fullmatch(entry.name))
    ]
    found.sort(key=lambda migration: migration.number)
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise MigrationError("the program's migrations are not numbered 1, 2, 3 ...: install it again")
    return tuple(found)


def migrate(connection: apsw.Connection, path: Path, known: Sequence[Migration] | None = None) -> int:
    """Apply what `known` (default: `read_migrations`) has and the database lacks; return how many those were.

    Raises:
        DatabaseTooNewError: the database has migrations that are not known.
        MigrationError: it is another program's, or it had a migration that reads differently now.
    """
    known = read_migrations() if known is None else known
    applied = 0
    connection.execute("BEGIN IMMEDIATE")
    try:
        _claim(connection, path)
        had = connection.execute("SELECT number, name, checksum FROM migrations ORDER BY number").fetchall()
        if len(had) > len(known):
            raise DatabaseTooNewError(
                f"database {path} has migration {had[-1][1]}, which this version of pullprint does not know: "
                "run the version that wrote it, or restore a backup from before the upgrade"
            )
        for (number, name, checksum), migration in zip(had, known, strict=False):
            if (number, checksum) != (migration.number, migration.checksum):
                raise MigrationError(
                    f"database {path} had migration {name}, which reads differently in this version "
                    "of pullprint: install a released version"
                )
        for migration in known[len(had) :]:
            connection.execute(migration.sql).fetchall()
            connection.execute(
                "INSERT INTO migrations (number, name, checksum) VALUES (?, ?, ?)",
                (migration.number, migration.name, migration.checksum),
            )
            applied += 1
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a disk that is full ends it by itself
            connection.execute("ROLLBACK")
        raise
    return applied


def _claim(connection: apsw.Connection, path: Path) -> None:
    """Mark a new database as ours; refuse one that is another program's."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone() or (0,)
    if application_id == APPLICATION_ID:
        return
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() or (0,)
    if application_id or tables:
        raise MigrationError(f"{path} is a database of another program: name another data folder")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(
        "CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL,"
        " applied_at INTEGER NOT NULL DEFAULT (unixepoch())) STRICT"
    )
