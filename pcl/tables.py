"""The numbers of PCL XL under their names: data tags, operators, attributes and enumerations.

From the published PCL XL Feature Reference, protocol classes 1.1 to 3.0. Numbers that no protocol class
names stay numbers: parse() of an unknown one is an error that the analyser reports with its offset.
"""

from enum import IntEnum

__all__ = [
    "ARRAY_ITEM_OCTETS",
    "ATTRIBUTE_OCTET",
    "ATTRIBUTE_UINT16",
    "DATA_LENGTH",
    "DATA_LENGTH_OCTET",
    "DATA_OPERATORS",
    "ITEM_FORMATS",
    "ITEM_OCTETS",
    "PAINTING_OPERATORS",
    "PAGE_OPERATORS",
    "POINT_GIVERS",
    "POINT_LOSERS",
    "POINT_NEEDERS",
    "SESSION_OPERATORS",
    "WHITE_SPACE",
    "Attribute",
    "ColorDepth",
    "ColorMapping",
    "ColorSpace",
    "CompressMode",
    "DataOrganisation",
    "DataTag",
    "DuplexPageMode",
    "ErrorReport",
    "Measure",
    "Operator",
    "PageOrientation",
]


class DataTag(IntEnum):
    """The tag before a value: scalars, arrays, pairs (xy) and boxes of six item types."""

    UBYTE = 0xC0
    UINT16 = 0xC1
    UINT32 = 0xC2
    SINT16 = 0xC3
    SINT32 = 0xC4
    REAL32 = 0xC5
    UBYTE_ARRAY = 0xC8
    UINT16_ARRAY = 0xC9
    UINT32_ARRAY = 0xCA
    SINT16_ARRAY = 0xCB
    SINT32_ARRAY = 0xCC
    REAL32_ARRAY = 0xCD
    UBYTE_XY = 0xD0
    UINT16_XY = 0xD1
    UINT32_XY = 0xD2
    SINT16_XY = 0xD3
    SINT32_XY = 0xD4
    REAL32_XY = 0xD5
    UBYTE_BOX = 0xE0
    UINT16_BOX = 0xE1
    UINT32_BOX = 0xE2
    SINT16_BOX = 0xE3
    SINT32_BOX = 0xE4
    REAL32_BOX = 0xE5


ITEM_FORMATS = "BHIhif"  # of struct, by the low three bits of a data tag
ITEM_OCTETS = (1, 2, 4, 2, 4, 4)
VALUE_OCTETS: dict[int, int] = {
    base + kind: count * octets
    for base, count in ((0xC0, 1), (0xD0, 2), (0xE0, 4))
    for kind, octets in enumerate(ITEM_OCTETS)
}
ARRAY_ITEM_OCTETS: dict[int, int] = {0xC8 + kind: octets for kind, octets in enumerate(ITEM_OCTETS)}

ATTRIBUTE_OCTET = 0xF8
ATTRIBUTE_UINT16 = 0xF9
DATA_LENGTH = 0xFA
DATA_LENGTH_OCTET = 0xFB
WHITE_SPACE = frozenset(b"\x00\t\n\v\f\r ")


