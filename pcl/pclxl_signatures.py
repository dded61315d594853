"""What each PCL XL operator takes: its attributes, in the forms it may have, and what their values may be.

From the published PCL XL Feature Reference, held against the open interpreter (gpcl6), which ends the job at
a list that does not fit. An attribute has the same types and limits wherever it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from .tables import ITEM_FORMATS, Attribute, DataTag, Operator

__all__ = ["FORMS", "READING", "VALUES", "Form", "Shape", "Value", "fault_of", "form_of", "limits_of"]

A = Attribute
O = Operator  # noqa: E741 # the tables below are read as a whole
Shape = tuple[tuple[int, int], ...]  # attribute and data tag of each value of a list


class Value(NamedTuple):
    """The types of an attribute's value, its limits, and those of its real types, which are often others."""

    tags: tuple[DataTag, ...]
    low: float = 0
    high: float | None = None
    real_high: float | None = None
    real_low: float = 0


class Form(NamedTuple):
    """One way to give an operator its attributes."""

    required: tuple[Attribute, ...] = ()
    optional: tuple[Attribute, ...] = ()


def _tags(base: int, kinds: str) -> tuple[DataTag, ...]:
    return tuple(DataTag(base + ITEM_FORMATS.index(kind)) for kind in kinds)


def _scalar(kinds: str, high: float | None = None, low: float = 0) -> Value:
    return Value(_tags(0xC0, kinds), low, high, high, low)


def _array(kinds: str) -> Value:
    return Value(_tags(0xC8, kinds))


def _pair(kinds: str, high: float | None = None, low: float = 0) -> Value:
    return Value(_tags(0xD0, kinds), low, high, high, low)


def _box(kinds: str) -> Value:
    return Value(_tags(0xE0, kinds))


