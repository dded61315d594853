"""What is in a print stream: pages, sheets, colour, media, found while it passes, in bounded memory.

import pcl

analyzer = pcl.new_analyzer("application/octet-stream")
for chunk in chunks:
    analyzer.feed(chunk)
report = analyzer.finish()
"""

from .analyze import StreamAnalyzer, analyze, new_analyzer
from .errors import ClaimError, ConversionError, PclError, WriterError
from .report import Analyzer, Certainty, Orientation, Page, PageRun, Report, Sides, StreamWarning

__all__ = [
    "Analyzer",
    "Certainty",
    "ClaimError",
    "ConversionError",
    "Orientation",
    "Page",
    "PageRun",
    "PclError",
    "Report",
    "Sides",
    "StreamAnalyzer",
    "StreamWarning",
    "WriterError",
    "analyze",
    "new_analyzer",
]
