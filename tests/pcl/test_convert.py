"""PCL XL that we write: read back, unpacked to the octet, and made from raster streams of other programs."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import pcl
from pcl import Compression, ConversionError, PclXlWriter, Sides, WriterError
from pcl.__main__ import main
from pcl.pclxl_writer import pack_bits, pack_delta
from pcl.raster import RasterDecoder, Rows
from pcl.raster_page import RasterPage

RASTER = Path(__file__).parent.parent / "data" / "raster"
READ_IMAGE = re.compile(rb"\xc1(..)\xf8\x6d\xc1(..)\xf8\x63\xc0(.)\xf8\x65\xb1\xfa(....)", re.DOTALL)


def unpack_bits(packed: bytes) -> bytes:
    row, at = bytearray(), 0
    while at < len(packed):
        control = packed[at]
        if control < 128:
            row += packed[at + 1 : at + 2 + control]
            at += 2 + control
        else:
            row += packed[at + 1 : at + 2] * (257 - control)
            at += 2
    return bytes(row)


def unpack_delta(packed: bytes, above: bytes) -> bytes:
    row, at, place = bytearray(above), 2, 0
    assert len(packed) == 2 + int.from_bytes(packed[:2], "little")
    while at < len(packed):
        count, left = (packed[at] >> 5) + 1, packed[at] & 31
        at += 1
        if left == 31:
            while True:
                more = packed[at]
                at += 1
                left += more
                if more != 255:
                    break
        place += left
        row[place : place + count] = packed[at : at + count]
        place, at = place + count, at + count
    return bytes(row)


def blocks(stream: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield first line, height, compression and data of each block of image data."""
    at = 0
    while found := READ_IMAGE.search(stream, at):
        start, height, mode, length = (int.from_bytes(part, "little") for part in found.groups())
        at = found.end() + length
        yield start, height, mode, stream[found.end() : at]


def rows_of(stream: bytes, row_octets: int) -> bytes:
    """Return the rows of all pages, each padded as it was written."""
    rows = bytearray()
    for _, height, mode, data in blocks(stream):
        if mode == 1:
            rows += unpack_bits(data)
        else:
            row, at = bytes(row_octets), 0
            for _ in range(height):
                end = at + 2 + int.from_bytes(data[at : at + 2], "little")
                row = unpack_delta(data[at:end], row)
                rows += row
                at = end
            assert at == len(data)
    return bytes(rows)


lines = st.lists(st.tuples(st.binary(min_size=1, max_size=3), st.integers(1, 300))).map(
    lambda runs: b"".join(octets * count for octets, count in runs)
)


@given(lines)
def test_a_packed_row_unpacks_to_itself(row: bytes) -> None:
    packed = pack_bits(row)
    assert unpack_bits(packed) == row
    assert len(packed) <= len(row) + len(row) // 128 + 1


@given(st.integers(0, 3000), st.data())
def test_a_row_of_differences_gives_the_row(size: int, data: st.DataObject) -> None:
    above = data.draw(st.binary(min_size=size, max_size=size)) if size < 300 else bytes(size)
    row = bytearray(above)
    for _ in range(data.draw(st.integers(0, 5))):
        if size:
            at = data.draw(st.integers(0, size - 1))
            row[at : at + 20] = bytes(len(row[at : at + 20]))
            row[at] ^= 0x55
    assert unpack_delta(pack_delta(bytes(row), above), above) == bytes(row)


@pytest.mark.parametrize("compression", [Compression.RLE, Compression.DELTA_ROW])
@pytest.mark.parametrize("space", [("sgray", 8), ("srgb", 24), ("black", 1), ("black", 8)])
def test_the_rows_come_back_to_the_octet(compression: Compression, space: tuple[str, int]) -> None:
    page = RasterPage(
        width=401, height=900, resolution=(300, 300), colour_space=space[0], bits_per_pixel=space[1]
    )
    length = page.octets_per_line
    originals = [bytes((line * 7 + at * (line % 3)) % 251 for at in range(length)) for line in range(45)]
    writer = PclXlWriter(compression)
    stream = writer.begin_page(page)
    stream += b"".join(writer.write_rows(Rows(row, 20)) for row in originals)
    stream += writer.end_page() + writer.end()
    padded = (length + 3) // 4 * 4
    inverted = bytes(range(255, -1, -1))
    shown = [row.translate(inverted) if space[0] == "black" else row for row in originals]
    wanted = b"".join((row + bytes(padded - length)) * 20 for row in shown)
    assert rows_of(stream, padded) == wanted
    report = pcl.analyze(stream)
    assert (report.pages, report.format) == (1, "application/vnd.hp-PCLXL")
    assert not report.warnings


def test_a_page_says_media_sides_copies_and_source() -> None:
    page = RasterPage(
        width=8, height=2, resolution=(600, 300), sides=Sides.SHORT_EDGE, copies=3,
        width_hmm=21000, height_hmm=29700, media_source="by-pass-tray", media_type="Cardstock",
    )  # fmt: skip
    custom = RasterPage(width=8, height=2, resolution=(600, 300), width_hmm=12340, height_hmm=20000)
    rows = [bytes(24)] * 2
    stream = b"".join(
        pcl.write_pclxl([(page, rows), (page, rows), (custom, rows)], title='A "b"\x1b', user="jdoe")
    )
    report = pcl.analyze(stream)
    first, _, last = report.each_page()
    assert (first.media, first.sides, first.copies) == ("iso_a4_210x297mm", Sides.SHORT_EDGE, 3)
    assert (first.media_source, first.media_type, first.resolution) == (
        "by-pass-tray",
        "Cardstock",
        (600, 300),
    )
    assert last.media == "custom_123.4x200mm_123.4x200mm"
    assert (report.pages, report.impressions, report.sheets) == (3, 7, 4)
    assert (report.title, report.user) == ("A  b", "jdoe")
    assert not report.warnings


