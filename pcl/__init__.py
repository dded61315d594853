"""What is in a print stream: pages, sheets, colour, media, found while it passes, in bounded memory.

import pcl

analyzer = pcl.new_analyzer("application/octet-stream")
for chunk in chunks:
    analyzer.feed(chunk)
report = analyzer.finish()
"""

from .analyze import StreamAnalyzer, analyze, new_analyzer
from .convert import convert_raster
from .errors import ClaimError, ConversionError, PclError, WriterError
from .pclxl_writer import Compression, PclXlWriter, write_pclxl
from .report import Analyzer, Certainty, Orientation, Page, PageRun, Report, Sides, StreamWarning

__all__ = [
    "Analyzer",
    "Certainty",
    "ClaimError",
    "Compression",
    "ConversionError",
    "Orientation",
    "Page",
    "PageRun",
    "PclError",
    "PclXlWriter",
    "Report",
    "Sides",
    "StreamAnalyzer",
    "StreamWarning",
    "WriterError",
    "analyze",
    "convert_raster",
    "new_analyzer",
    "write_pclxl",
]
