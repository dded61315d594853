"""HP-GL/2 inside PCL 5 (or alone): whether it draws, and in colour; never a page by itself.

Pictures are not traced: an instruction that draws with the pen down marks the page.
Source: PCL 5 Printer Language Technical Reference, chapters 17 to 23.
"""

from __future__ import annotations

import re
from functools import lru_cache

from .language import UEL, Octets, find_uel

__all__ = ["HpGl"]

# Two letters and their parameters, up to whatever starts the next instruction.
INSTRUCTION = re.compile(rb"[\s;,]*+([A-Za-z])[\s]*+([A-Za-z])([^A-Za-z\x1b]*+)")
SEPARATORS = re.compile(rb"[^A-Za-z\x1b]++")
PRINTABLE = re.compile(rb"[^\x00-\x1f]")
# A coordinate of PE ends with such an octet: in eight bits, and in seven when it starts with a 7.
ENCODED_END = re.compile(rb"[\xbf-\xfe]")
ENCODED_END_7 = re.compile(rb"[\x5f-\x7e]")
NUMBER = re.compile(rb"[-+]?(?:\d{1,12}\.?\d{0,12}|\.\d{1,12})")
MAX_INSTRUCTION_OCTETS = 1 << 20

DRAWS = frozenset({b"CI", b"EA", b"ER", b"EW", b"RA", b"RR", b"WG", b"FP", b"EP"})
DRAWS_WITH_PEN_DOWN = frozenset({b"AA", b"AR", b"AT", b"RT", b"BZ", b"BR"})
MOVES = frozenset({b"PA", b"PR", b"PD", b"PU"})
FAR_PLOTTER_UNITS = 40_000  # a metre: off any sheet


class HpGl:
    """The HP-GL/2 state that lasts over entering and leaving the mode."""

    def __init__(self, *, alone: bool = False) -> None:
        self.ejects = self.ejects_always = False  # PG was read: a page is due if marked, or at any rate
        self._alone = alone
        self.colour_pens = False  # pens were defined, or the PCL palette is, in colour
        self.marked = False
        self.colour = False
        self._initialize()
        self._text_until: bytes | None = None
        self._labels = False
        self._encodes = self._seven_bits = False

    def _initialize(self) -> None:
        self._pen = 1
        self._pen_down = False
        self._label_end = b"\x03"
        self._polygon = False
        self._symbol = False

    @property
    def in_text(self) -> bool:
        """Whether a label or the like goes on: then an escape is part of it."""
        return self._text_until is not None

    def scan(self, data: Octets, position: int, final: bool) -> int:
        """Consume instructions up to an escape that leaves the mode, or what may become one."""
        while position < len(data):
            if self._text_until is not None:
                after = self._skip_text(data, position)
                if after == position and self._text_until is not None:
                    return len(data) if final else position
                position = after
                continue
            if data[position] == UEL[0]:
                return position
            instruction = INSTRUCTION.match(data, position, position + MAX_INSTRUCTION_OCTETS)
            if instruction:
                end = instruction.end()
                code = (instruction[1] + instruction[2]).upper()
                if code in (b"LB", b"PE", b"CO", b"DT", b"SM", b"BL"):
                    after = self._read_text(code, data, instruction.start(3), final)
                    if after < 0:
                        return position
                    position = after
                    continue
                if end == len(data) and not final and end - position < MAX_INSTRUCTION_OCTETS:
                    return position
                self._obey(code, instruction[3])
                position = end
                if self.ejects:
                    return position
                continue
            separators = SEPARATORS.match(data, position)
            if separators:
                position = separators.end()
            elif final or len(data) - position > 2 * MAX_INSTRUCTION_OCTETS or _is_stray(data, position):
                position += 1
            else:
                return position
        return position

    def _read_text(self, code: bytes, data: Octets, position: int, final: bool) -> int:
        """Start the instructions whose parameter is text; negative when its first octet is to come."""
        if position >= len(data) and not final:
            return -1
        if position >= len(data):
            return position
        if code == b"LB":
            self._labels = True
            self._text_until = self._label_end
        elif code == b"BL":
            self._text_until = self._label_end
        elif code == b"PE":
            self._text_until = b";"
            self._encodes = True
            self._seven_bits = bytes(data[position : position + 1]) == b"7"
        elif code == b"CO":
            self._text_until = b'"'
            quote = data[position] == 0x22
            return position + 1 if quote else self._without_text(position)
        elif code == b"DT":
            self._label_end = bytes(data[position : position + 1])
            if self._label_end == b";":
                self._label_end = b"\x03"
            return position + 1
        else:  # SM: one character, drawn at every place that is gone to; or none
            self._symbol = bytes(data[position : position + 1]) not in (b";", b" ")
            return position + 1
        return position

    def _without_text(self, position: int) -> int:
        self._text_until = None
        return position

    def _skip_text(self, data: Octets, position: int) -> int:
        """Step over text up to and with its end; the escape that leaves the mode ends encoded lines too."""
        end = self._text_until or b""
        labels = self._labels
        stop = _end_pattern(end).search(data, position)
        found = find_uel(data, position)[0] if stop is None else stop.start()
        if self._encodes:
            ends = ENCODED_END_7 if self._seven_bits else ENCODED_END
            self._mark(ends.search(data, position, found) is not None)
        if labels and PRINTABLE.search(data, position, found):
            self._mark(True)
        if stop is None:
            return found
        self._text_until = None
        self._labels = self._encodes = False
        return found if stop[0][:1] == UEL[:1] else found + 1

    def _obey(self, code: bytes, parameters: bytes) -> None:
        if code in MOVES:
            numbers = NUMBER.findall(parameters)
            if code in (b"PD", b"PU"):
                self._pen_down = code == b"PD"
            near = not numbers or any(abs(float(number)) < FAR_PLOTTER_UNITS for number in numbers)
            goes = near and len(numbers) >= 2
            if (self._pen_down and (goes or (near and code == b"PD"))) or (self._symbol and goes):
                self._mark(not self._polygon)
        elif code in DRAWS or (code in DRAWS_WITH_PEN_DOWN and self._pen_down):
            self._mark(not self._polygon or code in (b"FP", b"EP"))
        elif code == b"PG" and self._alone:
            self.ejects, self.ejects_always = True, bool(NUMBER.findall(parameters))
        elif code == b"PM":
            self._polygon = NUMBER.findall(parameters)[:1] in ([], [b"0"], [b"1"])
        elif code == b"SP":
            numbers = NUMBER.findall(parameters)
            self._pen = int(float(numbers[0])) if numbers else 0
        elif code in (b"IN", b"BP"):
            self._initialize()
        elif code == b"NP":
            self.colour_pens |= any(float(number) > 2 for number in NUMBER.findall(parameters)[:1])
        elif code == b"PC":
            numbers = NUMBER.findall(parameters)
            self.colour_pens |= len(numbers) == 1 or len(set(map(float, numbers[1:4]))) > 1

    def _mark(self, draws: bool) -> None:
        if draws:
            self.marked = True
            self.colour |= self.colour_pens and self._pen > 1


@lru_cache(maxsize=256)
def _end_pattern(end: bytes) -> re.Pattern[bytes]:
    """An escape ends encoded lines, but not labels, which may hold all but their end and the UEL."""
    return re.compile(rb"[;\x1b]" if end == b";" else re.escape(end) + b"|" + re.escape(UEL))


def _is_stray(data: Octets, position: int) -> bool:
    """A letter that cannot become an instruction: what follows it is no letter."""
    following = bytes(data[position + 1 : position + 2])
    return bool(following) and not following.isspace() and not following.isalpha()
