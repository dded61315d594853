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
Op = Operator
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
    Op.BEGIN_SESSION: (Form((A.MEASURE, A.UNITS_PER_MEASURE), (A.ERROR_REPORT,)),),
    Op.END_SESSION: NOTHING,
    Op.BEGIN_PAGE: (
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
    Op.END_PAGE: (Form((), (A.PAGE_COPIES,)),),
    Op.VENDOR_UNIQUE: (
        Form(
            (A.VU_EXTENSION,),
            (
                *(A.VU_DATA_LENGTH, A.VU_ATTRIBUTE_1, A.VU_ATTRIBUTE_2, A.VU_ATTRIBUTE_3, A.VU_ATTRIBUTE_4),
                *(A.VU_ATTRIBUTE_5, A.VU_ATTRIBUTE_6, A.SOURCE_WIDTH, A.SOURCE_HEIGHT, A.START_LINE),
                A.BLOCK_HEIGHT,
            ),
        ),
    ),
    Op.COMMENT: (Form((), (A.COMMENT_DATA,)),),
    Op.OPEN_DATA_SOURCE: (Form((A.SOURCE_TYPE, A.DATA_ORG)),),
    Op.CLOSE_DATA_SOURCE: NOTHING,
    Op.BEGIN_FONT_HEADER: (Form((A.FONT_NAME, A.FONT_FORMAT)),),
    Op.READ_FONT_HEADER: (Form((A.FONT_HEADER_LENGTH,)),),
    Op.END_FONT_HEADER: NOTHING,
    Op.BEGIN_CHAR: NAME,
    Op.READ_CHAR: (Form((A.CHAR_CODE, A.CHAR_DATA_SIZE)),),
    Op.END_CHAR: NOTHING,
    Op.REMOVE_FONT: NAME,
    Op.SET_CHAR_ATTRIBUTES: (Form((A.WRITING_MODE,)),),
    Op.SET_DEFAULT_GS: NOTHING,
    Op.SET_COLOR_TREATMENT: (Form((), (A.COLOR_TREATMENT, *OBJECTS)),),
    Op.BEGIN_STREAM: STREAM,
    Op.READ_STREAM: (Form((A.STREAM_DATA_LENGTH,)),),
    Op.END_STREAM: NOTHING,
    Op.EXEC_STREAM: STREAM,
    Op.REMOVE_STREAM: STREAM,
    Op.POP_GS: NOTHING,
    Op.PUSH_GS: NOTHING,
    Op.SET_CLIP_REPLACE: (Form((A.CLIP_REGION,)),),
    Op.SET_BRUSH_SOURCE: _paint(A.NULL_BRUSH),
    Op.SET_CHAR_ANGLE: (Form((A.CHAR_ANGLE,)),),
    Op.SET_CHAR_SCALE: (Form((A.CHAR_SCALE,)),),
    Op.SET_CHAR_SHEAR: (Form((A.CHAR_SHEAR,)),),
    Op.SET_CLIP_INTERSECT: (Form((A.CLIP_REGION,)),),
    Op.SET_CLIP_RECTANGLE: (Form((A.CLIP_REGION, A.BOUNDING_BOX)),),
    Op.SET_CLIP_TO_PAGE: NOTHING,
    Op.SET_COLOR_SPACE: (
        Form((A.COLOR_SPACE,), COLORIMETRY),
        Form((A.COLOR_SPACE, A.PALETTE_DEPTH, A.PALETTE_DATA), COLORIMETRY),
    ),
    Op.SET_CURSOR: (Form((A.POINT,)),),
    Op.SET_CURSOR_REL: (Form((A.POINT,)),),
    Op.SET_HALFTONE_METHOD: (
        Form((A.DEVICE_MATRIX,), (A.DITHER_ORIGIN, *OBJECTS)),
        Form((), (*DITHER, A.DITHER_ORIGIN, *OBJECTS)),
    ),
    Op.SET_FILL_MODE: (Form((A.FILL_MODE,)),),
    Op.SET_FONT: (
        Form((A.FONT_NAME, A.CHAR_SIZE, A.SYMBOL_SET)),
        Form((A.PCL_SELECT_FONT,), (A.FONT_NAME, A.CHAR_SIZE, A.SYMBOL_SET)),
    ),
    Op.SET_LINE_DASH: (Form((A.LINE_DASH_STYLE,), (A.DASH_OFFSET,)), Form((A.SOLID_LINE,))),
    Op.SET_LINE_CAP: (Form((A.LINE_CAP_STYLE,)),),
    Op.SET_LINE_JOIN: (Form((A.LINE_JOIN_STYLE,)),),
    Op.SET_MITER_LIMIT: (Form((A.MITER_LENGTH,)),),
    Op.SET_PAGE_DEFAULT_CTM: NOTHING,
    Op.SET_PAGE_ORIGIN: (Form((A.PAGE_ORIGIN,)),),
    Op.SET_PAGE_ROTATION: (Form((A.PAGE_ANGLE,)),),
    Op.SET_PAGE_SCALE: (Form((), (A.PAGE_SCALE, A.MEASURE, A.UNITS_PER_MEASURE)),),
    Op.SET_PAINT_TX_MODE: (Form((A.TX_MODE,)),),
    Op.SET_PEN_SOURCE: _paint(A.NULL_PEN),
    Op.SET_PEN_WIDTH: (Form((A.PEN_WIDTH,)),),
    Op.SET_ROP: (Form((A.ROP3,)),),
    Op.SET_SOURCE_TX_MODE: (Form((A.TX_MODE,)),),
    Op.SET_CHAR_BOLD_VALUE: (Form((A.CHAR_BOLD_VALUE,)),),
    Op.SET_NEUTRAL_AXIS: (Form((), OBJECTS),),
    Op.SET_CLIP_MODE: (Form((A.CLIP_MODE,)),),
    Op.SET_PATH_TO_CLIP: NOTHING,
    Op.SET_CHAR_SUB_MODE: (Form((A.CHAR_SUB_MODE_ARRAY,)),),
    Op.BEGIN_USER_DEFINED_LINE_CAP: NOTHING,
    Op.END_USER_DEFINED_LINE_CAP: NOTHING,
    Op.CLOSE_SUB_PATH: NOTHING,
    Op.NEW_PATH: NOTHING,
    Op.PAINT_PATH: NOTHING,
    Op.ARC_PATH: (Form((A.BOUNDING_BOX, A.START_POINT, A.END_POINT), (A.ARC_DIRECTION,)),),
    Op.SET_COLOR_TRAPPING: (Form((A.ALL_OBJECT_TYPES,)),),
    Op.BEZIER_PATH: CURVE,
    Op.SET_ADAPTIVE_HALFTONING: (Form((), OBJECTS),),
    Op.BEZIER_REL_PATH: CURVE,
    Op.CHORD: PIECE,
    Op.CHORD_PATH: PIECE,
    Op.ELLIPSE: BOX,
    Op.ELLIPSE_PATH: BOX,
    Op.LINE_PATH: LINE,
    Op.LINE_REL_PATH: LINE,
    Op.PIE: PIECE,
    Op.PIE_PATH: PIECE,
    Op.RECTANGLE: BOX,
    Op.RECTANGLE_PATH: BOX,
    Op.ROUND_RECTANGLE: ROUND_BOX,
    Op.ROUND_RECTANGLE_PATH: ROUND_BOX,
    Op.TEXT: STRING,
    Op.TEXT_PATH: STRING,
    Op.BEGIN_IMAGE: (Form(BITMAP),),
    Op.READ_IMAGE: BLOCK,
    Op.END_IMAGE: NOTHING,
    Op.BEGIN_RAST_PATTERN: (Form((*BITMAP, A.PATTERN_DEFINE_ID, A.PATTERN_PERSISTENCE)),),
    Op.READ_RAST_PATTERN: BLOCK,
    Op.END_RAST_PATTERN: NOTHING,
    Op.BEGIN_SCAN: NOTHING,
    Op.END_SCAN: NOTHING,
    Op.SCAN_LINE_REL: (Form((), (A.NUMBER_OF_SCAN_LINES,)),),
    Op.PASS_THROUGH: NOTHING,
}


# operator -> (what must be half read before it, what is after it)
READING: Mapping[Operator, tuple[str, str]] = {
    Op.BEGIN_FONT_HEADER: ("", "font"),
    Op.READ_FONT_HEADER: ("font", "font"),
    Op.END_FONT_HEADER: ("font", ""),
    Op.BEGIN_CHAR: ("", "char"),
    Op.READ_CHAR: ("char", "char"),
    Op.END_CHAR: ("char", ""),
    Op.BEGIN_STREAM: ("", "stream"),
    Op.READ_STREAM: ("stream", "stream"),
    Op.END_STREAM: ("stream", ""),
    Op.BEGIN_IMAGE: ("", "image"),
    Op.READ_IMAGE: ("image", "image"),
    Op.END_IMAGE: ("image", ""),
    Op.BEGIN_RAST_PATTERN: ("", "pattern"),
    Op.READ_RAST_PATTERN: ("pattern", "pattern"),
    Op.END_RAST_PATTERN: ("pattern", ""),
    Op.BEGIN_SCAN: ("", "scan"),
    Op.SCAN_LINE_REL: ("scan", "scan"),
    Op.END_SCAN: ("scan", ""),
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
