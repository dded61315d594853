"""Byte patterns that swallow the dull majority of a PCL XL page: whole runs of operators in one match.

A run ends before the first octet that the analyser has to look at: an operator that bears on pages, colour or
streams, a long array or data block, an error, or the end of what has come so far. Which operators are dull
depends on what is known of the page's colour, so there is a pattern for each Watch. The patterns are made
from the tables of what operators take, and are narrower than those: a list that no pattern matches, such as
one in a seldom order, is read by itself.
"""

import re
from collections.abc import Iterator
from enum import IntEnum
from functools import cache
from itertools import chain, combinations, permutations

from .language import ByteOrder
from .pclxl_signatures import FORMS, VALUES, Form
from .tables import (
    ARRAY_ITEM_OCTETS,
    PAGE_OPERATORS,
    POINT_GIVERS,
    POINT_LOSERS,
    POINT_NEEDERS,
    VALUE_OCTETS,
    Attribute,
    DataTag,
    Operator,
)

__all__ = [
    *("SPACE", "Paint", "Watch", "character_pattern", "paint_of", "run_pattern", "swallowed_spaces"),
]

# Arrays and blocks up to these many items are matched by one alternative each; longer ones are stepped over.
ARRAY = 32
TEXT = 64
POINTS = 63
DASHES = range(1, 21)  # as many as there may be
DOTS = 8
LIST = 3  # attributes: longer lists are seldom


class Watch(IntEnum):
    """What may still change a page's colour."""

    GRAY = 0  # only grey colour spaces so far: watch colour spaces and colours
    RGB = 1  # an RGB space was set, and nothing but greys drawn: watch colours and palettes
    NOTHING = 2  # the page is in colour
    UNSAID = 3  # no colour space was set, and RGB is in force: watch for the first one


class Paint(IntEnum):
    """What colours the space in force takes."""

    GRAY = 0
    RGB = 1
    NONE = 2
    ANY = 3  # it is not known


# SetColorSpace without a palette; under a Watch some spaces change nothing that it watches.
SPACE = re.compile(rb"\xc0([\x00-\x06])\xf8\x03\x6a")
PAINTS: dict[int | None, Paint] = {None: Paint.ANY, 1: Paint.GRAY, 2: Paint.RGB, 6: Paint.RGB}
SWALLOWED_SPACES = {Watch.GRAY: b"\x01", Watch.RGB: b"\x01\x02\x06", Watch.NOTHING: bytes(range(7))}
SPACES_OF = {
    watch: frozenset(bytes([space]) for space in SWALLOWED_SPACES.get(watch, b"")) for watch in Watch
}

# These open something, carry a colour or change a page: always looked at.
WATCHED = {
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
    Operator.SET_BRUSH_SOURCE,
    Operator.SET_PEN_SOURCE,
    Operator.SET_COLOR_SPACE,
    # These bear on the graphics state that is followed.
    Operator.PUSH_GS,
    Operator.POP_GS,
    Operator.SET_DEFAULT_GS,
    Operator.SET_CLIP_MODE,
    Operator.ARC_PATH,
    Operator.CHORD,
    Operator.CHORD_PATH,
    Operator.PIE,
    Operator.PIE_PATH,
}
DULL = (PAGE_OPERATORS | {Operator.COMMENT}) - WATCHED
TEXTS = frozenset({Operator.SET_FONT, Operator.TEXT, Operator.TEXT_PATH})
LINES = bytes({Operator.LINE_PATH, Operator.LINE_REL_PATH})
CURVES = bytes({Operator.BEZIER_PATH, Operator.BEZIER_REL_PATH})
BRUSH_OR_PEN = b"[\\x63\\x79]"


def _literal(octets: bytes) -> bytes:
    return b"".join(b"\\x%02x" % octet for octet in octets)


