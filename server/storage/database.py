"""The database: SQLite through apsw, one writer thread with group commit, and a small pool of readers.

A change is a function that gets the writer's connection. The writer takes every change that waits, runs each
in its own savepoint, and commits them together: one that fails is undone alone, and the price of durability
(WAL, synchronous=FULL) is shared. `await database.write(change)` returns what the change returned, after that
commit.

A change and a question use their connection and their arguments only: they run in other threads. Neither ever
begins or ends a transaction.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Final, Generic, Protocol, Self, TypeVar

import apsw
import msgspec

from server.errors import DatabaseClosedError, DatabaseError, StorageFullError
from server.storage.migrations import migrate

T = TypeVar("T")
Row = TypeVar("Row", bound=msgspec.Struct)

BATCH_MAX: Final = 1024
_BUSY_TIMEOUT_MS: Final = 10_000
_WRITER_PRAGMAS: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
PRAGMA trusted_schema = OFF;
PRAGMA secure_delete = ON;
PRAGMA temp_store = MEMORY;
PRAGMA journal_size_limit = 67108864;
"""
_READER_PRAGMAS: Final = "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;"

_log = logging.getLogger(__name__)


class _Pending(Protocol):
    """What the writer knows of a request, whatever its change returns."""

    def given_up(self) -> bool: ...
    def run(self, connection: apsw.Connection) -> None: ...
    def met_full_disk(self) -> bool: ...
    def fail(self, error: BaseException) -> None: ...
    def answer(self) -> None: ...


class _Request(Generic[T]):
    """One change on its way to the writer, and its answer on the way back."""

    __slots__ = ("_change", "_error", "_future", "_result")

    def __init__(self, change: Callable[[apsw.Connection], T], future: asyncio.Future[T]) -> None:
        self._change = change
        self._future = future
        self._error: BaseException | None = None
        self._result: tuple[T] | None = None

    def given_up(self) -> bool:
        return self._future.cancelled()

    def run(self, connection: apsw.Connection) -> None:
        connection.execute("SAVEPOINT request")
        try:
            self._result = (self._change(connection),)
            connection.execute("RELEASE request")
        except Exception as error:
            self._error = error
            if connection.in_transaction:
                connection.execute("ROLLBACK TO request").close()
                connection.execute("RELEASE request")

    def met_full_disk(self) -> bool:
        return isinstance(self._error, apsw.FullError)

    def fail(self, error: BaseException) -> None:
        if self._error is None:
            self._error = error

    def answer(self) -> None:
        if self._future.done():  # cancelled; the change was made whole, or not at all
            return
        if self._error is not None:
            self._future.set_exception(_told(self._error))
        elif self._result is not None:
            self._future.set_result(self._result[0])


def fetch(
    connection: apsw.Connection, sql: str, bindings: apsw.Bindings | None, shape: type[Row]
) -> list[Row]:
    """Every row of the answer as a `shape`: an array_like Struct whose fields are the columns, in order.

    Raises:
        DatabaseError: a row is not of that shape: the database was altered.
    """
    try:
        return msgspec.convert(connection.execute(sql, bindings).fetchall(), list[shape])  # type: ignore[valid-type]
    except msgspec.ValidationError as error:
        raise DatabaseError(
            f"a row is not of its shape ({error}): restore the database from a backup"
        ) from None


