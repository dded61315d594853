"""Feeds one stream in several chunkings; their reports must be alike."""

from collections.abc import Callable, Iterable

from pcl import Analyzer, Report

__all__ = ["report_of", "report_of_any_chunking"]


def report_of(make: Callable[[], Analyzer], chunks: Iterable[bytes]) -> Report:
    """Feed the chunks to a new analyser and return its report."""
    analyzer = make()
    for chunk in chunks:
        analyzer.feed(chunk)
    return analyzer.finish()


def report_of_any_chunking(make: Callable[[], Analyzer], stream: bytes) -> Report:
    """Return the report that whole, octet by octet and in odd pieces all give."""
    whole = report_of(make, [stream])
    for size in (1, 7, 1000, 65536):
        pieces = (stream[at : at + size] for at in range(0, len(stream), size))
        assert report_of(make, pieces) == whole, f"chunks of {size} octets give another report"
    return whole
