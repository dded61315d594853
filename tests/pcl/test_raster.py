import random
import resource
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcl.errors import ClaimError, ConversionError
from pcl.raster import RasterDecoder, Rows
from pcl.raster_analyzer import RasterAnalyzer
from pcl.raster_page import PWG_PAGE_OCTETS, RasterPage, write_pwg_page
from pcl.raster_writer import write_pwg
from pcl.report import Certainty, Report, Sides

from .raster_samples import BLACK, RED, WHITE, apple_of, make_page, make_rows, pwg_of

DATA = Path(__file__).parent.parent / "data" / "raster"
SAMPLES = sorted(DATA.glob("*.pwg")) + sorted(DATA.glob("*.urf"))
LINES_AT = 4 + PWG_PAGE_OCTETS  # where the first line of a PWG Raster stream is


def analyse(stream: bytes, chunk_octets: int = 0) -> Report:
    analyser = RasterAnalyzer()
    for start in range(0, len(stream), chunk_octets or len(stream) or 1):
        analyser.feed(stream[start : start + (chunk_octets or len(stream))])
    return analyser.finish()


def codes(report: Report) -> list[str]:
    return [warning.code for warning in report.warnings]


def decode(stream: bytes, chunk_octets: int = 0) -> list[tuple[RasterPage, bytes]]:
    decoder = RasterDecoder()
    pages: list[tuple[RasterPage, bytes]] = []
    for start in range(0, len(stream), chunk_octets or len(stream) or 1):
        for event in decoder.feed(stream[start : start + (chunk_octets or len(stream))]):
            if isinstance(event, Rows):
                pages[-1] = (pages[-1][0], pages[-1][1] + event.octets * event.count)
            else:
                pages.append((event, b""))
    decoder.finish()
    return pages


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_streams_of_other_programs_are_counted(path: Path) -> None:
    report = analyse(path.read_bytes())
    assert report.format == ("image/urf" if path.suffix == ".urf" else "image/pwg-raster")
    assert (report.pages, report.impressions, report.sheets) == (3, 3, 3)
    coloured = 1 if "rgb" in path.name or "cmyk" in path.name else 0
    assert (report.colour_pages, report.monochrome_pages) == (coloured, 3 - coloured)
    assert [page.colour for page in report.each_page()] == [False, bool(coloured), False]
    assert {page.media for page in report.each_page()} == {"iso_a6_105x148mm"}
    assert report.certainty("pages") is Certainty.EXACT
    assert report.warnings == ()
    assert report.octets == path.stat().st_size


@pytest.mark.parametrize("chunk_octets", [1, 7, 1000, 65536])
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_any_chunking_gives_the_same_report_and_the_same_rows(path: Path, chunk_octets: int) -> None:
    stream = path.read_bytes()
    assert analyse(stream, chunk_octets) == analyse(stream)
    assert decode(stream, chunk_octets) == decode(stream)


@pytest.mark.parametrize("write", [pwg_of, apple_of], ids=["pwg", "apple"])
def test_a_stream_cut_anywhere_counts_the_pages_begun_and_warns(write: Callable[..., bytes]) -> None:
    stream = write([make_page(width=30, height=6)] * 2, RED)
    whole = decode(stream)
    for cut in range(len(stream)):
        report = analyse(stream[:cut])
        begun = sum(1 for event in RasterDecoder().feed(stream[:cut]) if isinstance(event, RasterPage))
        assert (report.pages or 0) == begun
        if cut:
            at_a_page_end = not codes(report)
            if at_a_page_end:
                assert decode(stream[:cut]) == whole[:begun]
            else:
                assert codes(report)[0] in ("truncated", "no-pages")
                with pytest.raises(ConversionError):
                    decode(stream[:cut])


def test_black_text_in_a_colour_space_is_monochrome_and_one_coloured_pixel_is_not() -> None:
    page = make_page()
    assert analyse(pwg_of([page], BLACK)).monochrome_pages == 1
    report = analyse(pwg_of([page, page, page], RED))
    assert (report.colour_pages, report.monochrome_pages) == (3, 0)


@pytest.mark.parametrize("position", [0, 1, 130, 1998, 1999])
def test_a_coloured_pixel_is_found_wherever_it_is(position: int) -> None:
    page = make_page(width=2000, height=1)
    for ground in (b"\xff\xff\xff", b"\x80\x80\x80"):
        row = bytearray(ground * 2000)
        row[3 * position + 1] ^= 1
        stream = b"".join(write_pwg([(page, [bytes(row)])]))
        assert analyse(stream).colour_pages == 1
        assert analyse(stream, 1).colour_pages == 1


