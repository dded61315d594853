"""The PCL 5 page: logical page, margins, cursor, and when a page goes out.

Lengths are centipoints (1/7200 inch) from the top left of the logical page, in the print direction. What
ejects a page: a form feed always, a line feed or relative row move past the bottom always; a reset, a change
of size, source, sides, media type or orientation only when something is on the page.
Source: PCL 5 Printer Language Technical Reference, chapters 4 to 6; where it is silent, what a real
interpreter does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .language import Environment, copies_of, is_grey, sides_of
from .media import SIZES, media_name
from .pcl5_paper import CUSTOM_PAPER, PAPER_OF_NAME, PAPERS, Paper
from .report import Orientation, Page, Sides, Tally

__all__ = ["INCH", "Pcl5Page"]

INCH = 7200
HALF_INCH = INCH // 2
MAX_MOVE = 32767
MAX_DECIPOINTS = 200_000  # seven metres

SOURCES = {1: "main", 2: "manual", 3: "manual", 4: "alternate", 5: "large-capacity", 6: "envelope", 7: "auto"}
ORIENTATIONS = (
    Orientation.PORTRAIT,
    Orientation.LANDSCAPE,
    Orientation.REVERSE_PORTRAIT,
    Orientation.REVERSE_LANDSCAPE,
)
Point = tuple[int, int]
# What is the page's for good, and what is only kept to save work.
NO_STATE = frozenset({"_environment", "_tally", "_described", "before_end"})


class Pcl5Page:
    """The state of a page that decides when it ends; ended pages go to `tally`."""

    def __init__(self, environment: Environment, tally: Tally) -> None:
        self._environment = environment
        self._tally = tally
        self.before_end: Callable[[], None] | None = None  # draws on each page at its end
        self.snippet = False  # inside a PCL XL page: nothing ends a page
        self.says_sides = sides_of(environment) is not None
        self.colour = False
        self.marked = False
        self._gray = is_grey(environment)
        self._custom = Paper(2550 * 24, 3300 * 24, 75 * 24, 60 * 24)
        self._described: tuple[tuple[object, ...], Page] | None = (
            None  # the last page, and from what it is made
        )
        self.reset()

    def reset(self) -> None:
        """Return to what PJL says, or the factory does (the page ends first, see end_if_marked)."""
        environment = self._environment
        self._paper = self._default_paper()
        self._size_said = False
        self._orientation = 1 if environment.get("ORIENTATION", "").upper() == "LANDSCAPE" else 0
        self._orientation_said = "ORIENTATION" in environment
        self._direction = 0
        self._source: str | None = None
        self._front: bool | None = None
        self._copies = copies_of(environment, "COPIES") or 1
        sides = sides_of(environment)
        self._duplex = sides in (Sides.LONG_EDGE, Sides.SHORT_EDGE)
        self._short_edge = sides is Sides.SHORT_EDGE
        self.perforation_skip = True
        self.wrap = False
        self.line_termination = 0
        self.unit = INCH // 300
        self.hmi = INCH // 10
        self.vmi = INCH // 6
        self._cursors: list[Point] = []
        self.x = self.y = 0
        self.backspaced = False
        self._new_page_size()
        lines = environment.get("FORMLINES", "")
        if lines.isascii() and lines.isdecimal():
            self.vmi = self.length // min(max(int(lines[:9]), 5), 128)
            self.home()

    def lay_over(self) -> dict[str, object]:
        """Set the page up for an overlay; return what it was before, for restore()."""
        before = {**vars(self), "_cursors": list(self._cursors)}
        self.perforation_skip, self.wrap, self.line_termination = True, False, 0
        self.hmi, self.vmi = INCH // 10, INCH // 6
        self._new_page_size()
        self.marked = bool(before["marked"])
        return before

    def state(self) -> tuple[tuple[str, object], ...]:
        """Return all that commands change, to be compared and for return_to()."""
        items = vars(self).items()
        return tuple([(n, tuple(v) if n == "_cursors" else v) for n, v in items if n not in NO_STATE])

    def return_to(self, state: tuple[tuple[str, object], ...]) -> None:
        """Be again as state() said."""
        vars(self).update(state)
        self._cursors = list(self._cursors)

    def layout(self) -> tuple[object, ...]:
        """Return what an overlay finds and depends on."""
        return self._paper, self._orientation, self._direction, self.unit, self.marked, self.colour

    def restore(self, before: dict[str, object]) -> None:
        """Return to what lay_over() found; cursor, colour and the next side are those of now."""
        kept = {name: vars(self)[name] for name in ("x", "y", "colour", "_front")}
        vars(self).update(before, **kept)

    def _default_paper(self) -> Paper:
        width, height = (self._environment.get(name, "") for name in ("PAPERWIDTH", "PAPERLENGTH"))
        if width.isdecimal() and height.isdecimal() and 0 < len(width) < 6 and 0 < len(height) < 6:
            return Paper(int(width) * 10, int(height) * 10, 75 * 24, 60 * 24)
        name = self._environment.get("PAPER", "").lower().replace(" ", "")
        return PAPERS[PAPER_OF_NAME.get(name, 2)]

    # The logical page

    def _new_page_size(self) -> None:
        """Lay out the page anew: margins to their defaults, the cursor home."""
        self.overlay: int | None = None  # the macro that is laid over each page, till the page size changes
        self._measure()
        self.left, self.right = 0, self.width
        self.top = HALF_INCH if self.height > HALF_INCH else 0
        rest = self.height - self.top
        self.length = rest - HALF_INCH if rest > HALF_INCH else rest
        self.home()
        self.moved = False
        if not self.snippet:
            self.marked = False

    def _measure(self) -> None:
        paper = self._paper
        if self._orientation & 1:
            width, height = paper.height - 2 * paper.landscape_edge, paper.width
        else:
            width, height = paper.width - 2 * paper.portrait_edge, paper.height
        self._logical = (max(width, 0), max(height, 0))
        self.width, self.height = self._logical[::-1] if self._direction & 1 else self._logical

    def set_paper(self, code: int) -> None:
        """ESC & l # A."""
        self.end_if_marked()
        self.home()
        if code in PAPERS or code == CUSTOM_PAPER:
            self._paper = self._custom if code == CUSTOM_PAPER else PAPERS[code]
            self._size_said = True
            self._direction = 0
            self._new_page_size()

    def set_custom_paper(self, *, width: int | None = None, height: int | None = None) -> None:
        """ESC & f # I and # J: the size of paper 101 in decipoints."""
        if width is not None:
            self._custom = replace(self._custom, width=min(width, MAX_DECIPOINTS) * 10)
        if height is not None:
            self._custom = replace(self._custom, height=min(height, MAX_DECIPOINTS) * 10)

    def set_orientation(self, code: int) -> None:
        """ESC & l # O."""
        self._orientation_said = True
        if not 0 <= code <= 3 or self.snippet or code == self._orientation:
            return
        self.end_if_marked()
        moved = self.moved
        self._orientation, self._direction = code, 0
        self._new_page_size()
        self.moved = moved
        self.hmi, self.vmi = INCH // 10, INCH // 6

    def set_direction(self, degrees: int) -> None:
        """ESC & a # P: turn the coordinates; cursor and margins stay where they are on the sheet."""
        if degrees not in (0, 90, 180, 270) or degrees // 90 == self._direction:
            return
        corners = [(self.x, self.y), (self.left, self.top), (self.right, self.top + self.length)]
        places = [self._to_logical(corner) for corner in corners]
        self._direction = degrees // 90
        self._measure()
        (self.x, self.y), first, second = (self._from_logical(place) for place in places)
        self.left, self.right = sorted((first[0], second[0]))
        self.top, bottom = sorted((first[1], second[1]))
        self.length = bottom - self.top

    def _to_logical(self, point: Point) -> Point:
        (x, y), (width, height) = point, self._logical
        return ((x, y), (y, height - x), (width - x, height - y), (width - y, x))[self._direction]

    def _from_logical(self, point: Point) -> Point:
        (x, y), (width, height) = point, self._logical
        return ((x, y), (height - y, x), (width - x, height - y), (y, width - x))[self._direction]

    def enter_page(self, page: Page, *, painted: bool) -> None:
        """Start inside a page of PCL XL: its size and orientation; if it is painted on, nothing ejects it."""
        self.snippet = painted
        width, height = page.width_hmm or 21590, page.height_hmm or 27940
        edges = self._paper.portrait_edge, self._paper.landscape_edge
        self._paper = Paper(round(width * INCH / 2540), round(height * INCH / 2540), *edges)
        self._orientation = ORIENTATIONS.index(page.orientation) if page.orientation else 0
        self._size_said = page.media is not None
        self._orientation_said = page.orientation is not None
        self._direction = 0
        self._duplex = page.sides not in (None, Sides.ONE_SIDED)
        self._short_edge = page.sides is Sides.SHORT_EDGE
        self._source = page.media_source
        self._new_page_size()
        self.top = INCH // 6
        self.length = max(self.height - 2 * self.top, 0)
        self.unit = INCH // 600
        self.marked = False
        self.home()

    # Margins

    def set_top_margin(self, lines: int) -> None:
        """ESC & l # E."""
        top = lines * self.vmi
        if self.vmi and 0 <= top <= self.height:
            self.top = top
            rest = self.height - top
            self.length = rest - HALF_INCH if rest > HALF_INCH else rest
            if not self.marked and not self.moved:
                self.move_y(0, by_row=True)

    def set_text_length(self, lines: int) -> None:
        """ESC & l # F."""
        length = lines * self.vmi
        if length == 0:
            length = self.height - self.top - HALF_INCH
            if length < 0:
                length += HALF_INCH
        if length >= 0 and self.top + length <= self.height:
            self.length = length

    def set_left_margin(self, columns: int) -> None:
        """ESC & a # L."""
        left = columns * self.hmi
        if left < self.right:
            self.left = left
            self.x = max(self.x, left)

    def set_right_margin(self, columns: int) -> None:
        """ESC & a # M."""
        right = min((columns + 1) * self.hmi, self.width)
        if right > self.left:
            self.right = right
            self.x = min(self.x, right)

    def clear_horizontal_margins(self) -> None:
        """ESC 9."""
        self.left, self.right = 0, self.width

    # The cursor

    @property
    def _home_y(self) -> int:
        return self.top + 3 * self.vmi // 4

    def home(self) -> None:
        """Go to the left margin of the first line."""
        self.x = min(max(self.left, 0), self.width)
        self.move_y(0, by_row=True)

    def set_vmi(self, vmi: int) -> None:
        """Set the distance of lines (ESC & l # C and # D); a cursor that is at home goes to the new home."""
        at_home = (self.x, self.y) == (self.left, self._home_y)
        if vmi <= self.height:
            self.vmi = vmi
        if at_home:
            self.home()

    def move_x(self, x: float, *, relative: bool = False, in_margins: bool = False) -> None:
        """Move across; beyond the logical page, or out of the margins, stops at the edge."""
        before = self.x
        target = int(x) + (before if relative else 0)
        if in_margins:
            if before >= self.left > target:
                target = self.left
            elif before <= self.right < target:
                target = self.right
        self.x = min(max(target, 0), self.width)
        self.moved = True

    def move_y(
        self,
        y: float,
        *,
        relative: bool = False,
        by_row: bool = False,
        to_text_bottom: bool = False,
        command: bool = False,
    ) -> None:
        """Move down; a relative move by rows past the bottom ejects pages, others stop at the bottom.

        The bottom is that of the text (`to_text_bottom`, perforation skip) or of the logical page. `command`
        marks ESC & a # R, which reaches the end of the next page at most.
        """
        target, limit = int(y), self.height
        if relative and command:
            furthest = 2 * limit - self.y
            if target >= furthest:
                target = furthest + self._home_y
        target += self.y if relative else self._home_y if by_row else self.top
        bottom = self.top + self.length if to_text_bottom else limit
        if target <= bottom or not (by_row and relative):
            self.y = min(max(target, 0), bottom if target <= bottom else limit)
            return
        before = self.y
        while target > bottom:
            self.end()
            target -= bottom if before <= bottom else before
            before = self._home_y if to_text_bottom else 3 * self.vmi // 4
            if self.vmi == 0 or target <= self.vmi:
                target = before
                break
            target += before - 1 - (target - 1) % self.vmi
        self.y = target

    def line_feed(self, part: int = 1) -> None:
        """Go down one line, or one `part`-th of it."""
        self.moved = True
        self.move_y(self.vmi // part, relative=True, by_row=True, to_text_bottom=self.perforation_skip)

    def carriage_return(self) -> None:
        """Go to the left margin."""
        self.x = min(max(self.left, 0), self.width)
        self.moved = True

    def form_feed(self) -> None:
        """Eject the page, whatever is on it."""
        self.end()
        self.move_y(0, by_row=True)

    def push_cursor(self) -> None:
        """ESC & f 0 S: keep the place on the sheet, twenty deep."""
        if len(self._cursors) < 20:
            self._cursors.append(self._to_logical((self.x, self.y)))

    def pop_cursor(self) -> None:
        """ESC & f 1 S."""
        if self._cursors:
            x, y = self._from_logical(self._cursors.pop())
            self.move_x(x)
            self.move_y(y - self.top)

    # Marks and pages

    def show(self, text: bytes, *, coloured: bool) -> None:
        """Print characters of the current pitch; blanks move the cursor and mark nothing."""
        if self.backspaced:
            # What follows a back space is struck over what was there, whatever the margins.
            self.backspaced = False
            self._mark(text[:1], coloured)
        if not self.wrap:
            # Those that start before the edge are printed; none that is wholly beyond it.
            room = self._edge - self.x
            begun = -(-room // self.hmi) if self.hmi > 0 and room >= 0 else len(text) if room > 0 else 0
            self._mark(text[:begun], coloured)
            self.advance(len(text))
            return
        at = 0
        while at < len(text):
            fitting = self._fitting(len(text) - at)
            if fitting < 1:
                self.carriage_return()
                self.line_feed()
                fitting = max(self._fitting(len(text) - at), 1)
            self._mark(text[at : at + fitting], coloured)
            self.x += fitting * self.hmi
            at += fitting

    def _mark(self, printed: bytes, coloured: bool) -> None:
        if printed.strip(b" "):
            self.marked = True
            self.colour |= coloured

    def advance(self, characters: int) -> None:
        """Move over so many characters of the current pitch, up to the margin or the edge."""
        self.x = min(self.x + characters * self.hmi, self._edge)

    @property
    def _edge(self) -> int:
        return self.right if self.x <= self.right else self.width

    def _fitting(self, characters: int) -> int:
        return min((self._edge - self.x) // self.hmi, characters) if self.hmi > 0 else characters

    def end(self) -> None:
        """Eject the page."""
        if self.snippet:
            return
        if self.before_end:
            self.before_end()
        marks = (self._paper, self._size_said, self._duplex, self._short_edge, self._orientation)
        found = (*marks, self._orientation_said, self._source, self._copies, self.colour)
        if self._described is None or self._described[0] != found:
            self._described = found, self._describe()
        self._tally.add(self._described[1], front=self._front)
        self._front = None
        self.marked = self.colour = False

    def _describe(self) -> Page:
        size = (round(self._paper.width * 2540 / INCH), round(self._paper.height * 2540 / INCH))
        media = media_name(*size)
        size = SIZES.get(media, size)  # the language counts in 300ths of an inch
        said = self._size_said or "PAPER" in self._environment or "PAPERWIDTH" in self._environment
        sides = Sides.ONE_SIDED
        if self._duplex:
            sides = Sides.SHORT_EDGE if self._short_edge else Sides.LONG_EDGE
        resolution = self._environment.get("RESOLUTION", "")
        dots = int(resolution) if resolution.isascii() and resolution.isdecimal() else 0
        return Page(
            media=media if said else None,
            width_hmm=size[0] if said else None,
            height_hmm=size[1] if said else None,
            orientation=ORIENTATIONS[self._orientation] if self._orientation_said else None,
            media_source=self._source,
            sides=sides,
            copies=self._copies,
            resolution=(dots, dots) if 50 <= dots <= 9600 else None,
            colour=self.colour and not self._gray,
        )

    def end_if_marked(self) -> bool:
        """Eject the page if something is on it; tell whether it was."""
        if not self.marked or self.snippet:
            return False
        self.end()
        return True

    def eject_and_home(self) -> bool:
        """What the commands do that ask for another sheet: source, sides, media type."""
        ended = self.end_if_marked()
        self.home()
        return ended

    def set_source(self, code: int) -> None:
        """ESC & l # H."""
        self.eject_and_home()
        source = SOURCES.get(code, f"tray-{code - 19}" if 20 <= code < 40 else None)
        if source != self._source:
            self._front = True
        self._source = source

    def set_duplex(self, code: int) -> None:
        """ESC & l # S: one side, two bound at the long edge, two at the short edge."""
        self.eject_and_home()
        if code in (0, 1, 2):
            self._duplex, self._short_edge = code > 0, code == 2
            self._front = True
            self.says_sides = True

    def set_side(self, code: int) -> None:
        """ESC & a # G: the next side, the front, the back."""
        if self.eject_and_home() and self._duplex and code in (1, 2):
            self._front = code == 1

    def set_media_type(self) -> None:
        """ESC & l # M: whatever the type, it asks for another sheet."""
        self.eject_and_home()

    def set_copies(self, copies: int) -> None:
        """ESC & l # X."""
        if copies >= 1:
            self._copies = min(copies, MAX_MOVE)
