"""What a printer says of itself by DNS-SD, made from its attributes alone so that the two cannot differ.

Service types, subtypes and the TXT record (PWG 5100.14 4.2, the Bonjour Printing Specification). No I/O.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from .errors import LocalProtocolError
from .message import Attributes, Collection
from .values import Range

IPP: Final = "_ipp._tcp"
IPPS: Final = "_ipps._tcp"
LPD: Final = "_printer._tcp"
HTTP: Final = "_http._tcp"

# Everywhere clients browse for _print, Apple's for _universal.
SUBTYPES: Final = ("_print", "_universal")
DEFAULT_PORT: Final = 631

NAME_OCTETS: Final = 63  # a DNS label (RFC 6763 4.1.1)
_STRING_OCTETS: Final = 255  # "key=value" in a TXT record (RFC 6763 6.1)

# The width of the widest medium, and the word for it (hundredths of a millimetre).
_PAPER_MAX: Final = ((21000, "<legal-A4"), (27940, "legal-A4"), (42000, "tabloid-A3"), (59400, "isoC-A2"))
_LARGEST_PAPER: Final = ">isoC-A2"
_PASSWORDS: Final = frozenset({"basic", "digest"})


@dataclass(frozen=True, slots=True)
class Service:
    """One service type under which a printer is found. Port 0 says only that the name is taken."""

    type: str
    port: int
    subtypes: tuple[str, ...] = ()
    txt: Mapping[str, str] = field(default_factory=dict)


def services(answer: Attributes, tls_answer: Attributes | None = None) -> tuple[Service, ...]:
    """Every service of a printer: IPP and IPPS as its URIs tell, its web page, and LPD to defend the name.

    `answer` is what the printer tells a client that comes by ipp, under the host name to be advertised and
    on a path that everybody may know; `tls_answer` what it tells one that comes by ipps, where that differs
    (printer-more-info must be what this client is told). Raises LocalProtocolError where no URI is told.
    """
    found: dict[str, Service] = {LPD: Service(LPD, 0)}
    for uri in answer.strings("printer-uri-supported"):
        kind = {"ipp": IPP, "ipps": IPPS}.get(urlsplit(uri).scheme)
        if kind and kind not in found:
            port = urlsplit(uri).port or DEFAULT_PORT
            told = tls_answer if kind == IPPS and tls_answer else answer
            found[kind] = Service(kind, port, SUBTYPES, txt_record(told))
    if len(found) == 1:
        raise LocalProtocolError("printer-uri-supported: no ipp or ipps URI to advertise")
    page = urlsplit(answer.string("printer-more-info", ""))
    if page.scheme in ("http", "https"):
        port = page.port or {"http": 80, "https": 443}[page.scheme]
        found[HTTP] = Service(HTTP, port, ("_printer",), {"path": page.path or "/"})
    return tuple(found.values())


def txt_record(attributes: Attributes) -> dict[str, str]:
    """The TXT record of `_ipp._tcp` and `_ipps._tcp`, in the order of the wire.

    A value that would not fit 255 octets with its key is cut: a list at a comma, a text at a character.
    """
    model = attributes.string("printer-make-and-model", "")
    encrypted = any(uri.startswith("ipps:") for uri in attributes.strings("printer-uri-supported"))
    sides = attributes.strings("sides-supported")
    record = {
        "txtvers": "1",
        "qtotal": "1",
        "rp": _resource_path(attributes),
        "ty": model,
        "product": f"({model})",
        "note": attributes.string("printer-location", ""),
        "adminurl": attributes.string("printer-more-info", ""),
        "priority": "0",
        "pdl": _listed("pdl", _document_formats(attributes)),
        "UUID": attributes.string("printer-uuid", "").removeprefix("urn:uuid:"),
        "TLS": "1.3" if encrypted else "",
        "URF": _listed("URF", attributes.strings("urf-supported")),
        "Color": _flag(attributes.boolean("color-supported", False)),
        "Duplex": _flag(any(word.startswith("two-sided") for word in sides)),
        "kind": _listed("kind", attributes.strings("printer-kind")),
        "PaperMax": _paper_max(attributes),
        "air": _authentication(attributes),
        "mopria-certified": "1.3",
        "print_wfds": "T",
    }
    always = {"note"}  # an empty one is a place nobody named
    return {key: _cut(value, key) for key, value in record.items() if value or key in always}


def _resource_path(attributes: Attributes) -> str:
    uris = attributes.strings("printer-uri-supported")
    return unquote(urlsplit(uris[0]).path).lstrip("/") if uris else ""


def _document_formats(attributes: Attributes) -> tuple[str, ...]:
    formats = attributes.strings("document-format-supported")
    # Octet-stream is no language that a client could choose to write.
    return tuple(name for name in formats if name != "application/octet-stream")


def _authentication(attributes: Attributes) -> str:
    words = set(attributes.strings("uri-authentication-supported"))
    if words & _PASSWORDS:
        return "username,password"
    return next((word for word in ("negotiate", "certificate") if word in words), "none")


def _paper_max(attributes: Attributes) -> str:
    width = max((_width(size) for size in attributes.collections("media-size-supported")), default=0)
    if not width:
        return ""
    return next((word for limit, word in _PAPER_MAX if width < limit), _LARGEST_PAPER)


def _width(size: Collection) -> int:
    dimension = size.get("x-dimension")
    value = dimension.value if dimension else 0
    if isinstance(value, Range):
        return value.upper
    return value if isinstance(value, int) else 0


def _flag(value: bool) -> str:
    return "T" if value else "F"


def _listed(key: str, words: tuple[str, ...]) -> str:
    """As many of the words as fit, between commas."""
    text = ""
    for word in words:
        longer = f"{text},{word}" if text else word
        if len(f"{key}={longer}".encode(errors="replace")) > _STRING_OCTETS:
            break
        text = longer
    return text


def _cut(value: str, key: str) -> str:
    return cut_octets(value, _STRING_OCTETS - len(key) - 1)


def txt_strings(txt: Mapping[str, str]) -> Iterator[bytes]:
    """The strings of the TXT record, without their length octets; one empty string when there is none."""
    yield from (f"{key}={value}".encode() for key, value in txt.items())
    if not txt:
        yield b""  # RFC 6763 6.1


def cut_octets(text: str, octets: int) -> str:
    """The longest beginning of a text that has at most so many octets in UTF-8 and ends with a character."""
    return text.encode(errors="replace")[:octets].decode(errors="ignore")


def instance_name(name: str) -> str:
    """A name fit for a service instance: 1 to 63 octets of text without controls (RFC 6763 4.1.1)."""
    text = unicodedata.normalize("NFC", name)
    clean = "".join(char for char in text if unicodedata.category(char) not in ("Cc", "Cs"))
    return cut_octets(clean.strip(), NAME_OCTETS).rstrip() or "Printer"


def next_instance_name(name: str) -> str:
    """The name to try when one is taken: `Hall`, `Hall (2)`, `Hall (3)`, never above 63 octets."""
    stem, opening, number = name.removesuffix(")").rpartition(" (")
    if not (name.endswith(")") and opening and number.isascii() and number.isdigit() and len(number) < 6):
        stem, number = name, "1"
    suffix = f" ({int(number) + 1})"
    return cut_octets(stem, NAME_OCTETS - len(suffix)).rstrip() + suffix
