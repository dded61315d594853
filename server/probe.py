"""Asks a printer at a URI what it is."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from ipp import Attributes, IppError
from ipp.client import Client
from ipp.trust import AnyCertificate
from server.errors import PullprintError

TIME_OUT_S: Final = 15.0


class ProbeError(PullprintError):
    """A printer does not say what it is; the text says why."""


async def probe(uri: str) -> Attributes:
    """Everything that the printer tells of itself; nothing, where it is a raw port or a folder.

    Nothing secret is sent, so any certificate is accepted.

    Raises:
        ProbeError: it is not there, or does not answer as a printer does.
    """
    parts = urlsplit(uri)
    if parts.scheme == "file":
        if not await asyncio.to_thread(Path(unquote(parts.path)).is_dir):
            raise ProbeError(f"there is no folder {unquote(parts.path)!r}: make it first")
        return Attributes()
    if parts.scheme not in ("ipp", "ipps"):
        return Attributes()
    try:
        async with asyncio.timeout(TIME_OUT_S), Client(uri, trust=AnyCertificate()) as client:
            return await client.get_printer_attributes()
    except TimeoutError:
        raise ProbeError(f"{uri} did not answer within {TIME_OUT_S:.0f} s: is it switched on?") from None
    except IppError as error:
        raise ProbeError(f"{uri} cannot be asked what it is: {error}") from error