@pytest.mark.parametrize(
    ("space", "bits", "colour", "mono"),
    [
        ("sgray", 8, 0, 1),
        ("black", 1, 0, 1),
        ("device1", 8, 0, 1),
        ("cmyk", 32, 1, 0),
        ("srgb", 48, 1, 0),
        ("device3", 24, None, None),  # what the colorants are is not said
    ],
)
def test_colour_is_told_where_the_colour_space_lets_it_be(
    space: str, bits: int, colour: int | None, mono: int | None
) -> None:
    report = analyse(pwg_of([make_page(colour_space=space, bits_per_pixel=bits)], b"\xff\0\0\xff\0\0"))
    assert (report.colour_pages, report.monochrome_pages) == (colour, mono)


def test_black_ink_alone_in_cmyk_is_monochrome() -> None:
    page = make_page(colour_space="cmyk", bits_per_pixel=32)
    assert analyse(pwg_of([page], b"\0\0\0\xff")).monochrome_pages == 1
    assert analyse(pwg_of([page], b"\0\0\1\xff")).colour_pages == 1


def test_duplex_pages_share_sheets_and_copies_multiply() -> None:
    duplex = make_page(sides=Sides.LONG_EDGE)
    assert analyse(pwg_of([duplex] * 5)).sheets == 3
    assert analyse(apple_of([duplex] * 4)).sheets == 2
    thrice = make_page(copies=3)
    report = analyse(pwg_of([thrice, thrice]))
    assert (report.pages, report.impressions, report.sheets) == (2, 6, 6)


def test_an_inserted_sheet_is_a_sheet() -> None:
    page = make_page()
    assert analyse(pwg_of([page, replace(page, insert_sheet=True)])).sheets == 3


def test_a_total_that_is_not_the_truth_is_warned_of() -> None:
    page = make_page(total_pages=5)
    report = analyse(pwg_of([page, page]))
    assert report.pages == 2
    assert codes(report) == ["page-count-disagrees"]
    assert report.warnings[0].offset == report.octets
    assert analyse(pwg_of([page, page]), 1) == report
    assert codes(analyse(apple_of([make_page()] * 3, total=2))) == ["page-count-disagrees"]
    assert codes(analyse(apple_of([make_page()] * 3, total=3))) == []
    assert codes(analyse(apple_of([make_page()] * 3, total=0xFFFFFFFF))) == []


def test_streams_one_behind_the_other_are_counted_together() -> None:
    page = make_page(total_pages=1)
    report = analyse(pwg_of([page]) + pwg_of([page]))
    assert (report.pages, codes(report)) == (2, [])


def test_the_language_switch_behind_the_last_page_ends_the_stream() -> None:
    tail = b"\x1b%-12345X@PJL EOJ\r\n\x1b%-12345X" * 100
    for stream in (pwg_of([make_page()]), apple_of([make_page()])):
        for chunk_octets in (1, 0):
            analyser = RasterAnalyzer()
            whole = stream + tail
            for start in range(0, len(whole), chunk_octets or len(whole)):
                analyser.feed(whole[start : start + (chunk_octets or len(whole))])
            report = analyser.finish()
            assert (report.pages, codes(report)) == (1, [])
            assert analyser.ended_at == len(stream)
        assert len(decode(stream + tail)) == 1


def test_a_blank_rest_of_line_is_white_where_light_adds_up_and_no_ink_where_ink_does() -> None:
    for space, bits, blank in (
        ("srgb", 24, b"\xff"),
        ("cmyk", 32, b"\0"),
        ("black", 8, b"\0"),
        ("sgray", 8, b"\xff"),
    ):
        page = make_page(width=300, height=2, colour_space=space, bits_per_pixel=bits)
        unit = page.unit_octets
        # One row: 4 black units and the rest blank; one row all blank.
        stream = pwg_of([page])[:LINES_AT] + b"\0\x03" + b"\x33" * unit + b"\x80" + b"\0\x80"
        [(_, rows)] = decode(stream)
        assert rows == b"\x33" * 4 * unit + blank * 296 * unit + blank * 300 * unit
        report = analyse(stream)
        assert (report.pages, codes(report)) == (1, [])
        assert analyse(stream, 1) == report


def test_a_line_that_is_too_long_ends_the_count_with_its_offset() -> None:
    page = make_page(width=200, height=2)
    good = pwg_of([page])
    stream = good + good[4:LINES_AT] + b"\0\x7f\0\0\0\x7f\0\0\0" + bytes(5000)
    report = analyse(stream)
    assert report.pages == 2
    assert codes(report) == ["corrupt"]
    assert report.warnings[0].offset == len(good) + PWG_PAGE_OCTETS + 5
    assert analyse(stream, 1) == report
    with pytest.raises(ConversionError) as raised:
        decode(stream)
    assert raised.value.offset == report.warnings[0].offset