# Reals whose size their sign and exponent octet tells: below the least power of two that is in the limits.
REALS = {1: b"\\x00-\\x3e", 360: b"\\x00-\\x42\\x80-\\xc2", 32767: b"\\x00-\\x45"}
COMMON = (
    (DataTag.SINT16_XY, Attribute.POINT),
    (DataTag.SINT16_XY, Attribute.END_POINT),
    (DataTag.UINT16_BOX, Attribute.BOUNDING_BOX),
    (DataTag.UBYTE, Attribute.CLIP_REGION),
    (DataTag.UBYTE, Attribute.ROP3),
)
PAIRS = tuple(_literal(bytes([tag])) for tag in DataTag if tag >= DataTag.UBYTE_XY)
# By itself, being so frequent: NewPath, SetCursor, LinePath some times, PaintPath perhaps.
NEW_PATH = rb"\x85\xd3....\xf8\x4c\x6b(?:\xd3....\xf8\x45\x9b)*+\x86?+"
Path = tuple[Attribute, ...]


def _any(octets: int) -> bytes:
    """Match so many octets; a few dots are faster than a count."""
    return b"." * octets if octets <= DOTS else b".{%d}" % octets


def _one_of(octets: bytes) -> bytes:
    return _literal(octets) if len(octets) == 1 else b"[" + _literal(bytes(sorted(octets))) + b"]"


def _either(choices: list[bytes]) -> bytes:
    return choices[0] if len(choices) == 1 else b"(?:" + b"|".join(choices) + b")"


def _block(octets: int, order: ByteOrder) -> bytes:
    """Match embedded data of this many octets, with its tag and length."""
    short = rb"\xfb" + _literal(bytes([octets]))
    return (short if octets < 256 else rb"\xfa" + _literal(octets.to_bytes(4, order))) + _any(octets)


def _items(counts: range, item_octets: int, order: ByteOrder) -> bytes:
    """Match a length out of `counts`, and so many items."""
    by_octet = [_literal(bytes([count])) + _any(count * item_octets) for count in counts]
    by_word = [_literal(count.to_bytes(2, order)) + _any(count * item_octets) for count in counts]
    return rb"(?:\xc0" + _either(by_octet) + rb"|\xc1" + _either(by_word) + b")"


