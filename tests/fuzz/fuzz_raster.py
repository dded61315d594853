"""Fuzz the raster formats: the analyser takes anything, in any chunking alike, and the decoder agrees."""

import sys

import atheris

with atheris.instrument_imports():
    from pcl.errors import ConversionError
    from pcl.raster import RasterDecoder, Rows
    from pcl.raster_analyzer import RasterAnalyzer
    from pcl.raster_page import APPLE_SYNC, PWG_SYNC, RasterPage, write_apple_page, write_pwg_page
    from pcl.report import Report

PAGES = (
    RasterPage(width=10, height=5, resolution=(9, 9)),
    RasterPage(width=300, height=900, resolution=(9, 9), colour_space="sgray", bits_per_pixel=8),
    RasterPage(width=700, height=2, resolution=(9, 9), colour_space="cmyk", bits_per_pixel=32),
)
# What the fuzzer cannot be expected to find: headers of pages whose lines are then its own.
SEEDS = (
    b"",
    *(PWG_SYNC + write_pwg_page(page) for page in PAGES),
    *(APPLE_SYNC + bytes(4) + write_apple_page(page) for page in PAGES),
)
MAX_PIXELS_OCTETS = 1 << 20


def analyse(stream: bytes, chunk_octets: int) -> Report:
    analyser = RasterAnalyzer()
    for start in range(0, len(stream), chunk_octets):
        analyser.feed(stream[start : start + chunk_octets])
    return analyser.finish()


def decode(stream: bytes) -> int | None:
    """Pages begun; None when the decoder refuses the stream, or when it is too much to look at."""
    decoder, pages, octets = RasterDecoder(), 0, 0
    try:
        for event in decoder.feed(stream):
            if isinstance(event, RasterPage):
                pages += 1
            elif isinstance(event, Rows):
                assert len(event.octets) == decoder.page.octets_per_line if decoder.page else True
                octets += len(event.octets)
                if octets > MAX_PIXELS_OCTETS:
                    return None
        decoder.finish()
    except ConversionError:
        return None
    return pages


def test_one_input(data: bytes) -> None:
    """One octet chooses the seed and the chunking, the rest is the stream behind it."""
    if not data:
        return
    stream = SEEDS[data[0] % len(SEEDS)] + data[1:]
    whole = analyse(stream, len(stream) or 1)
    assert analyse(stream, 1 + data[0] // len(SEEDS)) == whole
    pages = decode(stream)
    if pages is not None:
        assert whole.pages == pages


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()
