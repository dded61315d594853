"""PostScript: pages by its structuring comments where they can be trusted, else measured by Ghostscript.

The comments (DSC 3.0) prove nothing: what they say is `declared`. They are believed when they are whole (a
header, a number of pages, as many page comments counted from 1, a trailer) and nothing in the stream asks for
copies, which they do not count. Otherwise, or when the analyser is told to measure, Ghostscript runs the
document inside the confined worker, page after page at 72 dots an inch, and the figures are exact.

Colour is declared where the comments tell of process colours for each page or for the document; else it is
unknown when they are believed: to run each such document would take a hundred times as long. Who wants to
know it all the same has them all measured.
"""

from __future__ import annotations

import importlib.util
import os
import re
import resource
import shutil
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, BinaryIO, Literal

from pcl.document import DocumentAnalyzer
from pcl.media import SIZES, media_name
from pcl.report import Orientation, Page, Report, Sides, StreamWarning, Tally, Warnings

__all__ = ["PostScriptAnalyzer", "Structure", "measure_postscript"]

BLOCK_OCTETS = 1 << 16  # what is looked at in one go, whatever the chunks are
OVERLAP_OCTETS = 256  # DSC 3.0: no line is longer than 255
MAX_PAGES = 1_000_000
MAX_DOTS = 1 << 30  # of one page at 72 dots an inch: a tenth of a square kilometre
COPY_OCTETS = 1 << 16
PAGE_CPU_S = 10  # processor time without any page: then a document is taken for a loop
NEXT_PAGE_CPU_S = 1  # what each page adds to that
COLOUR_OF = {b"P4": False, b"P5": False, b"P6": True}  # pnmraw takes the least format that holds the page

DOS_EPS = b"\xc5\xd0\xd3\xc6"  # then where the PostScript is and how long, and the same of a preview
INKS = frozenset({"Cyan", "Magenta", "Yellow", "Black"})
HEADER = re.compile(rb"\x04?%!PS-Adobe-(\d\.\d)(?! EPSF)")
COMMENT = re.compile(rb"(?<=[\r\n])%%([A-Za-z]{1,40}):?[ \t]*([^\r\n]{0,200})")
COPIES = re.compile(rb"/NumCopies\b|/#copies\b|\bcopypage\b")
DUPLEX = re.compile(rb"/Duplex\s{1,9}true\b")
TUMBLE = re.compile(rb"/Tumble\s{1,9}true\b")

GHOSTSCRIPT = (
    *("gs", "-q", "-dNOPAUSE", "-dBATCH", "-dSAFER", "-dNOPROMPT", "-sDEVICE=pnmraw", "-r72"),
    *("-sOutputFile=%stdout", "-sstdout=%stderr", "-"),
)


