"""What the printer languages that may share one stream have in common: a Language scans, a Reader buffers.

PJL, PCL XL and PCL 5 follow each other in one stream and each knows for itself where it ends (a Universal
Exit Language inside a picture is picture). So each is a Language that consumes octets as far as it
understands them; the Reader keeps the rest, in bounded memory and linear time whatever the chunking.
"""

import re
from collections.abc import Callable, Mapping
from typing import Literal, Protocol

from .errors import ClaimError
from .report import Report, Sides

__all__ = [
    "UEL",
    "ByteOrder",
    "Environment",
    "Language",
    "LanguageAnalyzer",
    "Octets",
    "Reader",
    "copies_of",
    "find_uel",
    "is_grey",
    "sides_of",
]

UEL = b"\x1b%-12345X"
UEL_PATTERN = re.compile(re.escape(UEL))

# So many octets are worth a scan; what a scan leaves waits until there are twice as many.
BLOCK_OCTETS = 65536

Octets = bytes | memoryview
ByteOrder = Literal["little", "big"]
Environment = Mapping[str, str]
Scan = Callable[[Octets, int, bool], int]


class Language(Protocol):
    """One printer language, scanned where it lies.

    A Language limits the length of what it cannot consume at once (its longest token) by itself, so that a
    report does not depend on the chunking; no token is longer than two MiB.
    """

    ended: bool  # the position that scan() returned is where another language starts

    def scan(self, data: Octets, position: int, base: int, final: bool) -> int:
        """Consume octets of `data` from `position` and return the position of the first unconsumed one.

        It is less than len(data) when the language ended, or the rest is the start of something longer;
        `final` says that nothing comes after. `base` is the offset of data[0] in the stream, for warnings.
        """
        ...

    def report(self, end: int) -> Report:
        """Return what was learnt, the language having ended before the octet `end` of the stream."""
        ...


def find_uel(data: Octets, position: int) -> tuple[int, bool]:
    """Return where the next UEL starts and True; else where one may have started at the end, and False."""
    found = UEL_PATTERN.search(data, position)
    if found:
        return found.start(), True
    tail = bytes(data[max(position, len(data) - len(UEL) + 1) :])
    escape = tail.rfind(UEL[:1])
    if escape >= 0 and UEL.startswith(tail[escape:]):
        return len(data) - len(tail) + escape, False
    return len(data), False


def copies_of(environment: Environment, name: str) -> int | None:
    """Return COPIES or QTY as a number of copies, None when it is not set or none."""
    value = environment.get(name, "")
    return int(value) if value.isascii() and value.isdecimal() and 0 < int(value[:9]) < 32768 else None


def sides_of(environment: Environment) -> Sides | None:
    """Return the sides that DUPLEX and BINDING set, None when the job says nothing of them."""
    duplex = environment.get("DUPLEX", "").upper()
    if duplex not in ("ON", "OFF"):
        return None
    if duplex == "OFF":
        return Sides.ONE_SIDED
    return Sides.SHORT_EDGE if environment.get("BINDING", "").upper() == "SHORTEDGE" else Sides.LONG_EDGE


def is_grey(environment: Environment) -> bool:
    """Tell whether the job is rendered without colour."""
    return environment.get("RENDERMODE", "").upper() == "GRAYSCALE"


class Reader:
    """Passes chunks to a scan in blocks, without copying large ones, and keeps what it leaves."""

    def __init__(self, scan: Scan) -> None:
        self.offset = 0  # in the stream, of the first octet that is not consumed
        self._scan = scan  # (data, offset of data[0], final) -> octets consumed
        self._kept = bytearray()
        self._wanted = BLOCK_OCTETS
        self._finished = False

    def feed(self, chunk: Octets) -> None:
        """Take in a chunk. Raises ClaimError after finish()."""
        if self._finished:
            raise ClaimError("the stream is finished: make a new analyser for the next one")
        view = memoryview(chunk)
        while len(view):
            if self._kept or len(view) < BLOCK_OCTETS:
                missing = self._wanted - len(self._kept)
                self._kept += view[:missing]
                view = view[missing:]
                if len(self._kept) < self._wanted:
                    return
                data: Octets = bytes(self._kept)
                self._keep(data[self._consume(data, False) :])
            else:
                rest = view[self._consume(view, False) :]
                if len(rest) >= BLOCK_OCTETS:
                    self._keep(rest)
                    return
                view = rest
                self._wanted = BLOCK_OCTETS

    def finish(self) -> int:
        """Scan what was kept as the stream's end; return its length. Raises ClaimError the second time."""
        if self._finished:
            raise ClaimError("the stream is finished: its report was given")
        self._finished = True
        data = bytes(self._kept)
        self._kept.clear()
        used = self._consume(data, True)
        self.offset += len(data) - used
        return self.offset

    def _consume(self, data: Octets, final: bool) -> int:
        used = self._scan(data, self.offset, final)
        self.offset += used
        return used

    def _keep(self, rest: Octets) -> None:
        self._kept = bytearray(rest)
        self._wanted = max(BLOCK_OCTETS, 2 * len(rest))


class LanguageAnalyzer:
    """An Analyzer for a stream that is all of one Language, up to where the language ends."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._reader = Reader(self._scan)
        self._end: int | None = None

    def _scan(self, data: Octets, offset: int, final: bool) -> int:
        if self._end is not None:
            return len(data)
        used = self._language.scan(data, 0, offset, final)
        if not self._language.ended:
            return used
        self._end = offset + used
        return len(data)

    def feed(self, chunk: bytes) -> None:
        """Take in the next octets of the stream."""
        self._reader.feed(chunk)

    def finish(self) -> Report:
        """End the stream and return what was learnt."""
        octets = self._reader.finish()
        return self._language.report(octets if self._end is None else self._end)
