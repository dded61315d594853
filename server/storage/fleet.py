"""The rows of printers (the output devices) and of queues (what people print to)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec

from ipp import Attributes
from server.errors import NotStoredError
from server.storage.scope import Scope, Text, decode_attributes, encode_attributes, from_us, to_us

_PRINTERS: Final = (
    "SELECT name, added_us, attributes, sealed, certificate, from_file FROM printers WHERE tenant = :tenant"
)
_QUEUES: Final = (
    "SELECT name, kind, printer, accepting, holding, paused, changed_us, attributes, settings FROM queues"
    " WHERE tenant = :tenant"
)


@dataclass(frozen=True, slots=True)
class Printer:
    """An output device. `uri` may hold credentials; `attributes` is what the device last told of itself.

    `certificate` is the SHA-256 of the one it showed first, in hexadecimal digits; only `pin` changes it.
    `from_file` says that the configuration file names it.
    """

    name: str
    uri: str = field(repr=False)
    added: datetime
    info: str = ""
    location: str = ""
    attributes: Attributes = field(default_factory=Attributes)
    certificate: str = ""
    from_file: bool = False


@dataclass(frozen=True, slots=True)
class Queue:
    """What people print to. `kind` is hold or direct; a direct queue delivers to `printer`.

    `attributes` are the printer attributes that operators set on it. `settings` is a JSON object that belongs
    to whoever configures queues (`server.fleet`).
    """

    name: str
    kind: str
    changed: datetime
    printer: str | None = None
    accepting: bool = True
    holding: bool = False
    paused: bool = False
    attributes: Attributes = field(default_factory=Attributes)
    settings: str = "{}"


class _Printer(msgspec.Struct, array_like=True, frozen=True):
    name: str
    added_us: int
    attributes: bytes
    sealed: bytes
    certificate: str
    from_file: int


class _Private(msgspec.Struct, array_like=True, frozen=True):
    uri: Text
    info: Text
    location: Text


class _Queue(msgspec.Struct, array_like=True, frozen=True):
    name: str
    kind: str
    printer: str | None
    accepting: int
    holding: int
    paused: int
    changed_us: int
    attributes: bytes
    settings: str


class PrinterRows:
    """The output devices of one tenant, within one transaction."""

    __slots__ = ("_scope",)

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def put(self, printer: Printer) -> None:
        """Store a printer, in place of the one of that name if there is one."""
        private = _Private(Text.of(printer.uri), Text.of(printer.info), Text.of(printer.location))
        self._scope.change(
            "INSERT INTO printers (tenant, name, added_us, attributes, sealed, from_file)"
            " VALUES (:tenant, :name, :added_us, :attributes, :sealed, :from_file)"
            " ON CONFLICT (tenant, name) DO UPDATE SET"
            " added_us = :added_us, attributes = :attributes, sealed = :sealed, from_file = :from_file",
            {
                "name": printer.name,
                "added_us": to_us(printer.added),
                "attributes": encode_attributes(printer.attributes),
                "sealed": self._scope.seal(private, "printer", printer.name),
                "from_file": int(printer.from_file),
            },
        )

    def pin(self, name: str, certificate: str) -> None:
        """Keep the fingerprint of the certificate that a printer is to show; empty: any, once more."""
        self._scope.change(
            "UPDATE printers SET certificate = :certificate WHERE tenant = :tenant AND name = :name",
            {"name": name, "certificate": certificate},
        )

    def get(self, name: str) -> Printer:
        """The printer of that name.

        Raises:
            NotStoredError: there is none.
        """
        for row in self._scope.fetch(_PRINTERS + " AND name = :name", {"name": name}, _Printer):
            return self._printer(row)
        raise NotStoredError(f"there is no printer {name}: `pullprint printers` lists them")

    def list_all(self) -> list[Printer]:
        """Every printer, by name."""
        return [self._printer(row) for row in self._scope.fetch(_PRINTERS + " ORDER BY name", {}, _Printer)]

    def remove(self, name: str) -> None:
        """Remove the printer of that name.

        Raises:
            NotStoredError: there is none.
        """
        if not self._scope.change(
            "DELETE FROM printers WHERE tenant = :tenant AND name = :name", {"name": name}
        ):
            raise NotStoredError(f"there is no printer {name}: `pullprint printers` lists them")

    def _printer(self, row: _Printer) -> Printer:
        private = self._scope.open(row.sealed, "printer", row.name, _Private)
        return Printer(
            row.name,
            private.uri.text,
            from_us(row.added_us),
            private.info.text,
            private.location.text,
            decode_attributes(row.attributes),
            row.certificate,
            bool(row.from_file),
        )


class QueueRows:
    """The queues of one tenant, within one transaction."""

    __slots__ = ("_scope",)

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def put(self, queue: Queue) -> None:
        """Store a queue, in place of the one of that name if there is one."""
        self._scope.change(
            "INSERT OR REPLACE INTO queues"
            " (tenant, name, kind, printer, accepting, holding, paused, changed_us, attributes, settings)"
            " VALUES (:tenant, :name, :kind, :printer, :accepting, :holding, :paused, :changed_us,"
            " :attributes, :settings)",
            {
                "name": queue.name,
                "kind": queue.kind,
                "printer": queue.printer,
                "accepting": int(queue.accepting),
                "holding": int(queue.holding),
                "paused": int(queue.paused),
                "changed_us": to_us(queue.changed),
                "attributes": encode_attributes(queue.attributes),
                "settings": queue.settings,
            },
        )

    def get(self, name: str) -> Queue:
        """The queue of that name.

        Raises:
            NotStoredError: there is none.
        """
        for row in self._scope.fetch(_QUEUES + " AND name = :name", {"name": name}, _Queue):
            return _queue(row)
        raise NotStoredError(f"there is no queue {name}: `pullprint queues` lists them")

    def list_all(self) -> list[Queue]:
        """Every queue, by name."""
        return [_queue(row) for row in self._scope.fetch(_QUEUES + " ORDER BY name", {}, _Queue)]

    def remove(self, name: str) -> None:
        """Remove the queue of that name; its jobs stay.

        Raises:
            NotStoredError: there is none.
        """
        if not self._scope.change(
            "DELETE FROM queues WHERE tenant = :tenant AND name = :name", {"name": name}
        ):
            raise NotStoredError(f"there is no queue {name}: `pullprint queues` lists them")


def _queue(row: _Queue) -> Queue:
    return Queue(
        row.name,
        row.kind,
        from_us(row.changed_us),
        row.printer,
        bool(row.accepting),
        bool(row.holding),
        bool(row.paused),
        decode_attributes(row.attributes),
        row.settings,
    )
