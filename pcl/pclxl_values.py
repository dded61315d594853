"""Attribute lists of PCL XL: where their values lie, what they say, and what BeginPage and its like allow.

Layout of a list: any number of (value tag, [array length], value, 0xF8 id), then the operator octet; white
space may stand between. Octet order is the stream's binding.
"""

import struct
from collections.abc import Mapping
from functools import lru_cache

from .language import ByteOrder, Octets
from .tables import ARRAY_ITEM_OCTETS, ITEM_FORMATS, ITEM_OCTETS, Attribute, DataTag, Operator

__all__ = ["MAX_LIST_OCTETS", "SIGNATURES", "AttributeList", "IllegalError", "array_span"]

# An attribute list longer than this is corrupt; four of the longest arrays there can be.
MAX_LIST_OCTETS = 1024 * 1024

A = Attribute
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
        """Raise IllegalError when the operator's signature forbids this list; others than SIGNATURES pass."""
        if operator not in SIGNATURES:
            return
        shape = tuple([(attribute, value[0]) for attribute, value in self.values.items()])
        for attribute, low, high in _ranges_of(operator, shape):
            if not all(low <= number <= high for number in self.numbers(attribute)):
                raise IllegalError(f"{_name(attribute)} is out of its range")


@lru_cache(maxsize=1024)
def _ranges_of(
    operator: Operator, shape: tuple[tuple[int, int], ...]
) -> tuple[tuple[Attribute, float, float], ...]:
    """Return which values of a list of these attributes and types have a range; lists repeat a lot.

    Raises IllegalError when the operator does not take such a list.
    """
    signature = SIGNATURES[operator]
    given = dict(shape)
    for attribute in given:
        if attribute not in signature:
            raise IllegalError(f"{_name(operator)} takes no attribute {attribute}")
    ranges = []
    for name, (required, tags, low, high) in signature.items():
        if name not in given:
            if required:
                raise IllegalError(f"{_name(operator)} lacks {_name(name)}")
            continue
        if given[name] not in tags:
            raise IllegalError(f"{_name(name)} has a value of the wrong type")
        if high is not None:
            ranges.append((name, low, high))
    return tuple(ranges)


def _name(code: Operator | Attribute) -> str:
    return code.name.title().replace("_", "")


OCTET = (DataTag.UBYTE,)
NAME = (DataTag.UBYTE_ARRAY, DataTag.UINT16_ARRAY)
PAIR = (DataTag.UINT16_XY, DataTag.REAL32_XY)
Signature = Mapping[Attribute, tuple[bool, tuple[DataTag, ...], float, float | None]]

WORD = (DataTag.UINT16,)
BITMAP: Signature = {
    A.COLOR_MAPPING: (True, OCTET, 0, 1),
    A.COLOR_DEPTH: (True, OCTET, 0, 2),
    A.SOURCE_WIDTH: (True, WORD, 1, 65535),
    A.SOURCE_HEIGHT: (True, WORD, 1, 65535),
    A.DESTINATION_SIZE: (True, (DataTag.UINT16_XY,), 1, 65535),
}
BLOCK: Signature = {
    A.START_LINE: (True, WORD, 0, None),
    A.BLOCK_HEIGHT: (True, WORD, 0, None),
    A.COMPRESS_MODE: (True, OCTET, 0, 3),
    A.PAD_BYTES_MULTIPLE: (False, OCTET, 0, None),
    A.BLOCK_BYTE_LENGTH: (False, (DataTag.UINT32,), 0, None),
}

# attribute -> (required, tags, lowest, highest); an illegal Orientation, source or size only makes a warning.
SIGNATURES: Mapping[Operator, Signature] = {
    Operator.BEGIN_SESSION: {
        A.MEASURE: (True, OCTET, 0, 2),
        A.UNITS_PER_MEASURE: (True, PAIR, 1e-6, 65535),
        A.ERROR_REPORT: (False, OCTET, 0, 6),
    },
    Operator.END_SESSION: {},
    Operator.BEGIN_PAGE: {
        A.ORIENTATION: (False, OCTET, 0, None),
        A.MEDIA_SOURCE: (False, OCTET, 0, None),
        A.MEDIA_SIZE: (False, (DataTag.UBYTE, DataTag.UBYTE_ARRAY), 0, None),
        A.CUSTOM_MEDIA_SIZE: (False, PAIR, 0, 65535),
        A.CUSTOM_MEDIA_SIZE_UNITS: (False, OCTET, 0, 2),
        A.SIMPLEX_PAGE_MODE: (False, OCTET, 0, 0),
        A.DUPLEX_PAGE_MODE: (False, OCTET, 0, 1),
        A.DUPLEX_PAGE_SIDE: (False, OCTET, 0, 1),
        A.MEDIA_DESTINATION: (False, OCTET, 0, None),
        A.MEDIA_TYPE: (False, (DataTag.UBYTE_ARRAY,), 0, None),
    },
    Operator.END_PAGE: {A.PAGE_COPIES: (False, (DataTag.UINT16,), 0, None)},
    Operator.BEGIN_STREAM: {A.STREAM_NAME: (True, NAME, 0, None)},
    Operator.READ_STREAM: {A.STREAM_DATA_LENGTH: (True, (DataTag.UINT32,), 0, None)},
    Operator.END_STREAM: {},
    Operator.EXEC_STREAM: {A.STREAM_NAME: (True, NAME, 0, None)},
    Operator.REMOVE_STREAM: {A.STREAM_NAME: (True, NAME, 0, None)},
    Operator.OPEN_DATA_SOURCE: {
        A.SOURCE_TYPE: (True, OCTET, 0, 0),
        A.DATA_ORG: (True, OCTET, 0, 1),
    },
    Operator.CLOSE_DATA_SOURCE: {},
    Operator.BEGIN_IMAGE: BITMAP,
    Operator.READ_IMAGE: BLOCK,
    Operator.END_IMAGE: {},
    Operator.BEGIN_RAST_PATTERN: {
        **BITMAP,
        A.PATTERN_DEFINE_ID: (True, (DataTag.SINT16,), 0, None),
        A.PATTERN_PERSISTENCE: (True, OCTET, 0, 2),
    },
    Operator.READ_RAST_PATTERN: BLOCK,
    Operator.END_RAST_PATTERN: {},
}
