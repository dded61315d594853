"""Whether compressed raster lines show colour, and how long they are, without expanding them."""

from __future__ import annotations

import re
from functools import cache

__all__ = ["Fragments", "Neutral"]

LONG_LITERAL = 16  # units: from here on a literal is looked at by slices, below it by the pattern

# A fragment's value is its units, and COLOURED more where it shows colour; OPEN where no run's count is last.
# The units of LINE_OCTETS are far fewer than COLOURED, and its coloured fragments together less than OPEN.
COLOURED = 1 << 30
OPEN = 1 << 56
MAX_FRAGMENTS = 1 << 15  # that are remembered, of REMEMBERED_OCTETS at most: some 8 MiB
REMEMBERED_OCTETS = 64
MAX_JOINED = 4  # fragments that one literal with blank units in it may spread over
LINE_OCTETS = 1 << 13  # a line's end is not looked for farther than that
WORTH_UNITS = 128  # fewer are sooner added up count by count
CREDIT = 1 << 15  # what may be spent on lines that do not pay before known fragments have earned it again
NEW_COSTS = 8  # known fragments that a new one, or one of a line in vain, is worth in time
TRY_COSTS = 64  # the same of a line whose end is not found
PAUSE = 32  # lines without a try when the credit is spent: they bound what hostile lines cost


class Neutral:
    """Tells lines without colour: equal primaries in RGB, nothing but black in CMYK.

    Holds for whole counts and their units (see pcl.raster); lines have no blank rest, or end in one.
    """

    def __init__(self, colour_space: str, bits_per_pixel: int) -> None:
        self._unit_octets = bits_per_pixel // 8
        self._samples = range(self._unit_octets)
        samples = self._unit_octets // (4 if colour_space == "cmyk" else 3)
        rgb = colour_space != "cmyk"
        self._line = _rgb_line(samples) if rgb else _cmyk_line(samples)
        self._columns_are_neutral = _rgb_columns if rgb else _cmyk_columns

    @staticmethod
    @cache
    def of(colour_space: str, bits_per_pixel: int) -> Neutral | None:
        """Return what tells the lines of this kind, None where their octets do not tell."""
        known = (colour_space in ("rgb", "srgb", "adobe-rgb") and bits_per_pixel in (24, 48)) or (
            colour_space == "cmyk" and bits_per_pixel in (32, 64)
        )
        return Neutral(colour_space, bits_per_pixel) if known else None

    def holds_in_runs(self, data: bytes, start: int, end: int) -> bool:
        """Whether data[start:end], which is runs and nothing else, shows no colour."""
        stride = 1 + self._unit_octets
        columns = [data[start + 1 + sample : end : stride] for sample in self._samples]
        return self._columns_are_neutral(columns)

    def holds_in_units(self, units: bytes) -> bool:
        """Whether these units, without counts, show no colour."""
        unit_octets = self._unit_octets
        return self._columns_are_neutral([units[sample::unit_octets] for sample in self._samples])

    def holds(self, data: bytes) -> bool:
        """Whether these compressed lines, one behind the other, show no colour.

        The pattern takes some 20 ns a count and 30 ns a literal unit. So long literals (of photographs) are
        looked at by slices as long as they follow each other, which takes 5 ns a unit.
        """
        start, end = 0, len(data)
        while start < end:
            count = data[start]
            behind = start + 1 + (257 - count if count > 128 else 1) * self._unit_octets
            if not 128 < count <= 257 - LONG_LITERAL or behind > end:
                # Runs and short literals, up to the next long one or to what shows colour.
                found = self._line.match(data, start)
                assert found is not None
                if found.end() == start:
                    return False
                start = found.end()
            else:
                if not self.holds_in_units(data[start + 1 : behind]):
                    return False
                start = behind
        return True


def _rgb_line(samples: int) -> re.Pattern[bytes]:
    unit = b"(?P<u%d>" + b"." * samples + b")(?P=u%d)(?P=u%d)"
    return _line_of([unit % (number, number, number) for number in range(1, LONG_LITERAL)])


def _cmyk_line(samples: int) -> re.Pattern[bytes]:
    return _line_of([b"\\0{%d}.{%d}" % (3 * samples, samples)] * LONG_LITERAL)


