"""Attribute lists of PCL XL: where their values lie, what they say, and whether an operator takes them.

Layout of a list: any number of (value tag, [array length], value, 0xF8 id), then the operator octet; white
space may stand between. Octet order is the stream's binding.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from .language import ByteOrder, Octets
from .pclxl_signatures import fault_of, limits_of
from .tables import (
    ARRAY_ITEM_OCTETS,
    DATA_OPERATORS,
    ITEM_FORMATS,
    ITEM_OCTETS,
    Attribute,
    ColorSpace,
    DataTag,
    Operator,
)

__all__ = ["MAX_LIST_OCTETS", "AttributeList", "IllegalError", "array_span"]

# An attribute list longer than this is corrupt; four of the longest arrays there can be.
MAX_LIST_OCTETS = 1024 * 1024

Value = tuple[int, int, int]  # tag, position of the first octet, position after the last


class IllegalError(Exception):
    """A list that an interpreter refuses; the analyser turns it into a warning at the operator's offset."""


def array_span(data: Octets, position: int, order: ByteOrder) -> tuple[int, int] | None:
    """Return first and last-plus-one position of the array whose tag is at `position`, None when it is cut.

    Raises IllegalError for a length that is neither an octet nor a uint16.
    """
    if position + 3 > len(data):
        return None
    if data[position + 1] == DataTag.UBYTE:
        first, count = position + 3, data[position + 2]
    elif data[position + 1] == DataTag.UINT16:
        if position + 4 > len(data):
            return None
        high, low = data[position + 2], data[position + 3]
        first, count = position + 4, high << 8 | low if order == "big" else low << 8 | high
    else:
        raise IllegalError("an array has a length that is neither ubyte nor uint16")
    return first, first + count * ARRAY_ITEM_OCTETS[data[position]]


class AttributeList:
    """The attributes of one operator, read from the data only when asked for."""

    __slots__ = ("_data", "_order", "values")

    def __init__(self, data: Octets, order: ByteOrder) -> None:
        self._data = data
        self._order = ">" if order == "big" else "<"
        self.values: dict[int, Value] = {}

    def numbers(self, attribute: Attribute) -> tuple[float, ...]:
        """Return the items of the attribute's value, none when it is absent."""
        if attribute not in self.values:
            return ()
        tag, first, end = self.values[attribute]
        kind = tag & 7
        code = ITEM_FORMATS[kind]
        count = (end - first) // ITEM_OCTETS[kind]
        return struct.unpack(f"{self._order}{count}{code}", self._data[first:end])

    def integer(self, attribute: Attribute) -> int | None:
        """Return the first item as an integer, None when the attribute is absent, empty or not finite."""
        items = self.numbers(attribute)
        try:
            return int(items[0]) if items else None
        except (ValueError, OverflowError):
            return None

    def octets(self, attribute: Attribute) -> bytes | None:
        """Return the value as it stands in the stream, without tag and length; None when it is absent."""
        if attribute not in self.values:
            return None
        _, first, end = self.values[attribute]
        return bytes(self._data[first:end])

    def name(self, attribute: Attribute) -> bytes:
        """Return a name as a key: it is the same only with the same width of its characters."""
        return bytes([self.values[attribute][0]]) + (self.octets(attribute) or b"")

    def text(self, attribute: Attribute) -> str | None:
        """Return an array of character codes as text: ubyte as Latin-1, uint16 as UTF-16."""
        octets = self.octets(attribute)
        if octets is None:
            return None
        if self.values[attribute][0] == DataTag.UINT16_ARRAY:
            return octets.decode("utf-16-be" if self._order == ">" else "utf-16-le", "replace")
        return octets.decode("latin-1")

    def is_neutral(self, attribute: Attribute) -> bool:
        """Tell whether all RGB triples of the value have three like parts; an absent value is neutral."""
        if attribute not in self.values:
            return True
        tag, first, end = self.values[attribute]
        value = bytes(self._data[first:end])
        width = struct.calcsize("<" + ITEM_FORMATS[tag & 7])
        size = 3 * width
        reds = [value[at : at + width] for at in range(0, len(value) - size + 1, size)]
        return b"".join(red * 3 for red in reds) == value[: len(reds) * size]

    def check(self, operator: Operator) -> None:
        """Raise IllegalError when the operator does not take this list."""
        shape = tuple([(attribute, value[0]) for attribute, value in self.values.items()])
        fault = fault_of(operator, shape)
        if fault:
            raise IllegalError(fault)
        for attribute, low, high in limits_of(shape):
            if not all(low <= number <= high for number in self.numbers(attribute)):
                raise IllegalError(f"{_name(attribute)} is out of its range")
        if operator in LENGTHS:
            LENGTHS[operator](self)

    def count(self, attribute: Attribute) -> int:
        """Return how many items the attribute's value has."""
        tag, first, end = self.values[attribute]
        return (end - first) // ITEM_OCTETS[tag & 7]

    def draws(self) -> bool:
        """Tell whether there is anything to draw: a text of no characters, or no points, need no place."""
        empty = A.TEXT_DATA in self.values and not self.count(A.TEXT_DATA)
        return not empty and self.integer(A.NUMBER_OF_POINTS) != 0

    def data_octets(self, operator: Operator) -> int | None:
        """Return how much embedded data the operator takes with this list, None where only the data know.

        Raises IllegalError for a number of points that makes no curves, and for a character without data.
        """
        if operator in DATA_LENGTHS:
            octets = self.integer(DATA_LENGTHS[operator]) or 0
            if operator is Operator.READ_CHAR and octets < 2:
                raise IllegalError("a character has less than two octets")
            return octets
        if A.NUMBER_OF_POINTS in self.values:
            points = self.integer(A.NUMBER_OF_POINTS) or 0
            if operator in CURVES and points % 3:
                raise IllegalError(f"{points} points make no curves")
            return points * (4 if (self.integer(A.POINT_TYPE) or 0) >= 2 else 2)
        if operator is Operator.SET_HALFTONE_METHOD and self.values.keys() >= DITHER:
            width, height = self.numbers(A.DITHER_MATRIX_SIZE)
            return (int(width) + 3) // 4 * 4 * int(height)
        return None if operator in DATA_OPERATORS and operator not in POINT_OPERATORS else 0


