"""A document on its way to the confined worker: in sealed memory, or enciphered in a file without a name.

Up to MEMORY_OCTETS the octets are in an anonymous memory file (memfd), sealed before it is handed over, so
that what the worker reads cannot change any more. A larger document goes to an unlinked temporary file
under AES-256-CTR with a key that exists only in the two processes: nothing of it is ever in clear on a disk
that this package writes. (Memory may be swapped like any program's: that is for the machine's owner to
encipher or forbid.)

The process itself holds no more than the chunk in hand, whatever the document's size.
"""

from __future__ import annotations

import fcntl
import io
import os
import secrets
import tempfile
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CTR

from pcl.errors import ClaimError, PclError

__all__ = ["MAX_OCTETS", "MEMORY_OCTETS", "Handover", "Spool", "open_handover"]

MEMORY_OCTETS = 32 << 20
MAX_OCTETS = 4 << 30
COPY_OCTETS = 1 << 20
_AES_BLOCK = 16
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


@dataclass(frozen=True, slots=True)
class Handover:
    """What the worker reads the document with: the descriptor, its length, and the key of a file's cipher."""

    descriptor: int
    octets: int
    key: bytes | None = None


class Spool:
    """Collects one document; a context manager, and one that leaves nothing behind when it is dropped.

    `directory` is where a large document's file goes (None: the system's place for temporary files). Raises:
    PclError when the document is longer than `max_octets` or cannot be kept.
    """

    def __init__(
        self,
        *,
        memory_octets: int = MEMORY_OCTETS,
        max_octets: int = MAX_OCTETS,
        directory: str | None = None,
    ) -> None:
        self.octets = 0
        self._memory_octets = memory_octets if hasattr(os, "memfd_create") else 0
        self._max_octets = max_octets
        self._directory = directory
        self._descriptor: int | None = None
        self._key: bytes | None = None
        self._cipher: CipherContext | None = None
        self._sealed = False

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def write(self, chunk: bytes) -> None:
        """Take in the next octets of the document."""
        if self._sealed:
            raise ClaimError("the document was handed over already")
        if self.octets + len(chunk) > self._max_octets:
            raise PclError(f"the document is longer than {self._max_octets} octets", self._max_octets)
        try:
            self._open()
            if self._key is None and self.octets + len(chunk) > self._memory_octets:
                self._move_to_disk()
            self._append(chunk)
        except OSError as error:
            raise PclError(f"the document cannot be kept: {error.strerror}") from error

    def hand_over(self) -> Handover:
        """Seal the document and return what a worker opens it with; the descriptor stays this Spool's."""
        try:
            descriptor = self._open()
            if self._key is None and not self._sealed:
                fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
        except OSError as error:
            raise PclError(f"the document cannot be kept: {error.strerror}") from error
        self._sealed = True
        return Handover(descriptor, self.octets, self._key)

    def close(self) -> None:
        """Forget the document."""
        self._sealed = True
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = self._cipher = self._key = None

    def _open(self) -> int:
        if self._descriptor is None:
            self._descriptor = self._open_memory() if self._memory_octets else self._open_disk()
        return self._descriptor

    def _append(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        for start in range(0, len(view), COPY_OCTETS):
            piece = view[start : start + COPY_OCTETS]
            octets = memoryview(self._cipher.update(piece)) if self._cipher else piece
            while octets:
                octets = octets[os.write(self._open(), octets) :]
        self.octets += len(chunk)

    def _open_memory(self) -> int:
        return os.memfd_create("pcl-document", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)

    def _open_disk(self) -> int:
        self._key = secrets.token_bytes(32)
        self._cipher = _ctr(self._key, 0)
        with tempfile.TemporaryFile("w+b", buffering=0, prefix="pcl-", dir=self._directory) as file:
            return os.dup(file.fileno())

    def _move_to_disk(self) -> None:
        memory, self.octets = self._open(), 0
        self._descriptor = self._open_disk()
        os.lseek(memory, 0, os.SEEK_SET)
        while chunk := os.read(memory, COPY_OCTETS):
            self._append(chunk)
        os.close(memory)


def open_handover(handover: Handover) -> BinaryIO:
    """Open a document that was handed over, for reading and seeking; takes the descriptor over."""
    if handover.key is None:
        os.lseek(handover.descriptor, 0, os.SEEK_SET)
        return os.fdopen(handover.descriptor, "rb")
    return io.BufferedReader(_Deciphered(handover), buffer_size=1 << 16)


def _ctr(key: bytes, offset: int) -> CipherContext:
    """Return the cipher at an offset. A key serves one document only, so its counter may start at 0."""
    blocks, within = divmod(offset, _AES_BLOCK)
    context = Cipher(AES256(key), CTR(blocks.to_bytes(_AES_BLOCK, "big"))).encryptor()
    context.update(bytes(within))
    return context


class _Deciphered(io.RawIOBase):
    """The document behind an enciphered file; any part is read without what is before it."""

    def __init__(self, handover: Handover) -> None:
        assert handover.key is not None
        self._descriptor, self._octets, self._key = handover.descriptor, handover.octets, handover.key
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._octets}[whence]
        if base + offset < 0:
            raise OSError(f"cannot seek to {base + offset}")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type] # Buffer has no name in 3.11
        wanted = max(0, min(len(view), self._octets - self._at, COPY_OCTETS))
        octets = os.pread(self._descriptor, wanted, self._at)
        view[: len(octets)] = _ctr(self._key, self._at).update(octets)
        self._at += len(octets)
        return len(octets)

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()
