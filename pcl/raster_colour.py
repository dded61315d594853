"""Whether the counts of compressed raster lines show colour, told for many of them at once."""

from __future__ import annotations

from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Flags", "Neutral", "NeutralUnits", "Octets", "Places", "all_of"]

Octets: TypeAlias = NDArray[np.uint8]
Places: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

REACH = 8  # units: a longer literal is looked at in parts of so many
# How many units are behind a count octet; octet 128 has none.
UNITS_BEHIND: Octets = np.array([1] * 128 + [0] + [257 - octet for octet in range(129, 256)], np.uint8)
UNITS_WITHIN_REACH: Octets = np.minimum(UNITS_BEHIND, REACH)


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


class NeutralUnits:
    """Where in a piece of compressed lines a row of neutral units would begin: 128 KiB take some 0.1 ms."""

    def __init__(self, neutral: Neutral, octets: Octets) -> None:
        unit_octets = neutral.unit_octets
        beginnings = neutral.units(octets)
        # How many follow each other from each place on, REACH at most. Behind the end nothing is neutral.
        reach = np.zeros(len(octets) + 130 * unit_octets, np.uint8)
        reach[: len(beginnings)] = beginnings
        have = 1
        while have < REACH:
            full = reach[: -have * unit_octets] == have
            reach[: -have * unit_octets] += reach[have * unit_octets :] * full
            have *= 2
        self._reach = reach[1:]  # so that a count's place asks for the unit behind it
        self._part_octets = REACH * unit_octets

    def show_colour(self, places: Places, counts: Octets) -> Flags:
        """Return for each count octet, at these places, whether its units show colour."""
        coloured: Flags = self._reach.take(places) < UNITS_WITHIN_REACH.take(counts)
        [longer] = np.nonzero((counts > 128) & (counts < 257 - REACH))
        if len(longer):
            places, left = places[longer], UNITS_BEHIND.take(counts[longer])
            while len(longer):
                places = places + self._part_octets
                left -= REACH
                coloured[longer] |= self._reach.take(places) < np.minimum(left, REACH)
                going = left > REACH
                longer, places, left = longer[going], places[going], left[going]
        return coloured
