"""PDF (ISO 32000): pages, their sizes and colour, title, producer, encryption; read in a confined worker."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO

from pcl.colour import shows_colour
from pcl.document import DocumentAnalyzer
from pcl.media import SIZES, media_name
from pcl.report import MAX_TEXT, Orientation, Page, Report, Tally, Warnings

if TYPE_CHECKING:
    import pikepdf

__all__ = ["PdfAnalyzer", "measure_pdf"]

COLOUR_SCALE = 0.5  # of 72 dots an inch: a hairline still takes a dot
MAX_COLOUR_DOTS = 4_000_000  # a page larger than this is rendered at a smaller scale
MAX_LOOK_OCTETS = 1 << 16  # of contents as they are stored: what they inflate to is bounded by it
HMM_A_POINT = 2540 / 72
MAX_HMM = 100_000_000  # a kilometre: nobody's page


OUR_STREAM = re.compile(r"^(?:stream )?<[^>]{0,200}>[ :,(]*")

# Operators by which something else than a level of grey may come onto a page (ISO 32000-2 annex A), and those
# among them that set a grey in RGB or CMYK.
COLOUR_OPERATOR = re.compile(
    rb"(?<![^\s\[\]()<>/%])(?:rg|RG|k|K|sc|SC|scn|SCN|cs|CS|sh|Do|BI)(?![^\s\[\]()<>/%])"
)
NEUTRAL_OPERATOR = re.compile(
    rb"(?<!\S)(?:([\d.]{1,16})\s+\1\s+\1\s+(?:rg|RG)|0\s+0\s+0\s+[\d.]{1,16}\s+[kK])(?!\S)"
)


class PdfAnalyzer(DocumentAnalyzer):
    """Counts and describes the pages of a PDF (an Analyzer).

    A page is coloured when it shows a colour at 36 dots an inch. Sides and copies are the job's affair in
    PDF, so that the sheets of more than one page are unknown. A document that needs a password is recognised
    (`encryption` is "password") and has unknown pages; one that opens without is read ("permissions").
    """

    format = "application/pdf"
    task = "pdf"

    def options(self) -> Mapping[str, str | float | bool]:
        """Let the colour of the pages take a third of the time that the document has."""
        return {"colour_s": 10.0}


def measure_pdf(document: BinaryIO, options: Mapping[str, Any]) -> Iterator[Report]:
    """Yield the report without colour, then with it; runs in the worker.

    `colour_s` bounds the time for colour: from there on it is unknown.
    """
    import pikepdf

    warnings = Warnings()
    try:
        pdf = pikepdf.open(document, suppress_warnings=True)
    except pikepdf.PasswordError:
        warnings.add("password-needed", "the pages are unknown without the password")
        yield Report(
            format=PdfAnalyzer.format,
            version=_version_of(document),
            encryption="password",
            warnings=warnings.as_tuple(),
        )
        return
    except MemoryError:
        raise
    except Exception as error:
        # Whatever qpdf and pikepdf raise says the same: this is no PDF that can be printed.
        warnings.add("corrupt", f"no PDF can be read: {_reason(error)}")
        yield Report(format=PdfAnalyzer.format, version=_version_of(document), warnings=warnings.as_tuple())
        return
    with pdf:
        try:
            pages = [_describe(page) for page in pdf.pages]
            suspects = [_may_show_colour(page) for page in pdf.pages]
        except MemoryError:
            raise
        except Exception as error:
            # As above: a page tree without an end, or one that is no tree.
            warnings.add("corrupt", f"the page tree cannot be read: {_reason(error)}")
            pages, suspects = None, []
        for complaint in pdf.get_warnings()[:4]:
            warnings.add("repaired", _reason(complaint))
        report = Report(
            format=PdfAnalyzer.format,
            version=pdf.pdf_version,
            title=_said(pdf, "/Title"),
            application=_said(pdf, "/Creator") or _said(pdf, "/Producer"),
            variables={name[1:]: text for name in ("/Producer", "/Author") if (text := _said(pdf, name))},
            encryption="permissions" if pdf.is_encrypted else None,
            warnings=warnings.as_tuple(),
        )
        if pages is None:
            yield report
            return
        if any(suspects):  # rendering may not come to its end; without it, all is told at once
            yield _tally(pages, ()).fill(report)
    colours, complaint = _colours(document, suspects, float(options.get("colour_s", 10.0)))
    if complaint:
        warnings.add("colour-unknown", complaint)
    yield _tally(pages, colours).fill(replace(report, warnings=warnings.as_tuple()))


def _describe(page: pikepdf.Page) -> Page:
    """Return the size at which the page is printed: its crop box, turned and scaled (ISO 32000-2 14.11.2)."""
    try:
        left, bottom, right, top = (float(edge) for edge in page.cropbox)
        scale = float(page.obj.get("/UserUnit", 1)) * HMM_A_POINT
        turned = page.rotation % 180 != 0
    except Exception:
        # A page whose boxes are no boxes has no size that could be told; it is a page all the same.
        return Page()
    width_hmm, height_hmm = abs(right - left) * scale, abs(top - bottom) * scale
    if not (0 < width_hmm < MAX_HMM and 0 < height_hmm < MAX_HMM):
        return Page()
    if turned:
        width_hmm, height_hmm = height_hmm, width_hmm
    short, long = sorted((round(width_hmm), round(height_hmm)))
    media = media_name(short, long)
    short, long = SIZES.get(media, (short, long))
    orientation = Orientation.LANDSCAPE if width_hmm > height_hmm else Orientation.PORTRAIT
    return Page(media=media, width_hmm=short, height_hmm=long, orientation=orientation)


def _tally(pages: Sequence[Page], colours: Sequence[bool]) -> Tally:
    tally = Tally()
    for number, page in enumerate(pages):
        tally.add(replace(page, colour=colours[number]) if number < len(colours) else page)
    return tally


def _may_show_colour(page: pikepdf.Page) -> bool:
    """Whether the page must be rendered to know: False only where nothing can set another colour than grey.

    Looked at are small contents whose resources bring no colour of their own; a word of a text that reads
    like a colour operator costs a rendering and nothing else.
    """
    import pikepdf

    try:
        if "/Annots" in page.obj or not _plain_resources(page.obj["/Resources"]):
            return True
        contents = page.obj["/Contents"]
        streams = list(contents.as_list()) if isinstance(contents, pikepdf.Array) else [contents]
        if sum(int(stream["/Length"]) for stream in streams) > MAX_LOOK_OCTETS:
            return True
        octets = b"\n".join(stream.read_bytes() for stream in streams)
    except Exception:
        # What cannot be read so simply may still be rendered.
        return True
    return COLOUR_OPERATOR.search(NEUTRAL_OPERATOR.sub(b" ", octets)) is not None


def _plain_resources(resources: Any) -> bool:
    """Whether grey is grey with these resources, and letters have the colour that is set for them."""
    spaces, fonts = resources.get("/ColorSpace"), resources.get("/Font")
    states = resources.get("/ExtGState")
    if any(name.startswith("/Default") for name in (spaces.keys() if spaces else ())):
        return False
    if any("/Font" in state for state in (states.values() if states else ())):
        return False
    return all(font.get("/Subtype") != "/Type3" for font in (fonts.values() if fonts else ()))


def _colours(document: BinaryIO, suspects: Sequence[bool], time_s: float) -> tuple[list[bool], str | None]:
    """Return whether each page shows colour, as far as the time goes, and what stood in the way of more."""
    import pypdfium2

    deadline = time.monotonic() + time_s
    colours: list[bool] = []
    rendered: Any = None
    try:
        for number, suspect in enumerate(suspects):
            if suspect and rendered is None:
                document.seek(0)
                rendered = pypdfium2.PdfDocument(document)
            if suspect and time.monotonic() > deadline:
                return colours, f"time was up for the colour of pages from page {number + 1} on"
            colours.append(suspect and _shows_colour(rendered[number]))
    except MemoryError:
        raise
    except Exception as error:
        # PDFium may see fewer pages than qpdf repaired, or none; the pages are counted already.
        return colours, f"page {len(colours) + 1} cannot be rendered: {_reason(error)}"
    return colours, None


def _shows_colour(page: Any) -> bool:
    """Render the page small and look for a coloured dot."""
    width, height = page.get_size()
    scale = min(COLOUR_SCALE, (MAX_COLOUR_DOTS / max(1.0, width * height)) ** 0.5)
    bitmap = page.render(scale=scale, prefer_bgrx=True)  # four octets a dot, so that rows need no padding
    try:
        octets = bytes(bitmap.buffer)
        blue, green = octets[0::4], octets[1::4]
        # Most pages are black on white: three comparisons tell so, faster than a picture is made.
        neutral = blue == green and green == octets[2::4]
        return not neutral and shows_colour(bitmap.to_pil())
    finally:
        bitmap.close()
        page.close()


def _said(pdf: pikepdf.Pdf, name: str) -> str | None:
    """Return a text of the document information dictionary, None when it is not a text that can be read."""
    import pikepdf

    try:
        value = pdf.docinfo.get(name)
        text = str(value) if isinstance(value, pikepdf.String) else ""
    except (pikepdf.PdfError, ValueError, TypeError):
        return None
    return _plain(text) or None


def _version_of(document: BinaryIO) -> str | None:
    """Return the version in the header line of a PDF that cannot be opened (ISO 32000-2 7.5.2)."""
    document.seek(0)
    found = re.search(rb"%PDF-(\d\.\d)", document.read(1024))
    return found[1].decode() if found else None


def _reason(error: object) -> str:
    """Return what a library complains of, without the name that it gives to our stream."""
    return _plain(OUR_STREAM.sub("", str(error)) or type(error).__name__)


def _plain(text: object) -> str:
    """Return the text on one line, without control characters, as long as a Report takes."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())[:MAX_TEXT]
