"""The pages of a PWG Raster or Apple Raster stream counted, without expanding a line of them.

A line is one octet of repetitions, then PackBits (see pcl.raster). Where its last count ends is where all
counts of the line are added up: many lines at once (pcl.raster_lanes), the others count by count.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from pcl.errors import ClaimError, PclError
from pcl.raster import Framing
from pcl.raster_colour import Neutral, NeutralUnits, room_octets
from pcl.raster_lanes import SPAN_OCTETS, Lanes
from pcl.raster_page import RasterPage
from pcl.report import Report, Tally

__all__ = ["RasterAnalyzer"]

MAX_PLACES = 1 << 15  # of counts that are remembered before their units are looked at
MAX_WAITING = 1 << 14  # chunks, before they are joined
FILL = 1 << 60  # what octet 128 takes of a line: no sum of units comes near it


# In one integer are the place (low 17 bits) and the units above it: one addition moves both, and it stays a
# machine word for lines of up to 8191 units.
PLACE_BITS = 17
PLACE_MASK = (1 << PLACE_BITS) - 1


@cache
def _moves(unit_octets: int) -> tuple[list[int], list[int]]:
    """Return the octets that each count octet moves by, and the units of the line that it takes."""
    literals = range(128, 1, -1)
    moves = [1 + unit_octets] * 128 + [1] + [1 + many * unit_octets for many in literals]
    return moves, [*range(1, 129), FILL, *literals]


@cache
def _steps(unit_octets: int) -> list[int]:
    """Return what each count octet adds to the integer of place and units."""
    return [octets + (units << PLACE_BITS) for octets, units in zip(*_moves(unit_octets), strict=True)]


def _skip_counts(data: bytes, at: int, left: int, unit_octets: int) -> int | None:
    """Return the end of the line that has so many units left, None where it needs a closer look."""
    line = data[at : at + left * (1 + unit_octets)]
    if len(line) > PLACE_MASK:
        return None
    steps, mask, end, walked = _steps(unit_octets), PLACE_MASK, left << PLACE_BITS, 0
    six = end - (6 * 128 << PLACE_BITS)
    try:
        while walked < six:
            walked += steps[line[walked & mask]]
            walked += steps[line[walked & mask]]
            walked += steps[line[walked & mask]]
            walked += steps[line[walked & mask]]
            walked += steps[line[walked & mask]]
            walked += steps[line[walked & mask]]
        while walked < end:
            walked += steps[line[walked & mask]]
    except IndexError:
        return None
    octets = walked & mask
    return at + octets if walked >> PLACE_BITS == left and octets <= len(line) else None


class RasterAnalyzer(Framing):
    """Counts and describes the pages of a PWG Raster or Apple Raster stream (an Analyzer).

    A page is coloured when a pixel of it is: black text sent as sRGB is a monochrome page. Holds one MiB of
    the stream at most and 20 MiB of work on it at most, some 4 MiB with common documents, whatever the
    stream's size and the chunks it comes in; the time is linear in the stream's octets. Half a MiB is worked
    on at a time, for some 2 to 30 ms: no event loop should wait for feed().
    """

    def __init__(self) -> None:
        super().__init__()
        self._tally = Tally()
        self._octets = 0
        self._waiting: list[bytes] = []
        self._waiting_octets = 0
        self._colour: bool | None = None
        self._neutral: Neutral | None = None
        self._lanes = Lanes()
        self._lost = False
        self._finished = False

    def feed(self, chunk: bytes) -> None:
        """Take in the next octets of the stream; an empty chunk changes nothing."""
        if self._finished:
            raise ClaimError("feed() after finish(): take a new analyser")
        self._octets += len(chunk)
        for start in range(0, len(chunk), SPAN_OCTETS):
            piece = chunk[start : start + SPAN_OCTETS]
            self._waiting.append(piece)
            self._waiting_octets += len(piece)
            if self._waiting_octets >= SPAN_OCTETS:
                self._take()
            elif len(self._waiting) >= MAX_WAITING:
                self._waiting = [b"".join(self._waiting)]

    def finish(self) -> Report:
        """End the stream and return what was learnt. Called once; feed() is over then."""
        if self._finished:
            raise ClaimError("finish() was called already")
        self._finished = True
        self._take()
        if not self._lost:
            self._end_stream()
        report = Report(format=self.format, octets=self._octets, warnings=self.warnings.as_tuple())
        return self._tally.fill(report) if self.format else report

    def _take(self) -> None:
        """Read what is waiting, up to a header or a count that is not whole yet."""
        data, at = b"".join(self._waiting), 0
        try:
            if not self._lost and self.ended_at is None:
                at = self._read(data)
        except PclError as error:
            self._lose(error)
        self._lanes.end(self._base, at)
        self._base += at
        rest = b"" if self._lost or self.ended_at is not None else data[at:]
        self._waiting, self._waiting_octets = [rest], len(rest)

    def _read(self, data: bytes) -> int:
        at = 0
        while True:
            if self.page is None:
                behind = self._open(data, at)
                if behind is None:
                    return at
                at = behind
                if self.page is not None:
                    self._begin_page(self.page)
                continue
            at = self._walk(self.page, data, at)
            if self._rows_left or self._units_left:
                return at
            self._end_page()

    def _begin_page(self, page: RasterPage) -> None:
        self._neutral = Neutral.of(page.colour_space, page.bits_per_pixel)
        self._colour = False if page.is_grey_space or self._neutral else None

    def _walk(self, page: RasterPage, data: bytes, at: int) -> int:
        """Walk lines until the page or the data ends; return the place behind the last whole count."""
        unit_octets, units, size = page.unit_octets, page.units_per_line, len(data)
        places: list[int] = []
        line: int | None = None  # where the line begins, if it does in this data
        try:
            while True:
                if not self._units_left:
                    line = self._skip_lines(page, data, at)
                    if line > at:
                        self._look(data, places)
                    if not self._rows_left or line >= size:
                        return line
                    self._repeat(data[line], line)
                    self._units_left, at = units, line + 1
                end = None
                if self._colour or not self._neutral:
                    end = _skip_counts(data, at, self._units_left, unit_octets)
                if end:
                    at, self._units_left = end, 0
                else:
                    at = self._walk_counts(data, at, unit_octets, places)
                if self._units_left:
                    return at
                if line is not None:
                    self._lanes.miss(data, line, at - line)
                if len(places) > MAX_PLACES:
                    self._look(data, places)
        finally:
            self._look(data, places)

    def _skip_lines(self, page: RasterPage, data: bytes, at: int) -> int:
        """Skip lines whose ends the lanes tell; return the place of the first other line."""
        if not self._rows_left or at >= len(data):
            return at
        lanes, units = self._lanes, page.units_per_line
        lanes.lay(data, self._base, at, page.blank, self._neutral)
        while self._rows_left and (found := lanes.skip(at + 1, units)):
            self._repeat(data[at], at)
            at, coloured = found
            if coloured:
                self._colour = True
        return at

    def _walk_counts(self, data: bytes, at: int, unit_octets: int, places: list[int]) -> int:
        """Walk to the end of one line as far as the data goes; note the places of its whole counts.

        Raises: PclError where a count is longer than what is left of the line.
        """
        left, (moves, units), note = self._units_left, _moves(unit_octets), places.append
        try:
            while left > 0:
                octet = data[at]
                note(at)
                at += moves[octet]
                left -= units[octet]
        except IndexError:  # the data ends before the line does
            pass
        if left < 0 or at > len(data):
            # The last count is a blank rest, too long or not whole: take it back.
            at = places.pop()
            if data[at] == 128:
                at, left = at + 1, 0
            else:
                left += units[data[at]]
                if units[data[at]] > left:
                    raise self._overrun(at)
        self._units_left = left
        return at

    def _look(self, data: bytes, places: list[int]) -> None:
        """See whether the counts at these places show colour, if that is asked, and forget them."""
        if places and self._neutral and not self._colour:
            first, behind = places[0], places[-1] + 1 + 128 * self._neutral.unit_octets
            octets = np.frombuffer(data, np.uint8)[first:behind]
            at = np.array(places, np.int64) - first
            room = np.empty(room_octets(len(octets), self._neutral.unit_octets), np.uint8)
            self._colour = bool(NeutralUnits(self._neutral, octets, room).show_colour(at, octets[at]).any())
        places.clear()

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
        elif self._waiting_octets and self.ended_at is None:
            self.warnings.add("truncated", "the stream ends within a header", self._octets)
        elif self.format and not self.pages_begun:
            self.warnings.add("no-pages", "the stream has a file header and no page", self._octets)
        self._check_total(self._octets)

    def _lose(self, error: PclError) -> None:
        """Give up counting where the stream cannot be followed any more; a page begun is counted."""
        self._lost = True
        if self.page is not None:
            self._end_page()
        self.warnings.add("corrupt", f"{error.message}; pages behind it are not counted", error.offset)