def test_a_line_that_repeats_past_the_page_is_cut_there() -> None:
    page = make_page(width=100, height=3)
    stream = pwg_of([page])[:LINES_AT] + b"\xff\x63\0\0\0"
    assert (analyse(stream).pages, codes(analyse(stream))) == (1, ["rows-over"])
    assert len(decode(stream)[0][1]) == 900


def test_a_page_header_of_cups_raster_is_read_with_a_warning() -> None:
    stream = pwg_of([make_page()])
    assert codes(analyse(stream[:4] + bytes(64) + stream[68:])) == ["not-pwg"]


def test_a_bad_second_header_keeps_the_first_page() -> None:
    stream = pwg_of([make_page()])
    report = analyse(stream + b"\0" * 2000)
    assert (report.pages, codes(report)) == (1, ["corrupt"])
    assert report.warnings[0].offset == len(stream)


@pytest.mark.parametrize("sync", [b"2SaR", b"3SaR", b"RaS3", b"RaSt", b"tSaR"])
def test_other_kinds_of_cups_raster_are_named_in_the_error(sync: bytes) -> None:
    report = analyse(sync + bytes(2000))
    assert codes(report) == ["corrupt"]
    assert sync.decode() in report.warnings[0].message
    with pytest.raises(ConversionError, match=sync.decode()):
        decode(sync + bytes(2000))


@pytest.mark.parametrize("stream", [b"", b"R", b"%PDF-1.7", b"UNIRASX\0\0\0\0\1", b"2SaR" + bytes(2000)])
def test_what_is_no_raster_is_not_called_raster(stream: bytes) -> None:
    report = analyse(stream)
    assert (report.format, report.pages) == (None, None)
    with pytest.raises(ConversionError):
        decode(stream)


def test_a_finished_analyser_takes_nothing_more() -> None:
    analyser = RasterAnalyzer()
    analyser.finish()
    with pytest.raises(ClaimError):
        analyser.feed(b"RaS2")
    with pytest.raises(ClaimError):
        analyser.finish()


def test_lines_of_any_width_are_added_up() -> None:
    """Around the widths where the unrolled steps begin, and far over a machine word."""
    for width in (1, 2, 127, 128, 129, 1023, 1024, 1025, 1153, 8191, 8192, 40000):
        page = make_page(width=width, height=7, colour_space="sgray", bits_per_pixel=8)
        stream = pwg_of([page, page])
        assert analyse(stream).pages == 2
        assert analyse(stream + b"x").pages == 2
        assert decode(stream)[1][1] == b"".join(make_rows(page))


def make_line(chance: random.Random, units: int, literals: float, blanks: float) -> bytes:
    """One compressed line of octets that fills its width, with such shares of literals and blank rests."""
    line = bytes([chance.randrange(3)])
    while units:
        count = min(units, chance.choice((1, 2, 3, 5, 40, 128)))
        if count > 1 and chance.random() < literals:
            line += bytes([257 - count]) + chance.randbytes(count)
        else:
            line += bytes([count - 1]) + chance.randbytes(1)
        units -= count
        if units and chance.random() < blanks:
            return line + b"\x80"
    return line


@settings(deadline=None, max_examples=150)
@given(
    st.integers(0, 1 << 32),
    st.integers(1, 3000),
    st.sampled_from([0.0, 0.01, 0.3, 1.0]),
    st.sampled_from([0.0, 0.02]),
    st.booleans(),
    st.integers(1, 5000),
)
def test_lines_of_many_runs_and_few_or_many_literals_are_added_up(
    seed: int, width: int, literals: float, blanks: float, damaged: bool, chunk_octets: int
) -> None:
    chance = random.Random(seed)
    lines = [make_line(chance, width, literals, blanks) for _ in range(chance.randint(1, 12))]
    page = make_page(
        width=width, height=sum(line[0] + 1 for line in lines), colour_space="sgray", bits_per_pixel=8
    )
    stream = b"RaS2" + (write_pwg_page(page) + b"".join(lines)) * 2
    if damaged:
        place = chance.randrange(LINES_AT, len(stream))
        stream = stream[:place] + chance.randbytes(1) + stream[place + 1 :]
    whole = analyse(stream)
    assert analyse(stream, chunk_octets) == whole
    assert analyse(stream, 1) == whole
    if not damaged:
        assert (whole.pages, codes(whole)) == (2, [])


TINT = b"\x12\x34\x56"  # which no greys make when they stand side by side


