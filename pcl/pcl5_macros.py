"""Macros of PCL 5: captured while they are defined, kept by number, run three deep at most."""

from __future__ import annotations

from dataclasses import dataclass

from .language import Octets

__all__ = ["MAX_EFFECTS", "Found", "MacroStore", "Source", "State"]

MAX_STORED_OCTETS = 4 * 1024 * 1024
MAX_STORED = 1024
MAX_DEPTH = 3  # of the language
CALL_OCTETS = 1024  # what one run costs besides its octets
# What a job may run: so many octets, and so many for each that it had when it last named a macro.
FREE_OCTETS = 256 * 1024
OCTETS_EACH = 8
MAX_EFFECTS = 256


@dataclass(frozen=True, slots=True)
class State:
    """All that a macro finds and changes, but for pages that it ends."""

    page: tuple[tuple[str, object], ...]
    plotter: tuple[tuple[str, object], ...]
    language: tuple[object, ...]
    current: int
    generation: int


Found = tuple[int, bool, State]  # how deep the run is, whether it returns to an environment


@dataclass(slots=True)
class Source:
    """Where commands come from (the job, or a macro that runs), and what is half read of them."""

    macro: bytes | None = None
    position: int = 0
    group: bytes = b""  # of a command whose parameters are being read
    skip: int = 0  # octets of data to step over
    shown: int = 0  # octets of transparent text to print
    displays: bool = False  # display functions: everything is printed
    saved: dict[str, object] | None = None  # the environment to return to after a call
    found: Found | None = None
    pages: int = 0  # that there were before it


class MacroStore:
    """The macros of a job, bounded in number and octets."""

    def __init__(self) -> None:
        self.overfull = False
        self.generation = 0  # goes up when a macro is defined or deleted
        self.current = 0
        self.defining = False
        self.fed_octets = 0  # of the job, up to the last command that names a macro
        self._octets = bytearray()
        self._cut = False  # what is defined is not kept whole
        self._macros: dict[int, bytes] = {}
        self._permanent: set[int] = set()
        self._stored_octets = 0
        self._executed_octets = 0
        self._effects: dict[Found, State] = {}

    def begin(self, prefix: bytes) -> None:
        """Begin to define the current macro; `prefix` opens a command whose rest follows."""
        self.defining = True
        self._octets = bytearray(prefix)
        self._cut = False

    def capture(self, data: Octets) -> None:
        """Append to the macro that is defined."""
        self._stored_octets += len(data)
        if self._stored_octets > MAX_STORED_OCTETS or self.overfull:
            self.overfull = self._cut = True
        else:
            self._octets += data

    def end(self) -> None:
        """Keep the macro that was defined."""
        self.defining = False
        self.generation += 1
        if self._cut or (len(self._macros) >= MAX_STORED and self.current not in self._macros):
            self.overfull = True
        else:
            self._macros[self.current] = bytes(self._octets)
        self._octets = bytearray()

    def abandon(self) -> None:
        """A reset: what is half defined is gone, and so are macros that are not permanent."""
        self.defining = False
        self.current = 0
        self._octets = bytearray()
        self.delete_temporary()

    def control(self, code: int) -> None:
        """Obey ESC & f 6 to 10 X: delete all, the temporary, the current; make it temporary, permanent."""
        self.generation += 1
        if code == 6:
            self._macros.clear()
            self._permanent.clear()
        elif code == 7:
            self.delete_temporary()
        elif code == 8:
            self._macros.pop(self.current, None)
        elif code == 9:
            self._permanent.discard(self.current)
        elif code == 10 and self.current in self._macros:
            self._permanent.add(self.current)

    def delete_temporary(self) -> None:
        """Forget all macros but the permanent ones."""
        kept = {name: data for name, data in self._macros.items() if name in self._permanent}
        self.generation += len(kept) != len(self._macros)
        self._macros = kept

    def find(self, depth: int, name: int | None = None) -> bytes | None:
        """Return the macro of this number (the current one), None when there is none, or none so deep."""
        return None if depth >= MAX_DEPTH else self._macros.get(self.current if name is None else name)

    def allow(self, macro: bytes) -> bool:
        """Tell whether one more run of the macro stays within the bound, and count it."""
        executed = self._executed_octets + len(macro) + CALL_OCTETS
        if executed > FREE_OCTETS + OCTETS_EACH * self.fed_octets:
            self.overfull = True
            return False
        self._executed_octets = executed
        return True

    def remember(self, found: Found, left: State) -> None:
        """Keep what a run left that ended no page: from the same state it need not be repeated."""
        if len(self._effects) >= MAX_EFFECTS:
            self._effects.clear()
        self._effects[found] = left

    def effect(self, found: Found) -> State | None:
        """Return what a run from this state left, None when it is not known."""
        return self._effects.get(found)
