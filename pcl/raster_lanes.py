"""Many stretches of compressed raster lines walked side by side, a lane for each, a count in each step.

Where a lane begins is guessed: where a line may begin, and within lines behind runs of the ground, which is
what lines begin with. A guess needs no proof. A lane goes count by count from its place to the next place
that is marked by a guess, so what it tells is true if its beginning is; and that is known when it is reached
from a true place. A lane that begins in the midst of a count is reached by nothing.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from pcl.raster_colour import BLOCK_OCTETS, Flags, Neutral, NeutralUnits, Octets, Places, room_octets

__all__ = ["SPAN_OCTETS", "Lanes"]

SPAN_OCTETS = 1 << 19  # that lanes are laid over at once: bounds the memory
MIN_SPAN_OCTETS = 1 << 14  # in less, numpy's calls cost more than they save
MIN_LANES, MAX_LANES = 32, 1 << 15
MAX_FIRSTS = 16  # that are looked for: each takes some time
STRETCH_COUNTS = 128  # in so many runs' octets one lane within a line is looked for
STEPS = 16  # between two looks at which lanes have come to their end
MAX_STEPS = 320  # then a lane ends where it is, and so do the last FEW_LANES: no step is made for them alone
FEW_LANES = 3

# In the walk one integer holds the place (low 20 bits: a span and the longest count) and the units above it.
PLACE_BITS = 20
PLACE_MASK = (1 << PLACE_BITS) - 1
MAX_COUNT_OCTETS = 1 + 128 * 30  # the greatest pixel has 240 bits
MAX_NEUTRAL_OCTETS = 8  # of a pixel whose colour can be told: CMYK of 16 bits


@cache
def _steps(unit_octets: int) -> Places:
    """Return what each count octet adds to the walk's integer; 128 stands still."""
    runs = [(1 + unit_octets) + ((octet + 1) << PLACE_BITS) for octet in range(128)]
    literals = [
        (1 + (257 - octet) * unit_octets) + ((257 - octet) << PLACE_BITS) for octet in range(129, 256)
    ]
    return np.array([*runs, 0, *literals], np.int64)