class Structure:
    """The structuring comments of a document, collected while it passes; holds one block of 64 KiB."""

    def __init__(self) -> None:
        self.version: str | None = None
        self.texts: dict[str, str] = {}
        self.pages: list[int] = []  # said in the header, in the trailer
        self.counted = 0
        self.sides: Sides | None = None
        self._colour: bool | None = None  # of the document, by its process colours
        self._page_colours: list[bool | None] = []  # and of each page that names its own
        self._custom_inks = False
        self._ordered = True
        self._ended = False
        self._copies = False
        self._depth = 0
        self._held = bytearray(b"\n")  # starts with the octet before the block
        self._begun = False

    def feed(self, chunk: bytes) -> None:
        """Take in the next octets of the document."""
        for start in range(0, len(chunk), BLOCK_OCTETS):
            self._held += chunk[start : start + BLOCK_OCTETS]
            while len(self._held) > BLOCK_OCTETS + OVERLAP_OCTETS:
                self._scan(BLOCK_OCTETS)
                del self._held[:BLOCK_OCTETS]

    def finish(self) -> None:
        """Take in what is left."""
        self._scan(len(self._held))
        self._held.clear()

    def trustworthy(self) -> bool:
        """Whether the comments are whole, and nothing in the document makes more pages than they count."""
        whole = self.version is not None and self._ended and self._ordered and self._depth == 0
        return whole and not self._copies and bool(self.pages) and set(self.pages) == {self.counted}

    def colours(self) -> Iterator[bool | None]:
        """Yield for each page whether it is said to be in colour."""
        for colour in self._page_colours:
            if self._custom_inks:
                yield None
            elif colour is None and self._colour is False:
                yield False
            else:  # colour somewhere in the document is not yet colour on this page
                yield colour

    def _scan(self, octets: int) -> None:
        """Look at what starts in so many octets behind the first."""
        held = bytes(self._held)
        if not self._begun:
            self._begun = True
            header = HEADER.match(held, 1)
            self.version = header[1].decode() if header else None
        self._copies = self._copies or _starts_within(COPIES, held, octets)
        if _starts_within(TUMBLE, held, octets):
            self.sides = Sides.SHORT_EDGE
        elif self.sides is None and _starts_within(DUPLEX, held, octets):
            self.sides = Sides.LONG_EDGE
        for comment in COMMENT.finditer(held, 1):
            if comment.start() > octets:
                break
            self._note(comment[1].decode("ascii"), comment[2].decode("latin-1").strip())

    def _note(self, name: str, text: str) -> None:
        if name in ("BeginDocument", "EndDocument"):
            self._depth += 1 if name == "BeginDocument" else -1
        elif self._depth:
            return
        elif name == "Pages" and (number := re.match(r"\d{1,9}", text)):
            self.pages = [*self.pages[:1], int(number[0])]
        elif name == "Page":
            self.counted += 1
            if self.counted <= MAX_PAGES:
                self._page_colours.append(None)
            self._ordered = self._ordered and text.split()[-1:] == [str(self.counted)]
        elif name in ("Trailer", "EOF"):
            self._ended = True
        elif name == "DocumentProcessColors" and text != "(atend)":
            self._colour = _is_colour(text)
        elif name == "PageProcessColors" and text != "(atend)" and self._page_colours:
            self._page_colours[-1] = _is_colour(text)
        elif name in ("DocumentCustomColors", "PageCustomColors"):
            self._custom_inks |= text not in ("", "(atend)")
        elif name in ("Title", "Creator", "For", "DocumentMedia"):
            self.texts.setdefault(name, text)


def _is_colour(inks: str) -> bool | None:
    """Tell what a list of process colours says; one with strange names says nothing."""
    names = set(inks.split())
    return bool(names - {"Black"}) if names <= INKS else None


def _starts_within(pattern: re.Pattern[bytes], held: bytes, octets: int) -> bool:
    found = pattern.search(held, 1)
    return found is not None and found.start() <= octets


