"""PWG Raster and Apple Raster to PCL XL, a chunk at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .errors import ConversionError, WriterError
from .pclxl_writer import Compression, PclXlWriter
from .raster import RasterDecoder
from .raster_page import RasterPage

__all__ = ["convert_raster"]


def convert_raster(
    chunks: Iterable[bytes],
    compression: Compression = Compression.RLE,
    *,
    title: str | None = None,
    user: str | None = None,
) -> Iterator[bytes]:
    """Yield the PCL XL of a PWG Raster or Apple Raster stream; holds a chunk and a band of rows.

    Raises ConversionError where the raster cannot be followed, or holds what PCL XL cannot (its message says
    which); what was yielded before is then of no use.
    """
    decoder = RasterDecoder()
    writer = PclXlWriter(compression, title=title, user=user)
    in_page = False
    try:
        for chunk in chunks:
            for part in decoder.feed(chunk):
                if isinstance(part, RasterPage):
                    if in_page:
                        yield writer.end_page()
                    yield writer.begin_page(part)
                    in_page = True
                else:
                    yield writer.write_rows(part)
        decoder.finish()
        if in_page:
            yield writer.end_page()
        yield writer.end()
    except WriterError as error:
        raise ConversionError(error.message, error.offset) from error
