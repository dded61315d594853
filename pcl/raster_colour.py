"""Whether compressed raster lines show colour, without expanding them."""

from __future__ import annotations

import re
from functools import cache

__all__ = ["Neutral"]

LONG_LITERAL = 16  # units: from here on a literal is looked at by slices, below it by the pattern


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
                body = data[start + 1 : behind]
                if not self._columns_are_neutral(
                    [body[sample :: self._unit_octets] for sample in self._samples]
                ):
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
