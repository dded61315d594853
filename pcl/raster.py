"""PWG Raster (PWG 5102.4) and Apple Raster (URF): pages found by walking the compressed lines; rows decoded.

A line is one octet of repetitions, then PackBits: octet 0 to 127 and one unit (that unit 1 to 128 times),
octet 129 to 255 and 257 less it units as they are, octet 128 for a rest of the line that is blank. No length
says where a page ends: every count octet has to be added up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from pcl.errors import ClaimError, ConversionError, PclError
from pcl.raster_colour import Fragments, Neutral
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
from pcl.report import Report, Tally, Warnings

__all__ = ["RasterAnalyzer", "RasterDecoder", "Rows"]

PIECE_OCTETS = 1 << 16  # what is looked at in one go: bounds what a large chunk copies
UEL = b"\x1b%-12345X"

# In the walk one integer holds the place in the piece (low 17 bits) and the units of the line above them: one
# addition moves both, and it stays a machine word for lines of up to 8191 units.
PLACE_BITS = 17
PLACE_MASK = (1 << PLACE_BITS) - 1
NO_RUN = re.compile(rb"[\x80-\xff]")
A_FEW = 8  # literals in a line are more than it is worth while to go from one to the next
A_FEW_AGAIN = 2  # the same behind a line that had more than a few
MAX_PAUSE = 31  # lines of many literals before one is tried again for runs
FILL = 1 << 60  # what octet 128 adds: no sum of units comes near it


@cache
def _steps(unit_octets: int) -> list[int]:
    """Return what each count octet adds to the walk's integer."""
    runs = [(1 + unit_octets) + ((octet + 1) << PLACE_BITS) for octet in range(128)]
    literals = [
        (1 + (257 - octet) * unit_octets) + ((257 - octet) << PLACE_BITS) for octet in range(129, 256)
    ]
    return [*runs, 1 + FILL, *literals]


