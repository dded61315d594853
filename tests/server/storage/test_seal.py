"""What a seal promises: the same octets come out, or an error does."""

from __future__ import annotations

import os
from collections.abc import Iterable
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from server.errors import SealBrokenError
from server.storage.seal import (
    HEADER_OCTETS,
    SEALED_SEGMENT_OCTETS,
    SEGMENT_OCTETS,
    SEGMENTS_MAX,
    BlindIndex,
    FieldSealer,
    Opener,
    Sealer,
    derive_key,
    sealed_octets,
)

KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))
DOCUMENT = UUID("5a0f3a0c-8f7e-4b63-9d3d-3c1f0f6c9e11")
OTHER_DOCUMENT = UUID("5a0f3a0c-8f7e-4b63-9d3d-3c1f0f6c9e12")
SIZES = [
    0,
    1,
    SEGMENT_OCTETS - 1,
    SEGMENT_OCTETS,
    SEGMENT_OCTETS + 1,
    2 * SEGMENT_OCTETS,
    3 * SEGMENT_OCTETS + 7,
]


def cut(octets: bytes, size: int) -> Iterable[bytes]:
    return (octets[at : at + size] for at in range(0, len(octets), size))


def seal(plain: bytes, chunk: int = 10**9, *, key: bytes = KEY, document: UUID = DOCUMENT) -> bytes:
    sealer = Sealer(key, document)
    updates = [bytes(sealer.update(part)) for part in cut(plain, chunk)]
    sealed = sealer.header + b"".join(updates) + sealer.finish()
    assert sealer.octets == len(plain)
    return sealed


def unseal(sealed: bytes, chunk: int = 10**9, *, key: bytes = KEY, document: UUID = DOCUMENT) -> bytes:
    opener = Opener(key, document)
    return b"".join([*(bytes(opener.update(part)) for part in cut(sealed, chunk)), opener.finish()])


def segments(sealed: bytes) -> tuple[bytes, list[bytes]]:
    return sealed[:HEADER_OCTETS], list(cut(sealed[HEADER_OCTETS:], SEALED_SEGMENT_OCTETS))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("chunk", [9973, SEGMENT_OCTETS - 1, SEGMENT_OCTETS, 3 * SEGMENT_OCTETS, 10**9])
def test_a_document_comes_out_as_it_went_in_whatever_the_chunks(size: int, chunk: int) -> None:
    plain = os.urandom(size)
    sealed = seal(plain, chunk)
    assert len(sealed) == sealed_octets(size)
    assert unseal(sealed, chunk) == plain
    assert unseal(sealed) == plain


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.integers(0, 2 * SEGMENT_OCTETS + 3), max_size=6), st.integers(1, SEALED_SEGMENT_OCTETS + 50)
)
def test_uneven_chunks_make_no_difference(sizes: list[int], chunk: int) -> None:
    chunks = [bytes([number]) * size for number, size in enumerate(sizes)]
    sealer = Sealer(KEY, DOCUMENT)
    sealed = b"".join([sealer.header, *(bytes(sealer.update(part)) for part in chunks), sealer.finish()])
    assert len(sealed) == sealed_octets(sum(sizes))
    assert unseal(sealed, chunk) == b"".join(chunks)


def test_a_document_is_opened_one_octet_at_a_time() -> None:
    plain = os.urandom(3000)
    assert unseal(seal(plain, 1), 1) == plain


def test_views_and_arrays_are_taken_as_chunks() -> None:
    sealer, opener = Sealer(KEY, DOCUMENT), Opener(KEY, DOCUMENT)
    sealed = (
        sealer.header
        + sealer.update(memoryview(b"one "))
        + sealer.update(bytearray(b"two"))
        + sealer.finish()
    )
    assert opener.update(memoryview(sealed)) + opener.finish() == b"one two"


def test_memory_stays_bounded_by_a_segment() -> None:
    sealer, opener = Sealer(KEY, DOCUMENT), Opener(KEY, DOCUMENT)
    opener.update(sealer.header)
    for _ in range(40):
        opener.update(sealer.update(bytes(100_000)))
        assert len(opener._held) <= SEALED_SEGMENT_OCTETS
        assert len(sealer._held) == SEGMENT_OCTETS