def _value(attribute: Attribute, tag: DataTag, order: ByteOrder) -> bytes | None:
    """Match a value of the attribute behind its tag; None when such a value has to be looked at."""
    value = VALUES[attribute]
    octets = VALUE_OCTETS.get(tag)
    kind = tag & 7
    if octets is None:
        if kind > DataTag.SINT16 & 7 or attribute in (Attribute.RGB_COLOR, Attribute.CHAR_SUB_MODE_ARRAY):
            return None
        counts = DASHES if attribute is Attribute.LINE_DASH_STYLE else range(ARRAY + 1)
        return _items(counts, 1 if kind == 0 else 2, order)
    if kind == DataTag.REAL32 & 7:
        if value.real_high is None:
            return _any(octets)
        if value.real_low > 0 or value.real_high not in REALS:
            return None
        last = b"[" + REALS[int(value.real_high)] + b"]"
        return (b"..." + last if order == "little" else last + b"...") * (octets // 4)
    if value.high is None:
        return _any(octets)
    if attribute is Attribute.CLIP_REGION:
        return b"\\x00"  # an exterior one depends on the clip mode
    if tag == DataTag.UBYTE:
        return b"[\\x%02x-\\x%02x]" % (int(value.low), int(value.high))
    if value.low > 0:
        return None
    if kind == 0:
        return _any(octets)
    last = b"\\x00" if value.high < 32767 else b"[\\x00-\\x7f]"
    return (b"." + last if order == "little" else last + b".") * (octets // 2)


def _paths(form: Form) -> Iterator[Path]:
    """Yield the lists that make the form in every order, but with arrays only in the first place."""
    spare = min(max(0, LIST - len(form.required)), LIST if len(form.optional) <= LIST else 1)
    choices = chain.from_iterable(combinations(form.optional, count) for count in range(spare + 1))
    for optional in choices:
        for path in permutations(form.required + optional):
            if not any(VALUES[attribute].tags[0] in ARRAY_ITEM_OCTETS for attribute in path[1:]):
                yield path


class Branch:
    """A node of the tree of attribute lists: which operators may stand here, which attributes go on."""

    def __init__(self) -> None:
        self.operators: set[int] = set()
        self.below: dict[Attribute, Branch] = {}

    def grow(self, path: Path, operator: Operator) -> None:
        """Let the operator stand behind the attributes of the path."""
        node = self
        for attribute in path:
            node = node.below.setdefault(attribute, Branch())
        node.operators.add(operator)

    def pattern(self, order: ByteOrder) -> bytes:
        """Match what may follow here up to and with the operator."""
        choices = [_one_of(bytes(self.operators))] if self.operators else []
        for attribute, branch in self.below.items():
            values: dict[bytes, list[int]] = {}
            for tag in VALUES[attribute].tags:
                value = _value(attribute, tag, order)
                if value is not None:
                    values.setdefault(value, []).append(tag)
            if values:
                some = [_one_of(bytes(tags)) + value for value, tags in values.items()]
                choices.append(
                    _either(some) + rb"\xf8" + _literal(bytes([attribute])) + branch.pattern(order)
                )
        return _either(choices) if choices else b"(?!)"

    def by_first_tag(self, order: ByteOrder) -> dict[int, bytes]:
        """Return the patterns of the lists that start with each tag: the first octet decides."""
        first: dict[int, dict[bytes, list[bytes]]] = {}
        for attribute, branch in self.below.items():
            rest = _literal(bytes([attribute])) + branch.pattern(order)
            for tag in VALUES[attribute].tags:
                value = _value(attribute, tag, order)
                if value is not None:
                    first.setdefault(tag, {}).setdefault(value, []).append(rest)
        return {
            tag: _literal(bytes([tag]))
            + _either([value + rb"\xf8" + _either(rests) for value, rests in values.items()])
            for tag, values in first.items()
        }


@cache
def _lists(operators: frozenset[Operator]) -> Branch:
    """Return the tree of the operators' lists; texts and points, whose data have their length, apart."""
    tree = Branch()
    for operator in sorted(operators):
        for form in FORMS[operator]:
            if not {Attribute.TEXT_DATA, Attribute.NUMBER_OF_POINTS} & set(form.required):
                for path in _paths(form):
                    tree.grow(path, operator)
    return tree


def _plain(operators: frozenset[Operator], order: ByteOrder) -> tuple[list[bytes], list[bytes]]:
    """Match the operators with their lists: first the commonest, by themselves, then the tree of all."""
    tree = _lists(operators)
    common = [_one_of(bytes(tree.operators))] if tree.operators else []
    for tag, attribute in COMMON:
        value = _value(attribute, tag, order)
        if value is not None and attribute in tree.below and tree.below[attribute].operators:
            head = _literal(bytes([tag])) + value + rb"\xf8" + _literal(bytes([attribute]))
            common.append(head + _one_of(bytes(tree.below[attribute].operators)))
    return common, list(tree.by_first_tag(order).values())


def _texts(order: ByteOrder) -> list[bytes]:
    """Match strings, short ones with the spacing of their characters too, one octet a character or two."""
    made = []
    for tag, item_octets in ((rb"\xc8", 1), (rb"\xc9", 2)):
        by_octet, by_word = [], []
        for count in range(TEXT + 1):
            number = _literal(bytes([count]))
            text = _any(count * item_octets)
            spacing = rb"(?:\xc8\xc0" + number + _any(count)
            spacing += rb"|[\xc9\xcb]\xc0" + number + _any(2 * count) + rb")\xf8"
            spaced = rb"(?:" + spacing + rb"\xaf)?+(?:" + spacing + rb"\xb0)?+"
            by_octet.append(number + text + rb"\xf8\xab(?:[\xa8\xa9]|" + spaced + rb"[\xa8\xa9])")
            by_word.append(_literal(count.to_bytes(2, order)) + text + rb"\xf8\xab[\xa8\xa9]")
        made.append(tag + rb"(?:\xc0" + _either(by_octet) + rb"|\xc1" + _either(by_word) + b")")
    return made


def _points(order: ByteOrder) -> list[bytes]:
    """Match lines and curves whose points are embedded data, of the length that their number and type say."""

    def rest(count: int, types: bytes, octets: int) -> bytes:
        ends = _one_of(LINES if count % 3 else LINES + CURVES)
        return rb"\xf8\x4d\xc0" + types + rb"\xf8\x50" + ends + _block(octets * count, order)

    counts = range(1, POINTS + 1)
    made = []
    for types, octets in ((rb"[\x02\x03]", 4), (rb"[\x00\x01]", 2)):
        by_octet = [_literal(bytes([count])) + rest(count, types, octets) for count in counts]
        by_word = [_literal(count.to_bytes(2, order)) + rest(count, types, octets) for count in counts]
        made.append(rb"\xc0(?=.\xf8\x4d\xc0" + types + b")" + _either(by_octet))
        made.append(rb"\xc1(?=..\xf8\x4d\xc0" + types + b")" + _either(by_word))
    return made


def _paint(order: ByteOrder, name: bytes, watch: Watch, paint: Paint) -> list[bytes]:
    """Match colours that need no look: greys, nothing, RGB of three like parts; `name` names its groups."""
    greys, colours = paint in (Paint.GRAY, Paint.ANY), paint in (Paint.RGB, Paint.ANY)
    three = b"(?:\\xc0\\x03|\\xc1" + _literal((3).to_bytes(2, order)) + b")"
    part = b"...[" + REALS[1] + b"]" if order == "little" else b"[" + REALS[1] + b"]..."
    same = (b"(?P<%b1>.)(?P=%b1)(?P=%b1)", b"(?P<%b2>" + part + b")(?P=%b2)(?P=%b2)")
    octets, reals = (three + pattern.replace(b"%b", name) + rb"\xf8\x0b" for pattern in same)
    made = [rb"\xc0\x00\xf8\x05\x79", rb"\xc0\x00\xf8\x04\x63"]
    if greys:
        made.insert(0, rb"\xc0.\xf8\x09" + BRUSH_OR_PEN)
        made.append(rb"\xc5" + part + rb"\xf8\x09" + BRUSH_OR_PEN)
    if colours:
        made.append(rb"\xc8" + octets + BRUSH_OR_PEN)
        made.append(rb"\xcd" + reals + BRUSH_OR_PEN)
    if colours and watch is Watch.NOTHING:
        made.append(rb"\xc8" + three + rb"...\xf8\x0b" + BRUSH_OR_PEN)
        made.append(rb"\xcd" + three + part * 3 + rb"\xf8\x0b" + BRUSH_OR_PEN)
    return made


def swallowed_spaces(watch: Watch) -> frozenset[bytes]:
    """Return the colour spaces, an octet each, that change nothing of what is watched."""
    return SPACES_OF[watch]


def paint_of(space: int | None) -> Paint:
    """Return which colours a space takes."""
    return PAINTS.get(space, Paint.NONE)


@cache
def run_pattern(order: ByteOrder, watch: Watch, paint: Paint, *, texts: bool = True) -> re.Pattern[bytes]:
    """Return the pattern of a run in this octet order under this Watch in this space; it may match nothing.

    Before a run, and after it, there is a current point: what takes it away stands in a run only with what
    gives a new one, and nothing between that needs it. Before a font is set there may be no `texts`.
    """
    dull = DULL if texts else DULL - TEXTS
    common, lists = _plain(dull - POINT_LOSERS, order)
    plain, others = _plain(dull - POINT_GIVERS - POINT_NEEDERS, order)
    neutral = [
        *plain,
        *_paint(order, b"n", watch, paint),
        *(pattern for pattern in others if not pattern.startswith(PAIRS)),
    ]
    losers, givers = (
        chain(*_plain(operators, order)) for operators in (POINT_LOSERS & DULL, POINT_GIVERS & DULL)
    )
    anew = _either(list(losers)) + b"(?:" + b"|".join(neutral) + b")*+" + _either(list(givers))
    alternatives = [
        *(NEW_PATH, *common, anew, *_paint(order, b"c", watch, paint)),
        *(*_points(order), *(_texts(order) if texts else ()), *lists),
    ]
    return re.compile(b"(?:" + b"|".join(alternatives) + b")*+", re.DOTALL)


@cache
def character_pattern(order: ByteOrder) -> re.Pattern[bytes]:
    """Return the pattern of BeginChar and ReadChar.

    Its groups: the font's `name`, the `size` of the character, and that of its data, `long` or `short`.
    """
    name = rb"(?P<name>\xc8" + _items(range(ARRAY + 1), 1, order) + rb")\xf8\xa8\x52"
    pattern = name + rb"(?:\xc0.|\xc1..)\xf8\xa2\xc1(?P<size>..)\xf8\xa3\x53"
    return re.compile(pattern + rb"(?:\xfa(?P<long>....)|\xfb(?P<short>.))", re.DOTALL)
