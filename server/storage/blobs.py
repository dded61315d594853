"""Ciphertext of large documents, kept as named blobs: a protocol, and local files as its default.

A blob is written once, read whole, and deleted; it is never changed. Its name is 32 random hexadecimal digits
and says nothing about whose it is or what is in it. A blob store neither seals nor opens: it only ever sees
ciphertext.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import re
import threading
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from io import BufferedWriter, FileIO
from pathlib import Path
from typing import Final, ParamSpec, Protocol, TypeVar

from server.errors import AlreadyStoredError, BlobMissingError, StorageError, StorageFullError
from server.storage.seal import Octets, Random

BATCH_OCTETS: Final = 1024 * 1024
_NAME: Final = re.compile(r"[0-9a-f]{32}")
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Blob:
    """What a listing tells of one blob: its name, length, and when it was put (seconds since the epoch)."""

    name: str
    octets: int
    put_at_s: float


class BlobStore(Protocol):
    """Named ciphertext. One contract test holds every implementation to what is said here."""

    async def put(self, name: str, chunks: AsyncIterable[Octets]) -> int:
        """Store a new blob and return its length in octets, once it is durable.

        Memory is bounded whatever the length; a chunk must not be changed after it was given. When this
        raises, by its own failure, by that of `chunks` or by cancellation, no blob of that name is visible.

        Raises:
            AlreadyStoredError: the name is in use; the blob of that name is untouched.
            StorageFullError: the disk or the quota is full.
            StorageError: it could not be stored for another reason.
        """
        ...

    def get(self, name: str) -> AsyncGenerator[bytes, None]:
        """The blob's octets in chunks, in bounded memory.

        Raises:
            BlobMissingError: at the first step, where no blob has the name.
        """
        ...

    async def delete(self, name: str) -> None:
        """Delete the blob, durably; one that is not there is no error."""
        ...

    def scan(self) -> AsyncGenerator[Blob, None]:
        """Every whole blob, in no order; those put or deleted meanwhile may be listed or not."""
        ...


def new_blob_name(random: Random = os.urandom) -> str:
    """A name that no other blob has."""
    return random(16).hex()


def check_blob_name(name: str) -> str:
    """The name as it came.

    Raises:
        ValueError: it was not made by `new_blob_name`.
    """
    if not _NAME.fullmatch(name):
        raise ValueError("a blob's name is 32 hexadecimal digits, as new_blob_name makes it")
    return name


class FileBlobs:
    """Blobs as files: ROOT/ab/ab...; while they arrive, ROOT/incoming/.

    A blob is written to `incoming` under a lock, synchronised, renamed to its place, and its folder
    synchronised: it is visible whole or not at all, whenever the power fails. What a crash leaves in
    `incoming` bears no lock any more, by which the next `open` knows it from the uploads of another daemon on
    the same folder.
    """

    def __init__(self, root: Path, threads: int) -> None:
        """Use `FileBlobs.open`."""
        self._root = root
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="blobs")

    @classmethod
    async def open(cls, root: Path, *, threads: int = 4) -> FileBlobs:
        """Open the store in `root`, making the folder where there is none and clearing what crashes left."""
        store = cls(root, threads)
        await store._run(store._prepare)
        return store

    async def close(self) -> None:
        """Wait for what is under way in the threads, and end them."""
        await asyncio.to_thread(self._threads.shutdown)

    async def put(self, name: str, chunks: AsyncIterable[Octets]) -> int:
        """As `BlobStore.put`; the next chunks are gathered while the last ones are written."""
        upload = _Upload(self._root, self._path(name))
        writing: asyncio.Future[None] | None = None
        batch: list[Octets] = []
        gathered = octets = 0
        try:
            await self._run(upload.create)
            async for chunk in chunks:
                batch.append(chunk)
                gathered += len(chunk)
                if gathered >= BATCH_OCTETS:
                    if writing is not None:
                        await writing
                    writing = self._submit(upload.write, batch)
                    octets += gathered
                    batch, gathered = [], 0
            if writing is not None:
                await writing
            await self._run(upload.finish, batch)
        except BaseException:
            await asyncio.shield(self._submit(upload.discard))
            if writing is not None and writing.done() and not writing.cancelled():
                writing.exception()  # looked at: what is raised here came first or is the same
            raise
        return octets + gathered

    async def get(self, name: str) -> AsyncGenerator[bytes, None]:
        """As `BlobStore.get`."""
        download = _Download(self._path(name))
        reading = self._submit(download.read)
        try:
            while chunk := await reading:
                reading = self._submit(download.read)  # the next chunk is read while this one is used
                yield chunk
        finally:
            reading.cancel()
            await asyncio.shield(self._submit(download.close))

    async def delete(self, name: str) -> None:
        """As `BlobStore.delete`."""
        await self._run(_delete_durably, self._path(name))

    async def scan(self) -> AsyncGenerator[Blob, None]:
        """As `BlobStore.scan`."""
        for shard in await self._run(self._shards):
            for blob in await self._run(_blobs_in, shard):
                yield blob

    def _path(self, name: str) -> Path:
        return self._root / check_blob_name(name)[:2] / name

    def _submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        def run() -> T:
            try:
                return work(*args, **kwargs)
            except OSError as error:
                raise _told(error, self._root) from error

        return asyncio.wrap_future(self._threads.submit(run))

    async def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._submit(work, *args, **kwargs)

    def _shards(self) -> list[Path]:
        return [path for path in self._root.iterdir() if re.fullmatch("[0-9a-f]{2}", path.name)]

    def _prepare(self) -> None:
        incoming = self._root / "incoming"
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        incoming.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(self._root.parent)
        _sync_folder(self._root)
        for path in incoming.iterdir():
            with suppress(FileNotFoundError, BlockingIOError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # refused while another daemon writes to it
                path.unlink()


class _Upload:
    """One file on its way in. Its methods block, run in threads, and may come late after `discard`."""

    def __init__(self, root: Path, path: Path) -> None:
        self._root = root
        self._path = path
        self._temporary = root / "incoming" / path.name  # made exclusively: one upload of a name at a time
        self._lock = threading.Lock()
        self._file: BufferedWriter | None = None
        self._placed = False
        self._discarded = False

    def create(self) -> None:
        with self._lock:
            if self._discarded:
                return
            try:
                file = self._create_locked()
                while os.fstat(file.fileno()).st_nlink == 0:
                    file.close()  # another daemon's start swept it before it was locked
                    file = self._create_locked()
            except FileExistsError:
                raise AlreadyStoredError(f"a blob named {self._path.name} is arriving already") from None
            self._file = file
            if self._path.exists():
                raise AlreadyStoredError(f"a blob named {self._path.name} is in the store already")

    def _create_locked(self) -> BufferedWriter:
        descriptor = os.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return os.fdopen(descriptor, "wb")

    def write(self, batch: list[Octets]) -> None:
        with self._lock:
            if self._file is not None:
                for chunk in batch:
                    self._file.write(chunk)

    def finish(self, batch: list[Octets]) -> None:
        self.write(batch)
        with self._lock:
            if self._file is None:
                return
            self._file.flush()
            os.fdatasync(self._file.fileno())
            shard = self._path.parent
            if not shard.exists():
                shard.mkdir(mode=0o700, exist_ok=True)
                _sync_folder(self._root)
            self._placed = True
            self._temporary.rename(self._path)
            _sync_folder(shard)
            self._file.close()
            self._file = None

    def discard(self) -> None:
        with self._lock:
            self._discarded = True
            if self._placed:  # whoever put it was told that it failed, so it must not be there
                _delete_durably(self._path)
            if self._file is not None:
                with suppress(OSError):  # what its buffer holds may still not fit on the disk
                    self._file.close()
                self._temporary.unlink(missing_ok=True)
                self._file = None


class _Download:
    """One file on its way out. Its methods block, run in threads, and may come late after `close`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()  # a read must not meet a descriptor that is somebody else's by now
        self._file: FileIO | None = None
        self._closed = False

    def read(self) -> bytes:
        with self._lock:
            if self._closed:
                return b""
            if self._file is None:
                try:
                    self._file = FileIO(self._path)
                except FileNotFoundError:
                    raise BlobMissingError(self._path.name) from None
            return self._file.read(BATCH_OCTETS)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._file is not None:
                self._file.close()


def _told(error: OSError, root: Path) -> StorageError:
    """An operating system's error in our words."""
    if error.errno in _FULL:
        return StorageFullError(f"the disk of {root} is full: free space there or move the data folder")
    return StorageError(f"{root} cannot be used: {error.strerror}; look at the disk and the folder's rights")


def _blobs_in(shard: Path) -> list[Blob]:
    blobs: list[Blob] = []
    with os.scandir(shard) as entries:
        for entry in entries:
            if _NAME.fullmatch(entry.name):
                with suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    blobs.append(Blob(entry.name, status.st_size, status.st_mtime))
    return blobs


def _delete_durably(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
