"""What the commands of PCL 5 do to the page, the palette and the macros, by class, group and letter.

A handler takes the number and whether it had a sign; the octets of data that follow some commands are not its
business. Commands that bear on no page (fonts, patterns, symbol sets ...) have no handler.
"""

from __future__ import annotations

from collections.abc import Callable

from .hpgl import HpGl
from .pcl5_macros import MacroStore, Source
from .pcl5_page import INCH, Pcl5Page

__all__ = ["COMMANDS", "CONTROLS", "ESCAPES", "Commands"]

UNITS = (96, 100, 120, 144, 150, 160, 180, 200, 225, 240, 288, 300, 360, 400, 450, 480, 600, 720, 800, 900)
MORE_UNITS = (1200, 1440, 1800, 2400, 3600, 7200)
PITCHES = {0: INCH // 10, 2: INCH * 3 // 50, 4: INCH // 12}
MAX_NUMBER = 32767


class Commands:
    """The state that commands change, and the commands that take more than a line."""

    def __init__(self, page: Pcl5Page, hpgl: HpGl) -> None:
        self.page = page
        self.colour_guessed = False
        self._hpgl = hpgl
        self._in_hpgl = False
        self._macros = MacroStore()
        self._reset_language()

    def _reset_language(self) -> None:
        self._in_raster = False
        self._row = INCH / 75
        self._rectangle = [0, 0]
        self._colour_palette = False
        self._colour_foreground = False
        self._proportional = False

    def _reset(self, source: Source) -> None:
        if source.macro is not None:
            return
        self._in_hpgl = False
        self.page.end_if_marked()
        self.page.reset()
        self._macros.abandon()
        self._reset_language()

    def _carriage_return(self) -> None:
        self.page.carriage_return()
        if self.page.line_termination & 1:
            self.page.line_feed()

    def _line_feed(self) -> None:
        if self.page.line_termination & 2:
            self.page.carriage_return()
        self.page.line_feed()

    def _form_feed(self) -> None:
        if self.page.line_termination & 2:
            self.page.carriage_return()
        self.page.form_feed()

    def _back_space(self) -> None:
        self.page.move_x(-self.page.hmi, relative=True, in_margins=True)
        self.page.backspaced = True

    def _tab(self) -> None:
        page = self.page
        width = 8 * page.hmi
        across = page.x - page.left
        step = -across if across < 0 else width - across % width if width > 0 else 0
        page.move_x(step, relative=True, in_margins=True)

    def _set_unit(self, value: float, signed: bool) -> None:
        wanted = min(max(value, 96), INCH)
        nearest = min(UNITS + MORE_UNITS, key=lambda unit: abs(unit - wanted) / unit)
        self.page.unit = INCH // nearest

    def _set_line_spacing(self, value: float, signed: bool) -> None:
        lines = int(value) or 12
        self.page.set_vmi(INCH // lines if lines > 0 and 48 % lines == 0 else self.page.vmi)

    def _set_pitch(self, value: float, signed: bool) -> None:
        if value > 0:
            self.page.hmi = int(INCH / value)

    def _raster_row(self, value: float, signed: bool) -> None:
        page = self.page
        page.marked = self._in_raster = True
        if self._colour_palette:
            page.colour = True
            self.colour_guessed = True
        page.y = min(page.y + int(self._row), max(page.height, page.y))

    def _raster_plane(self, value: float, signed: bool) -> None:
        page = self.page
        y = page.y
        self._raster_row(value, signed)
        page.y = y

    def _skip_rows(self, value: float, signed: bool) -> None:
        if self._in_raster:
            self.page.move_y(value * self._row, relative=True)

    def _start_raster(self, value: float, signed: bool) -> None:
        self.page.marked = self._in_raster = True

    def _end_raster(self, value: float, signed: bool) -> None:
        self._in_raster = False

    def _fill_rectangle(self, value: float, signed: bool) -> None:
        page = self.page
        if all(side > 0 for side in self._rectangle) and page.x < page.width and page.y < page.height:
            page.marked = True
            self.page.colour |= self._colour_foreground

    def _set_palette(self, colourful: bool) -> None:
        self._colour_palette = colourful
        self._colour_foreground = False
        self._hpgl.colour_pens = colourful

    def _set_foreground(self, value: float, signed: bool) -> None:
        # 0 and 7 are black and white in the palettes of eight; in larger ones nobody knows.
        self._colour_foreground = self._colour_palette and int(value) not in (0, 7)

    def _side(self, index: int, value: float) -> None:
        self._rectangle[index] = int(min(abs(value), 10 * MAX_NUMBER))


def _on_page(method: str) -> Callable[[Commands, float, bool], None]:
    """Make a command of a Pcl5Page method that takes the number as an integer."""

    def command(language: Commands, value: float, signed: bool) -> None:
        getattr(language.page, method)(int(min(max(value, -MAX_NUMBER), MAX_NUMBER)))

    return command


def _move_x(unit: str | int) -> Callable[[Commands, float, bool], None]:
    def command(language: Commands, value: float, signed: bool) -> None:
        each = getattr(language.page, unit) if isinstance(unit, str) else unit
        language.page.move_x(min(max(value, -MAX_NUMBER), MAX_NUMBER) * each, relative=signed)

    return command


def _move_y(unit: str | int, *, rows: bool = False) -> Callable[[Commands, float, bool], None]:
    def command(language: Commands, value: float, signed: bool) -> None:
        each = getattr(language.page, unit) if isinstance(unit, str) else unit
        distance = min(max(value, -MAX_NUMBER), MAX_NUMBER) * each
        language.page.move_y(distance, relative=signed, by_row=rows, command=rows)
        language.page.moved = True

    return command


def _set(name: str, values: dict[int, object]) -> Callable[[Commands, float, bool], None]:
    """Make a command that sets a variable of the page to what its number stands for."""

    def command(language: Commands, value: float, signed: bool) -> None:
        if int(value) in values:
            setattr(language.page, name, values[int(value)])

    return command


CONTROLS: dict[int, Callable[[Commands], None]] = {
    0x08: Commands._back_space,
    0x09: Commands._tab,
    0x0A: Commands._line_feed,
    0x0C: Commands._form_feed,
    0x0D: Commands._carriage_return,
}
ESCAPES: dict[int, Callable[[Commands, Source], None]] = {
    ord("E"): Commands._reset,
    ord("9"): lambda language, source: language.page.clear_horizontal_margins(),
    ord("="): lambda language, source: language.page.line_feed(2),
    ord("Y"): lambda language, source: setattr(source, "displays", True),
    ord("Z"): lambda language, source: None,
}
COMMANDS: dict[bytes, Callable[[Commands, float, bool], None]] = {
    b"&lA": _on_page("set_paper"),
    b"&lO": _on_page("set_orientation"),
    b"&lH": _on_page("set_source"),
    b"&lS": _on_page("set_duplex"),
    b"&lX": _on_page("set_copies"),
    b"&lE": _on_page("set_top_margin"),
    b"&lF": _on_page("set_text_length"),
    b"&lM": lambda language, value, signed: language.page.set_media_type(),
    b"&lL": _set("perforation_skip", {0: False, 1: True}),
    b"&lC": lambda language, value, signed: language.page.set_vmi(int(abs(value) * 150 + 0.5)),
    b"&lD": Commands._set_line_spacing,
    b"&aG": _on_page("set_side"),
    b"&aP": _on_page("set_direction"),
    b"&aL": _on_page("set_left_margin"),
    b"&aM": _on_page("set_right_margin"),
    b"&aC": _move_x("hmi"),
    b"&aH": _move_x(10),
    b"*pX": _move_x("unit"),
    b"&aR": _move_y("vmi", rows=True),
    b"&aV": _move_y(10),
    b"*pY": _move_y("unit"),
    b"&kG": _set("line_termination", {0: 0, 1: 1, 2: 2, 3: 3}),
    b"&kH": lambda language, value, signed: setattr(language.page, "hmi", int(abs(value) * 60 + 0.5)),
    b"&kS": lambda language, value, signed: setattr(
        language.page, "hmi", PITCHES.get(int(value), language.page.hmi)
    ),
    b"(sH": Commands._set_pitch,
    b"(sP": lambda language, value, signed: setattr(language, "_proportional", int(value) == 1),
    b"&sC": _set("wrap", {0: True, 1: False}),
    b"&uD": Commands._set_unit,
    b"&fI": lambda language, value, signed: language.page.set_custom_paper(width=int(abs(value))),
    b"&fJ": lambda language, value, signed: language.page.set_custom_paper(height=int(abs(value))),
    b"&fS": lambda language, value, signed: (
        language.page.push_cursor() if int(value) == 0 else language.page.pop_cursor()
    ),
    b"&fY": lambda language, value, signed: setattr(language._macros, "current", int(abs(value))),
    b"*rA": Commands._start_raster,
    b"*rB": Commands._end_raster,
    b"*rC": Commands._end_raster,
    b"*bW": Commands._raster_row,
    b"*bV": Commands._raster_plane,
    b"*bY": Commands._skip_rows,
    b"*tR": lambda language, value, signed: setattr(language, "_row", INCH / min(max(value, 75), INCH)),
    b"*rU": lambda language, value, signed: language._set_palette(int(value) != 1),
    b"*vW": lambda language, value, signed: language._set_palette(True),
    b"*vI": lambda language, value, signed: language._set_palette(True),
    b"*vS": Commands._set_foreground,
    b"*cA": lambda language, value, signed: language._side(0, value * language.page.unit),
    b"*cB": lambda language, value, signed: language._side(1, value * language.page.unit),
    b"*cH": lambda language, value, signed: language._side(0, value * 10),
    b"*cV": lambda language, value, signed: language._side(1, value * 10),
    b"*cP": Commands._fill_rectangle,
    b"%A": lambda language, value, signed: setattr(language, "_in_hpgl", False),
    b"%B": lambda language, value, signed: setattr(language, "_in_hpgl", True),
}
