import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcl.raster_colour import Neutral
from pcl.raster_writer import pack_line

KINDS = [("srgb", 24), ("rgb", 24), ("adobe-rgb", 48), ("cmyk", 32), ("cmyk", 64)]


def unit_of(space: str, bits: int, level: int, coloured: bool) -> bytes:
    """One pixel of this level, with one octet of colour in its last colorant that may have any."""
    samples = bits // 8 // (4 if space == "cmyk" else 3)
    black = bytes([level] * samples)
    if space == "cmyk":
        return bytes(2 * samples) + bytes(samples - 1) + bytes([coloured]) + black
    return black * 2 + black[:-1] + bytes([level ^ coloured])


@settings(deadline=None)
@given(
    st.sampled_from(KINDS),
    st.lists(st.tuples(st.integers(0, 255), st.integers(1, 200)), min_size=1, max_size=20),
    st.booleans(),
    st.data(),
)
def test_one_pixel_of_colour_is_seen_in_runs_and_literals(
    kind: tuple[str, int], runs: list[tuple[int, int]], noisy: bool, data: st.DataObject
) -> None:
    neutral = Neutral.of(*kind)
    assert neutral is not None
    levels = [(level + place * noisy * 7) % 256 for level, count in runs for place in range(count)]
    units = [unit_of(*kind, level, coloured=False) for level in levels]
    unit_octets = kind[1] // 8
    line = pack_line(b"".join(units), unit_octets)
    assert neutral.holds(line)
    coloured = data.draw(st.integers(0, len(units) - 1))
    units[coloured] = unit_of(*kind, levels[coloured], coloured=True)
    line = pack_line(b"".join(units), unit_octets)
    assert not neutral.holds(line)


@pytest.mark.parametrize("kind", KINDS)
def test_a_blank_rest_has_no_colour(kind: tuple[str, int]) -> None:
    neutral = Neutral.of(*kind)
    assert neutral is not None
    line = b"\x05" + unit_of(*kind, 9, coloured=False) + b"\x80"
    assert neutral.holds(line)
    assert neutral.holds(b"\x80" + line)
    assert neutral.holds(b"")


@pytest.mark.parametrize("kind", [("sgray", 8), ("cielab", 24), ("device3", 24), ("srgb", 32), ("cmyk", 8)])
def test_what_the_octets_do_not_tell_is_not_told(kind: tuple[str, int]) -> None:
    assert Neutral.of(*kind) is None
