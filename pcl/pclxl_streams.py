"""What a PCL XL session defines: user-defined streams (macros), run for their effect on pages, and fonts."""

from __future__ import annotations

from dataclasses import dataclass, field

from .language import ByteOrder, Octets
from .pclxl_graphics import Saved
from .pclxl_patterns import Watch
from .pclxl_values import IllegalError

__all__ = ["Effect", "FontNames", "Macro", "MacroStore", "Source"]

MAX_STORED_OCTETS = 8 * 1024 * 1024  # of all streams of a session together
MAX_STORED = 1024
MAX_NAME_OCTETS = 256  # of a font
MAX_DEPTH = 32  # a real interpreter's limit
# Streams that print pages may call each other: what a job may run is so many octets, and so many for each
# that it had up to the call.
FREE_OCTETS = 512 * 1024
OCTETS_EACH = 8
MAX_EFFECTS = 16  # of a stream
CALL_OCTETS = 1024  # what one run costs besides its octets

# In a page or not, painted or not, what is watched, a colourful palette seen or not, the graphics state.
Effect = tuple[bool, bool, Watch, bool, Saved]


@dataclass(slots=True)
class Macro:
    """A user-defined stream: its octets, where its operators start, and what it was found to do.

    `effects` says for a state before what the state is after, for a run in which no page, session or stream
    began or ended: such a run need not be repeated.
    """

    data: bytes
    order: ByteOrder
    start: int
    effects: dict[Effect, Effect] = field(default_factory=dict)

    def remember(self, before: Effect, after: Effect) -> None:
        """Keep what a run did; of many only the last ones."""
        if len(self.effects) >= MAX_EFFECTS:
            self.effects.clear()
        self.effects[before] = after


@dataclass(slots=True)
class Source:
    """Where operators come from: the job itself, or (with a macro) a user-defined stream that runs."""

    order: ByteOrder
    macro: Macro | None = None
    position: int = 0
    block_left: int = 0
    wants: int | None = 0  # octets of embedded data that the last operator still takes; None: any number
    passes: bool = False  # the block is another language's
    before: Effect | None = None
    events: int = 0


class MacroStore:
    """The user-defined streams of a session, bounded in number and octets."""

    def __init__(self) -> None:
        self.overfull = False  # a stream was not stored, or not run, for the bounds above
        self._macros: dict[bytes, bytes] = {}
        self._parsed: dict[bytes, Macro] = {}
        self._name = b""
        self._reading = bytearray()
        self._cut = False  # what is read is not kept whole
        self._stored_octets = 0
        self._executed_octets = 0

    def begin(self, name: bytes) -> None:
        """Begin to read the named stream; an older one of this name is gone."""
        self._name = name
        self._reading = bytearray()
        self._cut = False
        self._macros.pop(name, None)
        self._parsed.pop(name, None)

    def store(self, data: Octets) -> None:
        """Append to the stream that is read."""
        self._stored_octets += len(data)
        if self.overfull or self._stored_octets > MAX_STORED_OCTETS:
            self.overfull = self._cut = True
        else:
            self._reading += data

    def end(self) -> None:
        """Keep the stream that was read."""
        if self._cut or len(self._macros) >= MAX_STORED:
            self.overfull = True
        else:
            self._macros[self._name] = bytes(self._reading)
        self._reading = bytearray()

    def remove(self, name: bytes) -> None:
        """Forget a stream. Raises IllegalError when there is none of this name."""
        self._parsed.pop(name, None)
        if self._macros.pop(name, None) is None and not self.overfull:
            raise IllegalError("RemoveStream names a stream that is not defined")

    def clear(self) -> None:
        """Forget all: streams do not outlive their session."""
        self._macros.clear()
        self._stored_octets = 0
        self._parsed.clear()

    def call(self, name: bytes, depth: int) -> Macro | None:
        """Return the stream to run, None when it was not stored. Raises IllegalError where it must fail."""
        if depth > MAX_DEPTH:
            raise IllegalError(f"streams call each other more than {MAX_DEPTH} deep")
        macro = self._parsed.get(name)
        if macro is None:
            if name not in self._macros:
                if self.overfull:
                    return None
                raise IllegalError("ExecStream names a stream that is not defined")
            macro = self._parsed[name] = _parse(self._macros[name])
        return macro

    def allow(self, macro: Macro, fed_octets: int) -> bool:
        """Tell whether one more run of the stream stays within the bounds, and count it."""
        executed = self._executed_octets + len(macro.data) + CALL_OCTETS
        if executed > FREE_OCTETS + OCTETS_EACH * fed_octets:
            self.overfull = True
            return False
        self._executed_octets = executed
        return True


class FontNames:
    """The fonts of a session, by name; bounded: beyond that every name counts as defined."""

    def __init__(self) -> None:
        self._names: set[bytes] = set()
        self._overfull = False

    def define(self, name: bytes) -> None:
        """Take in a name. Raises IllegalError when it is taken."""
        if name in self._names:
            raise IllegalError("BeginFontHeader names a font that is there already")
        self._overfull |= len(self._names) >= MAX_STORED or len(name) > MAX_NAME_OCTETS
        if not self._overfull:
            self._names.add(name)

    def holds(self, name: bytes) -> bool:
        """Tell whether the name is defined, as far as is known."""
        return self._overfull or name in self._names

    def remove(self, name: bytes) -> bool:
        """Forget a name; tell whether it was defined, as far as is known."""
        held = self.holds(name)
        self._names.discard(name)
        return held


def _parse(data: bytes) -> Macro:
    """Read the stream's own header, as the job has one."""
    orders: dict[bytes, ByteOrder] = {b"(": "big", b")": "little"}
    if data[:1] not in orders or data[1:11] != b" HP-PCL XL" or data[11:14] not in (b";1;", b";2;", b";3;"):
        raise IllegalError("a user-defined stream has no PCL XL header")
    line_feed = data.find(b"\n", 14)
    if line_feed < 0:
        raise IllegalError("the header of a user-defined stream does not end")
    return Macro(data, orders[data[:1]], line_feed + 1)