# Letters are those of struct: B ubyte, H uint16, I uint32, h sint16, f real32.
VALUES: Mapping[Attribute, Value] = {
    A.PALETTE_DEPTH: _scalar("B", 2),
    A.COLOR_SPACE: _scalar("B", 6),
    A.NULL_BRUSH: _scalar("B", 0),
    A.NULL_PEN: _scalar("B", 0),
    A.PALETTE_DATA: _array("B"),
    A.PATTERN_SELECT_ID: _scalar("h"),
    A.GRAY_LEVEL: _scalar("Bf")._replace(high=None, real_high=1),
    A.RGB_COLOR: _array("Bf")._replace(real_high=1),
    A.PATTERN_ORIGIN: _pair("h"),
    A.NEW_DESTINATION_SIZE: _pair("H", 65535, 1),
    A.PRIMARY_ARRAY: _array("B"),
    A.PRIMARY_DEPTH: _scalar("B", 2),
    A.XY_CHROMATICITIES: _array("f"),
    A.WHITE_REFERENCE_POINT: _array("f"),
    A.CRGB_MIN_MAX: _array("f"),
    A.GAMMA_GAIN: _array("f"),
    A.ALL_OBJECT_TYPES: _scalar("B", 3),
    A.TEXT_OBJECTS: _scalar("B", 3),
    A.VECTOR_OBJECTS: _scalar("B", 3),
    A.RASTER_OBJECTS: _scalar("B", 3),
    A.DEVICE_MATRIX: _scalar("B", 0),
    A.DITHER_MATRIX_DATA_TYPE: _scalar("B", 0),
    A.DITHER_ORIGIN: _pair("BHh"),
    A.MEDIA_DESTINATION: _scalar("B"),
    A.MEDIA_SIZE: Value((DataTag.UBYTE, DataTag.UBYTE_ARRAY)),
    A.MEDIA_SOURCE: _scalar("B"),
    A.MEDIA_TYPE: _array("B"),
    A.ORIENTATION: _scalar("B"),
    A.PAGE_ANGLE: _scalar("Hh"),
    A.PAGE_ORIGIN: _pair("BHh"),
    A.PAGE_SCALE: _pair("BHf", 32767),
    A.ROP3: _scalar("B"),
    A.TX_MODE: _scalar("B", 1),
    A.CUSTOM_MEDIA_SIZE: _pair("Hf", 65535),
    A.CUSTOM_MEDIA_SIZE_UNITS: _scalar("B", 2),
    A.PAGE_COPIES: _scalar("H"),
    A.DITHER_MATRIX_SIZE: _pair("H", 256, 1),
    A.DITHER_MATRIX_DEPTH: _scalar("B", 2, 2),
    A.SIMPLEX_PAGE_MODE: _scalar("B", 0),
    A.DUPLEX_PAGE_MODE: _scalar("B", 1),
    A.DUPLEX_PAGE_SIDE: _scalar("B", 1),
    A.ARC_DIRECTION: _scalar("B", 1),
    A.BOUNDING_BOX: _box("BHh"),
    A.DASH_OFFSET: _scalar("BHh"),
    A.ELLIPSE_DIMENSION: _pair("BH"),
    A.END_POINT: _pair("BHh"),
    A.FILL_MODE: _scalar("B", 1),
    A.LINE_CAP_STYLE: _scalar("B", 3),
    A.LINE_JOIN_STYLE: _scalar("B", 3),
    A.MITER_LENGTH: _scalar("BH"),
    A.LINE_DASH_STYLE: _array("BHh"),
    A.PEN_WIDTH: _scalar("BH"),
    A.POINT: _pair("BHh"),
    A.NUMBER_OF_POINTS: _scalar("BH"),
    A.SOLID_LINE: _scalar("B", 0),
    A.START_POINT: _pair("BHh"),
    A.POINT_TYPE: _scalar("B", 3),
    A.CONTROL_POINT_1: _pair("BHh"),
    A.CONTROL_POINT_2: _pair("BHh"),
    A.CLIP_REGION: _scalar("B", 1),
    A.CLIP_MODE: _scalar("B", 1),
    A.COLOR_DEPTH: _scalar("B", 2),
    A.BLOCK_HEIGHT: _scalar("H"),
    A.COLOR_MAPPING: _scalar("B", 1),
    A.COMPRESS_MODE: _scalar("B", 3),
    A.DESTINATION_BOX: _box("H"),
    A.DESTINATION_SIZE: _pair("H", 65535, 1),
    A.PATTERN_PERSISTENCE: _scalar("B", 2),
    A.PATTERN_DEFINE_ID: _scalar("h"),
    A.SOURCE_HEIGHT: _scalar("H", 65535, 1),
    A.SOURCE_WIDTH: _scalar("H", 65535, 1),
    A.START_LINE: _scalar("H"),
    A.PAD_BYTES_MULTIPLE: _scalar("B"),
    A.BLOCK_BYTE_LENGTH: _scalar("I"),
    A.NUMBER_OF_SCAN_LINES: _scalar("H"),
    A.COLOR_TREATMENT: _scalar("B", 6),
    A.COMMENT_DATA: _array("BH"),
    A.DATA_ORG: _scalar("B", 1),
    A.MEASURE: _scalar("B", 2),
    A.SOURCE_TYPE: _scalar("B", 0),
    A.UNITS_PER_MEASURE: _pair("Hf", 65535, 1e-6),
    A.STREAM_NAME: _array("BH"),
    A.STREAM_DATA_LENGTH: _scalar("I"),
    A.PCL_SELECT_FONT: _array("BH"),
    A.ERROR_REPORT: _scalar("B", 6),
    A.VU_EXTENSION: _scalar("I"),
    A.VU_DATA_LENGTH: _scalar("I"),
    A.VU_ATTRIBUTE_1: _scalar("BHI"),
    A.VU_ATTRIBUTE_2: _scalar("BHI"),
    A.VU_ATTRIBUTE_3: _scalar("BHI"),
    A.VU_ATTRIBUTE_4: _scalar("BHI"),
    A.VU_ATTRIBUTE_5: _scalar("BHI"),
    A.VU_ATTRIBUTE_6: _scalar("BHI"),
    A.CHAR_ANGLE: _scalar("Hhf", 360, -360),
    A.CHAR_CODE: _scalar("BH"),
    A.CHAR_DATA_SIZE: _scalar("HI"),
    A.CHAR_SCALE: _pair("BHf", 32767, -32768),
    A.CHAR_SHEAR: _pair("BHhf", 32767, -32768),
    A.CHAR_SIZE: _scalar("BHf"),
    A.FONT_HEADER_LENGTH: _scalar("H"),
    A.FONT_NAME: _array("BH"),
    A.FONT_FORMAT: _scalar("B", 0),
    A.SYMBOL_SET: _scalar("H"),
    A.TEXT_DATA: _array("BH"),
    A.CHAR_SUB_MODE_ARRAY: _array("B"),
    A.WRITING_MODE: _scalar("B", 1),
    A.X_SPACING_DATA: _array("BHh"),
    A.Y_SPACING_DATA: _array("BHh"),
    A.CHAR_BOLD_VALUE: _scalar("f", 1),
}

