"""Media names that carry their size (PWG 5101.1), the names older clients send, and sizes by nearness.

A size is two dimensions in hundredths of a millimetre, as in `media-size` (PWG 5100.7): 1 inch is 2540.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from .vocabulary.keywords import KEYWORDS

HUNDREDTHS_PER_MM: Final = 100
HUNDREDTHS_PER_INCH: Final = 2540

# Drivers round to points and raster lines: two sizes within five points (1/72 inch) are the same medium.
TOLERANCE: Final = 5 * HUNDREDTHS_PER_INCH // 72

# The longest registered medium is 3 m, the longest roll some 100 m. What is longer (1 km) is nonsense.
_MOST: Final = 100_000_000

_NUMBER = r"(?:[1-9][0-9]{0,9}|0)(?:\.[0-9]{0,9}[1-9])?"
_INCH_CLASSES: Final = ("asme", "na", "oe", "roc")
_MM_CLASSES: Final = ("iso", "jis", "jpn", "om", "prc")
_NAME: Final = re.compile(
    rf"(?:(?P<inches>{'|'.join(_INCH_CLASSES)})|(?P<mms>{'|'.join(_MM_CLASSES)})|custom|roll)"
    rf"_(?P<label>[a-z0-9][-.a-z0-9]*)_(?P<x>{_NUMBER})x(?P<y>{_NUMBER})(?P<unit>in|mm)"
)
_CHOICE: Final = re.compile(
    r"_((?:asme|custom|iso|jis|jpn|na|oe|om|prc|roc|roll)_[a-z0-9][-.a-z0-9]*_[0-9.]+x[0-9.]+(?:in|mm))"
)


@dataclass(frozen=True, slots=True)
class MediaSize:
    """A medium as its name describes it; dimensions in hundredths of a millimetre.

    `y_dimension` is 0 only for a roll whose length is not known. Two names may have one size.
    """

    name: str
    x_dimension: int
    y_dimension: int

    @property
    def label(self) -> str:
        """The name without its dimensions: `iso_a4`."""
        return self.name.rpartition("_")[0]

    @property
    def is_custom(self) -> bool:
        """Whether the size was made up by a person, or is a bound of what may be made up."""
        return self.name.startswith("custom_")

    @property
    def is_roll(self) -> bool:
        """Whether this is a roll, or a bound of the rolls that fit."""
        return self.name.startswith("roll_")


def parse(name: str) -> MediaSize | None:
    """The size that a self-describing name tells, registered or not (PWG 5101.1 5).

    `iso_a4_210x297mm`, `na_letter_8.5x11in`, `custom_min_76.2x127mm`, `roll_current_36x0in`.
    None for any other string: an alias (`resolve`), a choice (`parse_choice`), a wrong unit, or a dimension
    that is zero or beyond a kilometre. Fractions of a hundredth are cut off, as CUPS does, so that both
    tell the same number.
    """
    found = _NAME.fullmatch(name)
    if found is None or len(name) > 255:
        return None
    unit = found["unit"]
    if (found["inches"] and unit != "in") or (found["mms"] and unit != "mm"):
        return None
    scale = HUNDREDTHS_PER_INCH if unit == "in" else HUNDREDTHS_PER_MM
    x, y = (int(Decimal(found[side]) * scale) for side in "xy")
    shortest = 0 if name.startswith("roll_") else 1
    if not (1 <= x <= _MOST and shortest <= y <= _MOST):
        return None
    return MediaSize(name, x, y)


def parse_choice(name: str) -> tuple[MediaSize, ...]:
    """The sizes between which a `choice_` name leaves the choice; empty when it is not such a name.

    `choice_iso_a4_210x297mm_na_letter_8.5x11in` leaves it between A4 and Letter (PWG 5101.1 5.1.6).
    """
    head, underscore, rest = name.partition("_")
    if head != "choice" or not underscore or len(name) > 255:
        return ()
    names = _CHOICE.findall(f"_{rest}")
    sizes = tuple(size for size in map(parse, names) if size is not None)
    whole = "".join(f"_{size.name}" for size in sizes) == f"_{rest}"
    return sizes if whole and len(sizes) > 1 else ()


def _read_registered() -> tuple[MediaSize, ...]:
    sizes = [size for size in map(parse, KEYWORDS["media"]) if size is not None]
    order = ("iso", "na", "jis", "jpn", "prc", "roc", "om", "oe", "asme")
    return tuple(sorted(sizes, key=lambda size: (order.index(size.name.partition("_")[0]), size.name)))


REGISTERED: Final = _read_registered()
"""Every registered self-describing size, the more common classes first."""

_BY_NAME: Final = MappingProxyType({size.name: size for size in REGISTERED})
_BY_LABEL: Final = MappingProxyType({size.label: size for size in reversed(REGISTERED)})


def registered(label: str) -> MediaSize:
    """The registered size of a label: `registered("iso_a4")`. Raises KeyError."""
    return _BY_LABEL[label]


# Names from before PWG 5101.1 (RFC 8011 5.2.11) and those of PPD files, which no rule turns into a label.
_ALIASES: Final = MappingProxyType(
    {
        "a": "na_letter",
        "b": "na_ledger",
        "f": "asme_f",
        "tabloid": "na_ledger",
        "11x17": "na_ledger",
        "statement": "na_invoice",
        "folio": "om_folio",
        "na-8x10": "na_govt-letter",
        "na-9x12": "na_arch-a",
        "iso-designated-long": "iso_dl",
        "env10": "na_number-10",
        "env9": "na_number-9",
        "envdl": "iso_dl",
        "envmonarch": "na_monarch",
        "postcard": "jpn_hagaki",
        "3x5": "na_index-3x5",
        "4x6": "na_index-4x6",
        "5x8": "na_index-5x8",
        "tabloidextra": "na_super-b",
        "fanfoldus": "na_fanfold-us",
        "govletter": "na_govt-letter",
        "b5": "jis_b5",
        "b4": "jis_b4",
    }
)
_SUFFIX: Final = re.compile(r"-(?:colored|envelope|translucent|transparent|white)$|\.fullbleed$")


def resolve(name: str) -> MediaSize | None:
    """The size that a client's name means: self-describing, `iso-a4`, `na-letter-white`, `A4`, `Env10`.

    None where the name tells no size (`main`, `auto`) or is unknown. A choice gives its first size.
    """
    size = _BY_NAME.get(name) or parse(name)
    if size is not None:
        return size
    if choice := parse_choice(name):
        return choice[0]
    word = _SUFFIX.sub("", name.lower())
    if word in _ALIASES:
        return _BY_LABEL[_ALIASES[word]]
    head, dash, tail = word.partition("-")
    candidates = [f"{head}_{tail}"] if dash else []
    candidates += [f"{prefix}_{word}" for prefix in ("iso", "na")]
    candidates += [f"iso_{word.removeprefix('env')}"] if word.startswith("env") else []
    return next((_BY_LABEL[label] for label in candidates if label in _BY_LABEL), None)


def nearest(
    x_dimension: int,
    y_dimension: int,
    among: Iterable[MediaSize] = REGISTERED,
    tolerance: int = TOLERANCE,
) -> MediaSize | None:
    """The size whose worse side differs least, the first of equals; None where that is above `tolerance`.

    The short side of a medium is usually its x; a size is not turned to fit.
    """
    best, least = None, tolerance + 1
    for size in among:
        difference = max(abs(size.x_dimension - x_dimension), abs(size.y_dimension - y_dimension))
        if difference < least:
            best, least = size, difference
    return best


def name_of(x_dimension: int, y_dimension: int) -> str:
    """The name of exactly this size: a registered one, else `custom_100x200mm_100x200mm` (PWG 5101.1 5.1.5).

    Raises ValueError for a dimension that is not positive.
    """
    if x_dimension < 1 or y_dimension < 1:
        raise ValueError(f"a medium of {x_dimension} by {y_dimension} hundredths of a millimetre")
    size = nearest(x_dimension, y_dimension, tolerance=0)
    return size.name if size else custom(x_dimension, y_dimension).name


def custom(x_dimension: int, y_dimension: int, label: str = "") -> MediaSize:
    """A size that nobody registered, or a bound of such sizes when `label` is `min` or `max`."""
    dimensions = f"{_millimetres(x_dimension)}x{_millimetres(y_dimension)}mm"
    return MediaSize(f"custom_{label or dimensions}_{dimensions}", x_dimension, y_dimension)


def _millimetres(hundredths: int) -> str:
    whole, rest = divmod(hundredths, HUNDREDTHS_PER_MM)
    return f"{whole}.{rest:02}".rstrip("0").rstrip(".")
