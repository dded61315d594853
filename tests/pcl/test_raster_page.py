import struct
from pathlib import Path

import pytest

from pcl.errors import PclError
from pcl.raster_page import (
    MAX_LINE_OCTETS,
    PWG_PAGE_OCTETS,
    RasterPage,
    read_apple_page,
    read_pwg_page,
    write_apple_page,
    write_pwg_page,
)
from pcl.report import Orientation, Sides

DATA = Path(__file__).parent.parent / "data" / "raster"
LETTER = RasterPage(
    width=2550,
    height=3300,
    resolution=(300, 300),
    sides=Sides.SHORT_EDGE,
    copies=3,
    media="na_letter_8.5x11in",
    width_hmm=21590,
    height_hmm=27940,
    media_source="tray-2",
    media_type="stationery",
    orientation=Orientation.REVERSE_LANDSCAPE,
    total_pages=7,
    print_quality=5,
    insert_sheet=True,
)


def put(header: bytes, offset: int, value: int) -> bytes:
    return header[:offset] + struct.pack(">I", value) + header[offset + 4 :]


def test_a_pwg_page_header_has_its_fields_where_the_standard_puts_them() -> None:
    header = write_pwg_page(LETTER)
    assert len(header) == PWG_PAGE_OCTETS
    assert header.startswith(b"PwgRaster\0")
    words = {
        name: struct.unpack_from(">I", header, offset)[0]
        for name, offset in {
            "Duplex": 272, "HWResolution": 276, "InsertSheet": 300, "MediaPosition": 324, "NumCopies": 340,
            "Orientation": 344, "PageWidth": 352, "PageHeight": 356, "Tumble": 368, "Width": 372,
            "Height": 376, "BitsPerColor": 384, "BitsPerPixel": 388, "BytesPerLine": 392, "ColorOrder": 396,
            "ColorSpace": 400, "NumColors": 420, "TotalPageCount": 452, "CrossFeedTransform": 456,
            "FeedTransform": 460, "PrintQuality": 484,
        }.items()
    }  # fmt: skip
    assert words == {
        "Duplex": 1, "HWResolution": 300, "InsertSheet": 1, "MediaPosition": 21, "NumCopies": 3,
        "Orientation": 3, "PageWidth": 612, "PageHeight": 792, "Tumble": 1, "Width": 2550, "Height": 3300,
        "BitsPerColor": 8, "BitsPerPixel": 24, "BytesPerLine": 7650, "ColorOrder": 0, "ColorSpace": 19,
        "NumColors": 3, "TotalPageCount": 7, "CrossFeedTransform": 1, "FeedTransform": 1, "PrintQuality": 5,
    }  # fmt: skip
    assert header[1732:1796].rstrip(b"\0") == b"na_letter_8.5x11in"
    assert header[128:192].rstrip(b"\0") == b"stationery"


def test_a_pwg_page_header_is_read_as_it_was_written() -> None:
    assert read_pwg_page(write_pwg_page(LETTER)) == LETTER


def test_an_apple_page_header_is_read_as_it_was_written_save_what_it_cannot_say() -> None:
    header = write_apple_page(LETTER)
    assert header == bytes.fromhex("180102050115 000000000000 000009f6 00000ce4 0000012c 0000000000000000")
    read = read_apple_page(header, 7)
    assert (read.copies, read.orientation, read.insert_sheet) == (1, None, False)
    assert (read.sides, read.media, read.media_source, read.total_pages, read.print_quality) == (
        Sides.SHORT_EDGE,
        "na_letter_8.5x11in",
        "tray-2",
        7,
        5,
    )