class Operator(IntEnum):
    """Operator tags 0x41 to 0xBF."""

    BEGIN_SESSION = 0x41
    END_SESSION = 0x42
    BEGIN_PAGE = 0x43
    END_PAGE = 0x44
    VENDOR_UNIQUE = 0x46
    COMMENT = 0x47
    OPEN_DATA_SOURCE = 0x48
    CLOSE_DATA_SOURCE = 0x49
    BEGIN_FONT_HEADER = 0x4F
    READ_FONT_HEADER = 0x50
    END_FONT_HEADER = 0x51
    BEGIN_CHAR = 0x52
    READ_CHAR = 0x53
    END_CHAR = 0x54
    REMOVE_FONT = 0x55
    SET_CHAR_ATTRIBUTES = 0x56
    SET_DEFAULT_GS = 0x57
    SET_COLOR_TREATMENT = 0x58
    BEGIN_STREAM = 0x5B
    READ_STREAM = 0x5C
    END_STREAM = 0x5D
    EXEC_STREAM = 0x5E
    REMOVE_STREAM = 0x5F
    POP_GS = 0x60
    PUSH_GS = 0x61
    SET_CLIP_REPLACE = 0x62
    SET_BRUSH_SOURCE = 0x63
    SET_CHAR_ANGLE = 0x64
    SET_CHAR_SCALE = 0x65
    SET_CHAR_SHEAR = 0x66
    SET_CLIP_INTERSECT = 0x67
    SET_CLIP_RECTANGLE = 0x68
    SET_CLIP_TO_PAGE = 0x69
    SET_COLOR_SPACE = 0x6A
    SET_CURSOR = 0x6B
    SET_CURSOR_REL = 0x6C
    SET_HALFTONE_METHOD = 0x6D
    SET_FILL_MODE = 0x6E
    SET_FONT = 0x6F
    SET_LINE_DASH = 0x70
    SET_LINE_CAP = 0x71
    SET_LINE_JOIN = 0x72
    SET_MITER_LIMIT = 0x73
    SET_PAGE_DEFAULT_CTM = 0x74
    SET_PAGE_ORIGIN = 0x75
    SET_PAGE_ROTATION = 0x76
    SET_PAGE_SCALE = 0x77
    SET_PAINT_TX_MODE = 0x78
    SET_PEN_SOURCE = 0x79
    SET_PEN_WIDTH = 0x7A
    SET_ROP = 0x7B
    SET_SOURCE_TX_MODE = 0x7C
    SET_CHAR_BOLD_VALUE = 0x7D
    SET_NEUTRAL_AXIS = 0x7E
    SET_CLIP_MODE = 0x7F
    SET_PATH_TO_CLIP = 0x80
    SET_CHAR_SUB_MODE = 0x81
    BEGIN_USER_DEFINED_LINE_CAP = 0x82
    END_USER_DEFINED_LINE_CAP = 0x83
    CLOSE_SUB_PATH = 0x84
    NEW_PATH = 0x85
    PAINT_PATH = 0x86
    ARC_PATH = 0x91
    SET_COLOR_TRAPPING = 0x92
    BEZIER_PATH = 0x93
    SET_ADAPTIVE_HALFTONING = 0x94
    BEZIER_REL_PATH = 0x95
    CHORD = 0x96
    CHORD_PATH = 0x97
    ELLIPSE = 0x98
    ELLIPSE_PATH = 0x99
    LINE_PATH = 0x9B
    LINE_REL_PATH = 0x9D
    PIE = 0x9E
    PIE_PATH = 0x9F
    RECTANGLE = 0xA0
    RECTANGLE_PATH = 0xA1
    ROUND_RECTANGLE = 0xA2
    ROUND_RECTANGLE_PATH = 0xA3
    TEXT = 0xA8
    TEXT_PATH = 0xA9
    BEGIN_IMAGE = 0xB0
    READ_IMAGE = 0xB1
    END_IMAGE = 0xB2
    BEGIN_RAST_PATTERN = 0xB3
    READ_RAST_PATTERN = 0xB4
    END_RAST_PATTERN = 0xB5
    BEGIN_SCAN = 0xB6
    END_SCAN = 0xB8
    SCAN_LINE_REL = 0xB9
    PASS_THROUGH = 0xBF


