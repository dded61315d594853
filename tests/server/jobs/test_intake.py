"""What comes in is stopped before the disk is full, without asking the file system for every job."""

from __future__ import annotations

import pytest

from server.errors import StorageFullError
from server.jobs.intake import Intake
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
