"""What the analysers of PDF, PostScript and images share: a worker reads the document when it is whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pcl.errors import ClaimError, PclError
from pcl.report import Report, StreamWarning
from pcl.spool import MAX_OCTETS, Spool
from pcl.worker import WorkerError, WorkerPool, default_pool

__all__ = ["DocumentAnalyzer"]


class DocumentAnalyzer:
    """Collects one document in a Spool and has a confined worker measure it at the end (an Analyzer).

    The process holds the chunk in hand; the document is in sealed memory or an enciphered unlinked file (see
    pcl.spool). A document over `max_octets`, or one on which the worker fails, has unknown figures and a
    warning that says why.
    """

    format: str
    task: str

    def __init__(
        self, pool: WorkerPool | None = None, *, max_octets: int = MAX_OCTETS, directory: str | None = None
    ) -> None:
        self._pool = pool
        self._spool = Spool(max_octets=max_octets, directory=directory)
        self._octets = 0
        self._problem: PclError | None = None
        self._finished = False

    def feed(self, chunk: bytes) -> None:
        """Take in the next octets of the document; an empty chunk changes nothing."""
        if self._finished:
            raise ClaimError("feed() after finish(): take a new analyser")
        self._octets += len(chunk)
        if self._problem is not None:
            return
        try:
            self._spool.write(chunk)
        except PclError as error:
            self._problem = error
            self._spool.close()

    def finish(self) -> Report:
        """End the document, wait for a worker and return what it learnt; may take Limits.time_s."""
        if self._finished:
            raise ClaimError("finish() was called already")
        self._finished = True
        with self._spool:
            report = self._measure()
        return replace(report, format=report.format or self.format, octets=self._octets)

    def close(self) -> None:
        """Forget the document without measuring it, when its job is cancelled."""
        self._finished = True
        self._spool.close()

    def options(self) -> Mapping[str, str | float | bool]:
        """Return what the worker's task is told beside the document."""
        return {}

    def _measure(self) -> Report:
        pool = self._pool or default_pool()
        try:
            if self._problem is not None:
                raise self._problem
            return pool.measure(self.task, self._spool.hand_over(), **self.options())
        except WorkerError as error:
            known = error.report or Report()
            warning = StreamWarning(f"worker-{error.code}", f"the document was not read: {error.message}")
            return replace(known, warnings=(*known.warnings, warning))
        except PclError as error:
            return Report(warnings=(StreamWarning("not-measured", error.message, error.offset),))