def _skip_runs(
    data: bytes, at: int, left: int, unit_octets: int, guess: int, few: int
) -> tuple[int, int, int]:
    """Skip runs and a `few` literals between them; return the place, the units left, and how many literals.

    Runs are all of one length, so that the counts of many are one slice, and its sum is made in C; `guess` is
    how many there may be. Text with hard edges has hardly anything but runs.
    """
    stride, literals = 1 + unit_octets, 0
    while left:
        counts = data[at : at + stride * min(guess, (len(data) - at) // stride) : stride]
        if not counts.isascii():
            counts = counts[: NO_RUN.search(counts).start()]  # type: ignore[union-attr] # there is one
        taken = len(counts)
        units = sum(counts) + taken
        # A guess that went too far is taken back by as many runs as its excess is worth on average.
        while units > left:
            dropped = 1 + (units - left) * taken // units
            taken -= dropped
            units -= sum(counts[taken : taken + dropped]) + dropped
        if taken:
            at, left, guess = at + stride * taken, left - units, max(A_FEW, guess - taken)
            continue
        if at >= len(data):
            break
        if data[at] == 128:
            return at + 1, 0, literals
        if literals == few or data[at] < 128:
            break
        units = 257 - data[at]
        if units > left:
            break
        at, left, literals = at + 1 + units * unit_octets, left - units, literals + 1
    return at, left, literals


def _skip_counts(data: bytes, at: int, left: int, units: int, unit_octets: int) -> tuple[int, int]:
    """Skip to the line's end; return the place, which may lie behind the data, and 0.

    Return a number that is not 0 with a meaningless place where the line needs single steps.
    """
    steps, mask, end = _steps(unit_octets), PLACE_MASK, units << PLACE_BITS
    eight, two = end - (8 * 128 << PLACE_BITS), end - (2 * 128 << PLACE_BITS)
    walked = at + ((units - left) << PLACE_BITS)
    try:
        while walked < eight:
            walked += steps[data[walked & mask]]
            walked += steps[data[walked & mask]]
            walked += steps[data[walked & mask]]
            walked += steps[data[walked & mask]]
            walked += steps[data[walked & mask]]
            walked += steps[data[walked & mask]]
            walked += steps[data[walked & mask]]
            walked += steps[data[walked & mask]]
        while walked < two:
            walked += steps[data[walked & mask]]
            walked += steps[data[walked & mask]]
        while walked < end:
            walked += steps[data[walked & mask]]
    except IndexError:
        return at, 1
    return walked & mask, (walked >> PLACE_BITS) - units


class _Framing:
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


class RasterAnalyzer(_Framing):
    """Counts and describes the pages of a PWG Raster or Apple Raster stream (an Analyzer).

    A page is coloured when a pixel of it is: black text sent as sRGB is a monochrome page. Holds one piece of
    64 KiB, the part of a header or compressed run that it ends in (4 KiB at most), and some 8 MiB of what
    fragments of lines are worth, whatever the stream's size; the time is linear in the stream's octets.
    """

    def __init__(self) -> None:
        super().__init__()
        self._tally = Tally()
        self._octets = 0
        self._debt = 0  # octets to come that belong to a run already counted
        self._colour: bool | None = None
        self._neutral: Neutral | None = None
        self._fragments: Fragments | None = None
        self._fragments_of: tuple[bytes, str] | None = None
        self._lost = False
        self._finished = False

    def feed(self, chunk: bytes) -> None:
        """Take in the next octets of the stream; an empty chunk changes nothing."""
        if self._finished:
            raise ClaimError("feed() after finish(): take a new analyser")
        self._octets += len(chunk)
        for start in range(0, len(chunk), PIECE_OCTETS):
            if self._lost or self.ended_at is not None:
                return
            try:
                self._take(chunk[start : start + PIECE_OCTETS])
            except PclError as error:
                self._lose(error)

    def finish(self) -> Report:
        """End the stream and return what was learnt. Called once; feed() is over then."""
        if self._finished:
            raise ClaimError("finish() was called already")
        self._finished = True
        if not self._lost:
            self._end_stream()
        self._rest = b""
        report = Report(format=self.format, octets=self._octets, warnings=self.warnings.as_tuple())
        return self._tally.fill(report) if self.format else report

    def _take(self, piece: bytes) -> None:
        if self._debt:
            paid = min(self._debt, len(piece))
            self._debt -= paid
            self._base += paid
            piece = piece[paid:]
            if self._debt:
                return
        data = self._rest + piece
        at = 0
        while True:
            if self.page is None:
                behind = self._open(data, at)
                if behind is None:
                    break
                at = behind
                if self.page is not None:
                    self._begin_page(self.page)
                continue
            at = self._walk(self.page, data, at)
            if self._rows_left or self._units_left or at > len(data):
                break
            self._end_page()
        self._rest = data[at:]
        self._debt = max(0, at - len(data))
        self._base += min(at, len(data))

    def _begin_page(self, page: RasterPage) -> None:
        self._neutral = Neutral.of(page.colour_space, page.bits_per_pixel)
        self._colour = False if page.is_grey_space or self._neutral else None
        kind = (page.blank, page.colour_space)
        if kind != self._fragments_of:
            self._fragments = Fragments(page.blank, self._neutral) if page.unit_octets > 2 else None
            self._fragments_of = kind

    def _walk(self, page: RasterPage, data: bytes, at: int) -> int:
        """Walk lines until the page or the data ends; return the place, which may lie behind the data."""
        lines: list[bytes] = []
        try:
            while True:
                if self._units_left:
                    at = self._walk_steps(page, data, at, lines)
                    if self._units_left:
                        return at
                if not self._rows_left or at >= len(data):
                    return at
                at = self._walk_lines(page, data, at, lines)
        finally:
            # Of all lines of the piece together: to start the pattern takes as long as several counts.
            if self._neutral and not self._neutral.holds(b"".join(lines)):
                self._see_colour()

    def _walk_lines(self, page: RasterPage, data: bytes, at: int, lines: list[bytes]) -> int:
        """Walk whole lines; stop at the page's end, or at the counts of a line that asks for single steps."""
        unit_octets, units, size, rows = page.unit_octets, page.units_per_line, len(data), self._rows_left
        neutral, fragments, wait, pause, runs = self._neutral, self._fragments, 0, 0, 1
        while rows > 0 and at < size:
            start, left = at + 1, units
            rows -= data[at] + 1
            if rows < 0:
                self._warn_rows(at)
            at = start
            if not wait:
                # Among lines of many literals, most lines are such.
                few = A_FEW_AGAIN if pause else A_FEW
                at, left, literals = _skip_runs(data, at, left, unit_octets, runs, few)
                runs = (at - start) // (1 + unit_octets) or 1
                pause = min(MAX_PAUSE, 1 + 2 * pause) if literals == few else 0
                wait = pause
                if not left and not literals:
                    if neutral and not neutral.holds_in_runs(data, start, at):
                        self._see_colour()
                        neutral = None
                    continue
            else:
                wait -= 1
            before = at
            if left and fragments is not None:
                at, left, coloured = fragments.skip(data, start, at, left)
                if not left:
                    if neutral and (coloured or not neutral.holds(data[start:before])):
                        self._see_colour()
                        neutral = None
                    continue
            if left:
                at, left = _skip_counts(data, at, left, units, unit_octets)
            if left or at > size:
                # It is cut by the end of the data, has a blank rest, or is corrupt.
                self._rows_left, self._units_left = max(0, rows), units
                return start
            if neutral:
                lines.append(data[start:at])
        self._rows_left = max(0, rows)
        return at

    def _walk_steps(self, page: RasterPage, data: bytes, at: int, lines: list[bytes]) -> int:
        """Walk to the end of one line step by step, as far as the data goes.

        While colour is looked for, stops before a run that is not whole yet.
        """
        start, left, unit_octets, over = at, self._units_left, page.unit_octets, False
        while left and at < len(data):
            octet = data[at]
            if octet == 128:
                at, left = at + 1, 0
                break
            count = octet + 1 if octet < 128 else 257 - octet
            behind = at + 1 + unit_octets * (1 if octet < 128 else count)
            over = count > left
            if over or (behind > len(data) and self._neutral):
                break
            at, left = behind, left - count
        self._units_left = left
        if self._neutral:
            lines.append(data[start:at])
        if over:
            raise self._overrun(at)
        return at

    def _see_colour(self) -> None:
        self._colour, self._neutral = True, None

    def _end_page(self) -> None:
        assert self.page is not None
        self._tally.add(self.page.describe(self._colour))
        if self.page.insert_sheet and self._tally.sheets is not None:
            self._tally.sheets += self.page.copies
        self.page = None

    def _end_stream(self) -> None:
        if self.page is not None:
            within = f"the stream ends within page {self._tally.pages + 1}"
            self.warnings.add("truncated", within, self._octets)
            self._end_page()
        elif self._rest and self.ended_at is None:
            self.warnings.add("truncated", "the stream ends within a header", self._octets)
        elif self.format and not self.pages_begun:
            self.warnings.add("no-pages", "the stream has a file header and no page", self._octets)
        self._check_total(self._octets)

    def _lose(self, error: PclError) -> None:
        """Give up counting where the stream cannot be followed any more; a page begun is counted."""
        self._lost = True
        self._rest = b""
        if self.page is not None:
            self._end_page()
        self.warnings.add("corrupt", f"{error.message}; pages behind it are not counted", error.offset)


@dataclass(frozen=True, slots=True)
class Rows:
    """`count` rows of pixels that are alike, each `page.octets_per_line` octets."""

    octets: bytes
    count: int


class RasterDecoder(_Framing):
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
