"""What a client demands of a server before it trusts it, and what it shows to be let in."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from .errors import ConnectionFailed, LocalProtocolError
from .tls import fingerprint

_DIGITS: Final = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Authorities:
    """A certificate that leads to one of the system's authorities, or to one in this PEM file."""

    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Pinned:
    """The one certificate with this SHA-256 fingerprint, in hexadecimal digits; colons do not matter."""

    fingerprint: str


@dataclass(frozen=True, slots=True)
class FirstUse:
    """Whatever certificate the server shows first; later the same.

    `store` keeps the fingerprint for each `host:port`; the caller makes it durable.
    """

    store: MutableMapping[str, str]


@dataclass(frozen=True, slots=True)
class AnyCertificate:
    """Any certificate: secret from listeners on the line, but not from who poses as the server."""


Trust: TypeAlias = Authorities | Pinned | FirstUse | AnyCertificate


@dataclass(frozen=True, slots=True)
class Basic:
    """A name without a colon, and a password (RFC 7617)."""

    user: str
    password: str = field(repr=False)

    scheme = "basic"

    def __post_init__(self) -> None:
        """Raises `LocalProtocolError` for a name with a colon: its end would be part of the password."""
        if ":" in self.user:
            raise LocalProtocolError(f"{self.user}: a user name for Basic has no colon (RFC 7617 2)")

    @property
    def authorization(self) -> str:
        """The value of the Authorization header."""
        octets = f"{self.user}:{self.password}".encode("utf-8", "surrogateescape")  # as a shell gave them
        return "Basic " + base64.b64encode(octets).decode()


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token that an authorization server gave (RFC 6750)."""

    token: str = field(repr=False)

    scheme = "bearer"

    @property
    def authorization(self) -> str:
        """The value of the Authorization header."""
        return f"Bearer {self.token}"


Credentials: TypeAlias = Basic | Bearer


def normal_fingerprint(text: str) -> str:
    """A SHA-256 fingerprint as 64 lower case digits. Raises `LocalProtocolError` for anything else."""
    digits = text.replace(":", "").replace(" ", "").lower()
    if len(digits) != 64 or not _DIGITS.issuperset(digits):
        raise LocalProtocolError("a certificate is pinned by its SHA-256 fingerprint: 64 hexadecimal digits")
    return digits


def unverified_context() -> ssl.SSLContext:
    """TLS 1.2 and later with whoever answers; whether it is the right one is to be seen by other means."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def authorities_context(trust: Authorities) -> ssl.SSLContext:
    """A context that verifies chain and name. Raises OSError where the file cannot be read or has none."""
    try:
        context = ssl.create_default_context(cafile=trust.file)
    except OSError as error:  # which names no file; ssl.SSLError is one
        if trust.file is None:
            raise
        raise OSError(error.errno, error.strerror or str(error), str(trust.file)) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


async def shown_fingerprint(host: str, port: int, timeout_s: float) -> str:
    """The fingerprint of the certificate that a server shows; nothing else is asked of it.

    Raises `ConnectionFailed`.
    """
    where = f"{host}:{port}"
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(
                host, port, ssl=unverified_context(), server_hostname=host
            )
    except (OSError, TimeoutError) as error:
        raise ConnectionFailed(
            f"no TLS connection to {where} ({error or 'no answer in time'}): does it speak TLS there?",
            may_have_arrived=False,
        ) from error
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    if not certificate:
        raise ConnectionFailed(f"{where} shows no certificate", may_have_arrived=False)
    return fingerprint(certificate)
