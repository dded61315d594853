"""Plain text: pages by lines and form feeds, as a line printer counts them."""

from __future__ import annotations

import codecs
import re
import unicodedata

from pcl.errors import ClaimError
from pcl.report import Page, Report, Tally, Warnings

__all__ = ["TextAnalyzer"]

PIECE_OCTETS = 1 << 16
TAB_COLUMNS = 8
MAX_PAGES = 10_000_000

# A line end (CR LF, LF, or CR alone), a form feed, a tab, or characters that take columns.
TOKEN = re.compile(r"\r\n|\r|\n|\f|\t|[^\r\n\f\t]+")
# What takes no column: controls, marks above or below the letter before them, joiners and selectors.
NO_COLUMN = re.compile(r"[\x00-\x1f\x7f\u0300-\u036f\u200b-\u200f\ufe00-\ufe0f\ufeff]")


class TextAnalyzer:
    """Counts the pages of a plain text (an Analyzer).

    How long a page is, is the printer's choice: the figures are `declared`, by default 80 columns and 60
    lines. A longer line goes on in the next one; a form feed ends the page, and one at the very end makes no
    empty page; nor do blank lines. Octets are taken as UTF-8. Holds one piece of 64 KiB.
    """

    def __init__(self, *, columns: int = 80, lines: int = 60) -> None:
        self._columns, self._lines = columns, lines
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._octets = 0
        self._pages = 0  # ended
        self._line = 0  # below the top of the page; may be further down than the page goes
        self._column = 0
        self._inked = False  # whether the page has anything on it
        self._returned = False  # whether a line feed now belongs to the carriage return before it
        self._finished = False

    def feed(self, chunk: bytes) -> None:
        """Take in the next octets of the text; an empty chunk changes nothing."""
        if self._finished:
            raise ClaimError("feed() after finish(): take a new analyser")
        self._octets += len(chunk)
        for start in range(0, len(chunk), PIECE_OCTETS):
            self._take(self._decoder.decode(chunk[start : start + PIECE_OCTETS]))

    def finish(self) -> Report:
        """End the text and return what was learnt. Called once; feed() is over then."""
        if self._finished:
            raise ClaimError("finish() was called already")
        self._finished = True
        self._take(self._decoder.decode(b"", final=True))
        pages = self._pages + self._inked
        if not pages and self._octets:
            pages = 1  # a text of blanks comes out as a blank sheet
        tally, warnings = Tally(), Warnings()
        if pages > MAX_PAGES:
            warnings.add("pages-over", f"pages behind the {MAX_PAGES}th are not counted")
        for _ in range(min(pages, MAX_PAGES)):
            tally.add(Page(colour=False))
        report = Report(format="text/plain", octets=self._octets, warnings=warnings.as_tuple())
        figures = ("pages", "impressions", "sheets", "monochrome_pages", "colour_pages")
        return tally.fill(report, declared=figures)

    def _take(self, text: str) -> None:
        if self._returned and text.startswith("\n"):
            text, self._returned = text[1:], False
        if text:
            self._returned = text.endswith("\r")
        for piece in TOKEN.findall(text):
            if piece in ("\n", "\r\n", "\r"):
                self._line, self._column = self._line + 1, 0
            elif piece == "\f":
                self._pages += self._line // self._lines + 1
                self._line, self._column, self._inked = 0, 0, False
            elif piece == "\t":
                self._column = (self._column // TAB_COLUMNS + 1) * TAB_COLUMNS
            else:
                self._print(piece)

    def _print(self, piece: str) -> None:
        """Put characters on the line, and on the lines below it as far as they need.

        Blanks alone print nothing: they count when something is printed behind them.
        """
        visible = piece.rstrip()
        if visible:
            columns = self._column + _columns_of(visible)
            full = max(0, columns - 1) // self._columns
            self._line += full
            self._column = columns - full * self._columns
            self._pages += self._line // self._lines
            self._line %= self._lines
            self._inked = True
        self._column += len(piece) - len(visible)


def _columns_of(piece: str) -> int:
    """Count columns: one a character, two a wide one (Unicode annex 11), none a mark or control."""
    piece = NO_COLUMN.sub("", piece)
    if piece.isascii():
        return len(piece)
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in piece)