def _check_colour(attributes: AttributeList) -> None:
    if A.RGB_COLOR in attributes.values and attributes.count(A.RGB_COLOR) != 3:
        raise IllegalError("RGBColor has not three parts")


def _check_dashes(attributes: AttributeList) -> None:
    if A.LINE_DASH_STYLE in attributes.values and not 1 <= attributes.count(A.LINE_DASH_STYLE) <= MAX_DASHES:
        raise IllegalError(f"LineDashStyle has not 1 to {MAX_DASHES} parts")


def _check_spacing(attributes: AttributeList) -> None:
    for spacing in {A.X_SPACING_DATA, A.Y_SPACING_DATA} & attributes.values.keys():
        if attributes.count(spacing) != attributes.count(A.TEXT_DATA):
            raise IllegalError("a text has more or fewer characters than spacings")


def _check_substitution(attributes: AttributeList) -> None:
    if attributes.octets(A.CHAR_SUB_MODE_ARRAY) not in (b"\0", b"\1"):
        raise IllegalError("CharSubModeArray is out of its range")


def _check_palette(attributes: AttributeList) -> None:
    if A.PALETTE_DATA in attributes.values:
        parts = 1 if attributes.integer(A.COLOR_SPACE) not in (ColorSpace.RGB, ColorSpace.SRGB) else 3
        size = attributes.count(A.PALETTE_DATA)
        if size not in (2 * parts, 16 * parts) and size < 256 * parts:
            raise IllegalError("PaletteData has not as many colours as a depth has")


A = Attribute
MAX_DASHES = 20
CURVES = frozenset({Operator.BEZIER_PATH, Operator.BEZIER_REL_PATH})
POINT_OPERATORS = CURVES | {Operator.LINE_PATH, Operator.LINE_REL_PATH, Operator.SET_HALFTONE_METHOD}
DITHER = frozenset({A.DITHER_MATRIX_DATA_TYPE, A.DITHER_MATRIX_SIZE, A.DITHER_MATRIX_DEPTH})
DATA_LENGTHS = {
    Operator.READ_FONT_HEADER: A.FONT_HEADER_LENGTH,
    Operator.READ_CHAR: A.CHAR_DATA_SIZE,
    Operator.READ_STREAM: A.STREAM_DATA_LENGTH,
}
LENGTHS: Mapping[Operator, Callable[[AttributeList], None]] = {
    Operator.SET_BRUSH_SOURCE: _check_colour,
    Operator.SET_PEN_SOURCE: _check_colour,
    Operator.SET_LINE_DASH: _check_dashes,
    Operator.TEXT: _check_spacing,
    Operator.TEXT_PATH: _check_spacing,
    Operator.SET_CHAR_SUB_MODE: _check_substitution,
    Operator.SET_COLOR_SPACE: _check_palette,
}


def _name(code: Attribute) -> str:
    return code.name.title().replace("_", "")