NOTHING = (Form(),)
NAME = (Form((A.FONT_NAME,)),)
STREAM = (Form((A.STREAM_NAME,)),)
BOX = (Form((A.BOUNDING_BOX,)),)
ROUND_BOX = (Form((A.BOUNDING_BOX, A.ELLIPSE_DIMENSION)),)
PIECE = (Form((A.BOUNDING_BOX, A.START_POINT, A.END_POINT)),)
OBJECTS = (A.ALL_OBJECT_TYPES, A.TEXT_OBJECTS, A.VECTOR_OBJECTS, A.RASTER_OBJECTS)
POINTS = Form((A.NUMBER_OF_POINTS, A.POINT_TYPE))
LINE = (Form((A.END_POINT,)), POINTS)
CURVE = (Form((A.CONTROL_POINT_1, A.CONTROL_POINT_2, A.END_POINT)), POINTS)
STRING = (Form((A.TEXT_DATA,), (A.X_SPACING_DATA, A.Y_SPACING_DATA)),)
BITMAP = (A.COLOR_MAPPING, A.COLOR_DEPTH, A.SOURCE_WIDTH, A.SOURCE_HEIGHT, A.DESTINATION_SIZE)
BLOCK = (Form((A.START_LINE, A.BLOCK_HEIGHT, A.COMPRESS_MODE), (A.PAD_BYTES_MULTIPLE, A.BLOCK_BYTE_LENGTH)),)
DITHER = (A.DITHER_MATRIX_DATA_TYPE, A.DITHER_MATRIX_SIZE, A.DITHER_MATRIX_DEPTH)
COLORIMETRY = (A.XY_CHROMATICITIES, A.WHITE_REFERENCE_POINT, A.CRGB_MIN_MAX, A.GAMMA_GAIN)


def _paint(nothing: Attribute) -> tuple[Form, ...]:
    primary = (A.PRIMARY_ARRAY, A.PRIMARY_DEPTH)
    return (
        Form((A.RGB_COLOR,), primary),
        Form((A.GRAY_LEVEL,), primary),
        Form((nothing,), primary),
        Form((A.PATTERN_SELECT_ID,), (A.PATTERN_ORIGIN, A.NEW_DESTINATION_SIZE, *primary)),
        Form(primary),
    )