class Database:
    """One SQLite file, its writer and its readers; it belongs to the event loop that opened it."""

    def __init__(self, path: Path, connection: apsw.Connection, readers: int) -> None:
        """Use `Database.open`."""
        self.path: Final = path
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._waiting: SimpleQueue[_Pending | None] = SimpleQueue()  # None: no more will come
        self._closing = False
        self._commit_listeners: list[Callable[[apsw.Connection], None]] = []
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="database-reader")
        self._reader = threading.local()
        self._reader_connections: list[apsw.Connection] = []
        self._writer = threading.Thread(target=self._write, name="database-writer", daemon=True)
        self._writer.start()

    @classmethod
    async def open(cls, path: Path, *, readers: int = 4) -> Database:
        """Open the database, making it where there is none and migrating it where it is older.

        Raises:
            DatabaseTooNewError: a newer version of the program wrote it.
            MigrationError: it is not ours, or a migration that it had has changed since.
            DatabaseError: it cannot be opened.
        """
        return cls(path, await asyncio.to_thread(_open_writer, path), readers)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def write(self, change: Callable[[apsw.Connection], T]) -> T:
        """Run `change` in the writer; return what it returned once it is durable.

        What it raises is raised here, and then nothing of it was kept. A caller that is cancelled while it
        waits does not learn whether the change was made: it was made whole, or not at all.

        Raises:
            DatabaseClosedError: the database is closing or closed.
            StorageFullError: the disk is full.
            DatabaseError: SQLite refused the change or the commit.
        """
        future: asyncio.Future[T] = self._loop.create_future()
        if self._closing:
            raise DatabaseClosedError(f"database {self.path} is closed: nothing is stored any more")
        self._waiting.put(_Request(change, future))
        return await future

    async def read(self, question: Callable[[apsw.Connection], T]) -> T:
        """Run `question` on a read-only connection, on one snapshot of what is committed; return its answer.

        Raises:
            DatabaseClosedError: the database is closing or closed.
            DatabaseError: SQLite refused the question.
        """
        if self._closing:
            raise DatabaseClosedError(f"database {self.path} is closed: nothing is read any more")
        return await self._loop.run_in_executor(self._readers, self._ask, question)

    def on_commit(self, listener: Callable[[apsw.Connection], None]) -> None:
        """Call `listener` in the writer's thread after each commit, before the callers are answered."""
        self._commit_listeners.append(listener)

    async def close(self) -> None:
        """Commit what waits, end the threads, fold the WAL into the file and close it; again: no effect."""
        if not self._closing:
            self._closing = True
            self._waiting.put(None)
            await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._writer.join()
        self._readers.shutdown()
        for connection in self._reader_connections:
            connection.close()
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except apsw.BusyError:
            pass  # another process reads: the last one to close will fold it
        except apsw.Error as error:  # a full disk, for one: the WAL stays, and is read at the next start
            _log.warning("the WAL of %s is not folded into it: %s", self.path, error)
        self._connection.close()

    def _write(self) -> None:
        more = True
        while more:
            batch: list[_Pending] = []
            request = self._waiting.get()
            with suppress(Empty):
                while request is not None:
                    if not request.given_up():
                        batch.append(request)
                    if len(batch) == BATCH_MAX:
                        break
                    request = self._waiting.get_nowait()
            more = request is not None
            if batch and self._commit(batch):
                self._tell_listeners()
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(_answer, batch)

    def _commit(self, batch: list[_Pending]) -> bool:
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            for request in batch:
                request.run(connection)
                if not connection.in_transaction:  # disk full, I/O error: SQLite undid all, not one savepoint
                    if request.met_full_disk():
                        raise apsw.FullError("the disk was full for another change")
                    raise DatabaseError(
                        f"database {self.path} undid a commit after an error in another change: try again"
                    )
            connection.execute("COMMIT")
        except BaseException as error:
            for request in batch:
                request.fail(error)
            if connection.in_transaction:
                with suppress(apsw.Error):
                    connection.execute("ROLLBACK")
            return False
        return True

    def _tell_listeners(self) -> None:
        for listener in self._commit_listeners:
            try:
                listener(self._connection)
            except Exception:
                _log.exception("a listener to commits failed; the commit itself is durable")

    def _ask(self, question: Callable[[apsw.Connection], T]) -> T:
        try:
            connection: apsw.Connection | None = getattr(self._reader, "connection", None)
            if connection is None:
                connection = self._reader.connection = _open_reader(self.path)
                self._reader_connections.append(connection)
            connection.execute("BEGIN")
            try:
                return question(connection)
            finally:
                connection.execute("ROLLBACK")
        except (apsw.Error, StopIteration) as error:
            raise _told(error) from error


def _answer(batch: list[_Pending]) -> None:
    for request in batch:
        request.answer()


def _told(error: BaseException) -> BaseException:
    """An error of SQLite in our words (its messages name columns, never values); any other as it is."""
    if isinstance(error, apsw.FullError):
        told: BaseException = StorageFullError("the disk is full: free space or move the data folder")
    elif isinstance(error, apsw.Error):
        told = DatabaseError(f"the database refused: {error}")
    elif isinstance(error, StopIteration):  # a future cannot carry one
        told = RuntimeError("StopIteration was raised where a row was expected")
    else:
        return error
    told.__cause__ = error
    return told


def _open_writer(path: Path) -> apsw.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        # Made here and not by SQLite, so that it and its WAL are private from the first octet.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    except (OSError, apsw.Error) as error:
        raise DatabaseError(f"database {path} cannot be opened: {error}") from error
    try:
        connection.set_busy_timeout(_BUSY_TIMEOUT_MS)
        modes = connection.execute(_WRITER_PRAGMAS).fetchall()
        if modes[0] != ("wal",):
            raise DatabaseError(
                f"database {path} cannot use a WAL here: move the data folder to a local disk"
            )
        migrate(connection, path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except apsw.Error as error:
        connection.close()
        raise DatabaseError(f"database {path} cannot be used: {error}") from error
    except BaseException:
        connection.close()
        raise
    return connection


def _open_reader(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(_BUSY_TIMEOUT_MS)
    connection.execute(_READER_PRAGMAS).fetchall()
    return connection
