"""Write PWG Raster (PWG 5102.4) and Apple Raster: rows of pixels to PackBits lines, one row at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache

from construct import ConstructError

from pcl.errors import WriterError
from pcl.raster_page import (
    APPLE_FILE_HEADER,
    MAX_LINE_OCTETS,
    PWG_SYNC,
    RasterPage,
    write_apple_page,
    write_pwg_page,
)

__all__ = ["pack_line", "write_apple", "write_pwg"]

MAX_REPEATS = 256  # the line repeat octet holds the repetitions less one


def write_pwg(pages: Iterable[tuple[RasterPage, Iterable[bytes]]]) -> Iterator[bytes]:
    """Yield a PWG Raster stream of pages, each given as its header and its rows from the top.

    A row is `page.octets_per_line` octets, a page `page.height` rows. At most two rows are held whatever
    the page's size. Raises: WriterError when rows and header disagree.
    """
    yield PWG_SYNC
    for page, rows in pages:
        yield _header_of(write_pwg_page, page)
        yield from _pack_rows(page, rows)


def write_apple(
    pages: Iterable[tuple[RasterPage, Iterable[bytes]]], total_pages: int | None = None
) -> Iterator[bytes]:
    """Yield an Apple Raster (URF) stream of pages, as write_pwg() does; `total_pages` None says unknown (0).

    Raises: WriterError when rows and header disagree, or when Apple Raster cannot say what the header does:
    copies, two resolutions.
    """
    yield APPLE_FILE_HEADER.build({"total_page_count": total_pages or 0})
    for page, rows in pages:
        if page.resolution[0] != page.resolution[1]:
            raise WriterError(
                f"Apple Raster has one resolution, not {page.resolution[0]}x{page.resolution[1]}"
            )
        if page.copies != 1:
            raise WriterError(
                f"Apple Raster cannot ask for {page.copies} copies: send the pages again instead"
            )
        yield _header_of(write_apple_page, page)
        yield from _pack_rows(page, rows)


def pack_line(row: bytes, unit_octets: int) -> bytes:
    """Return one row compressed (PWG 5102.4 4.4), without the line repeat octet before it.

    Octet 0 to 127: the next unit repeated that many times more. Octet 129 to 255: 257 less it literal units.
    """
    packed: list[bytes] = []
    for match in _units(unit_octets).finditer(row):
        found = match[0]
        count = len(found) // unit_octets
        if match.lastindex == 1 or count == 1:
            packed.append(_OCTETS[count - 1] + found[:unit_octets])
        else:
            packed.append(_OCTETS[257 - count] + found)
    return b"".join(packed)


_OCTETS = tuple(bytes([value]) for value in range(256))


@cache
def _units(unit_octets: int) -> re.Pattern[bytes]:
    """Match up to 128 equal units, else up to 128 units of which none equals the one after it."""
    unit = b"(.{%d})" % unit_octets
    return re.compile(unit + rb"\1{1,127}|(?:" + unit + rb"(?!\2)){1,128}", re.DOTALL)


def _header_of(build: Callable[[RasterPage], bytes], page: RasterPage) -> bytes:
    if not 0 < page.octets_per_line <= MAX_LINE_OCTETS or page.height < 1:
        raise WriterError(f"a page of {page.width} by {page.height} pixels cannot be written")
    try:
        return build(page)
    except (KeyError, ValueError, ConstructError) as error:
        raise WriterError(f"the page header cannot hold {error}") from error


def _pack_rows(page: RasterPage, rows: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the page's lines, each row that equals the one before it counted rather than repeated."""
    waiting: bytes | None = None
    repeats = written = 0
    for row in rows:
        if len(row) != page.octets_per_line:
            raise WriterError(f"row {written} has {len(row)} octets, not {page.octets_per_line}")
        written += 1
        if row == waiting and repeats < MAX_REPEATS:
            repeats += 1
            continue
        if waiting is not None:
            yield _OCTETS[repeats - 1] + pack_line(waiting, page.unit_octets)
        waiting, repeats = row, 1
    if written != page.height or waiting is None:
        raise WriterError(f"{written} rows were given for a page of {page.height}")
    yield _OCTETS[repeats - 1] + pack_line(waiting, page.unit_octets)
