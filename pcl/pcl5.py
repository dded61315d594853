"""PCL 5e and 5c: pages as a real interpreter ejects them.

Layout of a command: ESC and one character of 0-~; or ESC, a class of !-/, a group of `-~, and parameters,
each a number and a letter: a small letter when another parameter follows, a capital one at the end. Some
parameters, W above all, are followed by as many octets of data as they say; those are stepped over.
"""

from __future__ import annotations

import re

from .hpgl import HpGl
from .language import UEL, Environment, LanguageAnalyzer, Octets
from .pcl5_commands import COMMANDS, CONTROLS, ESCAPES, Commands
from .pcl5_macros import MAX_EFFECTS, Source, State
from .pcl5_page import Pcl5Page
from .report import Report, Tally, Warnings

__all__ = ["FORMAT", "HPGL_FORMAT", "Pcl5", "new_hpgl", "new_pcl5_analyzer"]

FORMAT = "application/vnd.hp-PCL"
HPGL_FORMAT = "application/vnd.hp-HPGL"

TEXT = re.compile(rb"[^\x00\x07-\x0f\x1b]++")
PARAMETER = re.compile(rb"([\x20-\x3f]*+)(.)", re.DOTALL)
NUMBER = re.compile(rb" *([-+]?)[ -/:-?]*?(\d{0,9})\d*(\.\d{0,9})?")
ROW = re.compile(rb"\x1b\*b(\d{1,5})W")
DISPLAYED = re.compile(rb"[^\r\x1b]++")
MAX_PARAMETER_OCTETS = 4096
DATA_COMMANDS = frozenset({b"&pX", b"*bV"})
CLASSES = frozenset(range(0x21, 0x30))
GROUPS = frozenset(range(0x60, 0x7F))

# What a macro that is called (not executed) gives back; the cursor is not part of it.
CALL_STATE = (
    "perforation_skip",
    "wrap",
    "line_termination",
    "unit",
    "hmi",
    "vmi",
    "left",
    "right",
    "top",
    "length",
)

# What an overlay does not change.
LANGUAGE_STATE = (
    *("_in_raster", "_row", "_rectangle", "_colour_palette", "_colour_foreground", "_proportional"),
    *("_in_hpgl", "_hpgl"),
)
# What a macro changes of the language; the plotter's state apart.
RUN_STATE = tuple(name for name in LANGUAGE_STATE if name != "_hpgl")


