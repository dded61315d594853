"""Authenticated encryption of documents and of small fields; no I/O.

A sealed document is a header and then segments of AES-256-GCM, in the STREAM construction (Hoang,
Reyhanitabar, Rogaway, Vizar, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", 2015):

    header   4 octets "PPSD", 1 format version, 1 suite, 16 key id, 16 document UUID, 7 nonce prefix
    segment  up to 262,144 octets of ciphertext, 16 octets of tag; every segment but the last is full

The nonce is the prefix, the segment's number (4 octets) and a flag (1 octet) that is 1 for the last segment
only; the whole header is the associated data of every segment. So a segment that is altered, moved, left out,
repeated, or followed by more does not open, and neither does a stream cut at a segment's end.

The AES key and the key id are both derived from the document's random data key and its UUID (HKDF-Expand, RFC
5869 2.3). The key id commits to the key: it tells a wrong key from a damaged document, and no ciphertext
opens under two keys. It says nothing about the tenant key that wraps the data key, so that key can be rotated
while documents lie untouched.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from server.errors import SealBrokenError

Octets = bytes | bytearray | memoryview
Random = Callable[[int], bytes]

KEY_OCTETS: Final = 32
PREFIX_OCTETS: Final = 7
SEGMENT_OCTETS: Final = 256 * 1024
TAG_OCTETS: Final = 16
SEALED_SEGMENT_OCTETS: Final = SEGMENT_OCTETS + TAG_OCTETS
SEGMENTS_MAX: Final = 2**32

_MAGIC: Final = b"PPSD"
_FORMAT_VERSION: Final = 1
_SUITE_AES_256_GCM_STREAM: Final = 1
_KEY_ID_OCTETS: Final = 16
_PREFIX_AT: Final = 4 + 1 + 1 + _KEY_ID_OCTETS + 16
HEADER_OCTETS: Final = _PREFIX_AT + PREFIX_OCTETS

_FIELD_VERSION: Final = 1
_FIELD_NONCE_OCTETS: Final = 12


def sealed_octets(plain_octets: int) -> int:
    """Length of the sealed form of a document of `plain_octets` octets."""
    segments = max(1, -(-plain_octets // SEGMENT_OCTETS))
    return HEADER_OCTETS + plain_octets + segments * TAG_OCTETS


def derive_key(key: bytes, purpose: bytes, context: bytes = b"") -> bytes:
    """A 32-octet key for one purpose and context from a uniform 32-octet key (HKDF-Expand, RFC 5869 2.3)."""
    info = len(purpose).to_bytes(2, "big") + purpose + context
    return _hmac(key, info + b"\x01")


def _hmac(key: bytes, octets: bytes) -> bytes:
    # Not hmac.digest, which lets other threads run for the microsecond that it takes: getting the interpreter
    # back from them took a hundred times as long, several times for each job.
    return hmac.new(key, octets, "sha256").digest()


def _check_key(key: bytes) -> None:
    if len(key) != KEY_OCTETS:
        raise ValueError(f"a key has {KEY_OCTETS} octets, not {len(key)}")


def _document_key(data_key: bytes, document: UUID) -> tuple[AESGCM, bytes]:
    """The cipher of a document's segments and the key id that its header shows."""
    _check_key(data_key)
    cipher = AESGCM(derive_key(data_key, b"pullprint document", document.bytes))
    return cipher, derive_key(data_key, b"pullprint key id", document.bytes)[:_KEY_ID_OCTETS]


class _Segments:
    """The nonces of one document's segments, counted."""

    __slots__ = ("number", "prefix")

    def __init__(self, prefix: bytes) -> None:
        self.prefix = prefix
        self.number = 0

    def nonce(self, last: bool) -> bytes:
        if self.number >= SEGMENTS_MAX:
            raise ValueError(f"a document has at most {SEGMENTS_MAX} segments of {SEGMENT_OCTETS} octets")
        return self.prefix + self.number.to_bytes(4, "big") + (b"\x01" if last else b"\x00")