@pytest.mark.parametrize(
    ("name", "space", "bits"),
    [
        ("gs-srgb_8.pwg", "srgb", 24),
        ("gs-srgb_16.pwg", "srgb", 48),
        ("gs-sgray_8.pwg", "sgray", 8),
        ("gs-black_1.pwg", "black", 1),
        ("gs-cmyk_8.pwg", "cmyk", 32),
        ("cups-filters-srgb_8.pwg", "srgb", 24),
    ],
)
def test_headers_of_other_programs_are_understood(name: str, space: str, bits: int) -> None:
    page = read_pwg_page((DATA / name).read_bytes()[4 : 4 + PWG_PAGE_OCTETS])
    assert (page.colour_space, page.bits_per_pixel) == (space, bits)
    assert (page.media, page.width_hmm, page.height_hmm) == ("iso_a6_105x148mm", 10500, 14800)
    assert page.resolution == (72, 72)
    assert page.total_pages is None


def test_the_size_comes_from_the_name_then_the_pixels_then_whole_points() -> None:
    header = write_pwg_page(LETTER)
    assert read_pwg_page(header).width_hmm == 21590
    unnamed = header[:1732] + bytes(64)
    assert read_pwg_page(put(unnamed, 372, 2550)).media == "na_letter_8.5x11in"
    no_resolution = put(put(unnamed, 276, 0), 280, 0)
    assert read_pwg_page(no_resolution).media == "na_letter_8.5x11in"
    nothing = put(put(no_resolution, 352, 0), 356, 0)
    assert read_pwg_page(nothing).media is None


@pytest.mark.parametrize(
    ("offset", "value", "says"),
    [
        (372, 0, "nothing to print"),
        (376, 0, "nothing to print"),
        (388, 0, "bits a pixel"),
        (388, 12, "bits a pixel"),
        (388, 0xFFFFFFF8, "bits a pixel"),
        (384, 16, "bits a colour"),
        (392, 7649, "octets a line"),
        (396, 1, "not chunky"),
        (400, 6, "bits a colour"),
    ],
)
def test_a_header_that_contradicts_itself_is_refused(offset: int, value: int, says: str) -> None:
    header = put(write_pwg_page(LETTER), offset, value)
    if offset == 372:
        header = put(header, 392, 0)
    with pytest.raises(PclError, match=says):
        read_pwg_page(header)


def test_a_line_over_the_limit_is_refused() -> None:
    wide = write_pwg_page(LETTER)
    wide = put(put(wide, 372, MAX_LINE_OCTETS), 392, 3 * MAX_LINE_OCTETS)
    with pytest.raises(PclError, match="over the limit"):
        read_pwg_page(wide)
    apple = bytearray(write_apple_page(LETTER))
    apple[12:16] = b"\xff\xff\xff\xff"
    with pytest.raises(PclError, match="over the limit"):
        read_apple_page(bytes(apple), None)


@pytest.mark.parametrize(("octet", "value"), [(0, 0), (0, 9), (0, 255), (1, 7), (1, 255)])
def test_an_apple_header_with_an_impossible_pixel_is_refused(octet: int, value: int) -> None:
    header = bytearray(write_apple_page(LETTER))
    header[octet] = value
    with pytest.raises(PclError):
        read_apple_page(bytes(header), None)


def test_text_behind_the_first_nul_and_octets_that_are_not_ascii_do_no_harm() -> None:
    header = write_pwg_page(LETTER)
    read = read_pwg_page(header[:128] + b"plain\0\xff\xfe" + b"\xff" * 56 + header[192:])
    assert read.media_type == "plain"
    assert read_pwg_page(header[:128] + b"\xe9" * 64 + header[192:]).media_type == "\ufffd" * 64


@pytest.mark.parametrize("count", [0, 0xFFFFFFFF])
def test_a_page_count_that_says_nothing_is_unknown(count: int) -> None:
    assert read_pwg_page(put(write_pwg_page(LETTER), 452, count)).total_pages is None


def test_copies_of_0_and_unknown_codes_are_read_as_unsaid() -> None:
    header = put(put(put(write_pwg_page(LETTER), 340, 0), 324, 999), 344, 99)
    read = read_pwg_page(header)
    assert (read.copies, read.media_source, read.orientation) == (1, None, None)
