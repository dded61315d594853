"""One analyser for any stream: finds out by content what it is, and follows it from language to language.

A stream is a row of segments: PJL, a document, PJL, a document ... A document ends where its own language
says, at a Universal Exit Language; one in a format without that notion (PDF, raster ...) ends at a UEL if PJL
came before it, else with the stream.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from .detect import HPGL, PCL, PCLM, PCLXL, PDF, POSTSCRIPT, TEXT, WINDOW_OCTETS, agrees, detect_format
from .image import ImageAnalyzer
from .language import UEL, Environment, Language, Octets, Reader, copies_of, find_uel, is_grey, sides_of
from .pcl5 import Pcl5, new_hpgl
from .pclxl import PclXl
from .pdf import PdfAnalyzer
from .pjl import Pjl
from .postscript import PostScriptAnalyzer
from .report import Analyzer, Report, ReportSum, StreamWarning, combine, repeat, set_by_job
from .text import TextAnalyzer
from .worker import WorkerPool

__all__ = ["ANALYZERS", "LANGUAGES", "StreamAnalyzer", "analyze", "new_analyzer"]

FILLER = re.compile(rb"[\x00\x04\x1a\s]*+")
HARD_FILLER = re.compile(rb"[\x00\x04\x1a]*+")


def _new_raster() -> Analyzer:
    # It loads numpy, a tenth of a second, which the confined worker and whoever reads no raster do without.
    from .raster_analyzer import RasterAnalyzer

    return RasterAnalyzer()


# Languages that know where they end; each takes what PJL set.
LANGUAGES: Mapping[str, Callable[[Environment], Language]] = {
    PCLXL: PclXl,
    PCL: Pcl5,
    HPGL: new_hpgl,
}
# Formats of one document each; the pool is where those that need a worker find one.
ANALYZERS: Mapping[str, Callable[[WorkerPool | None], Analyzer]] = {
    "image/pwg-raster": lambda pool: _new_raster(),
    "image/urf": lambda pool: _new_raster(),
    "image/jpeg": lambda pool: ImageAnalyzer("image/jpeg", pool=pool),
    "image/png": lambda pool: ImageAnalyzer("image/png", pool=pool),
    "image/tiff": lambda pool: ImageAnalyzer("image/tiff", pool=pool),
    PDF: lambda pool: PdfAnalyzer(pool),
    PCLM: lambda pool: PdfAnalyzer(pool),
    POSTSCRIPT: lambda pool: PostScriptAnalyzer(pool=pool),
    TEXT: lambda pool: TextAnalyzer(),
}


class _Document:
    """A document whose Analyzer knows nothing of UEL, as a Language."""

    def __init__(self, name: str, analyzer: Analyzer, environment: Environment, *, in_envelope: bool) -> None:
        self.ended = False
        self._name = name
        self._analyzer = analyzer
        self._in_envelope = in_envelope
        self._start: int | None = None
        self._environment = environment

    def scan(self, data: Octets, position: int, base: int, final: bool) -> int:
        """Pass everything on, up to a UEL where one may come."""
        if self._start is None:
            self._start = base + position
        end = len(data)
        if self._in_envelope:
            end, self.ended = find_uel(data, position)
            if final and not self.ended:
                end = len(data)
        if end > position:
            self._analyzer.feed(bytes(data[position:end]))
        return end

    def report(self, end: int) -> Report:
        """Return the analyser's report with its offsets counted in the whole stream."""
        start = self._start or 0
        report = self._analyzer.finish()
        moved = (
            replace(warning, offset=warning.offset + start) if warning.offset is not None else warning
            for warning in report.warnings
        )
        # A PCLm file is a PDF to its analyser.
        name = PCLM if self._name == PCLM else report.format or self._name
        report = replace(report, format=name, offset=start, octets=end - start, warnings=tuple(moved))
        report = set_by_job(report, sides=sides_of(self._environment), grey=is_grey(self._environment))
        copies = copies_of(self._environment, "COPIES")
        return repeat(report, copies) if copies else report

    def close(self) -> None:
        """Let go of what the analyser holds, without a report."""
        close = getattr(self._analyzer, "close", None)
        if close:
            close()