# Allowed wherever a session is open, in a page and out of one.
SESSION_OPERATORS = frozenset(
    {
        Operator.VENDOR_UNIQUE,
        Operator.COMMENT,
        Operator.OPEN_DATA_SOURCE,
        Operator.CLOSE_DATA_SOURCE,
        Operator.REMOVE_FONT,
    }
)
# Allowed only in a page, with nothing (font, image, stream ...) half read.
PAGE_OPERATORS = frozenset(
    op
    for op in Operator
    if op >= Operator.SET_CHAR_ATTRIBUTES and not Operator.BEGIN_STREAM <= op <= Operator.REMOVE_STREAM
)
PAINTING_OPERATORS = frozenset(
    {
        Operator.PAINT_PATH,
        Operator.CHORD,
        Operator.ELLIPSE,
        Operator.PIE,
        Operator.RECTANGLE,
        Operator.ROUND_RECTANGLE,
        Operator.TEXT,
    }
)
# The current point, or cursor: what gives one, takes it away, and needs it. PopGS brings an older one back.
POINT_GIVERS = frozenset(
    {
        Operator.SET_CURSOR,
        Operator.POP_GS,
        Operator.SET_PATH_TO_CLIP,
        Operator.ARC_PATH,
        Operator.CHORD,
        Operator.CHORD_PATH,
        Operator.ELLIPSE,
        Operator.ELLIPSE_PATH,
        Operator.PIE,
        Operator.PIE_PATH,
        Operator.RECTANGLE,
        Operator.RECTANGLE_PATH,
        Operator.ROUND_RECTANGLE,
        Operator.ROUND_RECTANGLE_PATH,
    }
)
POINT_LOSERS = frozenset(
    {
        Operator.NEW_PATH,
        Operator.SET_DEFAULT_GS,
        Operator.SET_CLIP_REPLACE,
        Operator.SET_CLIP_INTERSECT,
        Operator.SET_CLIP_RECTANGLE,
        Operator.SET_CLIP_TO_PAGE,
    }
)
POINT_NEEDERS = frozenset(
    {
        Operator.SET_CURSOR_REL,
        Operator.LINE_PATH,
        Operator.LINE_REL_PATH,
        Operator.BEZIER_PATH,
        Operator.BEZIER_REL_PATH,
        Operator.TEXT,
        Operator.TEXT_PATH,
        Operator.BEGIN_IMAGE,
    }
)
# Those that may be followed by embedded data.
DATA_OPERATORS = frozenset(
    {
        Operator.READ_FONT_HEADER,
        Operator.READ_CHAR,
        Operator.READ_STREAM,
        Operator.SET_HALFTONE_METHOD,
        Operator.SET_COLOR_TREATMENT,
        Operator.BEZIER_PATH,
        Operator.BEZIER_REL_PATH,
        Operator.LINE_PATH,
        Operator.LINE_REL_PATH,
        Operator.READ_IMAGE,
        Operator.READ_RAST_PATTERN,
        Operator.SCAN_LINE_REL,
        Operator.PASS_THROUGH,
    }
)


class Attribute(IntEnum):
    """Attribute identifiers."""

    PALETTE_DEPTH = 2
    COLOR_SPACE = 3
    NULL_BRUSH = 4
    NULL_PEN = 5
    PALETTE_DATA = 6
    PATTERN_SELECT_ID = 8
    GRAY_LEVEL = 9
    LIGHTNESS = 10
    RGB_COLOR = 11
    PATTERN_ORIGIN = 12
    NEW_DESTINATION_SIZE = 13
    PRIMARY_ARRAY = 14
    PRIMARY_DEPTH = 15
    SATURATION = 16
    COLORIMETRIC_COLOR_SPACE = 17
    XY_CHROMATICITIES = 18
    WHITE_REFERENCE_POINT = 19
    CRGB_MIN_MAX = 20
    GAMMA_GAIN = 21
    ALL_OBJECT_TYPES = 29
    TEXT_OBJECTS = 30
    VECTOR_OBJECTS = 31
    RASTER_OBJECTS = 32
    DEVICE_MATRIX = 33
    DITHER_MATRIX_DATA_TYPE = 34
    DITHER_ORIGIN = 35
    MEDIA_DESTINATION = 36
    MEDIA_SIZE = 37
    MEDIA_SOURCE = 38
    MEDIA_TYPE = 39
    ORIENTATION = 40
    PAGE_ANGLE = 41
    PAGE_ORIGIN = 42
    PAGE_SCALE = 43
    ROP3 = 44
    TX_MODE = 45
    CUSTOM_MEDIA_SIZE = 47
    CUSTOM_MEDIA_SIZE_UNITS = 48
    PAGE_COPIES = 49
    DITHER_MATRIX_SIZE = 50
    DITHER_MATRIX_DEPTH = 51
    SIMPLEX_PAGE_MODE = 52
    DUPLEX_PAGE_MODE = 53
    DUPLEX_PAGE_SIDE = 54
    ARC_DIRECTION = 65
    BOUNDING_BOX = 66
    DASH_OFFSET = 67
    ELLIPSE_DIMENSION = 68
    END_POINT = 69
    FILL_MODE = 70
    LINE_CAP_STYLE = 71
    LINE_JOIN_STYLE = 72
    MITER_LENGTH = 73
    LINE_DASH_STYLE = 74
    PEN_WIDTH = 75
    POINT = 76
    NUMBER_OF_POINTS = 77
    SOLID_LINE = 78
    START_POINT = 79
    POINT_TYPE = 80
    CONTROL_POINT_1 = 81
    CONTROL_POINT_2 = 82
    CLIP_REGION = 83
    CLIP_MODE = 84
    COLOR_DEPTH = 98
    BLOCK_HEIGHT = 99
    COLOR_MAPPING = 100
    COMPRESS_MODE = 101
    DESTINATION_BOX = 102
    DESTINATION_SIZE = 103
    PATTERN_PERSISTENCE = 104
    PATTERN_DEFINE_ID = 105
    SOURCE_HEIGHT = 107
    SOURCE_WIDTH = 108
    START_LINE = 109
    PAD_BYTES_MULTIPLE = 110
    BLOCK_BYTE_LENGTH = 111
    NUMBER_OF_SCAN_LINES = 115
    COLOR_TREATMENT = 120
    COMMENT_DATA = 129
    DATA_ORG = 130
    MEASURE = 134
    SOURCE_TYPE = 136
    UNITS_PER_MEASURE = 137
    STREAM_NAME = 139
    STREAM_DATA_LENGTH = 140
    PCL_SELECT_FONT = 141
    ERROR_REPORT = 143
    VU_EXTENSION = 145
    VU_DATA_LENGTH = 146
    VU_ATTRIBUTE_1 = 147
    VU_ATTRIBUTE_2 = 148
    VU_ATTRIBUTE_3 = 149
    VU_ATTRIBUTE_4 = 150
    VU_ATTRIBUTE_5 = 151
    VU_ATTRIBUTE_6 = 152
    CHAR_ANGLE = 161
    CHAR_CODE = 162
    CHAR_DATA_SIZE = 163
    CHAR_SCALE = 164
    CHAR_SHEAR = 165
    CHAR_SIZE = 166
    FONT_HEADER_LENGTH = 167
    FONT_NAME = 168
    FONT_FORMAT = 169
    SYMBOL_SET = 170
    TEXT_DATA = 171
    CHAR_SUB_MODE_ARRAY = 172
    WRITING_MODE = 173
    X_SPACING_DATA = 175
    Y_SPACING_DATA = 176
    CHAR_BOLD_VALUE = 177


