"""The Reader: any chunking, no copies kept, linear time; and where a UEL is."""

import pytest

from pcl.errors import ClaimError
from pcl.language import BLOCK_OCTETS, UEL, Octets, Reader, find_uel


class Tokens:
    """Consumes tokens of a fixed length and notes what it was given."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.taken = bytearray()
        self.given = 0
        self.calls = 0

    def scan(self, data: Octets, base: int, final: bool) -> int:
        assert base == len(self.taken)
        self.calls += 1
        self.given += len(data)
        used = len(data) // self.length * self.length
        self.taken += data[:used]
        return used


@pytest.mark.parametrize("length", [1, 7, 1000, 70_000, 300_000])
@pytest.mark.parametrize("size", [1, 4096, 100_000, 2_000_000])
def test_every_octet_is_passed_on_once_in_order(length: int, size: int) -> None:
    stream = bytes(range(256)) * (4000 if size > 1 else 100)
    tokens = Tokens(length)
    reader = Reader(tokens.scan)
    for at in range(0, len(stream), size):
        reader.feed(stream[at : at + size])
    assert reader.finish() == len(stream)
    assert bytes(tokens.taken) == stream[: len(tokens.taken)]
    assert len(stream) - len(tokens.taken) < length
    assert tokens.given <= 4 * len(stream) + 4 * BLOCK_OCTETS


def test_a_reused_buffer_may_change_after_feed() -> None:
    tokens = Tokens(1000)
    reader = Reader(tokens.scan)
    buffer = bytearray(b"a" * 70_001)
    reader.feed(memoryview(buffer))
    buffer[:] = b"b" * 70_001
    reader.feed(memoryview(buffer))
    reader.finish()
    assert bytes(tokens.taken) == b"a" * 70_001 + b"b" * (140_000 - 70_001)


def test_a_finished_reader_takes_nothing_more() -> None:
    reader = Reader(Tokens(1).scan)
    reader.finish()
    with pytest.raises(ClaimError):
        reader.feed(b"x")
    with pytest.raises(ClaimError):
        reader.finish()


def test_a_uel_is_found_whole_and_guessed_from_its_start() -> None:
    for before in (b"", b"abc", b"\x1b", b"\x1b%-1\x1b%"):
        assert find_uel(before + UEL + b"z", 0) == (len(before), True)
        for length in range(1, len(UEL)):
            assert find_uel(before + UEL[:length], 0) == (len(before), False)
    assert find_uel(b"nothing", 0) == (7, False)
    assert find_uel(UEL, 1) == (len(UEL), False)
