import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcl.raster_colour import MAX_FRAGMENTS, Fragments, Neutral
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


BLANK = b"\xff\xff\xff"
NEXT_LINE = b"\0\x7f" + BLANK
RED_UNIT = b"\0\xff\x11\xff"


def make_counts(chance: random.Random) -> tuple[bytes, int]:
    """One run or literal of greys, blank among them, and its units."""
    count = chance.choice((1, 1, 2, 3, 5))
    units = [bytes([chance.choice((0, 17, 128, 255))]) * 3 for _ in range(count)]
    if count > 1 and chance.random() < 0.5:
        return bytes([257 - count]) + b"".join(units), count
    return bytes([count - 1]) + units[0], count


def make_line(counts: list[tuple[bytes, int]]) -> tuple[bytes, int]:
    """A line between blank margins, and its units."""
    line = b"\x7f" + BLANK + b"".join(octets for octets, _ in counts) + b"\x05" + BLANK
    return line, 134 + sum(units for _, units in counts)


@settings(deadline=None)
@given(st.integers(0, 1 << 32), st.booleans(), st.integers(-3, 3))
def test_a_line_is_skipped_in_fragments_to_its_end_and_no_farther(
    seed: int, coloured: bool, error: int
) -> None:
    chance = random.Random(seed)
    fragments = Fragments(BLANK, Neutral.of("srgb", 24))
    for _ in range(4):
        counts = [make_counts(chance) for _ in range(chance.randint(1, 60))] + [(RED_UNIT, 1)] * coloured
        line, units = make_line(counts)
        found = fragments.skip(b"\0" + line + NEXT_LINE, 1, 1, units + error)
        whole = (1 + len(line), 0, coloured)
        assert found == (1, units + error, False) or (found == whole and not error)


@pytest.mark.parametrize("neutral", [Neutral.of("srgb", 24), None])
def test_lines_of_text_are_skipped_in_fragments(neutral: Neutral | None) -> None:
    """Letters are strokes that come again; their literals may begin, go on and end in a blank unit."""
    chance = random.Random(3)
    dark, grey = b"\0\0\0", b"\x99" * 3
    strokes = [(b"\x03" + dark, 4), (b"\xff" + grey + dark, 2), (RED_UNIT, 1), (b"\x02" + BLANK, 3)]
    literals = ([BLANK, dark], [dark, BLANK, grey], [grey, BLANK], [grey, BLANK, dark, BLANK, grey])
    strokes += [(bytes([257 - len(units)]) + b"".join(units), len(units)) for units in literals]
    fragments = Fragments(BLANK, neutral)
    for _ in range(500):
        counts = [part for _ in range(20) for part in (chance.choice(strokes), (b"\x07" + BLANK, 8))]
        line, width = make_line(counts)
        coloured = neutral is not None and strokes[2] in counts
        assert fragments.skip(b"\0" + line + NEXT_LINE, 1, 1, width) == (1 + len(line), 0, coloured)


@pytest.mark.parametrize(
    "line",
    [
        b"\x7f" + BLANK + b"\x80\x05" + BLANK,  # a blank rest within the line
        b"\x7f" + BLANK + b"\xfe" + BLANK,  # a literal that is longer than the line
        b"\x7f" + BLANK + b"\x05\0\0" + BLANK,  # a unit that is cut
        b"\x7f" + BLANK + BLANK * 9,
    ],
)
def test_what_is_no_whole_counts_is_not_skipped(line: bytes) -> None:
    data = b"\0" + line + NEXT_LINE
    for left in range(1, 600):
        assert Fragments(BLANK, None).skip(data, 1, 1, left) == (1, left, False)


def test_fragments_are_forgotten_before_they_are_too_many() -> None:
    fragments = Fragments(BLANK, None)
    for number in range(MAX_FRAGMENTS + 10):
        assert fragments[b"\0" + number.to_bytes(3, "big") + b"\0"] == 2
    assert len(fragments) == 10
    assert fragments[b"\0abc" * 100 + b"\0"] == 101
    assert len(fragments) == 10


def test_lines_in_vain_are_paused() -> None:
    """What a line in vain costs is some 8 KiB of looking: lines of a few octets must not all pay it."""
    fragments = Fragments(BLANK, None)
    data = b"\0\x00" + BLANK + (b"\x00" + BLANK) * 2000 + b"\0\x00" + BLANK
    tries = sum(
        fragments.skip(data, 1, 1, 700) == (1, 700, False) and not fragments.is_paused for _ in range(3300)
    )
    assert tries < 150
