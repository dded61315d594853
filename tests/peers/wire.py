"""IPP requests put together octet by octet, so that tests do not depend on our own encoder."""

from __future__ import annotations

import ssl
import struct
from base64 import b64encode
from collections.abc import Iterable, Sequence
from http.client import HTTPConnection, HTTPSConnection

PRINT_JOB = 0x0002
CREATE_JOB = 0x0005
SEND_DOCUMENT = 0x0006
CANCEL_JOB = 0x0008
GET_JOB_ATTRIBUTES = 0x0009
GET_JOBS = 0x000A
GET_PRINTER_ATTRIBUTES = 0x000B
RELEASE_JOB = 0x000D

OPERATION_ATTRIBUTES, JOB_ATTRIBUTES, END_OF_ATTRIBUTES = 0x01, 0x02, 0x03
INTEGER, BOOLEAN, ENUM, OCTET_STRING = 0x21, 0x22, 0x23, 0x30
NAME, KEYWORD, URI, CHARSET, LANGUAGE, MIME_TYPE = 0x42, 0x44, 0x45, 0x47, 0x48, 0x49


def attribute(tag: int, name: str, *values: str | int | bool) -> bytes:
    """One attribute with its additional values (RFC 8010 3.1.4, 3.1.5)."""
    octets = b""
    for number, value in enumerate(values):
        key = b"" if number else name.encode()
        if isinstance(value, bool):
            raw = struct.pack(">?", value)
        else:
            raw = struct.pack(">i", value) if isinstance(value, int) else value.encode()
        octets += struct.pack(f">BH{len(key)}sH", tag, len(key), key, len(raw)) + raw
    return octets


def make_request(
    operation: int,
    uri: str,
    *attributes: bytes,
    job_attributes: Sequence[bytes] = (),
    version: tuple[int, int] = (2, 0),
    request_id: int = 1,
) -> bytes:
    """A request up to its document: charset, language and printer-uri first, then these attributes."""
    octets = struct.pack(">BBHi", *version, operation, request_id) + bytes([OPERATION_ATTRIBUTES])
    octets += attribute(CHARSET, "attributes-charset", "utf-8")
    octets += attribute(LANGUAGE, "attributes-natural-language", "en")
    octets += attribute(URI, "printer-uri", uri)
    octets += b"".join(attributes)
    if job_attributes:
        octets += bytes([JOB_ATTRIBUTES]) + b"".join(job_attributes)
    return octets + bytes([END_OF_ATTRIBUTES])


def ask_for_everything(uri: str) -> bytes:
    """A Get-Printer-Attributes request for `all`."""
    return make_request(
        GET_PRINTER_ATTRIBUTES, uri, attribute(KEYWORD, "requested-attributes", "all"), version=(1, 1)
    )


def post(
    port: int,
    path: str,
    body: bytes | Iterable[bytes],
    *,
    host: str = "localhost",
    tls: bool = False,
    credentials: tuple[str, str] | None = None,
    timeout_s: float = 60,
) -> tuple[int, bytes]:
    """HTTP status and body of the answer to one request.

    A body in pieces goes out chunked as they come. `credentials` are a name and password for Basic. With
    `tls` any certificate is taken.
    """
    headers = {"Content-Type": "application/ipp", "Host": f"{host}:{port}"}
    if credentials is not None:
        headers["Authorization"] = "Basic " + b64encode(":".join(credentials).encode()).decode()
    if tls:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection: HTTPConnection = HTTPSConnection("127.0.0.1", port, timeout=timeout_s, context=context)
    else:
        connection = HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def status_of(answer: bytes) -> int:
    """The status-code of an IPP answer."""
    status: int = struct.unpack_from(">H", answer, 2)[0]
    return status
