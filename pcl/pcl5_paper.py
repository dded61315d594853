"""The papers of PCL 5, by their number and by the name that PJL gives them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CUSTOM_PAPER", "PAPERS", "PAPER_OF_NAME", "Paper"]


@dataclass(frozen=True, slots=True)
class Paper:
    """A sheet as it is fed: centipoints; the edges take the logical page's width."""

    width: int
    height: int
    portrait_edge: int
    landscape_edge: int


# ESC & l # A: width and height in 300ths of an inch, the unprintable edge in portrait and in landscape.
SIZES_OF_CODES: dict[int, tuple[int, int, int, int]] = {
    1: (2175, 3150, 75, 60),
    2: (2550, 3300, 75, 60),
    3: (2550, 4200, 75, 60),
    6: (3300, 5100, 75, 60),
    15: (1650, 2550, 75, 60),
    17: (2303, 3189, 71, 59),
    18: (3307, 4961, 71, 59),
    24: (1240, 1748, 71, 59),
    25: (1748, 2480, 71, 59),
    26: (2480, 3507, 71, 59),
    27: (3507, 4960, 71, 59),
    45: (2150, 3035, 71, 59),
    46: (3035, 4299, 71, 59),
    71: (1181, 1748, 71, 59),
    72: (1748, 2362, 71, 59),
    78: (900, 1500, 75, 60),
    80: (1162, 2250, 75, 60),
    81: (1237, 2850, 75, 60),
    90: (1299, 2598, 71, 59),
    91: (1913, 2704, 71, 59),
    100: (2078, 2952, 71, 59),
}
CUSTOM_PAPER = 101
PAPER_OF_NAME = {
    "executive": 1,
    "letter": 2,
    "legal": 3,
    "ledger": 6,
    "a4": 26,
    "a3": 27,
    "a5": 25,
    "monarch": 80,
    "com10": 81,
    "dl": 90,
    "c5": 91,
    "b5": 100,
}
PAPERS = {
    code: Paper(width * 24, height * 24, portrait_edge * 24, landscape_edge * 24)
    for code, (width, height, portrait_edge, landscape_edge) in SIZES_OF_CODES.items()
}