@pytest.mark.parametrize("size", [0, 10, SEGMENT_OCTETS, SEGMENT_OCTETS + 10])
def test_a_bit_flipped_anywhere_is_found(size: int) -> None:
    sealed = seal(os.urandom(size))
    places = {
        *range(HEADER_OCTETS + 40),
        *range(0, len(sealed), 50021),
        *range(len(sealed) - 40, len(sealed)),
    }
    for place in sorted(place for place in places if 0 <= place < len(sealed)):
        damaged = bytearray(sealed)
        damaged[place] ^= 1 << (place % 8)
        with pytest.raises(SealBrokenError, match="does not open"):
            unseal(bytes(damaged))


def test_a_short_document_cut_at_any_offset_is_found() -> None:
    sealed = seal(os.urandom(100))
    for end in range(len(sealed)):
        with pytest.raises(SealBrokenError):
            unseal(sealed[:end])


def test_a_document_cut_at_a_segments_end_is_told_as_cut_short() -> None:
    sealed = seal(os.urandom(3 * SEGMENT_OCTETS))
    header, parts = segments(sealed)
    with pytest.raises(SealBrokenError, match="cut short after segment 1"):
        unseal(header + b"".join(parts[:2]))
    with pytest.raises(SealBrokenError, match="cut short in segment 0"):
        unseal(header)
    with pytest.raises(SealBrokenError, match="cut short in segment 2"):
        unseal(header + b"".join(parts[:2]) + parts[2][:15], SEALED_SEGMENT_OCTETS)
    with pytest.raises(SealBrokenError, match="ends after 20 octets, inside its header"):
        unseal(sealed[:20])


def test_segments_reordered_repeated_or_left_out_are_found() -> None:
    header, (a, b, c, d) = segments(seal(os.urandom(3 * SEGMENT_OCTETS + 5)))
    for order in ([b, a, c, d], [a, a, b, c, d], [a, c, d], [b, c, d], [a, b, c, c, d], [a, b, d]):
        with pytest.raises(SealBrokenError, match=r"segment [0-3] was altered, moved or cut"):
            unseal(header + b"".join(order))


def test_segments_of_another_document_under_the_same_key_are_found() -> None:
    header, mine = segments(seal(bytes(2 * SEGMENT_OCTETS)))
    _, theirs = segments(seal(bytes(2 * SEGMENT_OCTETS)))
    with pytest.raises(SealBrokenError, match="segment 1"):
        unseal(header + mine[0] + theirs[1])


def test_octets_after_the_end_are_found() -> None:
    sealed = seal(os.urandom(SEGMENT_OCTETS))
    with pytest.raises(SealBrokenError, match="octets follow its last segment, 0"):
        unseal(sealed + b"\0")
    with pytest.raises(SealBrokenError, match="segment 0 was altered"):
        unseal(seal(b"short") + b"\0")


def test_a_wrong_key_and_a_wrong_document_are_told_apart_from_damage() -> None:
    sealed = seal(b"secret")
    with pytest.raises(SealBrokenError, match="under another data key"):
        unseal(sealed, key=OTHER_KEY)
    with pytest.raises(SealBrokenError, match="is another document"):
        unseal(sealed, document=OTHER_DOCUMENT)
    with pytest.raises(SealBrokenError, match="not a sealed document"):
        unseal(b"%PDF-1.7" + bytes(100))


def test_an_unknown_format_version_is_named() -> None:
    sealed = bytearray(seal(b"secret"))
    sealed[4] = 2
    with pytest.raises(SealBrokenError, match="format 2 with suite 1"):
        unseal(bytes(sealed))


def test_no_octet_comes_out_after_the_document_was_found_broken() -> None:
    sealed = bytearray(seal(bytes(2 * SEGMENT_OCTETS)))
    sealed[HEADER_OCTETS + 3] ^= 1
    opener = Opener(KEY, DOCUMENT)
    with pytest.raises(SealBrokenError):
        opener.update(sealed)
    with pytest.raises(ValueError, match="already"):
        opener.update(b"x")
    with pytest.raises(ValueError, match="already"):
        opener.finish()


