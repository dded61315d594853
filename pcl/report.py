"""Report: what was learnt of one print stream, and the values and sums that it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

import msgspec

__all__ = [
    "FIGURES",
    "MAX_PAGE_RUNS",
    "MAX_WARNINGS",
    "Analyzer",
    "Certainty",
    "Orientation",
    "Page",
    "PageRun",
    "Report",
    "ReportSum",
    "Sides",
    "StreamWarning",
    "Tally",
    "Warnings",
    "combine",
    "repeat",
    "set_by_job",
]

MAX_PAGE_RUNS = 4096  # a run is some 250 octets: one megabyte of page details at most
MAX_WARNINGS = 64
MAX_RECOUNTED = 100_000
MAX_TEXT = 1023  # the octets that IPP gives a text value
MAX_VARIABLES = 256

SUMMED = ("pages", "impressions", "sheets", "colour_pages", "monochrome_pages")
TEXTS = ("title", "user", "application", "encryption")
FIGURES = ("pages", "impressions", "sheets", "colour_pages", "monochrome_pages", "copies")


class Certainty(StrEnum):
    """How a figure is known: counted, said by the stream without proof, or not at all."""

    EXACT = "exact"
    DECLARED = "declared"
    UNKNOWN = "unknown"


class Sides(StrEnum):
    """The `sides` keywords of RFC 8011 5.2.8."""

    ONE_SIDED = "one-sided"
    LONG_EDGE = "two-sided-long-edge"
    SHORT_EDGE = "two-sided-short-edge"


class Orientation(StrEnum):
    """The `orientation-requested` names of RFC 8011 5.2.10."""

    PORTRAIT = "portrait"
    LANDSCAPE = "landscape"
    REVERSE_LANDSCAPE = "reverse-landscape"
    REVERSE_PORTRAIT = "reverse-portrait"


class Analyzer(Protocol):
    """Learns what is in one print stream while it passes.

    Any chunking of the same octets gives the same Report. A foreign stream raises nothing: what is
    wrong with it becomes a warning in the Report.
    """

    def feed(self, chunk: bytes) -> None:
        """Take in the next octets of the stream; an empty chunk changes nothing."""
        ...

    def finish(self) -> Report:
        """End the stream and return what was learnt. Called once; feed() is over then."""
        ...


@dataclass(frozen=True, slots=True)
class Page:
    """How one logical page wants to be printed; None is what the stream does not say.

    Width and height are hundredths of a millimetre as the sheet is fed (portrait); `media` is a PWG 5101.1
    self-describing name, `media_source` an IPP keyword; `resolution` is dots an inch, across and along the
    feed; `copies` is the number of uncollated copies of this page.
    """

    media: str | None = None
    width_hmm: int | None = None
    height_hmm: int | None = None
    orientation: Orientation | None = None
    media_source: str | None = None
    media_type: str | None = None
    sides: Sides | None = None
    copies: int = 1
    resolution: tuple[int, int] | None = None
    colour: bool | None = None


@dataclass(frozen=True, slots=True)
class PageRun:
    """`count` pages one after the other that are alike."""

    page: Page
    count: int


@dataclass(frozen=True, slots=True)
class StreamWarning:
    """Something in the stream that a person should know of; `offset` counts octets from its start."""

    code: str
    message: str
    offset: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is in one print stream.

    `pages` are logical pages, `impressions` printed sides with copies, `sheets` pieces of media with copies;
    None is unknown, never 0. A figure named in `declared` is what the stream says of itself (or follows from
    a default), the others are counted: see certainty(). `copies` is how often each page comes out, None when
    that is not the same for all.
    `page_runs` holds at most MAX_PAGE_RUNS runs; pages beyond them are counted but not described.
    `octets` is the length of the stream, `offset` where this part of it starts.
    """

    format: str | None = None
    version: str | None = None
    octets: int = 0
    offset: int = 0
    pages: int | None = None
    impressions: int | None = None
    sheets: int | None = None
    colour_pages: int | None = None
    monochrome_pages: int | None = None
    copies: int | None = None
    declared: frozenset[str] = frozenset()
    page_runs: tuple[PageRun, ...] = ()
    title: str | None = None
    user: str | None = None
    application: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    encryption: str | None = None
    warnings: tuple[StreamWarning, ...] = ()

    def certainty(self, figure: str) -> Certainty:
        """How far to trust the named one of FIGURES."""
        if getattr(self, figure) is None:
            return Certainty.UNKNOWN
        return Certainty.DECLARED if figure in self.declared else Certainty.EXACT

    def each_page(self) -> Iterator[Page]:
        """Yield the described pages in order, one at a time."""
        for run in self.page_runs:
            for _ in range(run.count):
                yield run.page

    def to_json(self) -> dict[str, Any]:
        """Return the Report as values that any JSON encoder takes, with `certainty` for every figure."""
        plain: dict[str, Any] = msgspec.to_builtins(self, order="sorted")
        plain["certainty"] = {figure: self.certainty(figure).value for figure in FIGURES}
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Report:
        """Return the Report that to_json() was given; Raises msgspec.ValidationError for other values."""
        return msgspec.convert({key: plain[key] for key in plain if key != "certainty"}, cls)


