from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcl.raster_colour import Neutral, NeutralUnits, Octets, Places, all_of, room_octets
from pcl.raster_writer import pack_line

KINDS = [("srgb", 24), ("rgb", 24), ("adobe-rgb", 48), ("cmyk", 32), ("cmyk", 64)]


def unit_of(space: str, bits: int, level: int, coloured: bool) -> bytes:
    """One pixel of this level, with one octet of colour in its last colorant that may have any."""
    samples = bits // 8 // (4 if space == "cmyk" else 3)
    black = bytes([level] * samples)
    if space == "cmyk":
        return bytes(2 * samples) + bytes(samples - 1) + bytes([coloured]) + black
    return black * 2 + black[:-1] + bytes([level ^ coloured])


def counts_of(line: bytes, unit_octets: int) -> tuple[Octets, Places, Octets]:
    """The line, and the places and octets of its counts."""
    places, at = [], 0
    while at < len(line):
        places.append(at)
        at += 1 + unit_octets * (257 - line[at] if line[at] > 128 else line[at] < 128)
    octets = np.frombuffer(line, np.uint8)
    return octets, np.array(places, np.int64), octets[places]


def coloured_counts(kind: tuple[str, int], line: bytes) -> list[bool]:
    neutral = Neutral.of(*kind)
    assert neutral is not None
    octets, places, counts = counts_of(line, neutral.unit_octets)
    room = np.full(room_octets(len(octets), neutral.unit_octets), 99, np.uint8)
    flags: list[bool] = NeutralUnits(neutral, octets, room).show_colour(places, counts).tolist()
    return flags


@settings(deadline=None)
@given(
    st.sampled_from(KINDS),
    st.lists(st.tuples(st.integers(0, 255), st.integers(1, 200)), min_size=1, max_size=20),
    st.booleans(),
    st.sampled_from([40, 1000, 1 << 17]),
    st.data(),
)
def test_one_pixel_of_colour_is_seen_in_its_run_or_literal_and_in_no_other(
    kind: tuple[str, int], runs: list[tuple[int, int]], noisy: bool, block_octets: int, data: st.DataObject
) -> None:
    levels = [(level + place * noisy * 7) % 256 for level, count in runs for place in range(count)]
    units = [unit_of(*kind, level, coloured=False) for level in levels]
    unit_octets = kind[1] // 8
    with patch("pcl.raster_colour.BLOCK_OCTETS", block_octets):
        assert not any(coloured_counts(kind, pack_line(b"".join(units), unit_octets)))
        coloured = data.draw(st.integers(0, len(units) - 1))
        units[coloured] = unit_of(*kind, levels[coloured], coloured=True)
        assert sum(coloured_counts(kind, pack_line(b"".join(units), unit_octets))) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("many", [2, 3, 4, 5, 8, 9, 127, 128])
def test_colour_is_seen_at_every_place_of_a_literal(kind: tuple[str, int], many: int) -> None:
    grey = [unit_of(*kind, level, coloured=False) for level in range(many)]
    assert coloured_counts(kind, bytes([257 - many]) + b"".join(grey)) == [False]
    for place in range(many):
        units = [*grey[:place], unit_of(*kind, place, coloured=True), *grey[place + 1 :]]
        assert coloured_counts(kind, bytes([257 - many]) + b"".join(units)) == [True]


@pytest.mark.parametrize("kind", KINDS)
def test_a_blank_rest_has_no_colour(kind: tuple[str, int]) -> None:
    line = b"\x05" + unit_of(*kind, 9, coloured=False) + b"\x80"
    assert coloured_counts(kind, line) == [False, False]
    assert coloured_counts(kind, b"\x80" + line) == [False, False, False]
    assert coloured_counts(kind, b"") == []


@pytest.mark.parametrize("kind", [("sgray", 8), ("cielab", 24), ("device3", 24), ("srgb", 32), ("cmyk", 8)])
def test_what_the_octets_do_not_tell_is_not_told(kind: tuple[str, int]) -> None:
    assert Neutral.of(*kind) is None


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 12))
def test_all_of_looks_at_so_many_flags_from_each_place_on(flags: list[bool], many: int) -> None:
    wanted = [all(flags[place : place + many]) for place in range(len(flags) - many + 1)]
    assert all_of(np.array(flags, np.bool_), many).tolist() == wanted