FORMS: Mapping[Operator, tuple[Form, ...]] = {
    O.BEGIN_SESSION: (Form((A.MEASURE, A.UNITS_PER_MEASURE), (A.ERROR_REPORT,)),),
    O.END_SESSION: NOTHING,
    O.BEGIN_PAGE: (
        Form(
            (),
            (
                *(
                    A.ORIENTATION,
                    A.MEDIA_SOURCE,
                    A.MEDIA_SIZE,
                    A.CUSTOM_MEDIA_SIZE,
                    A.CUSTOM_MEDIA_SIZE_UNITS,
                ),
                *(A.SIMPLEX_PAGE_MODE, A.DUPLEX_PAGE_MODE, A.DUPLEX_PAGE_SIDE, A.MEDIA_DESTINATION),
                A.MEDIA_TYPE,
            ),
        ),
    ),
    O.END_PAGE: (Form((), (A.PAGE_COPIES,)),),
    O.VENDOR_UNIQUE: (
        Form(
            (A.VU_EXTENSION,),
            (
                *(A.VU_DATA_LENGTH, A.VU_ATTRIBUTE_1, A.VU_ATTRIBUTE_2, A.VU_ATTRIBUTE_3, A.VU_ATTRIBUTE_4),
                *(A.VU_ATTRIBUTE_5, A.VU_ATTRIBUTE_6, A.SOURCE_WIDTH, A.SOURCE_HEIGHT, A.START_LINE),
                A.BLOCK_HEIGHT,
            ),
        ),
    ),
    O.COMMENT: (Form((), (A.COMMENT_DATA,)),),
    O.OPEN_DATA_SOURCE: (Form((A.SOURCE_TYPE, A.DATA_ORG)),),
    O.CLOSE_DATA_SOURCE: NOTHING,
    O.BEGIN_FONT_HEADER: (Form((A.FONT_NAME, A.FONT_FORMAT)),),
    O.READ_FONT_HEADER: (Form((A.FONT_HEADER_LENGTH,)),),
    O.END_FONT_HEADER: NOTHING,
    O.BEGIN_CHAR: NAME,
    O.READ_CHAR: (Form((A.CHAR_CODE, A.CHAR_DATA_SIZE)),),
    O.END_CHAR: NOTHING,
    O.REMOVE_FONT: NAME,
    O.SET_CHAR_ATTRIBUTES: (Form((A.WRITING_MODE,)),),
    O.SET_DEFAULT_GS: NOTHING,
    O.SET_COLOR_TREATMENT: (Form((), (A.COLOR_TREATMENT, *OBJECTS)),),
    O.BEGIN_STREAM: STREAM,
    O.READ_STREAM: (Form((A.STREAM_DATA_LENGTH,)),),
    O.END_STREAM: NOTHING,
    O.EXEC_STREAM: STREAM,
    O.REMOVE_STREAM: STREAM,
    O.POP_GS: NOTHING,
    O.PUSH_GS: NOTHING,
    O.SET_CLIP_REPLACE: (Form((A.CLIP_REGION,)),),
    O.SET_BRUSH_SOURCE: _paint(A.NULL_BRUSH),
    O.SET_CHAR_ANGLE: (Form((A.CHAR_ANGLE,)),),
    O.SET_CHAR_SCALE: (Form((A.CHAR_SCALE,)),),
    O.SET_CHAR_SHEAR: (Form((A.CHAR_SHEAR,)),),
    O.SET_CLIP_INTERSECT: (Form((A.CLIP_REGION,)),),
    O.SET_CLIP_RECTANGLE: (Form((A.CLIP_REGION, A.BOUNDING_BOX)),),
    O.SET_CLIP_TO_PAGE: NOTHING,
    O.SET_COLOR_SPACE: (
        Form((A.COLOR_SPACE,), COLORIMETRY),
        Form((A.COLOR_SPACE, A.PALETTE_DEPTH, A.PALETTE_DATA), COLORIMETRY),
    ),
    O.SET_CURSOR: (Form((A.POINT,)),),
    O.SET_CURSOR_REL: (Form((A.POINT,)),),
    O.SET_HALFTONE_METHOD: (
        Form((A.DEVICE_MATRIX,), (A.DITHER_ORIGIN, *OBJECTS)),
        Form((), (*DITHER, A.DITHER_ORIGIN, *OBJECTS)),
    ),
    O.SET_FILL_MODE: (Form((A.FILL_MODE,)),),
    O.SET_FONT: (
        Form((A.FONT_NAME, A.CHAR_SIZE, A.SYMBOL_SET)),
        Form((A.PCL_SELECT_FONT,), (A.FONT_NAME, A.CHAR_SIZE, A.SYMBOL_SET)),
    ),
    O.SET_LINE_DASH: (Form((A.LINE_DASH_STYLE,), (A.DASH_OFFSET,)), Form((A.SOLID_LINE,))),
    O.SET_LINE_CAP: (Form((A.LINE_CAP_STYLE,)),),
    O.SET_LINE_JOIN: (Form((A.LINE_JOIN_STYLE,)),),
    O.SET_MITER_LIMIT: (Form((A.MITER_LENGTH,)),),
    O.SET_PAGE_DEFAULT_CTM: NOTHING,
    O.SET_PAGE_ORIGIN: (Form((A.PAGE_ORIGIN,)),),
    O.SET_PAGE_ROTATION: (Form((A.PAGE_ANGLE,)),),
    O.SET_PAGE_SCALE: (Form((), (A.PAGE_SCALE, A.MEASURE, A.UNITS_PER_MEASURE)),),
    O.SET_PAINT_TX_MODE: (Form((A.TX_MODE,)),),
    O.SET_PEN_SOURCE: _paint(A.NULL_PEN),
    O.SET_PEN_WIDTH: (Form((A.PEN_WIDTH,)),),
    O.SET_ROP: (Form((A.ROP3,)),),
    O.SET_SOURCE_TX_MODE: (Form((A.TX_MODE,)),),
    O.SET_CHAR_BOLD_VALUE: (Form((A.CHAR_BOLD_VALUE,)),),
    O.SET_NEUTRAL_AXIS: (Form((), OBJECTS),),
    O.SET_CLIP_MODE: (Form((A.CLIP_MODE,)),),
    O.SET_PATH_TO_CLIP: NOTHING,
    O.SET_CHAR_SUB_MODE: (Form((A.CHAR_SUB_MODE_ARRAY,)),),
    O.BEGIN_USER_DEFINED_LINE_CAP: NOTHING,
    O.END_USER_DEFINED_LINE_CAP: NOTHING,
    O.CLOSE_SUB_PATH: NOTHING,
    O.NEW_PATH: NOTHING,
    O.PAINT_PATH: NOTHING,
    O.ARC_PATH: (Form((A.BOUNDING_BOX, A.START_POINT, A.END_POINT), (A.ARC_DIRECTION,)),),
    O.SET_COLOR_TRAPPING: (Form((A.ALL_OBJECT_TYPES,)),),
    O.BEZIER_PATH: CURVE,
    O.SET_ADAPTIVE_HALFTONING: (Form((), OBJECTS),),
    O.BEZIER_REL_PATH: CURVE,
    O.CHORD: PIECE,
    O.CHORD_PATH: PIECE,
    O.ELLIPSE: BOX,
    O.ELLIPSE_PATH: BOX,
    O.LINE_PATH: LINE,
    O.LINE_REL_PATH: LINE,
    O.PIE: PIECE,
    O.PIE_PATH: PIECE,
    O.RECTANGLE: BOX,
    O.RECTANGLE_PATH: BOX,
    O.ROUND_RECTANGLE: ROUND_BOX,
    O.ROUND_RECTANGLE_PATH: ROUND_BOX,
    O.TEXT: STRING,
    O.TEXT_PATH: STRING,
    O.BEGIN_IMAGE: (Form(BITMAP),),
    O.READ_IMAGE: BLOCK,
    O.END_IMAGE: NOTHING,
    O.BEGIN_RAST_PATTERN: (Form((*BITMAP, A.PATTERN_DEFINE_ID, A.PATTERN_PERSISTENCE)),),
    O.READ_RAST_PATTERN: BLOCK,
    O.END_RAST_PATTERN: NOTHING,
    O.BEGIN_SCAN: NOTHING,
    O.END_SCAN: NOTHING,
    O.SCAN_LINE_REL: (Form((), (A.NUMBER_OF_SCAN_LINES,)),),
    O.PASS_THROUGH: NOTHING,
}


