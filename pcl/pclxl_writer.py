"""Writes PCL XL: raster pages in grey or RGB, inside PJL, for printers that take nothing newer than PCL 6.

One image covers each page. Its rows go out in bands of some 256 KiB: run-length encoded (protocol class 2.0),
as differences to the row above (2.1), or each band a JPEG (2.0). Little-endian binding.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterable, Iterator
from enum import StrEnum

from .errors import WriterError
from .language import UEL
from .media import MEDIA_SIZES, MEDIA_SOURCES
from .raster import Rows
from .raster_page import RasterPage
from .report import Sides
from .tables import (
    Attribute,
    ColorDepth,
    ColorMapping,
    ColorSpace,
    CompressMode,
    DataOrganisation,
    DataTag,
    DuplexPageMode,
    ErrorReport,
    Measure,
    Operator,
    PageOrientation,
)

__all__ = ["Compression", "PclXlWriter", "pack_bits", "pack_delta", "write_pclxl"]

BAND_OCTETS = 256 * 1024
MAX_PIXELS = 65535  # of a side: what SourceWidth and SourceHeight hold
NEAR_HMM = 53
INVERT = bytes(range(255, -1, -1))

# A run of three or more like octets, or octets of which none starts such a run.
PACK = re.compile(rb"(.)\1{2,127}|(?:(.)(?!\2\2)){1,128}+", re.DOTALL)
CHANGED = re.compile(rb"[^\x00]+")


class Compression(StrEnum):
    """How rows are compressed."""

    RLE = "rle"
    DELTA_ROW = "delta-row"
    JPEG = "jpeg"


MODES = {
    Compression.RLE: (CompressMode.RLE, "2;0"),
    Compression.DELTA_ROW: (CompressMode.DELTA_ROW, "2;1"),
    Compression.JPEG: (CompressMode.JPEG, "2;0"),
}


def _ubyte(attribute: Attribute, value: int) -> bytes:
    return struct.pack("<BBBB", DataTag.UBYTE, value, 0xF8, attribute)


def _uint16(attribute: Attribute, value: int) -> bytes:
    return struct.pack("<BHBB", DataTag.UINT16, value, 0xF8, attribute)


def _pair(attribute: Attribute, one: int, other: int) -> bytes:
    return struct.pack("<BHHBB", DataTag.UINT16_XY, one, other, 0xF8, attribute)


def _text(attribute: Attribute, text: str) -> bytes:
    octets = text.encode("ascii", "replace")[:255]
    return bytes([DataTag.UBYTE_ARRAY, DataTag.UBYTE, len(octets)]) + octets + bytes([0xF8, attribute])


def pack_bits(row: bytes) -> bytes:
    """Return a row in the run-length encoding: 0..127 literal octets follow, 129..255 one repeats."""
    packed = bytearray()
    for piece in PACK.finditer(row):
        octets = piece[0]
        if piece[1] is not None:
            packed += bytes((257 - len(octets), octets[0]))
        else:
            packed.append(len(octets) - 1)
            packed += octets
    return bytes(packed)


def pack_delta(row: bytes, above: bytes) -> bytes:
    """Return what of a row differs from the one above: its length (uint16), then replacements.

    A replacement is one octet, the number of new octets less one in its upper three bits and how many old
    ones to leave in its lower five (31: more follow, 255: still more), then the new octets.
    """
    size = len(row)
    changes = (int.from_bytes(row) ^ int.from_bytes(above)).to_bytes(size)
    packed = bytearray(2)
    at = 0
    for change in CHANGED.finditer(changes):
        for first in range(change.start(), change.end(), 8):
            count = min(8, change.end() - first)
            left = first - at
            packed.append((count - 1) << 5 | min(left, 31))
            if left >= 31:
                left -= 31
                packed += b"\xff" * (left // 255) + bytes([left % 255])
            packed += row[first : first + count]
            at = first + count
    struct.pack_into("<H", packed, 0, len(packed) - 2)
    return bytes(packed)


class PclXlWriter:
    """Turns pages of rows into PCL XL piece by piece: begin_page(), write_rows() ..., end_page(), ..., end().

    Holds one band. `title` and `user` go into the PJL envelope.
    """

    def __init__(
        self, compression: Compression = Compression.RLE, *, title: str | None = None, user: str | None = None
    ) -> None:
        self._mode, self._version = MODES[compression]
        self._title, self._user = title, user
        self._begun = False
        self._resolution: tuple[int, int] | None = None
        self._page: RasterPage | None = None
        self._row_octets = 0
        self._rows_written = 0
        self._band: list[bytes] = []
        self._band_rows = 0
        self._above = b""

    def begin_page(self, page: RasterPage) -> bytes:
        """Begin a page. Raises WriterError for one that PCL XL cannot hold, or inside another page."""
        if self._page is not None:
            raise WriterError("a page is begun before the last one is ended")
        _check(page, self._mode)
        out = bytearray() if self._begun else bytearray(self._envelope())
        self._begun = True
        if page.resolution != self._resolution:
            out += self._end_session() + self._begin_session(page.resolution)
        self._page = page
        self._rows_written = 0
        samples = 3 if _is_colour(page) else 1
        bits = samples * (1 if page.bits_per_pixel == 1 else 8)
        self._row_octets = ((page.width * bits + 7) // 8 + 3) // 4 * 4
        out += _describe_page(page) + bytes([Operator.BEGIN_PAGE])
        space = ColorSpace.RGB if samples == 3 else ColorSpace.GRAY
        out += _ubyte(Attribute.COLOR_SPACE, space) + bytes([Operator.SET_COLOR_SPACE])
        if self._mode is not CompressMode.JPEG:
            out += self._begin_image(0, page.height)
        return bytes(out)

    def write_rows(self, rows: Rows) -> bytes:
        """Write rows of the page in its own colour space. Raises WriterError for more rows than it has."""
        page = self._page
        if page is None or self._rows_written + self._band_rows + rows.count > page.height:
            raise WriterError("there are more rows than the page has")
        row = _to_xl(page, rows.octets)
        row += bytes(self._row_octets - len(row))
        out = bytearray()
        limit = max(1, BAND_OCTETS // self._row_octets)
        left = rows.count
        packed: bytes | None = None
        while left:
            if self._mode is CompressMode.RLE:
                packed = packed or pack_bits(row)
                taken = min(left, limit - self._band_rows)
                self._band.append(packed * taken)
            elif self._mode is CompressMode.DELTA_ROW:
                taken = 1
                # Interpreters differ in what a block's first row is the difference to: name all its octets.
                above = self._above if self._band_rows else row.translate(INVERT)
                self._band.append(pack_delta(row, above) if row != above else b"\x00\x00")
                self._above = row
            else:
                taken = min(left, limit - self._band_rows)
                self._band.append(row * taken)
            self._band_rows += taken
            left -= taken
            if self._band_rows >= limit:
                out += self._flush_band()
        return bytes(out)

    def end_page(self) -> bytes:
        """End the page. Raises WriterError when rows are missing."""
        page = self._page
        if page is None or self._rows_written + self._band_rows != page.height:
            raise WriterError("the page ends before its last row")
        out = bytearray(self._flush_band())
        if self._mode is not CompressMode.JPEG:
            out.append(Operator.END_IMAGE)
        out += _uint16(Attribute.PAGE_COPIES, page.copies) + bytes([Operator.END_PAGE])
        self._page = None
        return bytes(out)

    def end(self) -> bytes:
        """End the job. Raises WriterError inside a page."""
        if self._page is not None:
            raise WriterError("the job ends before its page")
        start = b"" if self._begun else self._envelope()
        return start + self._end_session() + UEL + b"@PJL EOJ\r\n" + UEL

    def _envelope(self) -> bytes:
        lines = [f"@PJL JOB NAME={_quoted(self._title)}" if self._title else "@PJL JOB"]
        if self._user:
            lines.append(f"@PJL SET USERNAME={_quoted(self._user)}")
        lines.append("@PJL ENTER LANGUAGE=PCLXL\r\n")
        header = f") HP-PCL XL;{self._version};Comment pullprint\n"
        return UEL + "\r\n".join(lines).encode() + header.encode()

    def _begin_session(self, resolution: tuple[int, int]) -> bytes:
        self._resolution = resolution
        return (
            _pair(Attribute.UNITS_PER_MEASURE, *resolution)
            + _ubyte(Attribute.MEASURE, Measure.INCH)
            + _ubyte(Attribute.ERROR_REPORT, ErrorReport.BACK_CHANNEL)
            + bytes([Operator.BEGIN_SESSION])
            + _ubyte(Attribute.SOURCE_TYPE, 0)
            + _ubyte(Attribute.DATA_ORG, DataOrganisation.LOW_BYTE_FIRST)
            + bytes([Operator.OPEN_DATA_SOURCE])
        )

    def _end_session(self) -> bytes:
        if self._resolution is None:
            return b""
        self._resolution = None
        return bytes([Operator.CLOSE_DATA_SOURCE, Operator.END_SESSION])

    def _begin_image(self, top: int, height: int) -> bytes:
        page = self._page
        width = page.width if page else 0
        one_bit = page is not None and page.bits_per_pixel == 1
        return (
            struct.pack("<BhhBB", DataTag.SINT16_XY, 0, top, 0xF8, Attribute.POINT)
            + bytes([Operator.SET_CURSOR])
            + _ubyte(Attribute.COLOR_MAPPING, ColorMapping.DIRECT_PIXEL)
            + _ubyte(Attribute.COLOR_DEPTH, ColorDepth.ONE_BIT if one_bit else ColorDepth.EIGHT_BIT)
            + _uint16(Attribute.SOURCE_WIDTH, width)
            + _uint16(Attribute.SOURCE_HEIGHT, height)
            + _pair(Attribute.DESTINATION_SIZE, width, height)
            + bytes([Operator.BEGIN_IMAGE])
        )

    def _flush_band(self) -> bytes:
        if not self._band_rows or self._page is None:
            return b""
        data, rows = b"".join(self._band), self._band_rows
        start = self._rows_written
        out = bytearray()
        if self._mode is CompressMode.JPEG:
            out += self._begin_image(start, rows)
            data, start = self._jpeg(data, rows), 0
        out += _uint16(Attribute.START_LINE, start) + _uint16(Attribute.BLOCK_HEIGHT, rows)
        out += _ubyte(Attribute.COMPRESS_MODE, self._mode) + bytes([Operator.READ_IMAGE])
        out += struct.pack("<BI", 0xFA, len(data)) + data
        if self._mode is CompressMode.JPEG:
            out.append(Operator.END_IMAGE)
        self._rows_written += rows
        self._band, self._band_rows = [], 0
        return bytes(out)

    def _jpeg(self, data: bytes, rows: int) -> bytes:
        from PIL import Image

        page = self._page
        colour = page is not None and _is_colour(page)
        size = (page.width if page else 0, rows)
        mode = "RGB" if colour else "L"
        image = Image.frombytes(mode, size, data, "raw", mode, self._row_octets, 1)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=90, subsampling=0)
        return buffer.getvalue()


def write_pclxl(
    pages: Iterable[tuple[RasterPage, Iterable[bytes]]],
    compression: Compression = Compression.RLE,
    *,
    title: str | None = None,
    user: str | None = None,
) -> Iterator[bytes]:
    """Yield the PCL XL of pages with their rows from the top. Raises WriterError for what it cannot hold."""
    writer = PclXlWriter(compression, title=title, user=user)
    for page, rows in pages:
        yield writer.begin_page(page)
        for row in rows:
            yield writer.write_rows(Rows(row, 1))
        yield writer.end_page()
    yield writer.end()


def _quoted(text: str) -> str:
    """PJL has no way to write a quotation mark or a control code inside a string."""
    kept = "".join(character if character.isprintable() and character != '"' else " " for character in text)
    return f'"{kept[:80]}"'


def _check(page: RasterPage, mode: CompressMode) -> None:
    if not (0 < page.width <= MAX_PIXELS and 0 < page.height <= MAX_PIXELS):
        raise WriterError(f"a page of {page.width} x {page.height} pixels: each side is 1 to {MAX_PIXELS}")
    if not all(0 < dots <= MAX_PIXELS for dots in page.resolution):
        raise WriterError(f"a resolution of {page.resolution[0]} x {page.resolution[1]} dots an inch")
    if not 0 < page.copies <= MAX_PIXELS:
        raise WriterError(f"{page.copies} copies of a page: 1 to {MAX_PIXELS} are allowed")
    if page.colour_space not in READERS or page.bits_per_pixel not in READERS[page.colour_space]:
        raise WriterError(
            f"{page.bits_per_pixel} bits of {page.colour_space} a pixel cannot be written as PCL XL"
        )
    if page.bits_per_pixel == 1 and mode is CompressMode.JPEG:
        raise WriterError("a page of 1 bit a pixel has no JPEG form: use rle or delta-row")


def _is_colour(page: RasterPage) -> bool:
    return page.colour_space in ("srgb", "rgb", "adobe-rgb", "cmyk")


def _to_xl(page: RasterPage, row: bytes) -> bytes:
    """Turn a row into 8-bit grey or RGB, or 1-bit grey, where 0 is black."""
    if page.colour_space == "cmyk":
        from PIL import Image

        return Image.frombytes("CMYK", (page.width, 1), row).convert("RGB").tobytes()
    if page.bits_per_pixel in (16, 48):
        row = row[::2]  # the high octet of each sample comes first
    return row.translate(INVERT) if page.colour_space == "black" else row


# Colour spaces with the depths that can be written.
READERS = {
    "gray": (8, 16),
    "sgray": (8, 16),
    "black": (1, 8, 16),
    "rgb": (24, 48),
    "srgb": (24, 48),
    "adobe-rgb": (24, 48),
    "cmyk": (32,),
}


def _describe_page(page: RasterPage) -> bytes:
    out = _ubyte(Attribute.ORIENTATION, PageOrientation.PORTRAIT)
    width = page.width_hmm or round(page.width * 2540 / page.resolution[0])
    height = page.height_hmm or round(page.height * 2540 / page.resolution[1])
    codes = (code for code, size in MEDIA_SIZES.items() if code < 200 and _near(size, (width, height)))
    code = next(codes, None)
    if code is not None:
        out += _ubyte(Attribute.MEDIA_SIZE, code)
    else:
        out += _pair(Attribute.CUSTOM_MEDIA_SIZE, round(width / 10), round(height / 10))
        out += _ubyte(Attribute.CUSTOM_MEDIA_SIZE_UNITS, Measure.TENTHS_OF_A_MILLIMETRE)
    sources = {name: number for number, name in MEDIA_SOURCES.items() if name}
    if page.media_source in sources:
        out += _ubyte(Attribute.MEDIA_SOURCE, sources[page.media_source])
    if page.media_type:
        out += _text(Attribute.MEDIA_TYPE, page.media_type)
    if page.sides in (Sides.LONG_EDGE, Sides.SHORT_EDGE):
        long_edge = page.sides is Sides.LONG_EDGE
        mode = DuplexPageMode.VERTICAL_BINDING if long_edge else DuplexPageMode.HORIZONTAL_BINDING
        return out + _ubyte(Attribute.DUPLEX_PAGE_MODE, mode)
    return out + _ubyte(Attribute.SIMPLEX_PAGE_MODE, 0)


def _near(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return all(abs(side - wanted) <= NEAR_HMM for side, wanted in zip(one, other, strict=True))