class Warnings:
    """A bounded list of warnings: the first MAX_WARNINGS, then one that says how many more there were."""

    def __init__(self) -> None:
        self._kept: list[StreamWarning] = []
        self._dropped = 0

    def add(self, code: str, message: str, offset: int | None = None) -> None:
        """Note one warning; a repetition of the same code at the same octet is taken once."""
        if self._kept and (self._kept[-1].code, self._kept[-1].offset) == (code, offset):
            return
        if len(self._kept) < MAX_WARNINGS:
            self._kept.append(StreamWarning(code, message[:MAX_TEXT], offset))
        else:
            self._dropped += 1

    def extend(self, warnings: Iterable[StreamWarning]) -> None:
        """Note warnings that another analyser gave."""
        for warning in warnings:
            self.add(warning.code, warning.message, warning.offset)

    def as_tuple(self) -> tuple[StreamWarning, ...]:
        """Return what was kept, and the note of what was not."""
        if not self._dropped:
            return tuple(self._kept)
        note = StreamWarning("more-warnings", f"{self._dropped} more warnings are not listed")
        return (*self._kept, note)


class Tally:
    """Counts pages as they end: runs of like pages, impressions, sheets, colour; bounded however many come.

    Two duplex pages one after the other share a sheet unless the second one says that it is a front, wants
    other media, or another number of copies.
    """

    def __init__(self) -> None:
        self.pages = 0
        self.impressions = 0
        self.sheets: int | None = 0
        self.colour_pages: int | None = 0
        self.monochrome_pages: int | None = 0
        self._run_pages: list[Page] = []
        self._run_counts: list[int] = []
        self._front: Page | None = None
        self._copies: int | None = None
        self._copies_differ = False
        self._undescribed = 0

    def add(self, page: Page, *, front: bool | None = None) -> None:
        """Count one page; `front` says on which side of a duplex sheet it must come (None: the next one)."""
        self.pages += 1
        self.impressions += page.copies
        self._copies_differ |= self._copies not in (None, page.copies)
        self._copies = page.copies
        self._add_sheet(page, front)
        if page.colour is None:
            self.colour_pages = self.monochrome_pages = None
        elif page.colour and self.colour_pages is not None:
            self.colour_pages += 1
        elif not page.colour and self.monochrome_pages is not None:
            self.monochrome_pages += 1
        if self._run_pages and (self._run_pages[-1] is page or self._run_pages[-1] == page):
            self._run_counts[-1] += 1
        elif len(self._run_pages) < MAX_PAGE_RUNS:
            self._run_pages.append(page)
            self._run_counts.append(1)
        else:
            self._undescribed += 1

    def _add_sheet(self, page: Page, front: bool | None) -> None:
        if self.sheets is None:
            return
        if page.sides is None:
            # One page takes one sheet whatever the sides; of two it cannot be known.
            self.sheets = page.copies if self.pages == 1 else None
            return
        if page.sides is Sides.ONE_SIDED:
            self._front = None
            self.sheets += page.copies
            return
        waiting, self._front = self._front, None
        if waiting is not None and not front and _share_a_sheet(waiting, page):
            return
        self.sheets += page.copies
        if front is not False:
            self._front = page

    def add_side(self) -> None:
        """Count a side that is printed and is no page of the document: an error page of the printer's own."""
        self._front = None
        self.impressions += 1
        if self.sheets is not None:
            self.sheets += 1

    def start_sheet(self) -> None:
        """End the sheet: the next duplex page is a front (a new job, a new session)."""
        self._front = None

    def fill(self, report: Report, declared: Iterable[str] = ()) -> Report:
        """Return the report with these figures; `declared` are added to those it names already."""
        warnings = Warnings()
        warnings.extend(report.warnings)
        if self._undescribed:
            warnings.add("pages-undescribed", f"{self._undescribed} pages are counted but not described")
        return replace(
            report,
            pages=self.pages,
            impressions=self.impressions,
            sheets=self.sheets,
            colour_pages=self.colour_pages,
            monochrome_pages=self.monochrome_pages,
            copies=None if self._copies_differ else self._copies,
            declared=report.declared | frozenset(declared),
            page_runs=tuple(map(PageRun, self._run_pages, self._run_counts)),
            warnings=warnings.as_tuple(),
        )


