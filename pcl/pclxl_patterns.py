"""Byte patterns that swallow the dull majority of a PCL XL page: whole runs of operators in one match.

A run ends before the first octet that the analyser has to look at: an operator that bears on pages, colour or
streams, a long array or data block, an error, or the end of what has come so far. Which operators are dull
depends on what is known of the page's colour, so there is a pattern for each Watch.
"""

import re
from enum import IntEnum
from functools import cache

from .language import ByteOrder
from .tables import DATA_OPERATORS, LAST_ATTRIBUTE, PAGE_OPERATORS, Operator

__all__ = ["Watch", "character_pattern", "run_pattern"]

# Arrays and blocks up to these many items are matched by one alternative each; longer ones are stepped over.
OCTET_ARRAY = 64
UINT16_ARRAY = 32
BLOCK = 255


class Watch(IntEnum):
    """What may still change a page's colour."""

    GRAY = 0  # only grey colour spaces so far: watch colour spaces and colours
    RGB = 1  # an RGB space was set, and nothing but greys drawn: watch colours and palettes
    NOTHING = 2  # the page is in colour
    UNSAID = 3  # no colour space was set, and RGB is in force: watch for the first one


SWALLOWED_SPACES = {Watch.GRAY: rb"\x01", Watch.RGB: rb"\x01\x02\x06"}

# These open something, carry a colour or change a page: always looked at.
ALWAYS_WATCHED = {
    Operator.BEGIN_USER_DEFINED_LINE_CAP,
    Operator.END_USER_DEFINED_LINE_CAP,
    Operator.BEGIN_IMAGE,
    Operator.READ_IMAGE,
    Operator.END_IMAGE,
    Operator.BEGIN_RAST_PATTERN,
    Operator.READ_RAST_PATTERN,
    Operator.END_RAST_PATTERN,
    Operator.BEGIN_SCAN,
    Operator.SCAN_LINE_REL,
    Operator.END_SCAN,
    Operator.PASS_THROUGH,
}
COLOUR_OPERATORS = {Operator.SET_BRUSH_SOURCE, Operator.SET_PEN_SOURCE, Operator.SET_COLOR_SPACE}

FIXED_VALUES = (
    rb"\xc0.|[\xc1\xc3\xd0]..|[\xc2\xc4\xc5\xd1\xd3\xe0].{4}|[\xd2\xd4\xd5\xe1\xe3].{8}|[\xe2\xe4\xe5].{16}"
)
BRUSH_OR_PEN = b"[\\x63\\x79]"
NAME = rb"\xf8[\x00-" + b"\\x%02x]" % LAST_ATTRIBUTE
PATHS = rb"[\x93\x95\x9b\x9d]"


def _literal(octets: bytes) -> bytes:
    return b"".join(b"\\x%02x" % octet for octet in octets)


def _counted(prefix: bytes, last: int, octets_each: int, count_octets: int, order: ByteOrder) -> bytes:
    """Match `prefix`, a count of 0 to `last` in `count_octets` octets, and so many items."""
    choices = []
    for count in range(last + 1):
        length = count.to_bytes(count_octets, order)
        choices.append(_literal(length) + b".{%d}" % (count * octets_each))
    return prefix + b"(?:" + b"|".join(choices) + b")"


def _one_of(operators: set[Operator] | frozenset[Operator]) -> bytes:
    return b"[" + _literal(bytes(sorted(operators))) + b"]"


def _attributes(order: ByteOrder) -> bytes:
    """Match a whole attribute list, which may be empty."""
    return b"(?:(?:" + _value(order) + b")" + NAME + b")*+"


def _value(order: ByteOrder) -> bytes:
    """Match one tagged value: any scalar, pair or box, and the short arrays of 1- and 2-octet items."""
    return b"|".join(
        (
            FIXED_VALUES,
            _counted(rb"\xc8\xc0", OCTET_ARRAY, 1, 1, order),
            _counted(rb"\xc8\xc1", OCTET_ARRAY, 1, 2, order),
            _counted(rb"[\xc9\xcb]\xc0", UINT16_ARRAY, 2, 1, order),
            _counted(rb"[\xc9\xcb]\xc1", UINT16_ARRAY, 2, 2, order),
        )
    )


def _block(order: ByteOrder) -> bytes:
    """Match a short block of embedded data, with its tag and length."""
    return (
        b"(?:" + _counted(rb"\xfb", BLOCK, 1, 1, order) + b"|" + _counted(rb"\xfa", BLOCK, 1, 4, order) + b")"
    )


def _neutral_paint(order: ByteOrder) -> bytes:
    """Match a brush or pen that is set to grey, to nothing, or to an RGB colour of three like parts."""
    three = b"(?:\\xc0\\x03|\\xc1" + _literal((3).to_bytes(2, order)) + b")"
    colour = (
        rb"\xc0.\xf8\x09|\xc5.{4}\xf8\x09|\xc0\x00\xf8[\x04\x05]"
        rb"|\xc8" + three + rb"(.)\1\1\xf8\x0b|\xcd" + three + rb"(.{4})\2\2\xf8\x0b"
    )
    return b"(?:" + colour + b")" + BRUSH_OR_PEN


@cache
def run_pattern(order: ByteOrder, watch: Watch) -> re.Pattern[bytes]:
    """Return the pattern of a run in this octet order under this Watch; it may match nothing."""
    dull = PAGE_OPERATORS | {Operator.COMMENT, Operator.REMOVE_FONT}
    dull -= ALWAYS_WATCHED
    watched: list[bytes] = [rb"\xc8\xc0\x03...\xf8\x0b" + BRUSH_OR_PEN]
    if watch is not Watch.NOTHING:
        dull -= COLOUR_OPERATORS
        watched = [_neutral_paint(order)]
        if watch in SWALLOWED_SPACES:
            watched.append(rb"\xc0[" + SWALLOWED_SPACES[watch] + rb"]\xf8\x03\x6a")
    attributes = _attributes(order)
    plain = _one_of(dull - DATA_OPERATORS)
    hungry = _one_of(dull & DATA_OPERATORS)
    block = _block(order)
    glyph = rb"\x52(?:" + attributes + rb"\x53" + block + rb")*+\x54"
    alternatives = [
        # The commonest first: no attribute, one pair, octet or box; a colour; a path of uint16 points.
        plain,
        rb"\xd3...." + NAME + _one_of(dull),
        rb"\xc0." + NAME + _one_of(dull),
        rb"\xe1.{8}" + NAME + _one_of(dull),
        *watched,
        rb"\xc0.\xf8\x4d\xc0\x03\xf8\x50" + PATHS + block,
        attributes + b"(?:" + plain + b"|" + hungry + block + b"?+|" + glyph + b")",
    ]
    return re.compile(b"(?:" + b"|".join(alternatives) + b")*+", re.DOTALL)


@cache
def character_pattern(order: ByteOrder) -> re.Pattern[bytes]:
    """Return the pattern of BeginChar and ReadChar up to the length of the data, group 1 or 2."""
    attributes = _attributes(order)
    pattern = attributes + rb"\x52" + attributes + rb"\x53(?:\xfa(....)|\xfb(.))"
    return re.compile(pattern, re.DOTALL)
