"""The part of the graphics state of PCL XL that says whether an operator may stand.

Colour space, palette, clip mode, and the patterns that are defined: PushGS and PopGS keep and return them, a
page starts with the default ones. What another language, or a stream that was not run, made of them is not
known: None, and then nothing is refused for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from .pclxl_values import AttributeList, IllegalError
from .tables import Attribute, ColorMapping, ColorSpace, CompressMode, Operator

__all__ = ["GRAPHICS_OPERATORS", "ONE_BLOCK", "Graphics", "GraphicsState", "Saved"]

MAX_STACK = 64
MAX_PATTERNS = 4096
ONE_BLOCK = -1  # of embedded data, of any length
COLOURED = (ColorSpace.RGB, ColorSpace.SRGB)
SPACES = (ColorSpace.GRAY, *COLOURED)
DEPTHS = (1, 4, 8)
TEMPORARY, OF_PAGE, OF_SESSION = 0, 1, 2  # PatternPersistence
PAD_OCTETS = 4


@dataclass(frozen=True, slots=True)
class GraphicsState:
    """What PushGS keeps: the palette is its octets (0: none), the patterns those that live with the state."""

    space: int | None = ColorSpace.RGB
    palette: int | None = 0
    even_odd: bool | None = False
    patterns: frozenset[int] | None = frozenset()
    font: bool | None = False


DEFAULT = GraphicsState()
UNKNOWN = GraphicsState(None, None, None, None, None)
Saved = tuple[GraphicsState, tuple[GraphicsState, ...], GraphicsState | None]


class Graphics:
    """Follows the graphics state of a session; every method may raise IllegalError."""

    def __init__(self) -> None:
        self.state = DEFAULT
        self._stack: tuple[GraphicsState, ...] = ()
        self._below: GraphicsState | None = None  # what PopGS finds below the stack
        self._row_bits: int | None = None  # of the picture or pattern that is read
        self._pattern = (TEMPORARY, 0)
        self._defined: dict[int, set[int]] = {OF_PAGE: set(), OF_SESSION: set()}

    def begin_page(self) -> None:
        """Start with the default state and the patterns of the session."""
        self.return_to((DEFAULT, (), None))
        self._defined[OF_PAGE].clear()

    def saved(self) -> Saved:
        """Return all that a stream may change without defining anything, for return_to()."""
        return self.state, self._stack, self._below

    def return_to(self, saved: Saved) -> None:
        """Be again as saved() said."""
        self.state, self._stack, self._below = saved

    def forget(self) -> None:
        """Take it that anything was done to the state."""
        self.return_to((UNKNOWN, (), UNKNOWN))

    def push(self) -> None:
        """PushGS; of a deep stack only the upper part is known."""
        if len(self._stack) >= MAX_STACK:
            self._stack, self._below = self._stack[1:], UNKNOWN
        self._stack += (self.state,)

    def pop(self) -> None:
        """PopGS; on an empty stack it does nothing."""
        if self._stack:
            self.state, self._stack = self._stack[-1], self._stack[:-1]
        elif self._below:
            self.state = self._below

    def set_space(self, space: int, palette_octets: int = 0) -> None:
        """SetColorSpace."""
        if self.state.space != space or self.state.palette != palette_octets:
            self.state = replace(self.state, space=space, palette=palette_octets)

    def check(self, operator: Operator, attributes: AttributeList) -> None:
        """Take one of GRAPHICS_OPERATORS into account. Raises IllegalError where it may not stand."""
        GRAPHICS_OPERATORS[operator](self, attributes)

    def data_octets(self, attributes: AttributeList) -> int:
        """Return how much data ReadImage or ReadRastPattern takes."""
        rows = attributes.integer(Attribute.BLOCK_HEIGHT) or 0
        pad = attributes.integer(Attribute.PAD_BYTES_MULTIPLE)
        pad = PAD_OCTETS if pad is None else pad
        if not 1 <= pad <= PAD_OCTETS:
            raise IllegalError("PadBytesMultiple is out of its range")
        if rows == 0:
            return 0
        if attributes.integer(Attribute.COMPRESS_MODE) != CompressMode.NONE or self._row_bits is None:
            return ONE_BLOCK
        return -(-((self._row_bits + 7) // 8) // pad) * pad * rows

    def _set_color_space(self, attributes: AttributeList) -> None:
        space = attributes.integer(Attribute.COLOR_SPACE) or 0
        octets = len(attributes.octets(Attribute.PALETTE_DATA) or b"")
        self.set_space(space, min(octets, 768 if space in COLOURED else 256))

    def _set_paint(self, attributes: AttributeList) -> None:
        space = self.state.space
        pattern = attributes.integer(Attribute.PATTERN_SELECT_ID)
        if pattern is not None:
            temporary = self.state.patterns
            known = temporary is None or pattern in temporary
            known |= any(pattern in names or len(names) >= MAX_PATTERNS for names in self._defined.values())
            if not known:
                raise IllegalError(f"pattern {pattern} is not defined")
        elif space is None:
            return
        elif Attribute.RGB_COLOR in attributes.values and space not in COLOURED:
            raise IllegalError("RGBColor stands in a colour space without RGB")
        elif Attribute.GRAY_LEVEL in attributes.values and space != ColorSpace.GRAY:
            raise IllegalError("GrayLevel stands in a colour space that is not grey")

    def _set_default(self, attributes: AttributeList) -> None:
        self.state = replace(DEFAULT, patterns=self.state.patterns, font=self.state.font)

    def _set_font(self, attributes: AttributeList) -> None:
        if not self.state.font:
            self.state = replace(self.state, font=True)

    def _write(self, attributes: AttributeList) -> None:
        if self.state.font is False:
            raise IllegalError("a text comes before any font")

    def _set_clip_mode(self, attributes: AttributeList) -> None:
        self.state = replace(self.state, even_odd=attributes.integer(Attribute.CLIP_MODE) == 1)

    def _clip(self, attributes: AttributeList) -> None:
        if attributes.integer(Attribute.CLIP_REGION) == 1 and self.state.even_odd is False:
            raise IllegalError("an exterior clip region needs the even-odd clip mode")

    def _begin_picture(self, attributes: AttributeList) -> None:
        space, palette = self.state.space, self.state.palette
        bits = DEPTHS[attributes.integer(Attribute.COLOR_DEPTH) or 0]
        parts = None if space is None else 1 if space == ColorSpace.GRAY else 3
        if attributes.integer(Attribute.COLOR_MAPPING) == ColorMapping.INDEXED_PIXEL:
            if palette is not None and parts is not None and palette != (1 << bits) * parts:
                raise IllegalError("there is no palette of this depth")
            parts = 1
        if space is not None and space not in SPACES:
            raise IllegalError(f"there are no pictures in colour space {space}")
        width = attributes.integer(Attribute.SOURCE_WIDTH) or 0
        self._row_bits = None if parts is None else width * bits * parts

    def _begin_pattern(self, attributes: AttributeList) -> None:
        self._begin_picture(attributes)
        persistence = attributes.integer(Attribute.PATTERN_PERSISTENCE) or TEMPORARY
        self._pattern = persistence, attributes.integer(Attribute.PATTERN_DEFINE_ID) or 0

    def _end_pattern(self, attributes: AttributeList) -> None:
        persistence, name = self._pattern
        defined = self._defined.get(persistence)
        if defined is not None:
            if len(defined) < MAX_PATTERNS:  # beyond that all count as defined
                defined.add(name)
        elif self.state.patterns is None or len(self.state.patterns) >= MAX_STACK:
            self.state = replace(self.state, patterns=None)
        else:
            self.state = replace(self.state, patterns=self.state.patterns | {name})

    def _draw_piece(self, attributes: AttributeList) -> None:
        """Check the angles of an arc, a chord or a pie: none is told by its own centre."""
        left, top, right, bottom = attributes.numbers(Attribute.BOUNDING_BOX)
        if left == right or top == bottom:
            return
        for end in (Attribute.START_POINT, Attribute.END_POINT):
            x, y = attributes.numbers(end)
            if (2 * x, 2 * y) == (left + right, top + bottom):
                raise IllegalError("an arc starts or ends at its centre")

    def _draw_pie(self, attributes: AttributeList) -> None:
        left, top, right, bottom = attributes.numbers(Attribute.BOUNDING_BOX)
        if left == right or top == bottom:
            raise IllegalError("a pie has no size")
        self._draw_piece(attributes)


GRAPHICS_OPERATORS: Mapping[Operator, Callable[[Graphics, AttributeList], None]] = {
    Operator.PUSH_GS: lambda graphics, attributes: graphics.push(),
    Operator.POP_GS: lambda graphics, attributes: graphics.pop(),
    Operator.SET_DEFAULT_GS: Graphics._set_default,
    Operator.SET_COLOR_SPACE: Graphics._set_color_space,
    Operator.SET_BRUSH_SOURCE: Graphics._set_paint,
    Operator.SET_PEN_SOURCE: Graphics._set_paint,
    Operator.SET_FONT: Graphics._set_font,
    Operator.TEXT: Graphics._write,
    Operator.TEXT_PATH: Graphics._write,
    Operator.SET_CLIP_MODE: Graphics._set_clip_mode,
    Operator.SET_CLIP_REPLACE: Graphics._clip,
    Operator.SET_CLIP_INTERSECT: Graphics._clip,
    Operator.SET_CLIP_RECTANGLE: Graphics._clip,
    Operator.BEGIN_IMAGE: Graphics._begin_picture,
    Operator.BEGIN_RAST_PATTERN: Graphics._begin_pattern,
    Operator.END_RAST_PATTERN: Graphics._end_pattern,
    Operator.ARC_PATH: Graphics._draw_piece,
    Operator.CHORD: Graphics._draw_piece,
    Operator.CHORD_PATH: Graphics._draw_piece,
    Operator.PIE: Graphics._draw_pie,
    Operator.PIE_PATH: Graphics._draw_piece,
}
