import random
from collections.abc import Iterator
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcl.raster_colour import Neutral
from pcl.raster_lanes import MIN_SPAN_OCTETS, SPAN_OCTETS, Lanes

SRGB = Neutral.of("srgb", 24)
WHITE, RED = b"\xff\xff\xff", b"\xff\0\x11"
UNITS = 700


@pytest.fixture(autouse=True)
def _small_pieces_get_lanes() -> Iterator[None]:
    with patch.multiple("pcl.raster_lanes", MIN_LANES=1):
        yield


def make_line(
    chance: random.Random, unit_octets: int = 3, coloured: bool = False, ground: bytes = b""
) -> bytes:
    """A line of letters between margins of white, or of another ground, UNITS wide."""
    ground = ground or b"\xff" * unit_octets
    line, left = bytes([chance.choice((0, 0, 1))]) + b"\x7f" + ground, UNITS - 128
    while left > 160:
        many = chance.randint(1, 4)
        units = [bytes([chance.choice((0, 0x33, 0x77, 0xFF))]) * unit_octets for _ in range(many)]
        if coloured and unit_octets == 3:
            units[-1], coloured = RED, False
        line += (bytes([257 - many]) if many > 1 else b"\0") + b"".join(units) + b"\x07" + ground
        left -= many + 8
    return line + b"\x7f" + ground + bytes([left - 129]) + ground


def walk(data: bytes, at: int, units: int, unit_octets: int) -> int | None:
    """Where the line ends whose first count is at `at`: what is true."""
    while units > 0 and at < len(data):
        octet = data[at]
        if octet == 128:
            return at + 1
        units -= octet + 1 if octet < 128 else 257 - octet
        at += 1 + unit_octets * (1 if octet < 128 else 257 - octet)
    return at if not units and at <= len(data) else None


@pytest.mark.parametrize("unit_octets", [1, 3, 6])
def test_ends_and_colour_of_nearly_all_lines_of_text_are_told(unit_octets: int) -> None:
    chance = random.Random(7)
    lines = [make_line(chance, unit_octets, coloured=place % 10 == 0) for place in range(400)]
    data = b"".join(lines)
    lanes = Lanes()
    lanes.lay(data, 0, 0, b"\xff" * unit_octets, SRGB if unit_octets == 3 else None)
    at = told = 0
    for place, line in enumerate(lines):
        found = lanes.skip(at + 1, UNITS)
        at += len(line)
        if found:
            assert found == (at, unit_octets == 3 and place % 10 == 0)
            told += 1
    assert told > 0.9 * len(lines)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 1 << 32), st.sampled_from([1, 2, 3, 4]), st.sampled_from([2, 30, 320]), st.booleans())
def test_what_lanes_tell_is_true_from_any_place_in_any_octets(
    seed: int, unit_octets: int, max_steps: int, noisy: bool
) -> None:
    """Ends are told for counts that lead there exactly, be they a line's or not."""
    chance = random.Random(seed)
    data = b"".join(make_line(chance, unit_octets) for _ in range(40))
    damaged = bytearray(data)
    for _ in range(200 if noisy else 3):
        damaged[chance.randrange(20, len(data))] = chance.choice(
            (0, 127, 128, 129, 255, chance.randrange(256))
        )
    data = bytes(damaged)
    limits = {"MIN_SPAN_OCTETS": 64, "MAX_STEPS": max_steps, "STEPS": 2, "STRETCH_COUNTS": 16}
    with patch.multiple("pcl.raster_lanes", **limits):
        lanes = Lanes()
        lanes.lay(data, 0, 0, b"\xff" * unit_octets, None)
    for at in range(1, len(data)):
        for units in (UNITS, 136, 8):
            found = lanes.skip(at, units)
            assert found is None or found[0] == walk(data, at, units, unit_octets)


def test_lines_on_a_ground_that_is_not_white_are_told() -> None:
    chance = random.Random(7)
    lines = [make_line(chance, ground=b"\x11\x22\x33") for _ in range(100)]
    lanes = Lanes()
    lanes.lay(b"".join(lines), 0, 0, WHITE, None)
    at = told = 0
    for line in lines:
        told += lanes.skip(at + 1, UNITS) == (at + len(line), False)
        at += len(line)
    assert told > 0.9 * len(lines)


def test_lanes_hold_for_their_data_only() -> None:
    data = b"".join(make_line(random.Random(3)) for _ in range(100))
    lanes = Lanes()
    assert lanes.skip(1, UNITS) is None
    lanes.lay(data, 0, 0, WHITE, SRGB)
    assert lanes.skip(1, UNITS) is not None
    lanes.end(0, len(data))
    assert lanes.skip(1, UNITS) is None


def test_lanes_do_not_pay_near_the_end_of_the_data() -> None:
    data = b"".join(make_line(random.Random(3)) for _ in range(200))
    lanes = Lanes()
    lanes.lay(data[: MIN_SPAN_OCTETS - 1], 0, 0, WHITE, SRGB)
    assert lanes.skip(1, UNITS) is None
    lanes.lay(data[:MIN_SPAN_OCTETS], 0, 0, WHITE, SRGB)
    assert lanes.skip(1, UNITS) is not None


def test_a_line_that_ends_blank_is_told() -> None:
    text = make_line(random.Random(5))
    short = b"\0\x7f" + WHITE + b"\0\0\0\0" + b"\x80"
    data = (short + text + b"\0\x80") * 100
    lanes = Lanes()
    lanes.lay(data, 0, 0, WHITE, SRGB)
    assert lanes.skip(1, UNITS) == (len(short), False)
    blank_at = len(short) + len(text)
    assert lanes.skip(blank_at + 1, UNITS) == (blank_at + 2, False)


def test_lanes_that_do_not_carry_are_not_laid_for_a_while() -> None:
    """Else each octet of a hostile stream could be looked at many times."""
    noise = random.Random(9).randbytes(SPAN_OCTETS)
    text = b"".join(make_line(random.Random(3)) for _ in range(100))
    lanes = Lanes()
    lanes.lay(noise, 0, 0, WHITE, SRGB)
    for place in range(0, 80_000, 10):
        lanes.miss(noise, place, 10)
    lanes.lay(text, 80_000, 0, WHITE, SRGB)
    assert lanes.skip(1, UNITS) is None
    lanes.lay(text, 1_000_000, 0, WHITE, SRGB)
    assert lanes.skip(1, UNITS) is not None
    lanes.end(1_000_000, len(text))
    lanes.lay(text, 1_000_000 + len(text), 0, WHITE, SRGB)
    assert lanes.skip(1, UNITS) is not None