LAST_ATTRIBUTE = max(Attribute)


class ColorSpace(IntEnum):
    """ColorSpace; sRGB is 6."""

    GRAY = 1
    RGB = 2
    SRGB = 6


class ColorMapping(IntEnum):
    """ColorMapping: a sample is a colour, or an index into the palette."""

    DIRECT_PIXEL = 0
    INDEXED_PIXEL = 1


class ColorDepth(IntEnum):
    """ColorDepth: bits of a sample."""

    ONE_BIT = 0
    FOUR_BIT = 1
    EIGHT_BIT = 2


class CompressMode(IntEnum):
    """CompressMode of image data; JPEG since 2.0, delta row since 2.1."""

    NONE = 0
    RLE = 1
    JPEG = 2
    DELTA_ROW = 3


class DataOrganisation(IntEnum):
    """DataOrg: the octet order of embedded data."""

    HIGH_BYTE_FIRST = 0
    LOW_BYTE_FIRST = 1


class DuplexPageMode(IntEnum):
    """DuplexPageMode: the edge of the sheet that is bound, as the sheet stands in portrait."""

    HORIZONTAL_BINDING = 0
    VERTICAL_BINDING = 1


class DuplexPageSide(IntEnum):
    """DuplexPageSide."""

    FRONT = 0
    BACK = 1


class ErrorReport(IntEnum):
    """ErrorReport: where the printer writes what was wrong."""

    NONE = 0
    BACK_CHANNEL = 1
    ERROR_PAGE = 2
    BACK_CHANNEL_AND_ERROR_PAGE = 3


class Measure(IntEnum):
    """Measure and CustomMediaSizeUnits."""

    INCH = 0
    MILLIMETRE = 1
    TENTHS_OF_A_MILLIMETRE = 2


MEASURE_HMM: dict[int, float] = {
    Measure.INCH: 2540.0,
    Measure.MILLIMETRE: 100.0,
    Measure.TENTHS_OF_A_MILLIMETRE: 10.0,
}


class PageOrientation(IntEnum):
    """Orientation of BeginPage."""

    PORTRAIT = 0
    LANDSCAPE = 1
    REVERSE_PORTRAIT = 2
    REVERSE_LANDSCAPE = 3
    DEFAULT = 4
