"""Delivery to a folder: a virtual printer, whose output is a file for each document.

Exactly once, also across a crash: the documents are written whole under hidden names and synchronised; then
the journal notes that they are; then they are renamed. So an attempt without that note has delivered nothing
and its files are removed, and an attempt with it is carried to its end.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import unquote, urlsplit

from ipp import Attributes
from server.delivery.transport import Cargo, Device, NotDeliveredError, Receipt, Shipment

_WHOLE: Final = "whole"
# A file's name never comes from a client: its extension is one of these.
_EXTENSIONS: Final = {
    "application/pclm": "pclm",
    "application/pdf": "pdf",
    "application/postscript": "ps",
    "application/vnd.hp-pcl": "pcl",
    "application/vnd.hp-pclxl": "pxl",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/pwg-raster": "pwg",
    "image/urf": "urf",
    "text/plain": "txt",
}
_OTHER: Final = "prn"


class FolderTransport:
    """Writes documents into the folder of a `file:` URI, which must exist; files get mode 0600."""

    def __init__(self, device: Device) -> None:
        self._name = device.name
        self._folder = Path(unquote(urlsplit(device.uri).path))

    async def probe(self) -> Attributes:
        """As `Transport.probe`: a folder tells nothing; that it can be written to is all that is learnt."""
        if not await asyncio.to_thread(os.access, self._folder, os.W_OK | os.X_OK):
            raise self._unusable("it is not there, or the daemon may not write to it")
        return Attributes()

    async def deliver(self, shipment: Shipment) -> Receipt:
        """As `Transport.deliver`; "printed" is that every document lies in the folder, whole and durable."""
        try:
            for cargo in shipment.cargo:
                await self._write(self._hidden(shipment, cargo), cargo.octets)
            await asyncio.to_thread(_synchronise, self._folder)
        except OSError as error:
            await self._remove(shipment)
            raise self._unusable(error.strerror or str(error)) from error
        await shipment.note(_WHOLE)
        return await self._place(shipment)

    async def settle(self, shipment: Shipment) -> Receipt:
        """As `Transport.settle`: always known."""
        if shipment.remote_job == _WHOLE:
            return await self._place(shipment)
        await self._remove(shipment)
        raise NotDeliveredError(f"The delivery to {self._name} was interrupted.", again=True)

    async def cancel(self, shipment: Shipment) -> Receipt:
        """As `Transport.cancel`: documents that are whole are delivered."""
        return await self.settle(shipment)

    async def _write(self, path: Path, octets: AsyncIterable[bytes]) -> None:
        file: BinaryIO = await asyncio.to_thread(_create, path)
        try:
            async for chunk in octets:
                await asyncio.to_thread(file.write, chunk)
            await asyncio.to_thread(_finish, file)
        finally:
            await asyncio.to_thread(file.close)

    async def _place(self, shipment: Shipment) -> Receipt:
        """Rename what still has its hidden name: the last step, which may be taken again after a crash."""
        try:
            for cargo in shipment.cargo:
                with suppress(FileNotFoundError):  # placed before the crash, and perhaps fetched since
                    self._hidden(shipment, cargo).rename(self._visible(shipment, cargo))
            await asyncio.to_thread(_synchronise, self._folder)
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from error
        return Receipt()

    async def _remove(self, shipment: Shipment) -> None:
        for cargo in shipment.cargo:
            with suppress(OSError):  # what cannot be removed is hidden, and is not a document anybody takes
                self._hidden(shipment, cargo).unlink(missing_ok=True)

    def _visible(self, shipment: Shipment, cargo: Cargo) -> Path:
        """`job-NUMBER-DOCUMENT-TOKEN.EXTENSION`; the token differs for each attempt and each daemon."""
        token = hashlib.sha256(shipment.job.uuid.bytes + shipment.number.to_bytes(8, "big")).hexdigest()[:8]
        extension = _EXTENSIONS.get(cargo.document.format.lower(), _OTHER)
        return self._folder / f"job-{shipment.job.id}-{cargo.document.number}-{token}.{extension}"

    def _hidden(self, shipment: Shipment, cargo: Cargo) -> Path:
        visible = self._visible(shipment, cargo)
        return visible.with_name(f".{visible.name}.part")

    def _unusable(self, why: str) -> NotDeliveredError:
        return NotDeliveredError(f"The folder of {self._name} cannot be used: {why}.", again=True)


def _create(path: Path) -> BinaryIO:
    # What is there already was put there by somebody who may write to the folder too: a link to another file,
    # or a file of their own to read along in. Each attempt has its own name, so ours is never there.
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def _finish(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _synchronise(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
