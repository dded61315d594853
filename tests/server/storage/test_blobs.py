"""The contract of every blob store, and what files add to it: durability, privacy, nothing half-written."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path

import pytest

from server.errors import AlreadyStoredError, BlobMissingError, StorageError, StorageFullError
from server.storage import blobs as blobs_module
from server.storage.blobs import BATCH_OCTETS, Blob, BlobStore, FileBlobs, new_blob_name

NAME = "00112233445566778899aabbccddeeff"
OTHER = "ff112233445566778899aabbccddeeff"


async def chunks_of(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def whole(store: BlobStore, name: str) -> bytes:
    return b"".join([chunk async for chunk in store.get(name)])


async def names(store: BlobStore) -> set[str]:
    return {blob.name async for blob in store.scan()}


# Every implementation joins this table: what opens it in an empty place.
STORES: dict[str, Callable[[Path], AsyncGenerator[BlobStore, None]]] = {}


async def open_files(folder: Path) -> AsyncGenerator[BlobStore, None]:
    store = await FileBlobs.open(folder / "blobs")
    yield store
    await store.close()


STORES["files"] = open_files


@pytest.fixture(params=sorted(STORES))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[BlobStore]:
    opening = STORES[request.param](tmp_path)
    yield await anext(opening)
    async for _ in opening:
        raise AssertionError("a store is opened once")


@pytest.fixture
async def files(tmp_path: Path) -> AsyncIterator[FileBlobs]:
    store = await FileBlobs.open(tmp_path / "blobs")
    yield store
    await store.close()


@pytest.mark.parametrize("size", [0, 1, BATCH_OCTETS - 1, BATCH_OCTETS, 3 * BATCH_OCTETS + 5])
@pytest.mark.parametrize("chunk", [99_991, 4 * BATCH_OCTETS])
async def test_a_blob_comes_out_as_it_went_in(store: BlobStore, size: int, chunk: int) -> None:
    octets = os.urandom(size)
    parts = [octets[at : at + chunk] for at in range(0, size, chunk)]
    assert await store.put(NAME, chunks_of(*parts)) == size
    assert await whole(store, NAME) == octets
    assert [(blob.name, blob.octets) async for blob in store.scan()] == [(NAME, size)]


async def test_a_blob_that_is_not_there_is_missing_and_deleting_it_is_no_error(store: BlobStore) -> None:
    with pytest.raises(BlobMissingError, match=NAME):
        await anext(store.get(NAME))
    await store.delete(NAME)
    await store.put(NAME, chunks_of(b"x"))
    await store.delete(NAME)
    await store.delete(NAME)
    with pytest.raises(BlobMissingError):
        await whole(store, NAME)
    assert await names(store) == set()


async def test_a_name_is_used_once(store: BlobStore) -> None:
    await store.put(NAME, chunks_of(b"first"))
    with pytest.raises(AlreadyStoredError):
        await store.put(NAME, chunks_of(b"second"))
    assert await whole(store, NAME) == b"first"


@pytest.mark.parametrize(
    "name", ["", "../" + NAME, NAME[:-1], NAME + "0", NAME.upper(), NAME + "\n", "x" * 32]
)
async def test_only_names_of_our_making_are_taken(store: BlobStore, name: str) -> None:
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        await store.put(name, chunks_of(b"x"))
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        await anext(store.get(name))
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        await store.delete(name)


def test_new_names_are_taken_and_differ() -> None:
    made = {new_blob_name() for _ in range(100)}
    assert len(made) == 100
    assert all(blobs_module.check_blob_name(name) == name for name in made)


async def test_a_source_that_fails_leaves_nothing(store: BlobStore) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield bytes(3 * BATCH_OCTETS)
        raise ConnectionResetError("the client went away")

    with pytest.raises(ConnectionResetError, match="went away"):
        await store.put(NAME, broken())
    assert await names(store) == set()
    await store.put(NAME, chunks_of(b"again"))
    assert await whole(store, NAME) == b"again"


@pytest.mark.parametrize("before", [0, 1, BATCH_OCTETS, 3 * BATCH_OCTETS])
async def test_a_cancelled_put_leaves_nothing(store: BlobStore, before: int) -> None:
    waiting = asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        yield bytes(before)
        waiting.set()
        await asyncio.Event().wait()

    putting = asyncio.create_task(store.put(NAME, stalled()))
    await waiting.wait()
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert await names(store) == set()
    await store.put(NAME, chunks_of(b"again"))


async def test_a_put_cancelled_at_any_step_is_whole_or_not_there(store: BlobStore) -> None:
    """Cancelled after each number of turns of the event loop, until it is too late to cancel."""
    for turns in range(10_000):
        putting = asyncio.create_task(store.put(NAME, chunks_of(b"a" * BATCH_OCTETS, b"b")))
        for _ in range(turns):
            await asyncio.sleep(0)
        if putting.done():
            break
        putting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await putting
        assert await names(store) == set()
    assert len(await whole(store, NAME)) == BATCH_OCTETS + 1


async def test_many_blobs_are_put_and_read_at_the_same_time(store: BlobStore) -> None:
    made = {new_blob_name(): os.urandom(300_000) for _ in range(20)}
    await asyncio.gather(*(store.put(name, chunks_of(octets)) for name, octets in made.items()))
    read = await asyncio.gather(*(whole(store, name) for name in made))
    assert read == list(made.values())
    assert await names(store) == set(made)


async def test_two_puts_of_one_name_at_the_same_moment_give_one_whole_blob(store: BlobStore) -> None:
    answers = await asyncio.gather(
        *(store.put(NAME, chunks_of(bytes([number]) * 500_000)) for number in range(4)),
        return_exceptions=True,
    )
    assert {type(answer) for answer in answers} <= {int, AlreadyStoredError}
    assert answers.count(500_000) == 1
    assert len(set(await whole(store, NAME))) == 1


async def test_a_read_cancelled_at_any_step_disturbs_no_other(store: BlobStore) -> None:
    octets = os.urandom(2 * BATCH_OCTETS + 1)
    await store.put(NAME, chunks_of(octets))
    for turns in range(10_000):
        reading = asyncio.create_task(whole(store, NAME))
        for _ in range(turns):
            await asyncio.sleep(0)
        if reading.done():
            break
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
    assert await reading == await whole(store, NAME) == octets


async def test_reading_may_stop_anywhere(store: BlobStore) -> None:
    await store.put(NAME, chunks_of(bytes(3 * BATCH_OCTETS)))
    reading = store.get(NAME)
    await anext(reading)
    await reading.aclose()
    await store.delete(NAME)


async def test_files_are_private_and_in_place(files: FileBlobs, tmp_path: Path) -> None:
    await files.put(NAME, chunks_of(b"x"))
    path = tmp_path / "blobs" / NAME[:2] / NAME
    modes = [stat.S_IMODE(part.stat().st_mode) for part in (path, path.parent, path.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]
    assert list((tmp_path / "blobs" / "incoming").iterdir()) == []
    assert [blob async for blob in files.scan()] == [Blob(NAME, 1, path.stat().st_mtime)]


async def test_a_strange_file_in_the_folder_is_not_a_blob(files: FileBlobs, tmp_path: Path) -> None:
    await files.put(NAME, chunks_of(b"x"))
    (tmp_path / "blobs" / NAME[:2] / "lost+found").write_bytes(b"")
    (tmp_path / "blobs" / "README").write_bytes(b"")
    assert await names(files) == {NAME}


async def test_what_a_crash_left_is_cleared_at_the_start_but_not_what_another_daemon_writes(
    files: FileBlobs, tmp_path: Path
) -> None:
    left = tmp_path / "blobs" / "incoming" / OTHER
    left.write_bytes(b"left")
    live = tmp_path / "blobs" / "incoming" / NAME
    with live.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        second = await FileBlobs.open(tmp_path / "blobs")
        await second.close()
    assert list(live.parent.iterdir()) == [live]


async def test_an_upload_goes_on_while_another_daemon_starts_on_the_folder(
    files: FileBlobs, tmp_path: Path
) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield bytes(BATCH_OCTETS)
        second = await FileBlobs.open(tmp_path / "blobs")
        await second.close()
        yield b"end"

    assert await files.put(NAME, slow()) == BATCH_OCTETS + 3


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, StorageFullError), (errno.EDQUOT, StorageFullError), (errno.EIO, StorageError)],
)
async def test_a_disk_that_refuses_is_told_and_nothing_is_kept(
    files: FileBlobs, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[StorageError]
) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fdatasync", refuse)  # a disk that fails on demand is not to be had without root
    with pytest.raises(kind, match="disk"):
        await files.put(NAME, chunks_of(b"x"))
    assert await names(files) == set()


async def test_a_full_file_system_is_told_as_full(tmp_path: Path) -> None:
    """A real limit: RLIMIT_FSIZE in a process of its own."""
    program = f"""
