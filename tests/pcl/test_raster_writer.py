import array
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcl.errors import WriterError
from pcl.raster import RasterDecoder, Rows
from pcl.raster_page import RasterPage
from pcl.raster_writer import pack_line, write_apple, write_pwg
from pcl.report import Sides
from tests.peers.cups_raster import read_pages

from .raster_samples import RED, apple_of, make_page, make_rows, pwg_of


def decode(stream: bytes) -> list[tuple[RasterPage, list[bytes]]]:
    decoder = RasterDecoder()
    pages: list[tuple[RasterPage, list[bytes]]] = []
    for event in decoder.feed(stream):
        if isinstance(event, Rows):
            pages[-1][1].extend([event.octets] * event.count)
        else:
            pages.append((event, []))
    decoder.finish()
    return pages


@pytest.mark.parametrize(
    ("row", "unit_octets", "packed"),
    [
        (b"aaaa", 1, b"\x03a"),
        (b"a", 1, b"\x00a"),
        (b"ab", 1, b"\xffab"),
        (b"aab", 1, b"\x01a\x00b"),
        (b"abb", 1, b"\x00a\x01b"),
        (b"abcdd", 1, b"\xfeabc\x01d"),
        (b"a" * 128, 1, b"\x7fa"),
        (b"a" * 129, 1, b"\x7fa\x00a"),
        (b"ab" * 64, 1, b"\x81" + b"ab" * 64),
        (b"abcabcabd", 3, b"\x01abc\x00abd"),
        (b"aab" * 2, 3, b"\x01aab"),
    ],
)
def test_a_line_is_packed_by_units(row: bytes, unit_octets: int, packed: bytes) -> None:
    assert pack_line(row, unit_octets) == packed


@given(st.integers(1, 8).flatmap(lambda unit: st.tuples(st.just(unit), st.lists(st.sampled_from(
    [bytes([value]) * unit for value in range(3)]), min_size=1, max_size=600))))  # fmt: skip
def test_what_is_packed_unpacks_and_never_grows_by_more_than_a_count_for_128_units(
    line: tuple[int, list[bytes]],
) -> None:
    unit, units = line
    row = b"".join(units)
    packed = pack_line(row, unit)
    out, at = b"", 0
    while at < len(packed):
        octet = packed[at]
        assert octet != 128
        literal = 257 - octet if octet > 128 else 1
        out += packed[at + 1 : at + 1 + literal * unit] * (1 if octet > 128 else octet + 1)
        at += 1 + literal * unit
    assert out == row
    assert len(packed) <= len(row) + len(units)


@pytest.mark.parametrize(
    ("space", "bits"),
    [
        ("srgb", 24),
        ("srgb", 48),
        ("sgray", 8),
        ("black", 1),
        ("cmyk", 32),
        ("adobe-rgb", 24),
        ("device3", 24),
    ],
)
def test_pwg_raster_comes_back_row_for_row(space: str, bits: int) -> None:
    page = make_page(colour_space=space, bits_per_pixel=bits)
    [(read, rows)] = decode(pwg_of([page], RED))
    assert rows == list(make_rows(page, RED))
    assert (read.colour_space, read.bits_per_pixel) == (space, bits)


@pytest.mark.parametrize(("space", "bits"), [("srgb", 24), ("sgray", 8), ("gray", 8), ("cmyk", 32)])
def test_apple_raster_comes_back_row_for_row(space: str, bits: int) -> None:
    pages = [make_page(colour_space=space, bits_per_pixel=bits, sides=Sides.LONG_EDGE)] * 2
    read = decode(apple_of(pages, RED, 2))
    assert [rows for _, rows in read] == [list(make_rows(page, RED)) for page in pages]
    assert [(page.sides, page.total_pages) for page, _ in read] == [(Sides.LONG_EDGE, 2)] * 2


def test_equal_rows_are_counted_up_to_256_in_one_line() -> None:
    page = make_page(width=3, height=600)
    stream = b"".join(write_pwg([(page, [b"\xff" * 9] * 600)]))
    assert stream[4 + 1796 :] == b"\xff\x02\xff\xff\xff" * 2 + b"\x57\x02\xff\xff\xff"


def test_rows_that_do_not_fit_the_header_are_refused() -> None:
    page = make_page(width=2, height=2)
    with pytest.raises(WriterError, match="row 1 has 5 octets, not 6"):
        list(write_pwg([(page, [bytes(6), bytes(5)])]))
    with pytest.raises(WriterError, match="1 rows were given for a page of 2"):
        list(write_pwg([(page, [bytes(6)])]))
    with pytest.raises(WriterError, match="3 rows"):
        list(write_pwg([(page, [bytes(6)] * 3)]))
    with pytest.raises(WriterError, match="cannot be written"):
        list(write_pwg([(make_page(width=0), [])]))


def test_what_a_format_cannot_say_is_refused() -> None:
    copies = make_page(width=1, height=1, copies=2)
    with pytest.raises(WriterError, match="2 copies"):
        list(write_apple([(copies, [bytes(3)])]))
    oblong = RasterPage(width=1, height=1, resolution=(600, 300))
    with pytest.raises(WriterError, match="600x300"):
        list(write_apple([(oblong, [bytes(3)])]))
    with pytest.raises(WriterError, match="device2"):
        list(
            write_apple(
                [(make_page(width=1, height=1, colour_space="device2", bits_per_pixel=16), [bytes(2)])]
            )
        )
    with pytest.raises(WriterError, match="over 63 characters"):
        list(write_pwg([(make_page(width=1, height=1, media_type="x" * 64), [bytes(3)])]))


def test_a_page_is_written_while_its_rows_come() -> None:
    page = make_page(width=1, height=3)
    asked: list[int] = []

    def rows() -> object:
        for row in range(3):
            asked.append(row)
            yield bytes([row] * 3)

    stream = write_pwg([(page, rows())])  # type: ignore[list-item] # an iterable of octets
    assert [next(stream)[:4], next(stream)[:9]] == [b"RaS2", b"PwgRaster"]
    assert asked == []
    assert next(stream) == b"\x00\x00\x00\x00\x00"
    assert asked == [0, 1]


def swap(pixels: bytes) -> bytes:
    samples = array.array("H", pixels)
    samples.byteswap()
    return samples.tobytes()


@pytest.mark.peer
@pytest.mark.parametrize(
    ("space", "bits", "apple"),
    [("srgb", 24, False), ("sgray", 8, False), ("black", 1, False), ("cmyk", 32, False), ("srgb", 48, False),
     ("srgb", 24, True), ("sgray", 8, True)],
)  # fmt: skip
def test_cups_reads_the_same_pixels_from_what_we_write(
    tmp_path: Path, space: str, bits: int, apple: bool
) -> None:
    pages = [make_page(width=333, height=41, colour_space=space, bits_per_pixel=bits)] * 2
    stream = apple_of(pages, RED) if apple else pwg_of(pages, RED)
    (tmp_path / "document").write_bytes(stream)
    read = list(read_pages(tmp_path / "document"))
    expected = [(page.octets_per_line, b"".join(make_rows(page, RED))) for page in pages]
    if bits == 48:  # CUPS gives samples of 16 bits in the machine's order
        expected = [(line, swap(pixels)) for line, pixels in expected]
    assert read == expected
