"""Many stretches of compressed raster lines walked side by side, one lane each, a count of each in every step.

Where a lane may begin is guessed: where a line might begin, and behind blank units within lines. A guess
needs no proof. A lane goes from its place to the first place that some guess names, count by count, so it tells
the truth whenever its beginning is true; and that is known when it is reached from a true place. Lanes that
begin in the midst of something are reached by nothing.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from pcl.raster_colour import Flags, Neutral, NeutralUnits, Octets, Places

__all__ = ["Guide", "Lanes"]

SPAN_OCTETS = 1 << 20  # that lanes are laid over at once: bounds the memory
MIN_SPAN_OCTETS = 1 << 14  # in less, numpy's calls cost more than they save
MIN_LANES, MAX_LANES = 32, 1 << 15
STRETCH_COUNTS = 128  # in so many runs' octets one lane within a line is looked for
STEPS = 16  # between two looks at which lanes have come to their end
MAX_STEPS = 20 * STEPS  # then a lane ends where it is

# In the walk one integer holds the place (low 21 bits: a span and the longest count) and the units above it.
PLACE_BITS = 21
PLACE_MASK = (1 << PLACE_BITS) - 1
MAX_COUNT_OCTETS = 1 + 128 * 30  # the greatest pixel has 240 bits


@cache
def _steps(unit_octets: int) -> Places:
    """Return what each count octet adds to the walk's integer; 128 stands still."""
    runs = [(1 + unit_octets) + ((octet + 1) << PLACE_BITS) for octet in range(128)]
    literals = [
        (1 + (257 - octet) * unit_octets) + ((257 - octet) << PLACE_BITS) for octet in range(129, 256)
    ]
    return np.array([*runs, 0, *literals], np.int64)


class Lanes:
    """The lanes over `data` from a line's repeat octet at `start` on, as far as `end`.

    `blank` is one unit of unprinted paper. Holds some 12 MiB while they are walked, then 6 MiB at most.
    """

    def __init__(self, data: bytes, start: int, blank: bytes, neutral: Neutral | None) -> None:
        self.start = start
        self.end = min(start + SPAN_OCTETS, len(data))
        self.missed = 0  # octets that had to be walked without lanes
        self._data = data
        self._kind = (blank, neutral)
        octets = np.frombuffer(data, np.uint8, self.end - start, start)
        lines, within = _guess_lines(octets, blank), _guess_within(octets, blank)
        begins = np.unique(np.concatenate((lines, within)))
        begins = begins[octets[begins] != 128]
        if len(begins) > MAX_LANES:
            begins = begins[:MAX_LANES]
            self.end = start + int(begins[-1])
        self._lanes: dict[int, tuple[int, int, bool]] = {}
        if len(begins) >= MIN_LANES:
            # The walk stands still on octet 128, so that marks where lanes end as well.
            marked = np.full(len(octets) + MAX_COUNT_OCTETS, 128, np.uint8)
            marked[: len(octets)] = octets
            marked[lines - 1] = marked[within] = 128
            units = NeutralUnits(neutral, octets) if neutral else None
            ends, walked, coloured = _walk(marked, begins, octets[begins], len(blank), units)
            found = zip((ends + start).tolist(), walked.tolist(), coloured.tolist(), strict=True)
            self._lanes = dict(zip((begins + start).tolist(), found, strict=True))

    def are_of(self, blank: bytes, neutral: Neutral | None) -> bool:
        """Whether these lanes tell of pages of this kind."""
        return (blank, neutral) == self._kind

    def is_over(self, at: int) -> bool:
        """Whether the lanes carry no farther than `at`, or have missed so much that new ones are better."""
        return at >= self.end or 8 * self.missed > self.end - self.start

    def skip(self, at: int, units: int) -> tuple[int, bool] | None:
        """Return where the line ends whose first count is at `at`, and whether it shows colour.

        None when lanes do not tell: the line has to be walked count by count.
        """
        lanes, coloured = self._lanes, False
        while (lane := lanes.get(at)) is not None:
            at, walked, shown = lane
            units -= walked
            coloured = coloured or shown
            if units <= 0:
                return (at, coloured) if not units and at <= self.end else None
        if at < self.end and self._data[at] == 128:
            return at + 1, coloured
        return None


class Guide:
    """Says where lanes are worth their cost: where they do not carry far, they are not laid for a while."""

    def __init__(self) -> None:
        self._resume_at = 0  # in the stream
        self._pause_octets = 0

    def lay(self, data: bytes, base: int, at: int, blank: bytes, neutral: Neutral | None) -> Lanes | None:
        """Return lanes from the line at `at` of the data, which is at `base` in the stream.

        None in a pause, near the data's end, and at a blank line, which other lines do not look like.
        """
        if len(data) - at < MIN_SPAN_OCTETS or base + at < self._resume_at or data[at + 1] == 128:
            return None
        return Lanes(data, at, blank, neutral)

    def judge(self, lanes: Lanes, base: int, at: int) -> None:
        """Take in how far the lanes carried until `at` of the data."""
        span = lanes.end - lanes.start
        if 8 * (at - lanes.start - lanes.missed) > span:
            self._pause_octets = 0
        else:
            self._pause_octets = min(
                max(2 * self._pause_octets, MIN_SPAN_OCTETS, span // 4), 16 * SPAN_OCTETS
            )
            self._resume_at = base + at + self._pause_octets


def _guess_lines(octets: Octets, blank: bytes) -> Places:
    """Return where a line's first count may be: the first one here, and each that looks like it.

    Before that are a repeat octet and the end of a line, which is a blank unit or octet 128.
    """
    unit_octets = len(blank)
    margin = 1 + unit_octets  # of a line's end and repeat octet; of a count and its unit as well
    first = octets[1 : 1 + margin]
    inner = len(octets) - 2 * margin
    alike = octets[margin : margin + inner] == first[0]
    alike &= octets[margin + 1 : margin + 1 + inner] == first[1]
    alike &= octets[margin - 1 : margin - 1 + inner] < 128
    places = np.flatnonzero(alike) + margin
    for place in range(2, margin):
        places = places[octets[places + place] == first[place]]
    blanks = octets[places - 2] == blank[0]
    for place in range(3, 2 + unit_octets):
        blanks &= octets[places - place] == blank[0]
    return np.concatenate((np.ones(1, np.int64), places[blanks | (octets[places - 2] == 128)]))


def _guess_within(octets: Octets, blank: bytes) -> Places:
    """Return the first place in each stretch that seems to be behind a blank run."""
    unit_octets = len(blank)
    stretch, window = STRETCH_COUNTS * (1 + unit_octets), STRETCH_COUNTS // 4 * (1 + unit_octets)
    many = len(octets) // stretch - 1
    stretches = octets[: many * stretch].reshape(many, stretch)
    runs = (stretches[:, :window] < 128) & (stretches[:, :window] != blank[0])
    for place in range(1, 1 + unit_octets):
        runs &= stretches[:, place : place + window] == blank[0]
    first = runs.argmax(axis=1)
    begins = np.arange(many)
    found = runs[begins, first]
    return (begins * stretch + first + 1 + unit_octets)[found]


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
        if np.count_nonzero(going) < MIN_LANES // 2:
            break
        lanes, walked, places, counts = lanes[going], walked[going], places[going], counts[going]
    return ends & PLACE_MASK, ends >> PLACE_BITS, coloured