class PostScriptAnalyzer(DocumentAnalyzer):
    """Counts and describes the pages of a PostScript document (an Analyzer).

    `measure` says when Ghostscript is asked: "untrusted", when the structuring comments cannot be believed;
    "always"; "never". Where it cannot be asked (it is not installed, it fails, time is up) pages are unknown,
    or declared where there are comments that can be believed. Sides are what the document sets itself;
    without that the sheets of more than one page are unknown.
    """

    format = "application/postscript"
    task = "postscript"

    def __init__(
        self, *, measure: Literal["untrusted", "always", "never"] = "untrusted", **settings: Any
    ) -> None:
        super().__init__(**settings)
        self._when = measure
        self._structure = Structure()

    def feed(self, chunk: bytes) -> None:
        """Take in the next octets of the document; an empty chunk changes nothing."""
        super().feed(chunk)
        self._structure.feed(chunk)

    def options(self) -> Mapping[str, str | float | bool]:
        """Tell the worker which sides the document sets."""
        return {"sides": self._structure.sides or ""}

    def _measure(self) -> Report:
        structure = self._structure
        structure.finish()
        said = Report(
            version=structure.version,
            title=_text(structure.texts.get("Title")),
            user=_text(structure.texts.get("For")),
            application=_text(structure.texts.get("Creator")),
        )
        trusted = structure.trustworthy()
        if self._when == "never" or (trusted and self._when == "untrusted"):
            return self._declare(said, trusted)
        measured = super()._measure()
        if measured.pages is None and trusted:
            said = replace(said, warnings=measured.warnings)
            return self._declare(said, trusted)
        return replace(measured, version=said.version, title=said.title, user=said.user,
                       application=said.application)  # fmt: skip

    def _declare(self, said: Report, trusted: bool) -> Report:
        if not trusted:
            unknown = StreamWarning("pages-unknown", "the structuring comments do not prove the pages")
            return replace(said, warnings=(*said.warnings, unknown))
        tally = Tally()
        page = replace(_media_said(self._structure.texts.get("DocumentMedia")), sides=self._structure.sides)
        for colour in self._structure.colours():
            tally.add(replace(page, colour=colour))
        said_too = () if tally.colour_pages is None else ("colour_pages", "monochrome_pages")
        return tally.fill(said, declared=("pages", "impressions", "sheets", *said_too))


def _text(text: str | None) -> str | None:
    """Return a DSC text without the parentheses of a PostScript string."""
    if text and text.startswith("(") and text.endswith(")"):
        text = text[1:-1]
    return text or None


def _media_said(text: str | None) -> Page:
    """Return the page of a DocumentMedia comment: a name, then width and height in points."""
    found = re.match(r"\S+\s+(\d{1,6}(?:\.\d{1,6})?)\s+(\d{1,6}(?:\.\d{1,6})?)", text or "")
    return _page_of(float(found[1]), float(found[2]), None) if found else Page()


def _page_of(width: float, height: float, colour: bool | None) -> Page:
    """Return a page of so many points."""
    short, long = sorted((round(width * 2540 / 72), round(height * 2540 / 72)))
    if not short:
        return Page(colour=colour)
    media = media_name(short, long)
    short, long = SIZES.get(media, (short, long))
    orientation = Orientation.LANDSCAPE if width > height else Orientation.PORTRAIT
    return Page(media=media, width_hmm=short, height_hmm=long, orientation=orientation, colour=colour)


# What follows runs in the worker.


def measure_postscript(document: BinaryIO, options: Mapping[str, Any]) -> Iterator[Report]:
    """Yield the report of what Ghostscript printed; every copy that the document asks for is a page.

    `stop_s` bounds the time, `page_cpu_s` the processor time until the first page: a document that is not
    done by then has unknown pages.
    """
    warnings, tally = Warnings(), Tally()
    sides = Sides(options["sides"]) if options.get("sides") else None
    page_cpu_s = int(options.get("page_cpu_s", PAGE_CPU_S))
    run = start_ghostscript(page_cpu_s)
    if run is None:
        warnings.add("no-ghostscript", "the pages are unknown: Ghostscript is not installed")
        yield Report(warnings=warnings.as_tuple())
        return
    process, into, out = run
    stop = threading.Timer(float(options.get("stop_s", 20.0)), _kill, (process,))
    stop.daemon = True
    started = time.monotonic()
    stop.start()
    pump = threading.Thread(target=_pump, args=(document, into), daemon=True)
    pump.start()
    with out:
        try:
            for width, height, colour in _read_pages(out):
                tally.add(replace(_page_of(width, height, colour), sides=sides))
                _allow_cpu(process, page_cpu_s + NEXT_PAGE_CPU_S * tally.pages)
        except ValueError as error:
            warnings.add("corrupt", f"Ghostscript's page {tally.pages + 1} cannot be read: {error}")
            _kill(process)
    _, status = os.waitpid(process, 0)
    stop.cancel()
    pump.join(1.0)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        spent = f"{time.monotonic() - started:.0f} s"
        counted = f"{tally.pages} pages had come by then"
        warnings.add("stopped", f"Ghostscript was stopped (signal {-code}) after {spent}; {counted}")
        yield Report(warnings=warnings.as_tuple())
        return
    if code:
        warnings.add("postscript-error", f"the document ends in an error behind page {tally.pages}")
    yield tally.fill(Report(warnings=warnings.as_tuple()))


