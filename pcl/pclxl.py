"""PCL XL (PCL 6): pages found at speed, everything else stepped over.

In a page that has been painted on, run_pattern() swallows whole runs of operators; the rest is read operator
by operator. Embedded data is skipped by its length. The state machine is a real interpreter's: an operator
where it may not stand, an attribute it does not take, an unknown tag end the job there, and what follows is
passed over up to the next Universal Exit Language.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from .language import UEL, Environment, LanguageAnalyzer, Octets, find_uel, is_grey
from .pcl5 import Pcl5
from .pclxl_graphics import GRAPHICS_OPERATORS, ONE_BLOCK, Graphics
from .pclxl_page import PageColour, PageSetup
from .pclxl_patterns import Watch
from .pclxl_runs import run_dull
from .pclxl_signatures import READING
from .pclxl_streams import Effect, FontNames, MacroStore, Source
from .pclxl_values import MAX_LIST_OCTETS, AttributeList, IllegalError, array_span
from .report import MAX_TEXT, Report, Tally, Warnings
from .tables import (
    ARRAY_ITEM_OCTETS,
    ATTRIBUTE_OCTET,
    ATTRIBUTE_UINT16,
    DATA_LENGTH,
    DATA_LENGTH_OCTET,
    LAST_ATTRIBUTE,
    PAGE_OPERATORS,
    PAINTING_OPERATORS,
    POINT_GIVERS,
    POINT_LOSERS,
    POINT_NEEDERS,
    SESSION_OPERATORS,
    VALUE_OCTETS,
    Attribute,
    ErrorReport,
    Operator,
)

__all__ = ["FORMAT", "PclXl", "new_pclxl_analyzer"]

FORMAT = "application/vnd.hp-PCLXL"
MAX_HEADER_OCTETS = 4096
HEADER = re.compile(
    rb"(?P<binding>[()])(?: HP-PCL XL;(?P<major>\d{1,3});(?P<minor>\d{1,3}))?(?P<comment>[^\n]*)"
)
WHITE_SPACE_RUN = re.compile(rb"[\x00\t-\r ]*+")
WHITE_SPACE = frozenset(b"\x00\t\n\v\f\r ")
OPERATORS = {operator.value: operator for operator in Operator}

PAINTING_PARTS = frozenset({"image", "scan"})
IN_PAGE_PARTS = frozenset({"image", "pattern", "scan"})
PICTURE_DATA = frozenset({Operator.READ_IMAGE, Operator.READ_RAST_PATTERN})
COLOUR_OPERATORS = frozenset(
    {
        Operator.SET_COLOR_SPACE,
        Operator.SET_BRUSH_SOURCE,
        Operator.SET_PEN_SOURCE,
        Operator.BEGIN_IMAGE,
        Operator.BEGIN_RAST_PATTERN,
    }
)


class PclXl:
    """The PCL XL language. `environment` is what PJL set: COPIES, DUPLEX, BINDING, PAPER, RENDERMODE."""

    def __init__(self, environment: Environment | None = None) -> None:
        self.ended = False
        self._gray = is_grey(environment or {})
        self._setup = PageSetup.of(environment or {})
        self._colour = PageColour()
        self._macros = MacroStore()
        self._fonts = FontNames()
        self._graphics = Graphics()
        self._tally = Tally()
        self._warnings = Warnings()
        self._version: str | None = None
        self._application: str | None = None
        self._start: int | None = None
        self._job: Source | None = None
        self._calls: list[Source] = []
        self._corrupt = False
        self._error_page = True  # until a session says otherwise
        self._complained = False
        self._in_session = False
        self._data_open = False
        self._in_page = False
        self._front: bool | None = None
        self._reading = ""
        self._painted = False
        self._point = False  # there is a current point, as far as is known
        self._environment = environment or {}
        self._pcl: Pcl5 | None = None
        self._pcl_entered = False
        self._events = 0  # pages, sessions and streams begun or ended: what a macro's effect may not contain
        self._at = 0  # offset in the job of the operator that runs

    def scan(self, data: Octets, position: int, base: int, final: bool) -> int:
        """Consume what can be understood; see Language.scan."""
        if self._start is None:
            self._start = base + position
        if self._job is None:
            after = self._read_header(data, position, base, final)
            if self._job is None:
                return after
            position = after
        while not self._corrupt:
            position = self._run(self._job, data, position, base)
            if not self._calls:
                break
            self._run_calls()
        if self._corrupt:
            position, self.ended = find_uel(data, position)
        if final and not self.ended:
            if not self._corrupt and position < len(data):
                self._warnings.add("truncated", "the stream ends inside an operator", base + position)
            return len(data)
        return position

    def report(self, end: int) -> Report:
        """Return what was counted; a page that was not ended is not printed and not counted."""
        declared = set[str]()
        if self._in_page and not self._corrupt:
            self._warnings.add("truncated", "the last page is not ended: it is not counted", end)
        elif self._in_session and not self._corrupt:
            self._warnings.add("truncated", "the session is not ended", end)
        if not self._setup.says_sides:
            declared.add("sheets")
        if self._macros.overfull:
            self._warnings.add(
                "macro-bound", "user-defined streams go beyond the bounds: pages may be missing"
            )
            declared |= {"pages", "impressions", "sheets", "colour_pages", "monochrome_pages"}
        if self._colour.guessed:
            declared |= {"colour_pages", "monochrome_pages"}
        report = Report(
            format=FORMAT,
            version=self._version,
            application=self._application,
            offset=self._start or 0,
            octets=end - (self._start or 0),
            warnings=self._warnings.as_tuple(),
        )
        return self._tally.fill(report, declared)

    def _read_header(self, data: Octets, position: int, base: int, final: bool) -> int:
        """Read `) HP-PCL XL;2;0;Comment ...` and its line feed: the binding, the class, a comment."""
        line = bytes(data[position : position + MAX_HEADER_OCTETS])
        length = line.find(b"\n")
        if length < 0 and len(line) < MAX_HEADER_OCTETS and not final:
            return position
        header = HEADER.match(line)
        if length < 0 or not header:
            self._fail("not-pcl-xl", "the PCL XL stream header is not one", base + position)
            self._job = Source("little")
            return position
        if header["major"] is not None:
            self._version = f"{int(header['major'])}.{int(header['minor'])}"
        self._job = Source("big" if header["binding"] == b"(" else "little")
        comment = header["comment"].decode("latin-1").strip("\r\0 ;")
        self._application = comment.removeprefix("Comment").strip()[:MAX_TEXT] or None
        return position + length + 1

    def _run(self, source: Source, data: Octets, position: int, base: int) -> int:
        """Run the source's operators up to the end of the data, a macro call, an error or the UEL."""
        size = len(data)
        while position < size and not self.ended and source is self._source:
            if source.block_left:
                position = self._take_block(source, data, position)
                continue
            if self._painted and self._point and self._data_open and not self._reading and not source.wants:
                position = run_dull(
                    data, position, source.order, self._colour.watch, self._graphics, self._fonts
                )
                if position == size:
                    break
            if source.macro is None:
                self._at = base + position
            try:
                after = self._read_operator(source, data, position)
            except IllegalError as error:
                self._fail("corrupt", str(error), self._at)
                break
            if after < 0:
                break
            position = after
        return position

    @property
    def _source(self) -> Source | None:
        return self._calls[-1] if self._calls else self._job

    def _run_calls(self) -> None:
        """Run the called macros to their ends; what they find out about themselves is kept."""
        while self._calls:
            source = self._calls[-1]
            macro = source.macro
            if macro is None:  # never: only macros are called
                return
            source.position = self._run(source, macro.data, source.position, 0)
            if self._calls and self._calls[-1] is source:
                # What is left is an operator cut short by the stream's end: an interpreter drops it.
                self._calls.pop()
                self._point = True
                if source.before and source.events == self._events and not self._reading:
                    macro.remember(source.before, self._effect())

    def _effect(self) -> Effect:
        colour = self._colour
        seen = colour.watch, colour.colourful_palette
        return self._in_page, self._painted, *seen, self._graphics.saved()

    def _fail(self, code: str, message: str, offset: int) -> None:
        self._warnings.add(code, f"{message}; {self._tally.pages} pages came before it", offset)
        self._corrupt = True
        self._calls.clear()
        if self._error_page:
            self._warnings.add("error-page", "the printer prints an error page: one more impression", offset)
            self._tally.add_side()

    def _take_block(self, source: Source, data: Octets, position: int) -> int:
        """Step over embedded data, or store it where a user-defined stream is read."""
        taken = min(source.block_left, len(data) - position)
        if self._reading == "stream":
            self._macros.store(data[position : position + taken])
        elif source.passes:
            self._pass_through(bytes(data[position : position + taken]))
        source.block_left -= taken
        return position + taken

    def _read_operator(self, source: Source, data: Octets, start: int) -> int:
        """Read one operator with its attributes; return the position after it, negative when it is cut.

        Raises IllegalError.
        """
        size = len(data)
        position = start
        attributes = AttributeList(data, source.order)
        value: tuple[int, int, int] | None = None
        while position < size:
            tag = data[position]
            if tag in VALUE_OCTETS or tag in ARRAY_ITEM_OCTETS:
                if value is not None:
                    raise IllegalError("a value has no attribute")
                if tag in VALUE_OCTETS:
                    first, end = position + 1, position + 1 + VALUE_OCTETS[tag]
                else:
                    span = array_span(data, position, source.order)
                    if span is None:
                        return -1
                    first, end = span
                value, position = (tag, first, end), end
            elif tag in (ATTRIBUTE_OCTET, ATTRIBUTE_UINT16):
                width = tag - ATTRIBUTE_OCTET + 1
                if position + 1 + width > size:
                    return -1
                if value is None:
                    raise IllegalError("an attribute has no value")
                name = int.from_bytes(data[position + 1 : position + 1 + width], source.order)
                if name > LAST_ATTRIBUTE:
                    raise IllegalError(f"attribute {name} is not known")
                attributes.values[name], value = value, None
                position += 1 + width
            elif tag in WHITE_SPACE:
                run = WHITE_SPACE_RUN.match(data, position)
                position = run.end() if run else position
                if value is None and not attributes.values:
                    return position
            elif value is not None:
                raise IllegalError(f"tag 0x{tag:02X} stands where an attribute must")
            elif source.wants and tag not in (DATA_LENGTH, DATA_LENGTH_OCTET):
                raise IllegalError("the data of an operator are missing")
            elif tag in OPERATORS:
                return self._execute(source, OPERATORS[tag], attributes, position + 1)
            else:
                return self._read_other(source, data, position, attributes)
            if position - start > MAX_LIST_OCTETS:
                raise IllegalError(f"an attribute list is longer than {MAX_LIST_OCTETS} octets")
        return -1

    def _read_other(self, source: Source, data: Octets, position: int, attributes: AttributeList) -> int:
        """Read the tag of embedded data, or the UEL."""
        tag = data[position]
        if tag == UEL[0]:
            start = bytes(data[position : position + len(UEL)])
            if not UEL.startswith(start):
                raise IllegalError("an escape stands among operators")
            if start != UEL or source.macro:
                return -1
            self.ended = True
            return position
        if tag not in (DATA_LENGTH, DATA_LENGTH_OCTET):
            raise IllegalError(f"tag 0x{tag:02X} is not known")
        width = 4 if tag == DATA_LENGTH else 1
        if position + 1 + width > len(data):
            return -1
        source.block_left = int.from_bytes(data[position + 1 : position + 1 + width], source.order)
        if source.block_left and (attributes.values or source.wants == 0):
            raise IllegalError("embedded data stands where no operator takes it")
        if source.block_left and not self._data_open:
            raise IllegalError("embedded data comes with no data source open")
        if source.block_left and source.wants not in (None, ONE_BLOCK, source.block_left):
            raise IllegalError("embedded data is longer or shorter than its operator says")
        if source.block_left and source.wants is not None:
            source.wants = 0
        return position + 1 + width

    def _execute(self, source: Source, operator: Operator, attributes: AttributeList, position: int) -> int:
        """Run one operator and return the position after it. Raises IllegalError."""
        attributes.check(operator)
        source.wants = attributes.data_octets(operator)
        if operator in PICTURE_DATA:
            source.wants = self._graphics.data_octets(attributes)
        source.passes = operator is Operator.PASS_THROUGH
        self._data_open |= source.passes  # by itself, as real drivers rely on
        if operator in READING:
            self._read_part(operator, source)
            self._name_font(operator, attributes)
        elif operator in PAGE_OPERATORS and not (self._in_page and not self._reading):
            raise IllegalError(f"{operator.name} stands outside a page or inside something half read")
        elif operator in SESSION_OPERATORS and not (self._in_session and not self._reading):
            raise IllegalError(f"{operator.name} stands outside a session or inside something half read")
        self._painted |= operator in PAINTING_OPERATORS
        self._move_point(operator, attributes)
        if operator in GRAPHICS_OPERATORS:
            self._graphics.check(operator, attributes)
        if operator in COLOUR_OPERATORS:
            self._colour.see(operator, attributes)
        elif operator is Operator.VENDOR_UNIQUE:
            # Its data follows without a tag, as long as the attribute says.
            source.block_left = max(0, attributes.integer(Attribute.VU_DATA_LENGTH) or 0)
        elif operator is Operator.COMMENT and self._application is None:
            comment = attributes.text(Attribute.COMMENT_DATA) or ""
            self._application = comment.strip("\x00 \r\n")[:MAX_TEXT] or None
        elif operator in HANDLERS:
            HANDLERS[operator](self, source, attributes)
        return position

    def _move_point(self, operator: Operator, attributes: AttributeList) -> None:
        """Take the operator's part in the current point. Raises IllegalError where it needs one in vain."""
        if operator in POINT_GIVERS:
            self._point = True
        elif operator in POINT_LOSERS:
            self._point = False
        elif operator in POINT_NEEDERS and not self._point and attributes.draws():
            raise IllegalError(f"{operator.name} comes with no current point")

    def _pass_through(self, data: bytes) -> None:
        """Let PCL 5 read what is passed through; the pages that it ejects itself are counted with ours."""
        if self._pcl is None:
            self._pcl = Pcl5(self._environment, self._tally)
        if not self._pcl_entered:
            self._pcl.page.enter_page(self._setup.page, painted=self._painted)
            self._pcl_entered = True
        self._pcl.take(data)
        self._point = True  # for all that is known
        self._graphics.forget()
        self._events += 1
        if self._pcl.page.colour and self._pcl.page.marked:
            self._colour.watch = Watch.NOTHING
            self._colour.guessed |= self._pcl.colour_guessed

    def _read_part(self, operator: Operator, source: Source) -> None:
        before, after = READING[operator]
        part = before or after
        allowed = self._in_page if part in IN_PAGE_PARTS else self._in_session
        if self._reading != before or not allowed or (part == "stream" and source.macro):
            raise IllegalError(f"{operator.name} stands out of its order")
        self._reading = after
        self._painted |= part in PAINTING_PARTS
        self._events += operator is Operator.END_RAST_PATTERN

    def _name_font(self, operator: Operator, attributes: AttributeList) -> None:
        if operator is Operator.BEGIN_FONT_HEADER:
            self._fonts.define(attributes.name(Attribute.FONT_NAME))
            self._events += 1
        elif operator is Operator.BEGIN_CHAR and not self._fonts.holds(attributes.name(Attribute.FONT_NAME)):
            raise IllegalError("BeginChar names a font that is not defined")

    def _remove_font(self, source: Source, attributes: AttributeList) -> None:
        if not self._fonts.remove(attributes.name(Attribute.FONT_NAME)):
            self._warnings.add("font", "RemoveFont names a font that is not defined", self._at)
            self._complained = True
        self._events += 1

    def _begin_session(self, source: Source, attributes: AttributeList) -> None:
        if self._in_session or self._reading:
            raise IllegalError("BeginSession stands inside a session")
        self._in_session = True
        self._events += 1
        self._error_page = bool((attributes.integer(Attribute.ERROR_REPORT) or 0) & ErrorReport.ERROR_PAGE)
        self._setup.begin_session(attributes)

    def _end_session(self, source: Source, attributes: AttributeList) -> None:
        if self._in_page or self._reading or not self._in_session:
            raise IllegalError("EndSession stands inside a page or outside a session")
        if self._complained and self._error_page:
            self._warnings.add(
                "error-page", "the printer prints a page of warnings: one more impression", self._at
            )
            self._tally.add_side()
        self._in_session = self._data_open = self._complained = False
        self._pcl = None
        self._events += 1
        self._macros.clear()
        self._fonts = FontNames()
        self._graphics = Graphics()
        self._tally.start_sheet()

    def _open_data_source(self, source: Source, attributes: AttributeList) -> None:
        if self._data_open:
            raise IllegalError("OpenDataSource comes with a data source open")
        self._data_open = True

    def _close_data_source(self, source: Source, attributes: AttributeList) -> None:
        self._data_open = False

    def _begin_page(self, source: Source, attributes: AttributeList) -> None:
        if self._in_page or self._reading or not self._in_session:
            raise IllegalError("BeginPage stands inside a page or outside a session")
        self._front, complaints = self._setup.begin_page(attributes)
        for complaint in complaints:
            self._warnings.add("page-attributes", complaint, self._at)
            self._complained = True
        self._in_page = True
        self._painted = self._pcl_entered = self._point = False
        self._events += 1
        self._colour.begin_page()
        self._graphics.begin_page()

    def _end_page(self, source: Source, attributes: AttributeList) -> None:
        if not self._in_page or self._reading:
            raise IllegalError("EndPage stands outside a page or inside something half read")
        copies = attributes.integer(Attribute.PAGE_COPIES)
        if copies is None:
            copies = self._setup.default_copies
        colour = self._colour.watch is Watch.NOTHING and not self._gray
        self._tally.add(replace(self._setup.page, copies=copies, colour=colour), front=self._front)
        self._in_page = self._painted = False
        self._events += 1

    def _begin_stream(self, source: Source, attributes: AttributeList) -> None:
        self._macros.begin(attributes.name(Attribute.STREAM_NAME))
        self._events += 1

    def _end_stream(self, source: Source, attributes: AttributeList) -> None:
        self._macros.end()
        self._events += 1

    def _remove_stream(self, source: Source, attributes: AttributeList) -> None:
        self._require_session()
        self._macros.remove(attributes.name(Attribute.STREAM_NAME))
        self._events += 1

    def _exec_stream(self, source: Source, attributes: AttributeList) -> None:
        self._require_session()
        self._point = True  # for all that is known, here as well as after it
        macro = self._macros.call(attributes.name(Attribute.STREAM_NAME), len(self._calls))
        before = self._effect()
        if macro and before in macro.effects:
            _, self._painted, self._colour.watch, self._colour.colourful_palette, saved = macro.effects[
                before
            ]
            self._graphics.return_to(saved)
        elif macro and self._macros.allow(macro, self._at - (self._start or 0)):
            call = Source(macro.order, macro, macro.start, before=before, events=self._events)
            self._calls.append(call)
        else:
            self._graphics.forget()

    def _require_session(self) -> None:
        if self._reading or not self._in_session:
            raise IllegalError("a user-defined stream is run or removed outside a session")


HANDLERS: dict[Operator, Callable[[PclXl, Source, AttributeList], None]] = {
    Operator.BEGIN_SESSION: PclXl._begin_session,
    Operator.END_SESSION: PclXl._end_session,
    Operator.OPEN_DATA_SOURCE: PclXl._open_data_source,
    Operator.CLOSE_DATA_SOURCE: PclXl._close_data_source,
    Operator.BEGIN_PAGE: PclXl._begin_page,
    Operator.END_PAGE: PclXl._end_page,
    Operator.REMOVE_FONT: PclXl._remove_font,
    Operator.BEGIN_STREAM: PclXl._begin_stream,
    Operator.END_STREAM: PclXl._end_stream,
    Operator.EXEC_STREAM: PclXl._exec_stream,
    Operator.REMOVE_STREAM: PclXl._remove_stream,
}


def new_pclxl_analyzer(environment: Environment | None = None) -> LanguageAnalyzer:
    """Return an Analyzer for a stream that starts with a PCL XL header; see analyze for PJL before it."""
    return LanguageAnalyzer(PclXl(environment))
