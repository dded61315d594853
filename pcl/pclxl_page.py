"""What BeginPage says, what it leaves as it was, and what is known of a page's colour."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from .language import Environment, copies_of, sides_of
from .media import DEFAULT_MEDIA_SIZE, MEDIA_SIZES, media_name, media_size_of_name, media_source_name
from .pclxl_patterns import Watch
from .pclxl_values import AttributeList, IllegalError
from .report import Orientation, Page, Sides
from .tables import (
    MEASURE_HMM,
    Attribute,
    ColorMapping,
    ColorSpace,
    DuplexPageMode,
    DuplexPageSide,
    Measure,
    Operator,
    PageOrientation,
)

__all__ = ["PageColour", "PageSetup"]

ORIENTATIONS = {
    PageOrientation.PORTRAIT: Orientation.PORTRAIT,
    PageOrientation.LANDSCAPE: Orientation.LANDSCAPE,
    PageOrientation.REVERSE_PORTRAIT: Orientation.REVERSE_PORTRAIT,
    PageOrientation.REVERSE_LANDSCAPE: Orientation.REVERSE_LANDSCAPE,
}
PICTURES = frozenset({Operator.BEGIN_IMAGE, Operator.BEGIN_RAST_PATTERN})
LAST_SOURCE = 7  # the third cassette
LARGEST_HMM = 1_000_000  # ten metres: beyond that a size is nonsense


@dataclass(slots=True)
class PageSetup:
    """The page description in force; each BeginPage changes what it names and keeps the rest."""

    page: Page = field(default_factory=Page)
    default_size: tuple[int, int] | None = None
    default_copies: int = 1
    says_sides: bool = False

    @classmethod
    def of(cls, environment: Environment) -> PageSetup:
        """Return what the job starts with: the PJL variables PAPER, COPIES, DUPLEX, BINDING, MANUALFEED."""
        size = media_size_of_name(environment.get("PAPER", ""))
        setup = cls(default_size=size, default_copies=copies_of(environment, "COPIES") or 1)
        said = sides_of(environment)
        sides = said or Sides.ONE_SIDED
        setup.says_sides = said is not None
        source = "manual" if environment.get("MANUALFEED", "").upper() == "ON" else None
        setup.page = _sized(Page(sides=sides, media_source=source), size)
        return setup

    def begin_session(self, attributes: AttributeList) -> None:
        """Take the units of a session for its resolution, where they can be one."""
        units = attributes.numbers(Attribute.UNITS_PER_MEASURE)
        inches = MEASURE_HMM[attributes.integer(Attribute.MEASURE) or Measure.INCH] / 2540
        across, along = (round(number / inches) for number in units)
        plausible = all(50 <= number <= 9600 for number in (across, along))
        self.page = replace(self.page, resolution=(across, along) if plausible else None)

    def begin_page(self, attributes: AttributeList) -> tuple[bool | None, list[str]]:
        """Change `page` as BeginPage says; return whether a side is asked for (front), and complaints.

        Raises IllegalError for attributes that exclude each other.
        """
        complaints: list[str] = []
        self._set_orientation(attributes, complaints)
        self._set_size(attributes, complaints)
        source = attributes.integer(Attribute.MEDIA_SOURCE)
        if source is not None:
            self.page = replace(self.page, media_source=media_source_name(source))
            if source > LAST_SOURCE:
                complaints.append(f"media source {source} is not known")
        kind = attributes.text(Attribute.MEDIA_TYPE)
        if kind is not None:
            self.page = replace(self.page, media_type=kind.strip("\x00 ")[:255] or None)
        return self._set_sides(attributes), complaints

    def _set_orientation(self, attributes: AttributeList, complaints: list[str]) -> None:
        code = attributes.integer(Attribute.ORIENTATION)
        if code is None:
            return
        if code > PageOrientation.DEFAULT:
            complaints.append(f"orientation {code} is not one: portrait is taken")
            code = PageOrientation.PORTRAIT
        orientation = ORIENTATIONS.get(PageOrientation(code), Orientation.PORTRAIT)
        self.page = replace(self.page, orientation=orientation)

    def _set_size(self, attributes: AttributeList, complaints: list[str]) -> None:
        custom = attributes.numbers(Attribute.CUSTOM_MEDIA_SIZE)
        units = attributes.integer(Attribute.CUSTOM_MEDIA_SIZE_UNITS)
        if Attribute.MEDIA_SIZE in attributes.values:
            if custom or units is not None:
                raise IllegalError("BeginPage gives both MediaSize and CustomMediaSize")
            self._set_named_size(attributes, complaints)
        elif custom and units is not None:
            scale = MEASURE_HMM[units]
            width, height = (number * scale for number in custom)
            sane = all(math.isfinite(side) and 1 <= side <= LARGEST_HMM for side in (width, height))
            if not sane:
                complaints.append("the custom media size is not a size: the default is taken")
            self.page = _sized(self.page, (round(width), round(height)) if sane else self.default_size)
        elif self.page.media is None:
            self.page = _sized(self.page, self.default_size)

    def _set_named_size(self, attributes: AttributeList, complaints: list[str]) -> None:
        tag = attributes.values[Attribute.MEDIA_SIZE][0]
        if tag & 8:  # an array: the name of the size
            name = attributes.text(Attribute.MEDIA_SIZE) or ""
            size = media_size_of_name(name)
        else:
            code = attributes.integer(Attribute.MEDIA_SIZE) or 0
            size = MEDIA_SIZES.get(code, self.default_size)
            if code not in MEDIA_SIZES and code != DEFAULT_MEDIA_SIZE:
                complaints.append(f"media size {code} is not known: the default is taken")
        self.page = _sized(self.page, size)

    def _set_sides(self, attributes: AttributeList) -> bool | None:
        simplex = Attribute.SIMPLEX_PAGE_MODE in attributes.values
        binding = attributes.integer(Attribute.DUPLEX_PAGE_MODE)
        side = attributes.integer(Attribute.DUPLEX_PAGE_SIDE)
        if simplex:
            if binding is not None or side is not None:
                raise IllegalError("BeginPage asks for one side and for two")
            self.page = replace(self.page, sides=Sides.ONE_SIDED)
        elif binding is not None:
            short = binding == DuplexPageMode.HORIZONTAL_BINDING
            self.page = replace(self.page, sides=Sides.SHORT_EDGE if short else Sides.LONG_EDGE)
        else:
            return None
        self.says_sides = True
        return None if side is None else side == DuplexPageSide.FRONT


def _sized(page: Page, size: tuple[int, int] | None) -> Page:
    if size is None:
        return replace(page, media=None, width_hmm=None, height_hmm=None)
    return replace(page, media=media_name(*size), width_hmm=size[0], height_hmm=size[1])


class PageColour:
    """Whether a page is in colour, from the operators that the pattern of its Watch does not swallow.

    Colours that are set count as used. An image in an RGB space counts as colour without a look at its
    pixels: `guessed` says that a page was decided so.
    """

    def __init__(self) -> None:
        self.watch = Watch.UNSAID
        self.guessed = False
        self.colourful_palette = False

    def begin_page(self) -> None:
        """Start a page: nothing is said and nothing in colour seen."""
        self.watch = Watch.UNSAID
        self.colourful_palette = False

    def see(self, operator: Operator, attributes: AttributeList) -> None:
        """Take an operator into account."""
        if operator is Operator.SET_COLOR_SPACE:
            space = attributes.integer(Attribute.COLOR_SPACE)
            if space == ColorSpace.GRAY and self.watch is Watch.UNSAID:
                self.watch = Watch.GRAY
            elif space not in (None, ColorSpace.GRAY) and self.watch in (Watch.UNSAID, Watch.GRAY):
                self.watch = Watch.RGB
            if space != ColorSpace.GRAY and not attributes.is_neutral(Attribute.PALETTE_DATA):
                self.colourful_palette = True
        elif operator in (Operator.SET_BRUSH_SOURCE, Operator.SET_PEN_SOURCE):
            neutral = attributes.is_neutral(Attribute.RGB_COLOR)
            if not neutral or not attributes.is_neutral(Attribute.PRIMARY_ARRAY):
                self.watch = Watch.NOTHING
        elif operator in PICTURES and self.watch in (Watch.UNSAID, Watch.RGB):
            indexed = attributes.integer(Attribute.COLOR_MAPPING) == ColorMapping.INDEXED_PIXEL
            if not indexed or self.colourful_palette:
                self.watch = Watch.NOTHING
                self.guessed = True