def _line_of(units: list[bytes]) -> re.Pattern[bytes]:
    runs = [b"[\\x00-\\x7f]" + units[0], b"\\x80"]
    literals = [
        b"\\x%02x(?:%s){%d}" % (257 - count, units[count - 1], count) for count in range(2, LONG_LITERAL)
    ]
    return re.compile(b"(?:" + b"|".join([*runs, *literals]) + b")*+", re.DOTALL)


def _rgb_columns(columns: list[bytes]) -> bool:
    third = len(columns) // 3
    return columns[:third] == columns[third : 2 * third] == columns[2 * third :]


def _cmyk_columns(columns: list[bytes]) -> bool:
    return not any(column.strip(b"\0") for column in columns[: len(columns) // 4 * 3])


class Fragments(dict[bytes, int]):
    """Adds up the counts of lines of text with smooth edges, whose fragments come again and again.

    A line is split at its blank units, which is one call in C. What is between two of them is a stroke of a
    letter and the count of the blank run behind it: some thousands of them make up all the lines of a
    document, and what each is worth is remembered. Where the line ends is guessed, and the sum proves it: its
    fragments are whole counts with their units, and counts have one reading only.
    """

    def __init__(self, blank: bytes, neutral: Neutral | None) -> None:
        self._blank = blank
        self._neutral = neutral
        self._credit = CREDIT
        self._pause = 0

    @property
    def is_paused(self) -> bool:
        """Whether the next line will not be tried, after lines that did not pay."""
        return self._pause > 0

    def skip(self, data: bytes, start: int, at: int, left: int) -> tuple[int, int, bool]:
        """Skip to the end of the line; return the place, 0, and whether colour was seen on the way.

        The line's counts begin at `start`, and `left` units are to come from `at` on. Its end is looked for
        where the next line begins as this one does, behind a blank unit; return `at` and `left` unchanged
        where that is not so.
        """
        if left < WORTH_UNITS:
            return at, left, False
        if self._pause:
            self._pause -= 1
            return at, left, False
        blank, values, known = self._blank, [], len(self)
        end = data.find(blank + b"\0" + data[start : start + 1 + len(blank)], at, at + LINE_OCTETS)
        if end >= 0:
            fragments = data[at:end].split(blank)
            values = list(map(self.__getitem__, fragments))
            total = sum(values)
            if total >= OPEN:
                total = self._close(fragments, values)
            if total < OPEN and total & (COLOURED - 1) == left:
                self._pay(len(values), NEW_COSTS * max(0, len(self) - known))
                return end + len(blank), 0, total >= COLOURED
        self._pay(0, TRY_COSTS + NEW_COSTS * len(values))
        return at, left, False

    def _pay(self, earned: int, cost: int) -> None:
        self._credit = min(CREDIT, self._credit + earned) - cost
        if self._credit <= 0:
            self._credit, self._pause = CREDIT // 16, PAUSE

    def _close(self, fragments: list[bytes], values: list[int]) -> int:
        """Return the sum of the values when literals that have a blank unit in them are joined again."""
        place, blank, many = 0, self._blank, len(values)
        try:
            while True:
                place = values.index(OPEN, place)
                joined, other = fragments[place], place + 1
                while other < many and values[place] == OPEN:
                    joined = joined + blank + fragments[other]
                    values[other], values[place], other = 0, self[joined], other + 1
                    if other - place > MAX_JOINED:
                        break
                if values[place] == OPEN:
                    return OPEN
                place = other
        except ValueError:
            return sum(values)

    def __missing__(self, fragment: bytes) -> int:
        value = self._value_of(fragment)
        if len(fragment) <= REMEMBERED_OCTETS:
            if len(self) >= MAX_FRAGMENTS:
                self.clear()
            self[fragment] = value
        return value

    def _value_of(self, fragment: bytes) -> int:
        """Return the units of whole counts and of the run whose unit is the blank behind the fragment."""
        at, last, units, unit_octets = 0, len(fragment) - 1, 0, len(self._blank)
        seen = b""
        while at < last:
            count = fragment[at]
            if count < 128:
                behind = at + 1 + unit_octets
                units += count + 1
            elif count > 128:
                behind = at + 1 + (257 - count) * unit_octets
                units += 257 - count
            else:
                return OPEN
            seen += fragment[at + 1 : behind]
            at = behind
        if at != last or fragment[at] >= 128:
            return OPEN
        units += fragment[at] + 1
        return units + COLOURED if self._neutral and not self._neutral.holds_in_units(seen) else units