class Sealer:
    """Seals one document, fed in chunks of any size; holds at most one segment between calls.

    `header` goes first, then what each `update` returns, then what `finish` returns. The data key belongs to
    this document alone: 32 random octets, never used again.
    """

    __slots__ = ("_cipher", "_finished", "_held", "_held_octets", "_segments", "header", "octets")

    def __init__(self, data_key: bytes, document: UUID, *, random: Random = os.urandom) -> None:
        self._cipher, key_id = _document_key(data_key, document)
        prefix = random(PREFIX_OCTETS)
        self._segments = _Segments(prefix)
        self.header: Final = (
            _MAGIC + bytes((_FORMAT_VERSION, _SUITE_AES_256_GCM_STREAM)) + key_id + document.bytes + prefix
        )
        self.octets = 0  # of plaintext so far
        self._held = bytearray(SEGMENT_OCTETS)
        self._held_octets = 0
        self._finished = False

    def update(self, chunk: Octets) -> bytearray:
        """Take plaintext in; return the segments that it completed (often none).

        A full segment stays held until more arrives: only then is it known not to be the last.
        """
        if self._finished:
            raise ValueError("the document is sealed already")
        plain = memoryview(chunk).cast("B")
        segments = max(0, (self._held_octets + len(plain) - 1) // SEGMENT_OCTETS)
        sealed = bytearray(segments * SEALED_SEGMENT_OCTETS)
        with plain, memoryview(sealed) as out:
            at = 0
            for start in range(0, len(out), SEALED_SEGMENT_OCTETS):
                slot = out[start : start + SEALED_SEGMENT_OCTETS]
                if self._held_octets:
                    taken = SEGMENT_OCTETS - self._held_octets
                    self._held[self._held_octets :] = plain[at : at + taken]
                    self._held_octets = 0
                    self._seal(self._held, slot)
                else:
                    taken = SEGMENT_OCTETS
                    self._seal(plain[at : at + taken], slot)
                at += taken
            rest = len(plain) - at
            self._held[self._held_octets : self._held_octets + rest] = plain[at:]
            self._held_octets += rest
            self.octets += len(plain)
        return sealed

    def finish(self) -> bytearray:
        """The last segment, which may be empty of plaintext."""
        if self._finished:
            raise ValueError("the document is sealed already")
        sealed = bytearray(self._held_octets + TAG_OCTETS)
        self._seal(memoryview(self._held)[: self._held_octets], sealed, last=True)
        self._finished = True
        self._held = bytearray()
        return sealed

    def _seal(self, plain: Octets, slot: bytearray | memoryview, *, last: bool = False) -> None:
        self._cipher.encrypt_into(self._segments.nonce(last), plain, self.header, slot)
        self._segments.number += 1


class Opener:
    """Opens one sealed document, fed in chunks of any size; holds at most one sealed segment between calls.

    Every octet that `update` and `finish` return has been authenticated at its place. The document is whole
    only when `finish` has returned: what comes before is a true beginning of it, no more.
    """

    __slots__ = ("_broken", "_cipher", "_document", "_header", "_held", "_key_id", "_segments", "octets")

    def __init__(self, data_key: bytes, document: UUID) -> None:
        self._cipher, self._key_id = _document_key(data_key, document)
        self._document = document
        self._header = b""
        self._segments = _Segments(b"")
        self._held = bytearray()
        self._broken = False
        self.octets = 0  # of plaintext so far

    def update(self, chunk: Octets) -> bytearray:
        """Take ciphertext in; return the plaintext of the segments that it completed.

        Raises:
            SealBrokenError: the ciphertext is not what was sealed; nothing more can be had from it.
        """
        self._check_usable()
        self._held += chunk
        if not self._header:
            if len(self._held) < HEADER_OCTETS:
                return bytearray()
            self._read_header()
        segments = max(0, (len(self._held) - 1) // SEALED_SEGMENT_OCTETS)
        plain = bytearray(segments * SEGMENT_OCTETS)
        with memoryview(self._held) as held, memoryview(plain) as out:
            for index in range(segments):
                start = index * SEALED_SEGMENT_OCTETS
                slot = out[index * SEGMENT_OCTETS : (index + 1) * SEGMENT_OCTETS]
                self._open(held[start : start + SEALED_SEGMENT_OCTETS], slot, last=False)
        del self._held[: segments * SEALED_SEGMENT_OCTETS]
        self.octets += len(plain)
        return plain

    def finish(self) -> bytearray:
        """The plaintext of the last segment.

        Raises:
            SealBrokenError: the ciphertext was cut short or altered.
        """
        self._check_usable()
        if not self._header:
            raise self._break(f"it ends after {len(self._held)} octets, inside its header")
        if len(self._held) < TAG_OCTETS:
            raise self._break(f"it was cut short in segment {self._segments.number}")
        plain = bytearray(len(self._held) - TAG_OCTETS)
        self._open(self._held, plain, last=True)
        self._held = bytearray()
        self._broken = True  # as in: spent
        self.octets += len(plain)
        return plain

    def _check_usable(self) -> None:
        if self._broken:
            raise ValueError("this document was opened to its end, or found broken, already")

    def _break(self, what: str) -> SealBrokenError:
        self._broken = True
        self._held = bytearray()
        return SealBrokenError(
            f"sealed document {self._document} does not open: {what}; "
            "restore it from a backup or cancel the job"
        )

    def _read_header(self) -> None:
        header = bytes(self._held[:HEADER_OCTETS])
        if header[:4] != _MAGIC:
            raise self._break("it is not a sealed document")
        if header[4] != _FORMAT_VERSION or header[5] != _SUITE_AES_256_GCM_STREAM:
            raise self._break(f"its format {header[4]} with suite {header[5]} is not one this version knows")
        if header[22:_PREFIX_AT] != self._document.bytes:
            raise self._break("it is another document")
        if not hmac.compare_digest(header[6:22], self._key_id):
            raise self._break("it was sealed under another data key")
        self._header = header
        self._segments.prefix = header[_PREFIX_AT:]
        del self._held[:HEADER_OCTETS]

    def _open(self, sealed: Octets, slot: bytearray | memoryview, *, last: bool) -> None:
        try:
            self._cipher.decrypt_into(self._segments.nonce(last), sealed, self._header, slot)
        except InvalidTag:
            raise self._break(self._what_is_wrong(bytes(sealed), last)) from None
        self._segments.number += 1

    def _what_is_wrong(self, sealed: bytes, last: bool) -> str:
        number = self._segments.number
        try:
            self._cipher.decrypt(self._segments.nonce(not last), sealed, self._header)
        except InvalidTag:
            return f"segment {number} was altered, moved or cut"
        if last:
            return f"it was cut short after segment {number}"
        return f"octets follow its last segment, {number}"


class FieldSealer:
    """Seals small fields (titles, user names, tickets) under one tenant's field key.

    A sealed field is 1 octet version, 12 octets nonce, ciphertext, 16 octets tag. Its key is derived from the
    field key and the `context`, the identity of the row and column it belongs to: moved to another row it
    does not open, and the number of fields under one AES key stays small.
    """

    __slots__ = ("_key", "_random")

    def __init__(self, key: bytes, *, random: Random = os.urandom) -> None:
        _check_key(key)
        self._key = key
        self._random = random

    def seal(self, octets: Octets, context: bytes) -> bytes:
        """The sealed form of `octets`, for the place that `context` names."""
        nonce = self._random(_FIELD_NONCE_OCTETS)
        return bytes((_FIELD_VERSION,)) + nonce + self._cipher(context).encrypt(nonce, octets, b"")

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """The octets that were sealed for the place that `context` names.

        Raises:
            SealBrokenError: altered, cut, of another place, or under another field key.
        """
        start = 1 + _FIELD_NONCE_OCTETS
        try:
            if len(sealed) < start + TAG_OCTETS or sealed[0] != _FIELD_VERSION:
                raise InvalidTag
            return self._cipher(context).decrypt(sealed[1:start], sealed[start:], b"")
        except InvalidTag:
            place = context.decode(errors="replace")
            raise SealBrokenError(
                f"sealed field {place} does not open: it was altered, or the key file is another one"
            ) from None

    def seal_text(self, text: str, context: bytes) -> bytes:
        """As `seal`, for text (UTF-8; octets that were not survive)."""
        return self.seal(text.encode(errors="surrogateescape"), context)

    def open_text(self, sealed: bytes, context: bytes) -> str:
        """As `open`, for text (UTF-8; octets that were not survive)."""
        return self.open(sealed, context).decode(errors="surrogateescape")

    def _cipher(self, context: bytes) -> AESGCM:
        return AESGCM(derive_key(self._key, b"pullprint field", context))


class BlindIndex:
    """Keyed digests by which sealed names are searched: equal names have equal digests, and nothing else
    shows.

    HMAC-SHA256 cut to 16 octets; who does not hold the key can neither compute nor test one.
    """

    __slots__ = ("_key", "_keys")

    def __init__(self, key: bytes) -> None:
        _check_key(key)
        self._key = key
        self._keys: dict[str, bytes] = {}  # by purpose, of which there are few

    def digest(self, text: str, purpose: str) -> bytes:
        """16 octets for `text`; the same text has unrelated digests for different purposes."""
        if purpose not in self._keys:
            self._keys[purpose] = derive_key(self._key, purpose.encode())
        return _hmac(self._keys[purpose], text.encode(errors="surrogateescape"))[:16]