def test_a_finished_sealer_takes_nothing_more() -> None:
    sealer = Sealer(KEY, DOCUMENT)
    sealer.finish()
    with pytest.raises(ValueError, match="sealed already"):
        sealer.update(b"x")
    with pytest.raises(ValueError, match="sealed already"):
        sealer.finish()


def test_no_nonce_is_used_twice_however_long_the_document() -> None:
    sealer = Sealer(KEY, DOCUMENT)
    sealer._segments.number = SEGMENTS_MAX - 1
    sealer.update(bytes(SEGMENT_OCTETS + 1))
    with pytest.raises(ValueError, match="at most 4294967296 segments"):
        sealer.finish()


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 octets, not 1"):
        Sealer(b"k", DOCUMENT)
    with pytest.raises(ValueError, match="32 octets, not 1"):
        Opener(b"k", DOCUMENT)
    with pytest.raises(ValueError, match="32 octets, not 1"):
        FieldSealer(b"k")


def test_the_layout_is_the_documented_one() -> None:
    """Opened here without the Opener: the format is a promise to later versions."""
    sealer = Sealer(KEY, DOCUMENT, random=lambda count: bytes(range(100, 100 + count)))
    plain = os.urandom(SEGMENT_OCTETS + 3)
    sealed = sealer.header + sealer.update(plain) + sealer.finish()
    header, (first, last) = segments(bytes(sealed))
    assert header[:6] == b"PPSD\x01\x01"
    assert header[6:22] == derive_key(KEY, b"pullprint key id", DOCUMENT.bytes)[:16]
    assert header[22:38] == DOCUMENT.bytes
    assert header[38:] == bytes(range(100, 107))
    cipher = AESGCM(derive_key(KEY, b"pullprint document", DOCUMENT.bytes))
    assert cipher.decrypt(header[38:] + b"\0\0\0\0\0", first, header) == plain[:SEGMENT_OCTETS]
    assert cipher.decrypt(header[38:] + b"\0\0\0\1\1", last, header) == plain[SEGMENT_OCTETS:]


def test_derived_keys_are_those_of_rfc_5869() -> None:
    # Computed with cryptography's HKDFExpand(SHA256(), 32, b"\0\1p" + b"c").derive(KEY).
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

    assert derive_key(KEY, b"p", b"c") == HKDFExpand(SHA256(), 32, b"\0\1pc").derive(KEY)
    assert derive_key(KEY, b"pc") != derive_key(KEY, b"p", b"c")


@given(st.binary(max_size=300), st.binary(max_size=30))
def test_a_field_opens_at_its_own_place_only(octets: bytes, context: bytes) -> None:
    sealer = FieldSealer(KEY)
    sealed = sealer.seal(octets, context)
    assert sealer.open(sealed, context) == octets
    with pytest.raises(SealBrokenError):
        sealer.open(sealed, context + b"x")
    with pytest.raises(SealBrokenError):
        FieldSealer(OTHER_KEY).open(sealed, context)


def test_a_field_altered_or_cut_at_any_offset_is_found() -> None:
    sealer = FieldSealer(KEY)
    sealed = sealer.seal_text("Gehälter 2026 - عربي", b"job/1/title")
    assert sealer.open_text(sealed, b"job/1/title") == "Gehälter 2026 - عربي"
    for place in range(len(sealed)):
        with pytest.raises(SealBrokenError, match="sealed field job/1/title does not open"):
            sealer.open(sealed[:place], b"job/1/title")
        altered = bytearray(sealed)
        altered[place] ^= 0x80
        with pytest.raises(SealBrokenError):
            sealer.open(bytes(altered), b"job/1/title")


def test_the_same_field_sealed_twice_looks_different() -> None:
    sealer = FieldSealer(KEY)
    assert sealer.seal(b"title", b"c") != sealer.seal(b"title", b"c")


def test_a_blind_index_finds_equals_and_tells_purposes_and_keys_apart() -> None:
    index = BlindIndex(KEY)
    digest = index.digest("alice", "owner")
    assert len(digest) == 16
    assert digest == BlindIndex(KEY).digest("alice", "owner")
    assert len({digest, index.digest("Alice", "owner"), index.digest("alice", "person")}) == 3
    assert digest != BlindIndex(OTHER_KEY).digest("alice", "owner")
