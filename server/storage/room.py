"""Room on the disk: what comes in stops before it is full, so that what is there can still be canceled."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from server.errors import StorageError, StorageFullError

# What is left free: the database needs some of it to take something out.
RESERVE_OCTETS: Final = 64 << 20
# Of a small disk not more than this part.
_RESERVE_DIVISOR: Final = 20


class Usage(Protocol):
    """What `shutil.disk_usage` tells, in octets."""

    @property
    def total(self) -> int:
        """The size of the disk."""
        ...

    @property
    def free(self) -> int:
        """What is left of it for us."""
        ...


class Room:
    """Whether a folder's disk takes more."""

    def __init__(self, folder: Path, *, usage: Callable[[Path], Usage] = shutil.disk_usage) -> None:
        self._folder = folder
        self._usage = usage

    def check(self) -> None:
        """Raise StorageFullError where too little is left."""
        try:
            usage = self._usage(self._folder)
        except OSError as error:
            raise StorageError(f"{self._folder} cannot be looked at: {error.strerror}") from error
        if usage.free < min(RESERVE_OCTETS, usage.total // _RESERVE_DIVISOR):
            raise StorageFullError(
                f"the disk of {self._folder} is almost full: free space there or move the data folder"
            )
