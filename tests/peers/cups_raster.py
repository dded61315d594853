"""The raster reader of the CUPS library, by ctypes: a second opinion on PWG Raster and Apple Raster."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
from collections.abc import Iterator
from pathlib import Path

HEADER_OCTETS = 1796
READ = 0


def read_pages(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield octets a line and the pixels of each page; samples of 16 bits come in the machine's order."""
    cups = ctypes.CDLL(ctypes.util.find_library("cups") or "libcups.so.2")
    cups.cupsRasterOpen.restype = ctypes.c_void_p
    cups.cupsRasterReadHeader2.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    cups.cupsRasterReadPixels.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint]
    cups.cupsRasterClose.argtypes = [ctypes.c_void_p]
    descriptor = os.open(path, os.O_RDONLY)
    raster = cups.cupsRasterOpen(descriptor, READ)
    try:
        header = ctypes.create_string_buffer(HEADER_OCTETS)
        while cups.cupsRasterReadHeader2(raster, header):
            line = int.from_bytes(header.raw[392:396], "little")
            octets = line * int.from_bytes(header.raw[376:380], "little")
            pixels = ctypes.create_string_buffer(octets)
            # One call reads as many lines as it is asked for.
            assert cups.cupsRasterReadPixels(raster, pixels, octets) == octets
            yield line, pixels.raw
    finally:
        cups.cupsRasterClose(raster)
        os.close(descriptor)
