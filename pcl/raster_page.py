"""Page headers of PWG Raster (PWG 5102.4) and Apple Raster (URF): layouts, and what they say of a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from construct import Bytes, Const, ExprAdapter, Int8ub, Int32ub, Padding, Struct

from pcl.errors import PclError
from pcl.media import SIZES, media_name
from pcl.report import Orientation, Page, Sides

__all__ = [
    "APPLE_FILE_HEADER",
    "APPLE_FILE_OCTETS",
    "APPLE_PAGE_HEADER",
    "APPLE_PAGE_OCTETS",
    "APPLE_SYNC",
    "MAX_LINE_OCTETS",
    "PWG_PAGE_HEADER",
    "PWG_PAGE_OCTETS",
    "PWG_SYNC",
    "UNKNOWN_COUNTS",
    "RasterPage",
    "read_apple_page",
    "read_pwg_page",
    "write_apple_page",
    "write_pwg_page",
]

T = TypeVar("T")

PWG_SYNC = b"RaS2"
APPLE_SYNC = b"UNIRAST\0"
PWG_PAGE_OCTETS = 1796
APPLE_FILE_OCTETS = 12
APPLE_PAGE_OCTETS = 32
UNKNOWN_COUNTS = (0, 0xFFFFFFFF)  # of pages: the standard's, and what some programs write
MAX_LINE_OCTETS = 1 << 20  # 44 inches of CMYK at 2400 dots an inch are half of it


def _write_c_string(text: str, _context: object) -> bytes:
    if len(text) > 63:
        raise ValueError(f"{text!r}, which is over 63 characters")
    return text.encode("ascii").ljust(64, b"\0")


# PWG 5102.4 CString: 63 octets of ASCII at most and a NUL; what is behind the first NUL is not looked at.
_C_STRING = ExprAdapter(
    Bytes(64), lambda octets, _context: octets.split(b"\0", 1)[0].decode("ascii", "replace"), _write_c_string
)

# PWG 5102.4 4.3, octets 0 to 1795; integers are big-endian.
PWG_PAGE_HEADER = Struct(
    "pwg_raster" / _C_STRING,
    "media_color" / _C_STRING,
    "media_type" / _C_STRING,
    "print_content_optimize" / _C_STRING,
    Padding(12),
    "cut_media" / Int32ub,
    "duplex" / Int32ub,
    "hw_resolution" / Int32ub[2],
    Padding(16),
    "insert_sheet" / Int32ub,
    "jog" / Int32ub,
    "leading_edge" / Int32ub,
    Padding(12),
    "media_position" / Int32ub,
    "media_weight_metric" / Int32ub,
    Padding(8),
    "num_copies" / Int32ub,
    "orientation" / Int32ub,
    Padding(4),
    "page_size" / Int32ub[2],
    Padding(8),
    "tumble" / Int32ub,
    "width" / Int32ub,
    "height" / Int32ub,
    Padding(4),
    "bits_per_color" / Int32ub,
    "bits_per_pixel" / Int32ub,
    "bytes_per_line" / Int32ub,
    "color_order" / Int32ub,
    "color_space" / Int32ub,
    Padding(16),
    "num_colors" / Int32ub,
    Padding(28),
    "total_page_count" / Int32ub,
    "cross_feed_transform" / Int32ub,  # signed on the wire: 1 or -1
    "feed_transform" / Int32ub,
    "image_box" / Int32ub[4],
    "alternate_primary" / Int32ub,
    "print_quality" / Int32ub,
    Padding(20),
    "vendor_identifier" / Int32ub,
    "vendor_length" / Int32ub,
    "vendor_data" / Bytes(1088),
    Padding(64),
    "rendering_intent" / _C_STRING,
    "page_size_name" / _C_STRING,
)

APPLE_FILE_HEADER = Struct("sync" / Const(APPLE_SYNC), "total_page_count" / Int32ub)

# Apple publishes no specification: this is what CUPS and Ghostscript write and printers take.
APPLE_PAGE_HEADER = Struct(
    "bits_per_pixel" / Int8ub,
    "color_space" / Int8ub,
    "duplex" / Int8ub,
    "print_quality" / Int8ub,
    "media_type" / Int8ub,
    "media_position" / Int8ub,
    Padding(6),
    "width" / Int32ub,
    "height" / Int32ub,
    "hw_resolution" / Int32ub,
    Padding(8),
)

# PWG 5102.4 table 3: code -> (keyword of pwg-raster-document-type-supported, colorants)
PWG_COLOUR_SPACES: dict[int, tuple[str, int]] = {
    0: ("gray", 1),  # CUPS' own "W"; CUPS files are otherwise the same
    1: ("rgb", 3),
    3: ("black", 1),
    6: ("cmyk", 4),
    18: ("sgray", 1),
    19: ("srgb", 3),
    20: ("adobe-rgb", 3),
    **{47 + count: (f"device{count}", count) for count in range(1, 16)},
}
APPLE_COLOUR_SPACES: dict[int, tuple[str, int]] = {
    0: ("sgray", 1),
    1: ("srgb", 3),
    2: ("cielab", 3),
    3: ("adobe-rgb", 3),
    4: ("gray", 1),
    5: ("rgb", 3),
    6: ("cmyk", 4),
}
ADDITIVE = frozenset({"gray", "sgray", "rgb", "srgb", "adobe-rgb"})

# PWG 5102.4 table 5, MediaPosition -> IPP media-source keyword; Apple Raster counts alike.
MEDIA_SOURCES: tuple[str, ...] = (
    *("auto", "main", "alternate", "large-capacity", "manual", "envelope", "disc", "photo", "hagaki"),
    *("main-roll", "alternate-roll", "top", "middle", "bottom", "side", "left", "right", "center", "rear"),
    "by-pass-tray",
    *(f"tray-{number}" for number in range(1, 21)),
    *(f"roll-{number}" for number in range(1, 11)),
)
APPLE_MEDIA_TYPES = (
    *("auto", "stationery", "transparency", "envelope", "cardstock", "labels", "stationery-letterhead"),
    *("disc", "photographic-matte", "photographic-satin", "photographic-semi-gloss", "photographic-glossy"),
    *("photographic-high-gloss", "other"),
)
ORIENTATIONS = (
    Orientation.PORTRAIT,
    Orientation.LANDSCAPE,
    Orientation.REVERSE_PORTRAIT,
    Orientation.REVERSE_LANDSCAPE,
)
APPLE_DUPLEX = {1: Sides.ONE_SIDED, 2: Sides.SHORT_EDGE, 3: Sides.LONG_EDGE}


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterPage:
    """What the header of one raster page says.

    `width` and `height` are pixels, `resolution` dots an inch across and along the feed. `colour_space` is a
    keyword of PWG 5102.4 (`srgb`, `sgray`, `black`, `cmyk`, `device3` ...), `bits_per_pixel` all colorants
    together. `media` is a PWG 5101.1 name; `total_pages` the document's own count, None when it says none.
    `print_quality` is the IPP enum (3 draft, 4 normal, 5 high; 0 unsaid).
    """

    width: int
    height: int
    resolution: tuple[int, int]
    colour_space: str = "srgb"
    bits_per_pixel: int = 24
    octets_per_line: int = 0
    sides: Sides | None = Sides.ONE_SIDED
    copies: int = 1
    media: str | None = None
    width_hmm: int | None = None
    height_hmm: int | None = None
    media_source: str | None = None
    media_type: str | None = None
    orientation: Orientation | None = None
    total_pages: int | None = None
    print_quality: int = 0
    insert_sheet: bool = False  # a blank sheet comes before this page

    def __post_init__(self) -> None:
        if not self.octets_per_line:
            object.__setattr__(self, "octets_per_line", (self.width * self.bits_per_pixel + 7) // 8)

    @property
    def unit_octets(self) -> int:
        """Octets of the unit that is repeated in a compressed line: a pixel, or 8 bits of small pixels."""
        return max(1, self.bits_per_pixel // 8)

    @property
    def units_per_line(self) -> int:
        """Units in one line."""
        return self.octets_per_line // self.unit_octets

    @property
    def blank(self) -> bytes:
        """One unit of unprinted paper."""
        return (b"\xff" if self.colour_space in ADDITIVE else b"\0") * self.unit_octets

    @property
    def is_grey_space(self) -> bool:
        """Whether the colour space has one colorant, so that no pixel can be coloured."""
        return self.colour_space in ("gray", "sgray", "black", "device1")

    def describe(self, colour: bool | None) -> Page:
        """Return the page as a Report lists it; `colour` is what the pixels showed."""
        return Page(
            media=self.media,
            width_hmm=self.width_hmm,
            height_hmm=self.height_hmm,
            orientation=self.orientation,
            media_source=self.media_source,
            media_type=self.media_type,
            sides=self.sides,
            copies=self.copies,
            resolution=self.resolution,
            colour=colour,
        )


def read_pwg_page(header: bytes) -> RasterPage:
    """Return what the 1796 octets of a PWG Raster page header say (PWG 5102.4 4.3).

    Raises: PclError when no page of this header can be read.
    """
    raw = PWG_PAGE_HEADER.parse(header)
    space, colorants = PWG_COLOUR_SPACES.get(raw.color_space, (f"unknown{raw.color_space}", raw.num_colors))
    bits = raw.bits_per_pixel
    if raw.color_order != 0:
        raise PclError(f"colour order {raw.color_order} is not chunky (0)")
    if bits not in (1, 2, 4) and (bits % 8 or not 8 <= bits <= 240):
        raise PclError(f"{bits} bits a pixel are not PWG Raster")
    if raw.bits_per_color * colorants != bits:
        raise PclError(f"{raw.bits_per_color} bits a colour in {space} are not {bits} bits a pixel")
    if raw.bytes_per_line != (raw.width * bits + 7) // 8:
        raise PclError(f"{raw.bytes_per_line} octets a line are not {raw.width} pixels of {bits} bits")
    _check_extent(raw.width, raw.height, raw.bytes_per_line)
    resolution = (raw.hw_resolution[0], raw.hw_resolution[1])
    media = _media_of(raw.page_size_name, raw.page_size, (raw.width, raw.height), resolution)
    return RasterPage(
        width=raw.width,
        height=raw.height,
        resolution=resolution,
        colour_space=space,
        bits_per_pixel=bits,
        octets_per_line=raw.bytes_per_line,
        sides=(Sides.SHORT_EDGE if raw.tumble else Sides.LONG_EDGE) if raw.duplex else Sides.ONE_SIDED,
        copies=max(1, raw.num_copies),
        **media,
        media_source=_named(MEDIA_SOURCES, raw.media_position),
        media_type=raw.media_type or None,
        orientation=_named(ORIENTATIONS, raw.orientation),
        total_pages=None if raw.total_page_count in UNKNOWN_COUNTS else raw.total_page_count,
        print_quality=raw.print_quality,
        insert_sheet=bool(raw.insert_sheet),
    )


def read_apple_page(header: bytes, total_pages: int | None) -> RasterPage:
    """Return what the 32 octets of an Apple Raster page header say; `total_pages` is the file header's.

    Raises: PclError when no page of this header can be read.
    """
    raw = APPLE_PAGE_HEADER.parse(header)
    space, colorants = APPLE_COLOUR_SPACES.get(raw.color_space, (f"unknown{raw.color_space}", 0))
    bits = raw.bits_per_pixel
    if not colorants:
        raise PclError(f"colour space {raw.color_space} is not Apple Raster")
    if bits not in (8 * colorants, 16 * colorants) and (colorants, bits) != (1, 1):
        raise PclError(f"{bits} bits a pixel do not go with {space}")
    _check_extent(raw.width, raw.height, (raw.width * bits + 7) // 8)
    resolution = (raw.hw_resolution, raw.hw_resolution)
    return RasterPage(
        width=raw.width,
        height=raw.height,
        resolution=resolution,
        colour_space=space,
        bits_per_pixel=bits,
        sides=APPLE_DUPLEX.get(raw.duplex, Sides.ONE_SIDED),
        **_media_of("", (0, 0), (raw.width, raw.height), resolution),
        media_source=_named(MEDIA_SOURCES, raw.media_position),
        media_type=_named(APPLE_MEDIA_TYPES, raw.media_type),
        total_pages=total_pages,
        print_quality=raw.print_quality,
    )


def write_pwg_page(page: RasterPage) -> bytes:
    """Return the 1796 octets of the page's PWG Raster header (PWG 5102.4 4.3).

    Raises: KeyError, ValueError or construct.ConstructError for what PWG Raster has no code for.
    """
    codes = {space: (code, colorants) for code, (space, colorants) in PWG_COLOUR_SPACES.items()}
    space, colorants = codes[page.colour_space]
    points = _points(page)
    octets: bytes = PWG_PAGE_HEADER.build(
        {
            **_PWG_BLANK,
            "media_type": page.media_type or "",
            "duplex": int(page.sides in (Sides.LONG_EDGE, Sides.SHORT_EDGE)),
            "tumble": int(page.sides is Sides.SHORT_EDGE),
            "hw_resolution": list(page.resolution),
            "media_position": MEDIA_SOURCES.index(page.media_source) if page.media_source else 0,
            "num_copies": page.copies,
            "orientation": ORIENTATIONS.index(page.orientation) if page.orientation else 0,
            "page_size": list(points),
            "width": page.width,
            "height": page.height,
            "bits_per_color": page.bits_per_pixel // colorants,
            "bits_per_pixel": page.bits_per_pixel,
            "bytes_per_line": page.octets_per_line,
            "color_space": space,
            "num_colors": colorants,
            "total_page_count": page.total_pages or 0,
            "cross_feed_transform": 1,
            "feed_transform": 1,
            "print_quality": page.print_quality,
            "insert_sheet": int(page.insert_sheet),
            "page_size_name": page.media or "",
        }
    )
    return octets


def write_apple_page(page: RasterPage) -> bytes:
    """Return the 32 octets of the page's Apple Raster header.

    Raises: KeyError, ValueError or construct.ConstructError for what Apple Raster has no code for.
    """
    codes = {space: code for code, (space, _) in APPLE_COLOUR_SPACES.items()}
    duplex = {sides: code for code, sides in APPLE_DUPLEX.items()}
    octets: bytes = APPLE_PAGE_HEADER.build(
        {
            "bits_per_pixel": page.bits_per_pixel,
            "color_space": codes[page.colour_space],
            "duplex": duplex.get(page.sides or Sides.ONE_SIDED, 1),
            "print_quality": page.print_quality,
            "media_type": APPLE_MEDIA_TYPES.index(page.media_type) if page.media_type else 0,
            "media_position": MEDIA_SOURCES.index(page.media_source) if page.media_source else 0,
            "width": page.width,
            "height": page.height,
            "hw_resolution": page.resolution[0],
        }
    )
    return octets


_PWG_BLANK: dict[str, Any] = {
    "pwg_raster": "PwgRaster",
    "media_color": "",
    "print_content_optimize": "",
    "cut_media": 0,
    "jog": 0,
    "leading_edge": 0,
    "media_weight_metric": 0,
    "color_order": 0,
    "image_box": [0, 0, 0, 0],
    "alternate_primary": 0xFFFFFF,
    "vendor_identifier": 0,
    "vendor_length": 0,
    "vendor_data": bytes(1088),
    "rendering_intent": "",
}


def _check_extent(width: int, height: int, octets_per_line: int) -> None:
    if not width or not height:
        raise PclError(f"a page of {width} by {height} pixels has nothing to print")
    if octets_per_line > MAX_LINE_OCTETS:
        raise PclError(f"a line of {octets_per_line} octets is over the limit of {MAX_LINE_OCTETS}")


def _named(names: tuple[T, ...], code: int) -> T | None:
    return names[code] if code < len(names) else None


def _media_of(
    name: str, points: tuple[int, int], pixels: tuple[int, int], resolution: tuple[int, int]
) -> dict[str, Any]:
    """Return the sheet's name and size: by its name, else from the pixels, else from whole points."""
    if name in SIZES:
        width_hmm, height_hmm = SIZES[name]
    elif all(resolution):
        width_hmm, height_hmm = sorted(
            round(count * 2540 / dots) for count, dots in zip(pixels, resolution, strict=True)
        )
    elif all(points):
        width_hmm, height_hmm = sorted(round(count * 2540 / 72) for count in points)
    else:
        return {}
    name = media_name(width_hmm, height_hmm)
    width_hmm, height_hmm = SIZES.get(name, (width_hmm, height_hmm))
    return {"media": name, "width_hmm": width_hmm, "height_hmm": height_hmm}


def _points(page: RasterPage) -> tuple[int, int]:
    """Return the page's size in whole points, rounded as PWG 5102.4 asks."""
    if page.width_hmm and page.height_hmm:
        return round(page.width_hmm * 72 / 2540), round(page.height_hmm * 72 / 2540)
    return round(page.width * 72 / page.resolution[0]), round(page.height * 72 / page.resolution[1])