import asyncio, pathlib, resource, signal
from server.errors import StorageFullError
from server.storage.blobs import FileBlobs
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
async def chunks():
    for _ in range(8):
        yield bytes(1_000_000)
async def main():
    store = await FileBlobs.open(pathlib.Path({str(tmp_path / "blobs")!r}))
    try:
        await store.put({NAME!r}, chunks())
    except StorageFullError:
        print([blob async for blob in store.scan()])
asyncio.run(main())
"""
    run = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program], capture_output=True, check=True
    )
    assert run.stdout == b"[]\n"
    assert list((tmp_path / "blobs" / "incoming").iterdir()) == []


PUT_FOR_EVER = """
import asyncio, os, pathlib, sys
from server.storage.blobs import FileBlobs, new_blob_name
async def chunks():
    for _ in range(5):
        yield b"w" * 300_000
async def put_some(store):
    while True:
        name = new_blob_name()
        await store.put(name, chunks())
        os.write(1, name.encode() + b"\\n")
async def main():
    store = await FileBlobs.open(pathlib.Path(sys.argv[1]))
    await asyncio.gather(*(put_some(store) for _ in range(4)))
asyncio.run(main())
"""


@pytest.mark.parametrize("acknowledged", [1, 7, 20])
async def test_a_kill_loses_nothing_acknowledged_and_leaves_nothing_half_written(
    tmp_path: Path, acknowledged: int
) -> None:
    root = tmp_path / "blobs"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PUT_FOR_EVER, str(root), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    for _ in range(acknowledged):
        await process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    rest = (await process.stdout.read()).decode().split("\n")
    assert await process.wait() == -signal.SIGKILL
    store = await FileBlobs.open(root)
    found = {blob.name: blob.octets async for blob in store.scan()}
    assert len(found) >= acknowledged
    assert set(rest[:-1]) <= set(found)
    assert set(found.values()) == {1_500_000}
    assert list((root / "incoming").iterdir()) == []
    await store.close()


@pytest.mark.peer
async def test_a_put_is_on_the_disk_before_it_is_told(tmp_path: Path) -> None:
    """What only a power failure would show, seen in the system calls: their order is the promise."""
    program = f"""
