"""Answers kept for requests that come again octet for octet, as clients that watch a printer send them.

What a client asks of a printer again and again differs in nothing but its request-id. Such a request is
looked up by its octets, HTTP header included, before anything parses them: several times the rate of taking
it apart and putting the same answer together. An answer is kept only with a word of its handler
(`Response.same`) that says whether it would be the same now, and only for a request without credentials.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

KEPT: Final = 256
REQUEST_OCTETS_MAX: Final = 4096
_REQUEST_ID: Final = slice(4, 8)  # of a message (RFC 8010 3.1.1)
_REQUEST_ID_MAX: Final = 2**31


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request came in, as far as its answer may depend on it: TLS or not, and our own address."""

    secure: bool
    address: object


@dataclass(frozen=True, slots=True)
class _Kept:
    header: bytes
    octets: bytes
    same: Callable[[], bool]
    note: Callable[[str], None]


class Repeats:
    """The answers that are kept, at most 256; the one kept longest goes first."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Place, bytes, bytes], _Kept] = {}

    @staticmethod
    def split(data: bytes) -> int:
        """Where the message begins in octets that could be one whole request; 0 where they cannot."""
        if len(data) > REQUEST_OCTETS_MAX or not data.startswith(b"POST "):
            return 0
        start = data.find(b"\r\n\r\n") + 4
        return start if start > 3 and len(data) > start + 8 else 0

    def find(self, place: Place, data: bytes, peer: str) -> bytes | None:
        """The octets of the whole HTTP answer to these octets, if it is kept and still the same."""
        start = self.split(data)
        if not start:
            return None
        key = (place, data[: start + 4], data[start + 8 :])
        kept = self._kept.get(key)
        if kept is None:
            return None
        request_id = data[start + 4 : start + 8]
        if not 0 < int.from_bytes(request_id) < _REQUEST_ID_MAX:
            return None
        if not kept.same():
            del self._kept[key]
            return None
        kept.note(peer)
        return b"".join((kept.header, kept.octets[:4], request_id, kept.octets[8:]))

    def keep(
        self,
        place: Place,
        data: bytes,
        header: bytes,
        octets: bytes,
        same: Callable[[], bool],
        note: Callable[[str], None],
    ) -> None:
        """Keep an answer, HTTP `header` and message, to a whole request; `note` hears who gets it later."""
        start = self.split(data)
        if not start or octets[_REQUEST_ID] != data[start + 4 : start + 8]:
            return
        if len(self._kept) >= KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[place, data[: start + 4], data[start + 8 :]] = _Kept(header, octets, same, note)
