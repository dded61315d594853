"""Feeds one stream in several chunkings; their reports must be alike."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import pcl.language
from pcl import Analyzer, Report

__all__ = ["in_blocks_of", "report_of", "report_of_any_chunking"]


def report_of(make: Callable[[], Analyzer], chunks: Iterable[bytes]) -> Report:
    """Feed the chunks to a new analyser and return its report."""
    analyzer = make()
    for chunk in chunks:
        analyzer.feed(chunk)
    return analyzer.finish()


@contextmanager
def in_blocks_of(octets: int) -> Iterator[None]:
    """Let the Reader scan as soon as so many octets are there, so that small tests cut tokens, too."""
    kept = pcl.language.BLOCK_OCTETS
    pcl.language.BLOCK_OCTETS = octets
    try:
        yield
    finally:
        pcl.language.BLOCK_OCTETS = kept


def report_of_any_chunking(make: Callable[[], Analyzer], stream: bytes) -> Report:
    """Return the report that whole, octet by octet and in odd pieces all give."""
    whole = report_of(make, [stream])
    for size, block in ((1, 1), (1, 65536), (7, 3), (1000, 500), (65536, 65536)):
        pieces = (stream[at : at + size] for at in range(0, len(stream), size))
        with in_blocks_of(block):
            assert report_of(make, pieces) == whole, f"chunks of {size} octets give another report"
    return whole