class Lanes:
    """Lanes over one piece of a stream after the other; none for a while where they did not carry far.

    Holds 1 MiB for marks and 6 MiB at most for what the lanes told, and 12 MiB more while they are walked.
    """

    def __init__(self) -> None:
        self._lanes: dict[int, int] = {}  # by their beginnings
        self._ends: list[int] = []
        self._units: list[int] = []
        self._coloured: list[bool] = []
        self._data = b""
        self._start = self._end = 0  # of what the lanes go over
        self._missed = 0  # octets of it that had to be walked without lanes
        self._kind: tuple[bytes, Neutral | None] = b"", None
        self._firsts: list[int] = []  # the last first counts of lines that begin with a run
        self._resume_at = self._pause_octets = 0
        self._marked = np.empty(SPAN_OCTETS + MAX_COUNT_OCTETS, np.uint8)
        self._room = np.empty(room_octets(SPAN_OCTETS, MAX_NEUTRAL_OCTETS), np.uint8)

    def lay(self, data: bytes, base: int, at: int, blank: bytes, neutral: Neutral | None) -> None:
        """Have lanes from the line on whose repeat octet is at `at` of the data.

        `base` is the data's place in the stream, `blank` one unit of unprinted paper. Nothing changes where
        such lanes are laid and carry, in a pause, and near the data's end.
        """
        kind = blank, neutral
        if at < self._end and 8 * self._missed <= self._end - self._start and kind == self._kind:
            return
        self.end(base, at)
        if kind != self._kind:
            self._kind, self._firsts = kind, []
        if len(data) - at >= MIN_SPAN_OCTETS and base + at >= self._resume_at:
            self._learn(data, at)
            self._lay(data, at)

    def end(self, base: int, at: int) -> None:
        """Take the lanes away, which carried until `at` of the data: they hold for no other data."""
        span = self._end - self._start
        if span and 8 * (min(at, self._end) - self._start - self._missed) > span:
            self._pause_octets = 0
        elif span:
            self._pause_octets = min(max(2 * self._pause_octets, span // 4), 16 * SPAN_OCTETS)
            self._resume_at = base + at + self._pause_octets
        self._lanes, self._data, self._start, self._end, self._missed = {}, b"", 0, 0, 0

    def miss(self, data: bytes, at: int, octets: int) -> None:
        """Take in that the line whose repeat octet is at `at` of the data was walked without lanes."""
        self._missed += octets
        self._learn(data, at)

    def _learn(self, data: bytes, at: int) -> None:
        first = data[at + 1]
        if first not in self._firsts and first < 128:
            self._firsts = [first, *self._firsts[: MAX_FIRSTS - 1]]

    def skip(self, at: int, units: int) -> tuple[int, bool] | None:
        """Return where the line ends whose first count is at `at`, and whether it shows colour.

        None when lanes do not tell: the line has to be walked count by count.
        """
        lanes, coloured = self._lanes, False
        while (lane := lanes.get(at)) is not None:
            at = self._ends[lane]
            units -= self._units[lane]
            coloured = coloured or self._coloured[lane]
            if units <= 0:
                return (at, coloured) if not units and at <= self._end else None
        if at < self._end and self._data[at] == 128:
            return at + 1, coloured
        return None

    def _lay(self, data: bytes, start: int) -> None:
        (blank, neutral), firsts = self._kind, self._firsts
        self._data, self._start, self._end = data, start, min(start + SPAN_OCTETS, len(data))
        octets = np.frombuffer(data, np.uint8, self._end - start, start)
        # Others begin and end with what this one begins with: white paper, or the ground of a dark slide.
        ground = octets[2 : 2 + len(blank)] if octets[1] < 128 else np.frombuffer(blank, np.uint8)
        lines, within = _guess_lines(octets, ground, firsts), _guess_within(octets, ground)
        begins = np.sort(np.concatenate((lines, within)), kind="stable")
        begins = begins[octets[begins] != 128]
        if len(begins) > MAX_LANES:
            begins = begins[:MAX_LANES]
            self._end = start + int(begins[-1])
        if len(begins) < MIN_LANES:
            return
        # The walk stands still on octet 128, so that marks where lanes end as well.
        marked = self._marked
        marked[: len(octets)] = octets
        marked[len(octets) : len(octets) + MAX_COUNT_OCTETS] = 128
        marked[lines - 1] = marked[within] = 128
        units = NeutralUnits(neutral, octets, self._room) if neutral else None
        ends, walked, coloured = _walk(marked, begins, octets[begins], len(blank), units)
        self._ends, self._units, self._coloured = (ends + start).tolist(), walked.tolist(), coloured.tolist()
        self._lanes = dict(zip((begins + start).tolist(), range(len(begins)), strict=True))


def _guess_lines(octets: Octets, ground: Octets, firsts: list[int]) -> Places:
    """Return where a line's first count may be: the first one here, and those that look like it.

    That is one of the `firsts` and a unit of the ground, behind a repeat octet that is behind such a unit or
    octet 128.
    """
    unit_octets = len(ground)
    found = [np.ones(1, np.int64)]
    for start in range(2 + unit_octets, len(octets) - unit_octets, BLOCK_OCTETS):
        behind = min(start + BLOCK_OCTETS, len(octets) - unit_octets)
        alike = np.zeros(behind - start, np.bool_)
        for first in firsts:
            alike |= octets[start:behind] == first
        alike &= octets[start + 1 : behind + 1] == ground[0]
        places = np.flatnonzero(alike) + start
        for place in range(1, unit_octets):
            places = places[octets[places + 1 + place] == ground[place]]
        places = places[octets[places - 1] < 128]
        ended = np.ones(len(places), np.bool_)
        for place in range(unit_octets):
            ended &= octets[places - 1 - unit_octets + place] == ground[place]
        found.append(places[ended | (octets[places - 2] == 128)])
        if sum(map(len, found)) > MAX_LANES:
            break
    return np.concatenate(found)


def _guess_within(octets: Octets, ground: Octets) -> Places:
    """Return the first place in each stretch that seems to be behind a run of the ground."""
    unit_octets = len(ground)
    stretch, window = STRETCH_COUNTS * (1 + unit_octets), STRETCH_COUNTS // 4 * (1 + unit_octets)
    many = len(octets) // stretch - 1
    stretches = octets[: many * stretch].reshape(many, stretch)
    runs = (stretches[:, :window] < 128) & (stretches[:, :window] != ground[0])
    for place in range(unit_octets):
        runs &= stretches[:, place + 1 : place + 1 + window] == ground[place]
    first = runs.argmax(axis=1)
    begins = np.arange(many)
    found: Flags = runs[begins, first]
    places: Places = begins * stretch + first + 1 + unit_octets
    return places[found]


def _walk(
    marked: Octets, places: Places, counts: Octets, unit_octets: int, units: NeutralUnits | None
) -> tuple[Places, Places, Flags]:
    """Walk from the count octets at these places to octets 128; return the ends, the units and the colour."""
    steps, lanes = _steps(unit_octets), np.arange(len(places))
    walked = places.copy()
    ends, coloured = walked.copy(), np.zeros(len(places), np.bool_)
    for _ in range(MAX_STEPS // STEPS):
        passed: list[tuple[Places, Octets]] = []
        for _ in range(STEPS):
            passed.append((places, counts))
            walked += steps.take(counts)
            places = walked & PLACE_MASK
            counts = marked.take(places)
        ends[lanes] = walked
        if units:
            at, of = (np.concatenate(column) for column in zip(*passed, strict=True))
            coloured[lanes] |= units.show_colour(at, of).reshape(STEPS, -1).any(axis=0)
        going = counts != 128
        if np.count_nonzero(going) < FEW_LANES:
            break
        lanes, walked, places, counts = lanes[going], walked[going], places[going], counts[going]
    return ends & PLACE_MASK, ends >> PLACE_BITS, coloured
