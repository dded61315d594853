"""Room on the disk is kept for taking out what is there."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from server.errors import StorageError, StorageFullError
from server.storage.room import RESERVE_OCTETS, Room


@dataclass(frozen=True)
class Disk:
    total: int
    free: int


@pytest.mark.parametrize(
    ("total", "free", "full"),
    [
        (1 << 40, RESERVE_OCTETS, False),
        (1 << 40, RESERVE_OCTETS - 1, True),
        (100 << 20, 5 << 20, False),
        (100 << 20, (5 << 20) - 1, True),
        (0, 0, False),
    ],
)
def test_a_disk_is_full_before_it_is(tmp_path: Path, total: int, free: int, full: bool) -> None:
    room = Room(tmp_path, usage=lambda _: Disk(total, free))
    if full:
        with pytest.raises(StorageFullError, match="almost full"):
            room.check()
    else:
        room.check()


def test_the_disk_of_a_folder_is_looked_at(tmp_path: Path) -> None:
    Room(tmp_path).check()
    with pytest.raises(StorageError, match="cannot be looked at"):
        Room(tmp_path / "gone").check()
