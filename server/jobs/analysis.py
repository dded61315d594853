"""What is in a document, found by `pcl` while it passes on its way in."""

from __future__ import annotations

import logging
from typing import Final

import pcl
import pcl.raster_analyzer  # loads numpy: at the start of the daemon, not within somebody's request
from pcl.worker import WorkerPool
from server.jobs.intake import Analysis

_log: Final = logging.getLogger(__name__)


class StreamAnalyser:
    """An `Analyser` for any print stream; one that fails tells nothing of it, and never stops it."""

    def __init__(self, claimed_format: str, pool: WorkerPool | None = None) -> None:
        self._analyzer: pcl.StreamAnalyzer | None = pcl.new_analyzer(claimed_format, pool=pool)

    def feed(self, chunk: bytes) -> None:
        """Take the next octets."""
        if self._analyzer is not None:
            try:
                self._analyzer.feed(chunk)
            except pcl.PclError as error:
                _log.warning("a document is not analysed any further: %s", error)
                self._analyzer = None

    def finish(self) -> Analysis:
        """What was learnt: the format by content, the impressions without the copies that IPP asks for."""
        if self._analyzer is None:
            return Analysis()
        try:
            report = self._analyzer.finish()
        except pcl.PclError as error:
            _log.warning("a document is not analysed to its end: %s", error)
            return Analysis()
        return Analysis(report.format, report.impressions)

    def close(self) -> None:
        """Let go of the document."""
        if self._analyzer is not None:
            self._analyzer.close()
            self._analyzer = None