def test_pages_of_other_resolutions_start_another_session() -> None:
    pages = [RasterPage(width=4, height=1, resolution=(dots, dots)) for dots in (300, 600, 600)]
    report = pcl.analyze(b"".join(pcl.write_pclxl((page, [bytes(12)]) for page in pages)))
    assert [page.resolution for page in report.each_page()] == [(300, 300), (600, 600), (600, 600)]


def test_a_jpeg_page_is_made_of_bands_that_are_jpegs() -> None:
    page = RasterPage(width=500, height=600, resolution=(300, 300))
    writer = PclXlWriter(Compression.JPEG)
    stream = (
        writer.begin_page(page)
        + writer.write_rows(Rows(b"\xff\x00\x00" * 500, 600))
        + writer.end_page()
        + writer.end()
    )
    heights = []
    for _, height, mode, data in blocks(stream):
        image = Image.open(io.BytesIO(data))
        red, green, blue = image.convert("RGB").getpixel((250, 1))  # type: ignore[misc]  # RGB has three parts
        assert (mode, image.size) == (2, (500, height))
        assert red > 240
        assert green < 15
        assert blue < 15
        heights.append(height)
    assert sum(heights) == 600
    assert len(heights) > 1
    assert pcl.analyze(stream).pages == 1


@pytest.mark.parametrize(
    ("page", "word"),
    [
        (RasterPage(width=70000, height=1, resolution=(600, 600)), "pixels"),
        (RasterPage(width=1, height=1, resolution=(0, 600)), "resolution"),
        (RasterPage(width=1, height=1, resolution=(600, 600), copies=70000), "copies"),
        (
            RasterPage(width=1, height=1, resolution=(600, 600), colour_space="device6", bits_per_pixel=48),
            "device6",
        ),
    ],
)
def test_what_pcl_xl_cannot_hold_is_refused(page: RasterPage, word: str) -> None:
    with pytest.raises(WriterError, match=word):
        PclXlWriter().begin_page(page)


def test_rows_too_many_or_too_few_are_refused() -> None:
    page = RasterPage(width=2, height=2, resolution=(600, 600))
    writer = PclXlWriter()
    writer.begin_page(page)
    with pytest.raises(WriterError, match="begun"):
        writer.begin_page(page)
    writer.write_rows(Rows(bytes(6), 1))
    with pytest.raises(WriterError, match="before its last row"):
        writer.end_page()
    with pytest.raises(WriterError, match="more rows"):
        writer.write_rows(Rows(bytes(6), 2))
    with pytest.raises(WriterError, match="before its page"):
        writer.end()
    with pytest.raises(WriterError, match="1 bit"):
        PclXlWriter(Compression.JPEG).begin_page(
            RasterPage(width=2, height=2, resolution=(600, 600), colour_space="black", bits_per_pixel=1)
        )


SAMPLES = sorted(path.name for path in RASTER.iterdir() if path.suffix in {".pwg", ".urf"})


@pytest.mark.parametrize("compression", list(Compression))
@pytest.mark.parametrize("name", SAMPLES)
def test_raster_of_other_programs_becomes_pcl_xl(name: str, compression: Compression) -> None:
    raster = (RASTER / name).read_bytes()
    chunks = [raster[at : at + 999] for at in range(0, len(raster), 999)]
    if "black_1" in name and compression is Compression.JPEG:
        with pytest.raises(ConversionError):
            list(pcl.convert_raster(chunks, compression))
        return
    stream = b"".join(pcl.convert_raster(chunks, compression, title="three"))
    before, after = pcl.analyze(raster), pcl.analyze(stream)
    assert (after.pages, after.impressions, after.sheets) == (before.pages, before.impressions, before.sheets)
    assert [page.media for page in after.each_page()] == [page.media for page in before.each_page()]
    assert after.title == "three"
    assert not after.warnings


@pytest.mark.parametrize("name", ["gs-srgb_8.urf", "gs-sgray_8.pwg"])
def test_the_pixels_of_a_raster_are_those_of_its_pcl_xl(name: str) -> None:
    raster = (RASTER / name).read_bytes()
    wanted, width = bytearray(), 0
    for part in RasterDecoder().feed(raster):
        if isinstance(part, RasterPage):
            width = part.octets_per_line
        else:
            wanted += (part.octets + bytes(-width % 4)) * part.count
    for compression in (Compression.RLE, Compression.DELTA_ROW):
        stream = b"".join(pcl.convert_raster([raster], compression))
        assert rows_of(stream, (width + 3) // 4 * 4) == wanted


def test_a_cut_raster_is_refused() -> None:
    raster = (RASTER / SAMPLES[0]).read_bytes()
    with pytest.raises(ConversionError, match="ends before"):
        list(pcl.convert_raster([raster[:-100]]))


def test_the_command_writes_a_whole_file_or_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "out.pxl"
    assert main(["convert", str(RASTER / "gs-srgb_8.urf"), str(target), "--compression", "delta-row"]) == 0
    assert pcl.analyze(target.read_bytes()).pages == 3
    broken = tmp_path / "broken.urf"
    broken.write_bytes((RASTER / "gs-srgb_8.urf").read_bytes()[:-50])
    assert main(["convert", str(broken), str(tmp_path / "none.pxl")]) == 1
    assert "ends before" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} == {"out.pxl", "broken.urf"}
