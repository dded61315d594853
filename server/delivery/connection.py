"""The way to an IPP device: TLS where it has it, and the certificate that it showed the first time."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from ipp import RemoteProtocolError, Status
from ipp.client import Client
from ipp.errors import ConnectionFailed
from ipp.trust import AnyCertificate, Basic, Pinned, shown_fingerprint
from ipp.upload import ClientTimes
from server.delivery.device import IppDevice
from server.delivery.transport import Device, Note

_PORT: Final = 631

_log: Final = logging.getLogger(__name__)


@asynccontextmanager
async def connect(
    device: Device, user: str, pin: Note | None, times: ClientTimes
) -> AsyncIterator[IppDevice]:
    """A conversation with a device in the name of a user.

    An `ipps` URI means TLS. An `ipp` URI means TLS where the device says that it has it, else none; once a
    certificate is pinned, TLS always. A first certificate is given to `pin` before anything else is said by
    TLS; with `pin` None any is taken.

    Raises `ConnectionFailed` where the device cannot be reached or shows another certificate than it did,
    `LocalProtocolError` where its URI is none.
    """
    parts = urlsplit(device.uri)
    credentials = Basic(unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    uri = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
    certificate = device.certificate
    if parts.scheme == "ipp" and (secure_uri := await _secured(uri, certificate, times)) is not None:
        try:
            certificate = certificate or await _first_seen(secure_uri, times)
            uri = secure_uri
        except ConnectionFailed as error:
            _log.warning("%s has no TLS though it says so (%s)", device.name, error)
    elif parts.scheme == "ipps" and not certificate:
        certificate = await _first_seen(uri, times)
    if certificate and not device.certificate and pin is not None:
        await pin(certificate)
    trust = Pinned(certificate) if certificate else AnyCertificate()
    async with Client(
        uri,
        trust=trust,
        credentials=credentials,
        plain_credentials=parts.scheme == "ipp",
        tls="never",
        user_name=user,
        times=times,
    ) as client:
        yield IppDevice(client)


async def _first_seen(uri: str, times: ClientTimes) -> str:
    parts = urlsplit(uri)
    return await shown_fingerprint(parts.hostname or "", parts.port or _PORT, times.connect_s)


async def _secured(uri: str, certificate: str, times: ClientTimes) -> str | None:
    """The `ipps` URI of a device that is configured by an `ipp` one; None where it has no TLS."""
    if certificate:
        return _with_scheme(uri, "ipps", urlsplit(uri).port)
    async with Client(uri, tls="never", times=times) as client:
        try:
            printer = await IppDevice(client).printer_attributes()
        except RemoteProtocolError as error:
            wants_tls = error.status == Status.CLIENT_ERROR_NOT_AUTHORIZED  # HTTP 426
            return _with_scheme(uri, "ipps", urlsplit(uri).port) if wants_tls else None
    for listed in printer.strings("printer-uri-supported"):
        parts = urlsplit(listed)
        if parts.scheme == "ipps":
            return _with_scheme(uri, "ipps", parts.port)
    return None


def _with_scheme(uri: str, scheme: str, port: int | None) -> str:
    """The same host and path; what a device calls its own host, we may not be able to look up."""
    parts = urlsplit(uri)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return urlunsplit((scheme, f"{host}:{port or _PORT}", parts.path, parts.query, ""))