class _Unknown:
    """An Analyzer for what nothing else is for: its figures are unknown."""

    def __init__(self, name: str) -> None:
        self._name = name

    def feed(self, chunk: bytes) -> None:
        """Let it pass."""

    def finish(self) -> Report:
        """Return a Report without figures."""
        message = "nothing is known of the pages of this format"
        return Report(format=self._name, warnings=(StreamWarning("unknown-format", message, 0),))


class StreamAnalyzer:
    """Learns what is in a print stream while it passes; see Analyzer.

    Bound: keeps some two MiB of the stream at most, besides what PCL XL macros (8 MiB) and the analyser of
    a single document may keep.
    """

    def __init__(self, claimed_format: str | None = None, pool: WorkerPool | None = None) -> None:
        self._claimed_format = claimed_format
        self._pool = pool
        self._reader = Reader(self._scan)
        self._pjl = Pjl()
        self._language: Language | None = None
        self._qty: int | None = None
        self._parts = ReportSum()
        self._documents = 0

    def feed(self, chunk: Octets) -> None:
        """Take in the next octets of the stream. Raises ClaimError after finish()."""
        self._reader.feed(chunk)

    def finish(self) -> Report:
        """End the stream and return what was learnt. Raises ClaimError the second time."""
        octets = self._reader.finish()
        if self._language is not None:
            self._end_document(octets)
        report = combine((self._pjl.report(octets), self._parts.result()))
        warnings = list(report.warnings)
        if not octets:
            warnings.insert(0, StreamWarning("empty", "there is nothing in the stream", 0))
        if not agrees(self._claimed_format, report.format):
            message = f"the client said {self._claimed_format}, the stream is {report.format}"
            warnings.insert(0, StreamWarning("claim-disagrees", message[:255], 0))
        return replace(report, octets=octets, offset=0, warnings=tuple(warnings))

    def close(self) -> None:
        """Let go of the document without a report, when its job is cancelled; harmless after finish()."""
        if isinstance(self._language, _Document):
            self._language.close()
        self._language = None

    def _scan(self, data: Octets, base: int, final: bool) -> int:
        position = 0
        while position < len(data):
            language = self._language
            if language is None:
                after = self._between_documents(data, position, base, final)
            else:
                after = language.scan(data, position, base, final)
                if language.ended:
                    self._end_document(base + after)
            if after == position and self._language is language:
                break
            position = after
        if final and self._language is not None:
            # What ended with the last block is not told yet that it was the last.
            self._language.scan(b"", 0, base + position, True)
        return position

    def _between_documents(self, data: Octets, position: int, base: int, final: bool) -> int:
        """Read PJL, then find out what the document is; unmoved while that cannot be told yet."""
        position = self._pjl.scan(data, position, base, final)
        if not self._pjl.ended:
            return position
        window = bytes(data[position : position + WINDOW_OCTETS])
        uel = window.find(UEL)
        if uel >= 0:
            window = window[:uel]
        elif len(window) < WINDOW_OCTETS and not final:
            return position
        filler = FILLER if uel >= 0 or final else HARD_FILLER
        if filler.fullmatch(window):
            self._pjl.ended = False
            return position + len(window)
        self._begin_document(window)
        return position

    def _begin_document(self, window: bytes) -> None:
        pjl = self._pjl
        name = detect_format(window, pjl.language, after_pjl=pjl.seen)
        environment = dict(pjl.environment)
        self._qty = copies_of(environment, "QTY")
        self._documents += 1
        if name in LANGUAGES:
            self._language = LANGUAGES[name](environment)
            return
        factory = ANALYZERS.get(name)
        analyzer = factory(self._pool) if factory else _Unknown(name)
        self._language = _Document(name, analyzer, environment, in_envelope=pjl.seen)

    def _end_document(self, end: int) -> None:
        if self._language is None:
            return
        report = self._language.report(end)
        self._parts.add(repeat(report, self._qty) if self._qty else report)
        self._language = None
        self._pjl.enter()


def new_analyzer(claimed_format: str | None = None, *, pool: WorkerPool | None = None) -> StreamAnalyzer:
    """Return an analyser for one stream; `claimed_format` is what the client says, never trusted.

    `pool` reads PDF, PostScript and images (None: the process's default pool); finish() waits for it.
    """
    return StreamAnalyzer(claimed_format, pool)


def analyze(data: Octets, claimed_format: str | None = None) -> Report:
    """Return the Report of a whole stream in memory."""
    analyzer = new_analyzer(claimed_format)
    analyzer.feed(data)
    return analyzer.finish()