def start_ghostscript(cpu_s: int) -> tuple[int, int, BinaryIO] | None:
    """Start Ghostscript in a process of its own; return its id, a descriptor to it and a file from it.

    The kernel ends it after `cpu_s` of processor time, unless _allow_cpu() gives it more.

    Taken is the `ghostscript` binding (GPL-3.0-or-later: it is loaded here, in the worker, and nowhere else),
    else the program `gs`; None when neither is there.
    """
    bound = _binding()
    program = None if bound else shutil.which("gs")
    if bound is None and program is None:
        return None
    from_us, into = os.pipe()
    out, to_us = os.pipe()
    process = os.fork()
    if process:
        os.close(from_us)
        os.close(to_us)
        return process, into, os.fdopen(out, "rb")
    try:  # the new process: nothing below returns
        _allow_cpu(0, cpu_s)
        os.dup2(from_us, 0)
        os.dup2(to_us, 1)
        os.closerange(3, 64)
        if program:
            os.execv(program, GHOSTSCRIPT)  # noqa: S606 # its path is from PATH, the arguments are ours
        bound.Ghostscript(*GHOSTSCRIPT).exit()
        os._exit(0)
    finally:
        os._exit(1)


def _binding() -> Any:
    """Return the binding's module when it and its library are installed."""
    if importlib.util.find_spec("ghostscript") is None:
        return None
    try:
        import ghostscript
    except (ImportError, OSError, RuntimeError):
        return None
    return ghostscript


def _allow_cpu(process: int, cpu_s: int) -> None:
    """Let a process (0: this one) take so many seconds of processor time in all."""
    with suppress(ProcessLookupError):
        _, hard = resource.prlimit(process, resource.RLIMIT_CPU)
        resource.prlimit(process, resource.RLIMIT_CPU, (cpu_s, hard))


def _kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def _pump(document: BinaryIO, into: int) -> None:
    """Copy the document to Ghostscript until it takes no more; of a DOS EPS file, its PostScript part."""
    document.seek(0)
    header = document.read(8)
    document.seek(int.from_bytes(header[4:], "little") if header.startswith(DOS_EPS) else 0)
    with suppress(BrokenPipeError), os.fdopen(into, "wb", buffering=0) as file:
        while chunk := document.read(COPY_OCTETS):
            view = memoryview(chunk)
            while view:
                view = view[file.write(view) :]


def _read_pages(out: BinaryIO) -> Iterator[tuple[int, int, bool]]:
    """Yield width, height and colour of each page that the pnmraw device writes; holds one piece of a page.

    Raises: ValueError for what is no such page.
    """
    while kind := out.readline(16).strip():
        if kind not in COLOUR_OF:
            raise ValueError("it is in another format")
        numbers: list[int] = []
        wanted = 2 if kind == b"P4" else 3
        while len(numbers) < wanted:
            line = out.readline(256)
            if not line:
                raise ValueError("it ends within its header")
            if not line.startswith(b"#"):
                numbers += [int(number) for number in line.split()]
        width, height = numbers[:2]
        samples = {b"P4": (width + 7) // 8, b"P5": width, b"P6": 3 * width}[kind]
        if not 0 < width * height <= MAX_DOTS:
            raise ValueError(f"{width} by {height} dots are over the limit")
        left = samples * height
        while left:
            octets = len(out.read(min(left, COPY_OCTETS)))
            if not octets:
                return
            left -= octets
        yield width, height, COLOUR_OF[kind]
