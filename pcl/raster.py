"""PWG Raster (PWG 5102.4) and Apple Raster (URF): pages found by walking the compressed lines; rows decoded.

A line is one octet of repetitions, then PackBits: octet 0 to 127 and one unit (that unit 1 to 128 times),
octet 129 to 255 and 257 less it units as they are, octet 128 for a rest of the line that is blank. No length
says where a page ends: every count octet has to be added up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pcl.errors import ConversionError, PclError
from pcl.raster_page import (
    APPLE_FILE_HEADER,
    APPLE_FILE_OCTETS,
    APPLE_PAGE_OCTETS,
    APPLE_SYNC,
    PWG_PAGE_OCTETS,
    PWG_SYNC,
    UNKNOWN_COUNTS,
    RasterPage,
    read_apple_page,
    read_pwg_page,
)
from pcl.report import Warnings

__all__ = ["Framing", "RasterDecoder", "Rows"]

PIECE_OCTETS = 1 << 16  # what is looked at in one go: bounds what a large chunk copies
# Little-endian or not compressed like PWG Raster, which is CUPS Raster of version 2, big-endian.
OTHER_CUPS_SYNCS = (b"2SaR", b"RaS3", b"3SaR", b"RaSt", b"tSaR")
UEL = b"\x1b%-12345X"


class Framing:
    """Where in the stream the file header, the page headers and the lines are."""

    def __init__(self) -> None:
        self.format: str | None = None
        self.page: RasterPage | None = None
        self.total_pages: int | None = None
        self.pages_begun = 0  # since the last file header
        self.ended_at: int | None = None  # the offset of the UEL that follows the last page
        self.warnings = Warnings()
        self._rows_left = 0
        self._units_left = 0
        self._rest = b""
        self._base = 0  # octets of the stream before the piece in hand

    def _open(self, data: bytes, at: int) -> int | None:
        """Read a file header or a page header; return the place behind it, None when more octets are needed.

        Raises: PclError with its offset when there is neither.
        """
        if len(data) - at < 4:
            return None
        if self.format and data.startswith(UEL[:4], at):
            self.ended_at = self._base + at
            return None
        if data.startswith(PWG_SYNC, at):
            self._start_file("image/pwg-raster", None, at)
            return at + len(PWG_SYNC)
        if data.startswith(APPLE_SYNC[:4], at):
            if len(data) - at < APPLE_FILE_OCTETS:
                return None
            return self._open_apple(data, at)
        if data.startswith(OTHER_CUPS_SYNCS, at):
            sync = data[at : at + 4].decode("ascii")
            raise PclError(
                f"CUPS Raster that begins {sync}: of it only compressed, big-endian RaS2 is read",
                self._base + at,
            )
        if self.format is None:
            raise PclError("neither a PWG Raster nor an Apple Raster file header", self._base + at)
        return self._open_page(data, at)

    def _open_apple(self, data: bytes, at: int) -> int:
        header = data[at : at + APPLE_FILE_OCTETS]
        if not header.startswith(APPLE_SYNC):
            raise PclError("not an Apple Raster file header", self._base + at)
        total = APPLE_FILE_HEADER.parse(header).total_page_count
        self._start_file("image/urf", None if total in UNKNOWN_COUNTS else total, at)
        return at + APPLE_FILE_OCTETS

    def _open_page(self, data: bytes, at: int) -> int | None:
        octets = PWG_PAGE_OCTETS if self.format == "image/pwg-raster" else APPLE_PAGE_OCTETS
        if len(data) - at < octets:
            return None
        header = data[at : at + octets]
        try:
            if self.format == "image/pwg-raster":
                page = read_pwg_page(header)
                if not header.startswith(b"PwgRaster\0"):
                    self.warnings.add("not-pwg", "the page header is CUPS Raster's", self._base + at)
            else:
                page = read_apple_page(header, self.total_pages)
        except PclError as error:
            raise PclError(error.message, self._base + at) from error
        self.page = page
        self.pages_begun += 1
        if page.total_pages is not None:
            self.total_pages = page.total_pages
        self._rows_left, self._units_left = page.height, 0
        return at + octets

    def _start_file(self, media_type: str, total_pages: int | None, at: int) -> None:
        self._check_total(self._base + at)
        self.format, self.total_pages, self.pages_begun = media_type, total_pages, 0

    def _check_total(self, offset: int) -> None:
        """Warn when the document's own count of its pages is not the truth."""
        if self.total_pages is not None and self.total_pages != self.pages_begun:
            says = f"the header says {self.total_pages} pages, there are {self.pages_begun}"
            self.warnings.add("page-count-disagrees", says, offset)

    def _overrun(self, at: int) -> PclError:
        return PclError("a compressed line is longer than its page is wide", self._base + at)

    def _repeat(self, octet: int, at: int) -> int:
        """Take a line's repeat octet and return its rows; more rows than the page has left are cut off."""
        rows = octet + 1
        if rows > self._rows_left:
            self._warn_rows(at)
            rows = self._rows_left
        self._rows_left -= rows
        return rows

    def _warn_rows(self, at: int) -> None:
        self.warnings.add("rows-over", "a line repeats past the end of its page", self._base + at)


