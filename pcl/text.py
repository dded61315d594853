"""Plain text: pages by lines and form feeds, as a line printer counts them."""

from __future__ import annotations

import codecs
import re

from pcl.errors import ClaimError
from pcl.report import Report, Tally, Warnings
from pcl.report import Page as ReportPage

__all__ = ["TextAnalyzer"]

PIECE_OCTETS = 1 << 16
TAB_COLUMNS = 8
MAX_PAGES = 10_000_000

# A line end (CR LF, LF, or CR alone), a form feed, a tab, or characters that each take a column.
TOKEN = re.compile(r"\r\n|\r|\n|\f|\t|[^\r\n\f\t]+")
# What takes no column: controls, and marks that go above or below the letter before them.
NO_COLUMN = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\u0300-\u036f\u200b-\u200f\ufe00-\ufe0f\ufeff]")


class TextAnalyzer:
    """Counts the pages of a plain text (an Analyzer).

    How long a page is, is the printer's choice: the figures are `declared`, by default 80 columns and 60
    lines (what CUPS' text filter does with one-inch-a-ten characters on common paper). A longer line goes on
    in the next; a form feed ends the page, and one at the very end makes no empty page. Octets are taken as
    UTF-8. Holds one piece of 64 KiB.
    """

    def __init__(self, *, columns: int = 80, lines: int = 60) -> None:
        self._columns, self._lines = columns, lines
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._octets = 0
        self._pages = 0
        self._line = 0  # on the page, from 0
        self._column = 0
        self._inked = False  # whether the page has anything on it
        self._after_return = False
        self._finished = False