def make_smooth_line(chance: random.Random, units: int, coloured: bool) -> bytes:
    """One compressed line of sRGB text with smooth edges and blank margins, 400 units wide at least."""
    line, units = bytes([chance.choice((0, 0, 0, 1))]) + b"\x7f" + WHITE, units - 128
    while units > 150:
        count = chance.randint(1, 5)
        levels = [bytes([chance.choice((0, 0x77, 0xFF))]) * 3 for _ in range(count)]
        if coloured and chance.random() < 0.02:
            levels[0] = TINT
        line += (
            bytes([257 - count]) + b"".join(levels) if count > 1 else bytes([chance.randrange(9)]) + levels[0]
        )
        units -= count if count > 1 else line[-4] + 1
        line, units = line + b"\x03" + WHITE, units - 4
    return line + b"\x7f" + WHITE + (bytes([units - 129]) + WHITE if units > 128 else b"")


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 1 << 32),
    st.integers(400, 1500),
    st.booleans(),
    st.booleans(),
    st.integers(2, 9000),
    st.sampled_from([4000, 30_000, 1 << 19]),
)
def test_smooth_text_is_read_alike_whole_and_octet_by_octet(
    seed: int, width: int, coloured: bool, damaged: bool, chunk_octets: int, span_octets: int
) -> None:
    """Lines are skipped by lanes, over pieces of any size, or walked count by count: it must not show."""
    chance = random.Random(seed)
    lines = [make_smooth_line(chance, width, coloured) for _ in range(30)]
    page = make_page(width=width, height=sum(line[0] + 1 for line in lines))
    stream = b"RaS2" + (write_pwg_page(page) + b"".join(lines)) * 2
    if damaged:
        place = chance.randrange(LINES_AT, len(stream))
        stream = stream[:place] + chance.randbytes(1) + stream[place + 1 :]
    with patch("pcl.raster_lanes.MIN_LANES", 1 << 30):
        whole = analyse(stream)
    small = patch.multiple("pcl.raster_lanes", MIN_SPAN_OCTETS=300, MIN_LANES=2, SPAN_OCTETS=span_octets)
    with small, patch("pcl.raster_analyzer.SPAN_OCTETS", span_octets):
        assert analyse(stream) == analyse(stream, chunk_octets) == analyse(stream, 1) == whole
    if not damaged:
        shown = any(TINT in line for line in lines)
        assert (whole.pages, whole.colour_pages, codes(whole)) == (2, 2 * shown, [])


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_hostile_octets_are_read_alike_by_analyser_and_decoder_in_any_chunking(data: st.DataObject) -> None:
    sample = data.draw(st.sampled_from(SAMPLES)).read_bytes()[:6000]
    stream = bytearray(sample)
    for _ in range(data.draw(st.integers(0, 6))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(stream[: data.draw(st.integers(0, len(stream)))])
    report = analyse(cut)
    assert analyse(cut, data.draw(st.integers(1, 300))) == report
    decoder, begun, octets = RasterDecoder(), 0, 0
    try:
        for event in decoder.feed(cut):
            begun += isinstance(event, RasterPage)
            octets += event.count if isinstance(event, Rows) else 0
            if octets > 100_000:
                return
    except ConversionError:
        assert report.warnings
    assert (report.pages or 0) == begun


PHOTOGRAPH = b"\0" + (b"\x81" + bytes(128)) * 781 + b"\xe1" + bytes(32)
MANY_LINES = (b"\0" + b"\x7f\xff" * 781 + b"\x1f\xff") * 60
MANY_BEGINNINGS = bytes(100_000)  # a line may begin at each of its places


@pytest.mark.parametrize(
    ("space", "line", "octets"),
    [
        ("sgray", PHOTOGRAPH, 1 << 30),
        ("sgray", MANY_LINES, 1 << 26),
        ("black", MANY_BEGINNINGS, 1 << 25),
        ("srgb", b"\0" + b"\x7f\xff\xff\xff" * 300 + b"\x80", 1 << 26),
    ],
)
def test_a_gigabyte_of_pixels_does_not_grow_the_process(space: str, line: bytes, octets: int) -> None:
    bits = 24 if space == "srgb" else 8
    page = make_page(width=100_000, height=(1 << 32) - 1, colour_space=space, bits_per_pixel=bits)
    analyser = RasterAnalyzer()
    analyser.feed(b"RaS2" + write_pwg_page(page))
    block = line * (1_000_000 // len(line))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(octets // len(block)):
        analyser.feed(block)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 32 * 1024
    assert codes(analyser.finish()) == ["truncated"]


def test_numpy_is_loaded_by_nobody_who_reads_no_raster() -> None:
    """The confined worker has an address space with a limit, and is to start at once."""
    script = "import sys, pcl.confined; sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_page_of_the_greatest_height_costs_only_its_octets() -> None:
    header = bytearray(pwg_of([make_page(width=100, height=1)])[:LINES_AT])
    header[4 + 376 : 4 + 380] = struct.pack(">I", 0xFFFFFFFF)
    report = analyse(bytes(header) + b"\xff\x63\0\0\0" * 10_000)
    assert (report.pages, codes(report)) == (1, ["truncated"])