def _share_a_sheet(front: Page, back: Page) -> bool:
    return (
        front.media,
        front.width_hmm,
        front.height_hmm,
        front.media_source,
        front.copies,
        front.sides,
    ) == (
        back.media,
        back.width_hmm,
        back.height_hmm,
        back.media_source,
        back.copies,
        back.sides,
    )


class ReportSum:
    """Adds up the reports of parts of one stream that follow each other, in bounded memory.

    Figures are summed, and unknown as soon as one part's is; texts are the first ones said; `format` and
    `version` are those of the first part that has pages, else of the first part with a format.
    """

    def __init__(self) -> None:
        self._lead: Report | None = None
        self._offset: int | None = None
        self._octets = 0
        self._figures: dict[str, int | None] = dict.fromkeys(SUMMED, 0)
        self._texts: dict[str, str | None] = dict.fromkeys(TEXTS)
        self._copies: int | None = None
        self._copies_differ = False
        self._declared: frozenset[str] = frozenset()
        self._runs: list[PageRun] = []
        self._variables: dict[str, str] = {}
        self._warnings = Warnings()

    def add(self, part: Report) -> None:
        """Add the report of the next part."""
        if part.format and (self._lead is None or (self._lead.pages == 0 and part.pages != 0)):
            self._lead = part
        self._offset = part.offset if self._offset is None else self._offset
        self._octets += part.octets
        for name, total in self._figures.items():
            figure: int | None = getattr(part, name)
            self._figures[name] = None if total is None or figure is None else total + figure
        for name, text in self._texts.items():
            self._texts[name] = text or getattr(part, name)
        if part.pages != 0:
            self._copies_differ |= self._copies is not None and part.copies != self._copies
            self._copies = part.copies
        self._declared |= part.declared
        self._warnings.extend(part.warnings)
        self._add_runs(part)
        for variable, value in part.variables.items():
            if len(self._variables) < MAX_VARIABLES or variable in self._variables:
                self._variables[variable] = value

    def _add_runs(self, part: Report) -> None:
        for run in part.page_runs:
            if self._runs and self._runs[-1].page == run.page:
                self._runs[-1] = PageRun(run.page, self._runs[-1].count + run.count)
            elif len(self._runs) < MAX_PAGE_RUNS:
                self._runs.append(run)
            else:
                message = "more pages are counted but not described"
                self._warnings.add("pages-undescribed", message, part.offset)
                return

    def result(self) -> Report:
        """Return one Report for all parts so far."""
        return Report(
            format=self._lead.format if self._lead else None,
            version=self._lead.version if self._lead else None,
            octets=self._octets,
            offset=self._offset or 0,
            copies=None if self._copies_differ else self._copies,
            declared=self._declared,
            page_runs=tuple(self._runs),
            variables=dict(self._variables),
            warnings=self._warnings.as_tuple(),
            pages=self._figures["pages"],
            impressions=self._figures["impressions"],
            sheets=self._figures["sheets"],
            colour_pages=self._figures["colour_pages"],
            monochrome_pages=self._figures["monochrome_pages"],
            title=self._texts["title"],
            user=self._texts["user"],
            application=self._texts["application"],
            encryption=self._texts["encryption"],
        )


def combine(parts: Iterable[Report]) -> Report:
    """Return one Report for parts of one stream that follow each other; see ReportSum."""
    total = ReportSum()
    for part in parts:
        total.add(part)
    return total.result()


def repeat(report: Report, times: int, *, declared: bool = False) -> Report:
    """Return the report of a document that is printed so many times over, as a whole.

    With `declared` the number of times is somebody's word only, and so are impressions and sheets.
    """
    copies = times if report.copies in (None, 1) else report.copies * times if report.copies else None
    return replace(
        report,
        impressions=None if report.impressions is None else report.impressions * times,
        sheets=None if report.sheets is None else report.sheets * times,
        copies=copies,
        declared=report.declared | ({"impressions", "sheets", "copies"} if declared else frozenset()),
    )


def set_by_job(report: Report, *, sides: Sides | None = None, grey: bool = False) -> Report:
    """Return the report of a document that is printed by its job's settings.

    `sides` goes for pages that say none themselves; the sheets that follow are `declared`. With `grey`
    no page comes out in colour, whatever is in it.
    """
    if grey and report.pages is not None:
        runs = tuple(PageRun(replace(run.page, colour=False), run.count) for run in report.page_runs)
        report = replace(report, colour_pages=0, monochrome_pages=report.pages, page_runs=runs)
    described = sum(run.count for run in report.page_runs)
    unsaid = all(run.page.sides is None for run in report.page_runs)
    if sides is None or not unsaid or described != report.pages or described > MAX_RECOUNTED:
        return report
    tally = Tally()
    for page in report.each_page():
        tally.add(replace(page, sides=sides))
    return replace(tally.fill(report, ("sheets",)), impressions=report.impressions)
