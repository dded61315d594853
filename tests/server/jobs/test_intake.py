"""What comes in is looked at beside the event loop, and stopped before the disk is full."""

from __future__ import annotations

import threading

import pytest

from server.errors import StorageFullError
from server.jobs.intake import Analysis, Intake
from tests.ipp.asking import stream
from tests.server.jobs.conftest import DOCUMENT, House

MEBIBYTE = 1 << 20


class Disk:
    """A disk that counts how often it is looked at."""

    def __init__(self) -> None:
        self.looks = 0
        self.full = False
        self.time_s = 0.0

    def check(self) -> None:
        self.looks += 1
        if self.full:
            raise StorageFullError("almost full")


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def intake(house: House, disk: Disk) -> Intake:
    return Intake(house.vault, check_room=disk.check, time_s=lambda: disk.time_s)


def test_the_disk_is_looked_at_before_anything_comes_in(intake: Intake, disk: Disk) -> None:
    disk.full = True
    with pytest.raises(StorageFullError):
        intake.check_room()


def test_it_is_looked_at_after_each_mebibyte_and_each_second(intake: Intake, disk: Disk) -> None:
    for _ in range(16):
        intake.check_room(MEBIBYTE // 4)
    assert disk.looks == 4
    disk.time_s += 0.999
    intake.check_room()
    assert disk.looks == 4
    disk.time_s += 0.001
    intake.check_room()
    assert disk.looks == 5


def test_a_full_disk_is_looked_at_each_time_until_there_is_room(intake: Intake, disk: Disk) -> None:
    intake.check_room()
    disk.full, disk.time_s = True, 1.0
    for _ in range(3):
        with pytest.raises(StorageFullError):
            intake.check_room()
    disk.full = False
    intake.check_room()
    assert disk.looks == 5


@pytest.mark.parametrize("octets", [MEBIBYTE // 4, 5 * MEBIBYTE])
async def test_no_more_than_a_mebibyte_comes_in_once_the_disk_is_full(
    intake: Intake, disk: Disk, octets: int
) -> None:
    intake.check_room()
    disk.full = True
    taken = 0

    async def take_in() -> None:
        nonlocal taken
        while True:
            if octets < MEBIBYTE:
                await intake.receive_whole(bytes(octets), DOCUMENT)
            else:
                await intake.receive(stream(*[bytes(octets // 5)] * 5), DOCUMENT, lambda: None)
            taken += octets

    with pytest.raises(StorageFullError):
        await take_in()
    assert taken < MEBIBYTE


class Reader:
    """An analyser that keeps what it is fed, and notes the threads that feed it."""

    def __init__(self) -> None:
        self.fed: list[bytes] = []
        self.threads: set[int] = set()

    def feed(self, chunk: bytes) -> None:
        self.threads.add(threading.get_ident())
        self.fed.append(chunk)

    def finish(self) -> Analysis:
        self.threads.add(threading.get_ident())
        return Analysis("application/pdf", 3)

    def close(self) -> None:
        pass


@pytest.mark.parametrize("size", [1, 1000, 1 << 16, 1 << 18])
async def test_a_document_is_read_whole_and_never_on_the_event_loop(house: House, size: int) -> None:
    reader = Reader()
    intake = Intake(house.vault, analyse=lambda _: reader)
    document = bytes(range(256)) * 1000
    chunks = [document[at : at + size] for at in range(0, len(document), size)]
    received = await intake.receive(stream(*chunks), DOCUMENT, lambda: None)
    assert received.analysis == Analysis("application/pdf", 3)
    assert b"".join(reader.fed) == document
    assert threading.get_ident() not in reader.threads
    assert len(reader.fed) <= 4
    await intake.discard(received)
