"""Macros of PCL 5: captured while they are defined, kept by number, run three deep at most."""

from __future__ import annotations

from dataclasses import dataclass

from .language import Octets

__all__ = ["MacroStore", "Source"]

MAX_STORED_OCTETS = 4 * 1024 * 1024
MAX_STORED = 1024
MAX_DEPTH = 3  # of the language
MAX_EXECUTED_OCTETS = 32 * 1024 * 1024
CALL_OCTETS = 1024  # what one run costs besides its octets


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


class MacroStore:
    """The macros of a job, bounded in number and octets."""

    def __init__(self) -> None:
        self.overfull = False
        self.generation = 0  # goes up when a macro is defined or deleted
        self.current = 0
        self.defining = False
        self._octets = bytearray()
        self._cut = False  # what is defined is not kept whole
        self._macros: dict[int, bytes] = {}
        self._permanent: set[int] = set()
        self._stored_octets = 0
        self._executed_octets = 0

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
        self.generation += 1
        self._macros = {name: data for name, data in self._macros.items() if name in self._permanent}

    def run(self, depth: int, name: int | None = None) -> bytes | None:
        """Return the macro to run (the current one), None when there is none or a bound forbids it."""
        macro = self._macros.get(self.current if name is None else name)
        if macro is None or depth >= MAX_DEPTH:
            return None
        self._executed_octets += len(macro) + CALL_OCTETS
        if self._executed_octets > MAX_EXECUTED_OCTETS:
            self.overfull = True
            return None
        return macro