@dataclass(frozen=True, slots=True)
class Rows:
    """`count` rows of pixels that are alike, each `page.octets_per_line` octets."""

    octets: bytes
    count: int


class RasterDecoder(Framing):
    """Decodes a PWG Raster or Apple Raster stream to its pages and their rows, whatever the chunking.

    Holds one piece of 64 KiB and one row (MAX_LINE_OCTETS at most).
    """

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._repeats = 0

    def feed(self, chunk: bytes) -> Iterator[RasterPage | Rows]:
        """Yield each page's header, then its rows from the top; use the iterator up before the next feed().

        Raises: ConversionError with its offset where the stream cannot be followed.
        """
        for start in range(0, len(chunk), PIECE_OCTETS):
            if self.ended_at is not None:
                return
            try:
                yield from self._take(chunk[start : start + PIECE_OCTETS])
            except ConversionError:
                raise
            except PclError as error:
                raise ConversionError(error.message, error.offset) from error

    def finish(self) -> None:
        """End the stream. Raises: ConversionError when it ends within a page or a header, or has no page."""
        if self.page is not None or not self.pages_begun or (self._rest and self.ended_at is None):
            raise ConversionError("the stream ends before its page does", self._base + len(self._rest))

    def _take(self, piece: bytes) -> Iterator[RasterPage | Rows]:
        data = self._rest + piece
        at = 0
        while True:
            if self.page is None:
                behind = self._open(data, at)
                if behind is None:
                    break
                at = behind
                if self.page is not None:
                    yield self.page
                continue
            behind = self._decode(self.page, data, at)
            if self._units_left == 0 and self._repeats:
                yield Rows(b"".join(self._parts), self._repeats)
                self._parts, self._repeats = [], 0
                if not self._rows_left:
                    self.page = None
            elif behind == at:
                break
            at = behind
        self._rest = data[at:]
        self._base += at

    def _decode(self, page: RasterPage, data: bytes, at: int) -> int:
        """Decode one line as far as the data goes; return the place behind its last whole run."""
        if not self._repeats:
            if at >= len(data):
                return at
            self._repeats = self._repeat(data[at], at)
            self._units_left = page.units_per_line
            at += 1
        unit_octets, left, parts, size = page.unit_octets, self._units_left, self._parts, len(data)
        while left and at < size:
            octet = data[at]
            if octet < 128:
                behind, count = at + 1 + unit_octets, octet + 1
                if behind > size:
                    break
                parts.append(data[at + 1 : behind] * count)
            elif octet > 128:
                count = 257 - octet
                behind = at + 1 + count * unit_octets
                if behind > size:
                    break
                parts.append(data[at + 1 : behind])
            else:
                parts.append(page.blank * left)
                behind, count = at + 1, left
            if count > left:
                raise self._overrun(at)
            at, left = behind, left - count
        self._units_left = left
        return at
