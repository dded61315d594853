"""The keywords of `urf-supported` and of the TXT key URF: what Apple's clients read first.

The numbers are places in the lists of AirPrint, seen in the answers of many makers' printers; no public
document registers them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ..values import ResolutionUnits
from ..vocabulary.enums import Finishings
from .capabilities import Capabilities

_VERSION: Final = "V1.4"
_DUPLEX_MODES: Final = {"normal": "DM1", "flipped": "DM2", "rotated": "DM3", "manual-tumble": "DM4"}
_INPUT_SLOTS: Final = (
    *("auto", "main", "alternate", "large-capacity", "manual", "envelope", "disc", "photo", "hagaki"),
    *("main-roll", "alternate-roll", "top", "middle", "bottom", "side", "left", "right", "center", "rear"),
    *("by-pass-tray", *(f"tray-{number}" for number in range(1, 21))),
    *(f"roll-{number}" for number in range(1, 11)),
)
_MEDIA_TYPES: Final = (
    *("auto", "stationery", "transparency", "envelope", "cardstock", "labels", "stationery-letterhead"),
    *("disc", "photographic-matte", "photographic-satin", "photographic-semi-gloss"),
    *("photographic-glossy", "photographic-high-gloss", "other"),
)
_OUTPUT_BINS: Final = (
    *("auto", "top", "middle", "bottom", "side", "left", "right", "center", "rear", "face-up", "face-down"),
    *("large-capacity", "stacker", "my-mailbox", *(f"mailbox-{number}" for number in range(1, 11))),
    *(f"stacker-{number}" for number in range(1, 11)),
    *(f"tray-{number}" for number in range(1, 11)),
)


def urf_supported(printer: Capabilities) -> tuple[str, ...]:
    """The keywords, in a fixed order; empty where the printer takes no Apple raster."""
    if "image/urf" not in printer.document_formats:
        return ()
    words = [
        _VERSION,
        f"CP{min(printer.copies, 255)}",
        "W8",
        "SRGB24" if printer.color else "",
        _numbers("RS", (dpi.feed for dpi in printer.resolutions if _is_square(dpi))),
        _DUPLEX_MODES.get(printer.sheet_back, "") if printer.two_sided else "",
        _numbers("PQ", printer.qualities),
        _places("IS", printer.media_sources, _INPUT_SLOTS),
        _places("MT", printer.media_types, _MEDIA_TYPES),
        _places("OB", printer.output_bins, _OUTPUT_BINS),
        _numbers("FN", {Finishings.NONE, *printer.finishings}),
    ]
    return tuple(word for word in words if word)


def _is_square(resolution: tuple[int, int, int]) -> bool:
    cross_feed, feed, units = resolution
    return cross_feed == feed and units == ResolutionUnits.DOTS_PER_INCH


def _places(key: str, keywords: Sequence[str], order: Sequence[str]) -> str:
    return _numbers(key, (order.index(word) for word in keywords if word in order))


def _numbers(key: str, numbers: Iterable[int]) -> str:
    ordered = sorted({int(number) for number in numbers})
    return key + "-".join(map(str, ordered)) if ordered else ""
