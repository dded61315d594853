"""Whether the counts of compressed raster lines show colour, told for many of them at once."""

from __future__ import annotations

from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Flags", "Neutral", "NeutralUnits", "Octets", "Places", "all_of", "room_octets"]

Octets: TypeAlias = NDArray[np.uint8]
Places: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

BLOCK_OCTETS = 1 << 17  # are looked at together: they stay in the processor's cache
REACH = 4  # units: a longer literal is looked at in parts of so many


def all_of(flags: Flags, many: int) -> Flags:
    """Return for each place whether `many` flags from there on are all set; it is `many` less one shorter."""
    have = 1
    while have < many:
        step = min(have, many - have)
        flags = flags[:-step] & flags[step:]
        have += step
    return flags


class Neutral:
    """Tells pixels without colour: equal primaries in RGB, nothing but black in CMYK."""

    def __init__(self, colour_space: str, bits_per_pixel: int) -> None:
        self.unit_octets = bits_per_pixel // 8
        self._is_ink = colour_space == "cmyk"
        self._sample_octets = self.unit_octets // (4 if self._is_ink else 3)

    @staticmethod
    @cache
    def of(colour_space: str, bits_per_pixel: int) -> Neutral | None:
        """Return what tells the pixels of this kind, None where their octets do not tell."""
        known = (colour_space in ("rgb", "srgb", "adobe-rgb") and bits_per_pixel in (24, 48)) or (
            colour_space == "cmyk" and bits_per_pixel in (32, 64)
        )
        return Neutral(colour_space, bits_per_pixel) if known else None

    def units(self, octets: Octets) -> Flags:
        """Return for each place where a whole pixel may begin whether it would be neutral."""
        sample_octets = self._sample_octets
        if self._is_ink:
            return all_of(octets == 0, 3 * sample_octets)[: max(0, len(octets) - self.unit_octets + 1)]
        return all_of(octets[:-sample_octets] == octets[sample_octets:], 2 * sample_octets)


def room_octets(octets: int, unit_octets: int) -> int:
    """Return the room that NeutralUnits wants for a piece of so many octets: a literal may go beyond it."""
    return octets + 130 * unit_octets


class NeutralUnits:
    """Where in a piece of compressed lines units would begin that are neutral.

    `room` is where that is noted: room_octets() of it.
    """

    def __init__(self, neutral: Neutral, octets: Octets, room: Octets) -> None:
        unit_octets = neutral.unit_octets
        for start in range(0, len(octets), BLOCK_OCTETS):
            begin = neutral.units(octets[start : start + BLOCK_OCTETS + REACH * unit_octets])
            # How many follow each other from each place on, REACH at most.
            reach = room[start : start + min(BLOCK_OCTETS, len(octets) - start)]
            reach[:] = 0
            follow = begin
            for units in range(1, REACH + 1):
                here = follow[: len(reach)].view(np.uint8)
                reach[: len(here)] += here
                follow = follow[:-unit_octets] & begin[units * unit_octets :]
        room[len(octets) : room_octets(len(octets), unit_octets)] = 0
        self._reach = room[1:]  # so that a count's place asks for the unit behind it
        self._part_octets = REACH * unit_octets

    def show_colour(self, places: Places, counts: Octets) -> Flags:
        """Return for each count octet, at these places, whether its units show colour; octet 128 has none."""
        units = _units_behind(counts)
        coloured: Flags = self._reach.take(places) < units
        coloured &= counts != 128
        if coloured.any():
            [longer] = np.nonzero(coloured & (units > REACH))
            coloured[longer] = False
            places, left = places[longer], units[longer]
            while len(longer):
                shown = self._reach.take(places) < np.minimum(left, REACH)
                coloured[longer[shown]] = True
                going = (left > REACH) & ~shown
                longer, places, left = longer[going], places[going] + self._part_octets, left[going] - REACH
        return coloured


def _units_behind(counts: Octets) -> Octets:
    """Return how many units follow each count octet: one behind a run's, 257 less a literal's octet."""
    # As signed octets, runs are 0 to 127 and literals -127 to -1. This is faster than a table.
    units: Octets = (1 - np.minimum(counts.view(np.int8), 0)).view(np.uint8)
    return units
