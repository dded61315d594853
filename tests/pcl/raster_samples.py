"""Raster pages for the tests: small, and different in everything that the formats can say."""

from collections.abc import Iterable, Iterator

from pcl.raster_page import RasterPage
from pcl.raster_writer import write_apple, write_pwg

WHITE, BLACK, RED = b"\xff\xff\xff", b"\0\0\0", b"\xff\0\0"


def make_page(width: int = 200, height: int = 20, **header: object) -> RasterPage:
    return RasterPage(width=width, height=height, resolution=(100, 100), **header)  # type: ignore[arg-type] # any


def make_rows(page: RasterPage, ink: bytes = BLACK) -> Iterator[bytes]:
    """Rows of which some repeat, some are runs, some literal, one blank: all that PackBits knows."""
    paper = page.blank
    units = page.octets_per_line // page.unit_octets
    ink = (ink * page.unit_octets)[: page.unit_octets]
    for row in range(page.height):
        kinds = [paper, ink] if row % 5 < 3 else [paper]
        pattern = b"".join(kinds[(unit * (row // 2 + 1) // 3) % len(kinds)] for unit in range(units))
        yield pattern


def pwg_of(pages: Iterable[RasterPage], ink: bytes = BLACK) -> bytes:
    return b"".join(write_pwg((page, make_rows(page, ink)) for page in pages))


def apple_of(pages: Iterable[RasterPage], ink: bytes = BLACK, total: int | None = None) -> bytes:
    return b"".join(write_apple(((page, make_rows(page, ink)) for page in pages), total))
