"""A picture of a printer, drawn when it is asked for: printer-icons for those who bring none."""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache
from typing import Final

SIZES: Final = (48, 128, 512)

_CLEAR: Final = b"\0\0\0\0"
_INK: Final = b"\x2b\x2f\x36\xff"
_PAPER: Final = b"\xff\xff\xff\xff"
_LAMP: Final = b"\x1f\x8a\x5b\xff"

# Left, top, right, bottom in 48ths of the picture, and what fills it; later ones lie upon earlier ones.
_SHAPES: Final = (
    (12, 4, 36, 16, _INK),
    (14, 6, 34, 16, _PAPER),
    (4, 14, 44, 36, _INK),
    (10, 28, 38, 44, _INK),
    (12, 30, 36, 42, _PAPER),
    (15, 33, 33, 35, _INK),
    (15, 37, 28, 39, _INK),
    (38, 18, 41, 21, _LAMP),
)


@lru_cache(maxsize=8)
def printer_icon(size: int) -> bytes:
    """A square PNG image (RGBA) of `size` pixels, 16 to 1024. Raises ValueError outside of these."""
    if not 16 <= size <= 1024:
        raise ValueError("an icon has 16 to 1024 pixels a side")
    rows = bytearray()
    for y in range(size):
        row = bytearray(_CLEAR * size)
        for left, top, right, bottom, colour in _SHAPES:
            if top * size <= y * 48 < bottom * size:
                start, end = left * size // 48, right * size // 48
                row[start * 4 : end * 4] = colour * (end - start)
        rows += b"\0" + row
    header = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