# operator -> (what must be half read before it, what is after it)
READING: Mapping[Operator, tuple[str, str]] = {
    O.BEGIN_FONT_HEADER: ("", "font"),
    O.READ_FONT_HEADER: ("font", "font"),
    O.END_FONT_HEADER: ("font", ""),
    O.BEGIN_CHAR: ("", "char"),
    O.READ_CHAR: ("char", "char"),
    O.END_CHAR: ("char", ""),
    O.BEGIN_STREAM: ("", "stream"),
    O.READ_STREAM: ("stream", "stream"),
    O.END_STREAM: ("stream", ""),
    O.BEGIN_IMAGE: ("", "image"),
    O.READ_IMAGE: ("image", "image"),
    O.END_IMAGE: ("image", ""),
    O.BEGIN_RAST_PATTERN: ("", "pattern"),
    O.READ_RAST_PATTERN: ("pattern", "pattern"),
    O.END_RAST_PATTERN: ("pattern", ""),
    O.BEGIN_SCAN: ("", "scan"),
    O.SCAN_LINE_REL: ("scan", "scan"),
    O.END_SCAN: ("scan", ""),
}


def form_of(operator: Operator, given: frozenset[int]) -> Form | None:
    """Return the form of the operator that such attributes make, None when there is none."""
    for form in FORMS[operator]:
        if given.issuperset(form.required) and given.issubset(form.required + form.optional):
            return form
    return None


@lru_cache(maxsize=1024)
def fault_of(operator: Operator, shape: Shape) -> str | None:
    """Say what is wrong with a list of these attributes and types, None when nothing is."""
    given = frozenset(attribute for attribute, _ in shape)
    if form_of(operator, given) is None:
        known = {name for form in FORMS[operator] for name in form.required + form.optional}
        strange = sorted(given - known)
        if strange:
            return f"{_name(operator)} takes no attribute {strange[0]}"
        lacking = [name for name in FORMS[operator][0].required if name not in given]
        if lacking:
            return f"{_name(operator)} lacks {_name(lacking[0])}"
        return f"{_name(operator)} does not take these attributes together"
    for attribute, tag in shape:
        if tag not in VALUES[Attribute(attribute)].tags:
            return f"{_name(Attribute(attribute))} has a value of the wrong type"
    return None


@lru_cache(maxsize=1024)
def limits_of(shape: Shape) -> tuple[tuple[Attribute, float, float], ...]:
    """Return which values of a list have limits, and those."""
    limits = []
    for code, tag in shape:
        attribute = Attribute(code)
        value = VALUES[attribute]
        real = tag & 7 == ITEM_FORMATS.index("f")
        low, high = (value.real_low, value.real_high) if real else (value.low, value.high)
        if high is not None:
            limits.append((attribute, low, high))
    return tuple(limits)


def _name(code: Operator | Attribute) -> str:
    return code.name.title().replace("_", "")