import asyncio, os, pathlib
from server.storage.blobs import FileBlobs
async def chunks():
    yield bytes(3_000_000)
async def main():
    store = await FileBlobs.open(pathlib.Path({str(tmp_path / "blobs")!r}))
    await store.put({NAME!r}, chunks())
    os.write(1, b"told")
    await store.delete({NAME!r})
    os.write(1, b"deleted")
asyncio.run(main())
"""
    trace = tmp_path / "trace"
    calls = "trace=write,fdatasync,fsync,rename,unlink"
    strace = ["strace", "-f", "-y", "-qq", "-e", calls, "-e", "signal=none", "-o", str(trace)]
    run = await asyncio.to_thread(
        subprocess.run, [*strace, sys.executable, "-c", program], capture_output=True, check=True
    )
    assert run.stdout == b"tolddeleted"
    incoming, shard = f"{tmp_path}/blobs/incoming/{NAME}", f"{tmp_path}/blobs/{NAME[:2]}"
    steps = [
        f"write(fd<{incoming}>",
        f"fdatasync(fd<{incoming}>",
        f"fsync(fd<{tmp_path}/blobs>",  # the new shard
        f'rename("{incoming}", "{shard}/{NAME}"',
        f"fsync(fd<{shard}>",
        "told",
        f'unlink("{shard}/{NAME}"',
        f"fsync(fd<{shard}>",
        "deleted",
    ]
    text = re.sub(r"\((\d+)<", "(fd<", Path.read_text(trace))
    text = text[text.rindex(f"write(fd<{incoming}>") :]
    at = -1
    for step in steps:
        at = text.find(step, at + 1)
        assert at >= 0, f"{step} is missing, or out of order, in:\n{text}"