class Pcl5(Commands):
    """The PCL 5 language. `environment` is what PJL set; see Pcl5Page for what counts of it.

    With `only_hpgl` the job is HP-GL/2 by itself, whose PG ejects pages.
    """

    def __init__(
        self, environment: Environment | None = None, tally: Tally | None = None, *, only_hpgl: bool = False
    ) -> None:
        self._tally = Tally() if tally is None else tally
        super().__init__(Pcl5Page(environment or {}, self._tally), HpGl(alone=only_hpgl))
        self.ended = False
        self.page.before_end = self._lay_over
        self._warnings = Warnings()
        self._start: int | None = None
        self._only_hpgl = self._in_hpgl = only_hpgl
        self._job = Source()
        self._runs: list[Source] = []
        self._pages_guessed = False
        self._laying_over = False
        self._overlaid: dict[tuple[object, ...], tuple[int, int, bool]] = {}  # found by it, left by it
        self._base = 0  # offset of what is scanned, in this language's part of the stream
        self._cut = b""
        self._taken_octets = 0

    def scan(self, data: Octets, position: int, base: int, final: bool) -> int:
        """Consume whole commands and text; see Language.scan."""
        if self._start is None:
            self._start = base + position
        self._base = base - self._start
        while True:
            start, defining = position, self._macros.defining
            position = self._run(self._job, data, position, final)
            if defining:
                self._macros.capture(data[start:position])
                if not self._macros.defining:
                    self._macros.end()
            if self._runs:
                self._run_macros()
            elif defining is self._macros.defining:
                break
        if final and not self.ended:
            self.page.end_if_marked()
            return len(data)
        return position

    def take(self, data: bytes) -> None:
        """Consume data that another language passes through; what it cuts goes on in the next piece."""
        self._cut += data
        after = self.scan(self._cut, 0, self._taken_octets, False)
        self._taken_octets += after
        self._cut = self._cut[after:]

    def report(self, end: int) -> Report:
        """Return what was counted."""
        declared = set() if self.page.says_sides else {"sheets"}
        if self.colour_guessed:
            declared |= {"colour_pages", "monochrome_pages"}
        if self._macros.overfull:
            self._warnings.add("macro-bound", "macros go beyond the bounds: pages may be missing")
        if self._macros.overfull or self._pages_guessed:
            declared |= {"pages", "impressions", "sheets", "colour_pages", "monochrome_pages"}
        report = Report(
            format=HPGL_FORMAT if self._only_hpgl else FORMAT,
            offset=self._start or 0,
            octets=end - (self._start or 0),
            warnings=self._warnings.as_tuple(),
        )
        return self._tally.fill(report, declared)

    def _run(self, source: Source, data: Octets, position: int, final: bool) -> int:
        """Run the source's commands up to its end, a call, the start or end of a macro, or the UEL."""
        size = len(data)
        defining = self._macros.defining
        while position < size and self._macros.defining is defining and not self.ended:
            if (self._runs[-1] if self._runs else self._job) is not source:
                break
            if source.skip:
                after = position + min(source.skip, size - position)
                source.skip -= after - position
            elif source.shown:
                after = position + min(source.shown, size - position)
                source.shown -= after - position
                self._show(bytes(data[position:after]))
            elif source.displays:
                after = self._display(source, data, position, final)
            elif source.group:
                after = self._parameter(source, data, position, final)
            elif data[position] == UEL[0] and not self._hpgl.in_text:
                after = position if defining or self._in_hpgl else self._rows(data, position)
                if after == position:
                    after = self._escape(source, data, position, final)
            elif self._in_hpgl and not defining:
                after = self._plot(data, position, final)
            else:
                after = self._plain(data, position)
            if after < 0:
                break
            position = after
        return position

    def _run_macros(self, depth: int = 0) -> None:
        """Run what is called beyond this depth to its end."""
        while len(self._runs) > depth:
            source = self._runs[-1]
            source.position = self._run(source, source.macro or b"", source.position, True)
            if self._runs and self._runs[-1] is source:
                self._runs.pop()
                for name, value in (source.saved or {}).items():
                    setattr(self.page, name, value)
                if source.found and source.pages == self._tally.pages:
                    self._macros.remember(source.found, self._state())

    def _state(self) -> State:
        language = tuple([_frozen(getattr(self, name)) for name in RUN_STATE])
        plotter = tuple(vars(self._hpgl).items())
        return State(self.page.state(), plotter, language, self._macros.current, self._macros.generation)

    def _return_to(self, state: State) -> None:
        self.page.return_to(state.page)
        vars(self._hpgl).update(state.plotter)
        for name, value in zip(RUN_STATE, state.language, strict=True):
            setattr(self, name, list(value) if isinstance(value, tuple) else value)
        self._macros.current = state.current

    def _lay_over(self) -> None:
        """Run the overlay on the page that ends; the state in which the language was comes back after it.

        One that ended no page is not run again while nothing changed: it leaves the same cursor and colour.
        """
        name, depth, page = self.page.overlay, len(self._runs), self.page
        if name is None or self._laying_over:
            return
        found = (name, self._macros.current, self._macros.generation, *page.layout())
        if found in self._overlaid:
            page.x, page.y, page.colour = self._overlaid[found]
            return
        data, pages = self._macros.find(0, name), self._tally.pages
        if data is None or not self._macros.allow(data):
            return
        self._laying_over = True
        state = {field: getattr(self, field) for field in LANGUAGE_STATE}
        current, before = self._macros.current, self.page.lay_over()
        self._reset_language()
        self._in_hpgl, self._hpgl = False, HpGl()
        self._runs.append(Source(data))
        self._run_macros(depth)
        self.page.restore(before)
        self._macros.current = current
        self._laying_over = False
        if self._tally.pages == pages:
            if len(self._overlaid) >= MAX_EFFECTS:
                self._overlaid.clear()
            self._overlaid[found] = page.x, page.y, page.colour
        for field, value in state.items():
            setattr(self, field, value)

    # What is read

    def _plain(self, data: Octets, position: int) -> int:
        """Consume a run of printable characters, or one control code."""
        run = TEXT.match(data, position)
        if run:
            self._show(run[0])
            return run.end()
        if not self._macros.defining:
            control = CONTROLS.get(data[position])
            if control:
                control(self)
        return position + 1

    def _show(self, text: bytes) -> None:
        if self._macros.defining:
            return
        page = self.page
        if page.marked and not page.wrap and not self._colour_foreground:
            page.advance(len(text))
            return
        page.show(text, coloured=self._colour_foreground)
        self._pages_guessed |= page.wrap and self._proportional

    def _display(self, source: Source, data: Octets, position: int, final: bool) -> int:
        """Print what stands there, commands too, up to ESC Z; a carriage return starts a new line."""
        run = DISPLAYED.match(data, position)
        if run:
            self._show(run[0])
            return run.end()
        if data[position] == UEL[0]:
            if position + 1 == len(data) and not final:
                return -1
            source.displays = bytes(data[position + 1 : position + 2]) != b"Z"
            self._show(b"." if source.displays else b"..")
            return position + (1 if source.displays else 2)
        if not self._macros.defining:
            self.page.carriage_return()
            self.page.line_feed()
        return position + 1

    def _escape(self, source: Source, data: Octets, position: int, final: bool) -> int:
        """Read the start of a command; negative when more must come first."""
        start = bytes(data[position : position + len(UEL)])
        if start == UEL:
            if source.macro is None:
                self.page.end_if_marked()
                self.ended = True
                return position
            return position + len(UEL)
        following = start[1] if len(start) > 1 else 0
        unfinished = len(start) < (3 if following in CLASSES else 2) or UEL.startswith(start)
        if unfinished and not final:
            return -1
        if self._in_hpgl and following not in b"E%":
            return position + 1
        if following in CLASSES:
            grouped = len(start) > 2 and start[2] in GROUPS
            source.group = start[1:3] if grouped else start[1:2]
            return position + (3 if grouped else 2)
        if following in b"E9=YZ" and following:
            if not self._macros.defining:
                ESCAPES[following](self, source)
            return position + 2
        return position + 1

    def _rows(self, data: Octets, position: int) -> int:
        """Step over rows of raster that are here whole, which most of a picture is."""
        while True:
            row = ROW.match(data, position)
            if not row:
                return position
            end = row.end() + int(row[1])
            if end > len(data):
                return position
            self._raster_row(0, False)
            position = end

    def _parameter(self, source: Source, data: Octets, position: int, final: bool) -> int:
        """Read a number and the letter that says what it is for, and obey."""
        parameter = PARAMETER.match(data, position, position + MAX_PARAMETER_OCTETS)
        if not parameter:
            if len(data) - position < MAX_PARAMETER_OCTETS and not final:
                return -1
            source.group = b""
            return min(position + MAX_PARAMETER_OCTETS, len(data))
        letter = parameter[2][0]
        command = source.group + bytes([letter & ~0x20])
        if not 0x40 <= letter & ~0x20 <= 0x5E:
            source.group = b""
            return parameter.end() - 1
        if letter < 0x60:
            source.group = b""
        number = NUMBER.match(parameter[1])
        sign, whole, fraction = number.groups() if number else (b"", b"", None)
        value = float((whole or b"0") + (fraction or b""))
        value = -value if sign == b"-" else value
        if command.endswith(b"W") or command in DATA_COMMANDS:
            octets = max(0, int(value))
            source.shown, source.skip = (octets, 0) if command == b"&pX" else (0, octets)
        if not self._macros.defining:
            handler = COMMANDS.get(command)
            if handler:
                handler(self, value, bool(sign))
        if command == b"&fX":
            if source.macro is None:
                self._macros.fed_octets = self._base + position
            self._control_macro(source, int(value))
        return parameter.end()

    def _plot(self, data: Octets, position: int, final: bool) -> int:
        """Pass HP-GL/2 on; negative when it waits for more."""
        hpgl, page = self._hpgl, self.page
        after = hpgl.scan(data, position, final)
        page.marked |= hpgl.marked
        page.colour |= hpgl.colour
        if hpgl.ejects and (page.marked or hpgl.ejects_always):
            page.form_feed()
        hpgl.marked = hpgl.colour = hpgl.ejects = False
        return after if after > position else -1

    def _control_macro(self, source: Source, code: int) -> None:
        macros = self._macros
        if code == 1 and macros.defining:
            macros.defining = False
        elif macros.defining:
            return
        elif code in (4, 5):
            self.page.overlay = macros.current if code == 4 else None
        elif code in (2, 3):
            self._call(returns=code == 3)
        elif source.macro is None and code == 0:
            macros.begin(b"\x1b" + source.group if source.group else b"")
        elif source.macro is None:
            macros.control(code)

    def _call(self, *, returns: bool) -> None:
        """Run the current macro, or do at once what it did from this very state before."""
        depth, macros = len(self._runs), self._macros
        data = macros.find(depth)
        if not data:
            return
        found = (depth, returns, self._state())
        left = macros.effect(found)
        if left is not None:
            self._return_to(left)
        elif macros.allow(data):
            saved = {name: getattr(self.page, name) for name in CALL_STATE} if returns else None
            self._runs.append(Source(data, saved=saved, found=found, pages=self._tally.pages))


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def new_hpgl(environment: Environment) -> Pcl5:
    """Return the Language of a job that is HP-GL/2 by itself."""
    return Pcl5(environment, only_hpgl=True)


def new_pcl5_analyzer(environment: Environment | None = None) -> LanguageAnalyzer:
    """Return an Analyzer for a stream that is PCL 5; see analyze for PJL before it."""
    return LanguageAnalyzer(Pcl5(environment))
