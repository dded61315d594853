"""The queues and the printers there are: those of the configuration file, and those that commands made.

All of them are rows of the index, so that whatever works with jobs finds them there; the file's are written
there at each start, and commands leave them alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

import msgspec

from ipp import Attributes, LocalProtocolError
from ipp.spool import Clock, utc_now
from ipp.trust import normal_fingerprint
from server.config import (
    FIRST_QUEUE,
    Authentication,
    Config,
    PrinterSettings,
    QueueKind,
    QueueSettings,
    ReleaseAction,
    check_printer,
    check_queue,
)
from server.errors import NotStoredError, PullprintError
from server.storage.fleet import Printer, Queue
from server.storage.index import Index, Transaction
from server.storage.ledger import Event, Json

_log: Final = logging.getLogger(__name__)

BY_FILE: Final = "configuration"


class FleetError(PullprintError):
    """A queue or printer cannot be added, changed or removed; the text says why and what to do."""


class _Stored(msgspec.Struct, frozen=True):
    """What a queue's row keeps besides its columns. Later versions add fields with a default."""

    authentication: Authentication = "none"
    release: ReleaseAction = "owner-authorized"
    info: str = ""
    location: str = ""
    default: bool = False
    from_file: bool = False


class Fleet:
    """The queues and printers, as they are now. The daemon that has it is the one that changes them."""

    def __init__(self, index: Index, config: Config, clock: Clock = utc_now) -> None:
        """Use `Fleet.open`."""
        self._index = index
        self._clock = clock
        self._file_queues = {queue.name: queue for queue in config.queues}
        self._file_printers = {printer.name: printer for printer in config.printers}
        self._changing = asyncio.Lock()
        self._queues: dict[str, QueueSettings] = {}
        self._printers: dict[str, PrinterSettings] = {}

    @classmethod
    async def open(cls, index: Index, config: Config, clock: Clock = utc_now) -> Fleet:
        """The fleet of an index, brought into line with the file; with a first queue where there is none.

        Raises:
            FleetError: a queue of the file delivers to a printer that is not there.
        """
        fleet = cls(index, config, clock)
        await index.write(fleet._follow_file)
        await fleet._read()
        return fleet

    @property
    def queues(self) -> Mapping[str, QueueSettings]:
        """The queues by name."""
        return MappingProxyType(self._queues)

    @property
    def printers(self) -> Mapping[str, PrinterSettings]:
        """The printers by name."""
        return MappingProxyType(self._printers)

    @property
    def default(self) -> QueueSettings | None:
        """The queue at /ipp/print: the one that says so, or the first by name; None where there is none."""
        chosen = [queue for queue in self._queues.values() if queue.default]
        return next(iter(chosen), None) or next(iter(self._queues.values()), None)

    def is_from_file(self, settings: QueueSettings | PrinterSettings) -> bool:
        """Whether it stands in the configuration file."""
        own = self._file_queues if isinstance(settings, QueueSettings) else self._file_printers
        return settings.name in own

    def queue(self, name: str) -> QueueSettings:
        """The queue of that name. Raises FleetError where there is none."""
        if name not in self._queues:
            raise FleetError(f"there is no queue {name!r}: `pullprint queues list` shows those there are")
        return self._queues[name]

    def printer(self, name: str) -> PrinterSettings:
        """The printer of that name. Raises FleetError where there is none."""
        if name not in self._printers:
            raise FleetError(f"there is no printer {name!r}: `pullprint printers list` shows those there are")
        return self._printers[name]

    async def add_queue(self, queue: QueueSettings, by: str) -> None:
        """A new queue; where it is the default, no other is any more."""
        async with self._changing:
            if queue.name in self._queues:
                raise FleetError(
                    f"there is a queue {queue.name!r} already: `pullprint queues set` changes it"
                )
            await self._put_queue(queue, "queue-added", by)

    async def change_queue(self, queue: QueueSettings, by: str) -> None:
        """Other settings for a queue. Its state and what operators set on it stay."""
        async with self._changing:
            self._check_ours(self.queue(queue.name))
            await self._put_queue(queue, "queue-changed", by)

    async def remove_queue(self, name: str, by: str) -> None:
        """Take a queue away. Its jobs stay, and can be released or canceled by command."""
        async with self._changing:
            queue = self.queue(name)
            self._check_ours(queue)
            if queue == self.default:
                raise FleetError(f"queue {name!r} is the default: make another one the default first")

            def change(t: Transaction) -> None:
                t.queues.remove(name)
                t.record(Event("queue-removed", self._clock(), by, subject=name))

            await self._write(change)

    async def add_printer(
        self, printer: PrinterSettings, by: str, attributes: Attributes | None = None
    ) -> None:
        """A new printer, with what it told of itself."""
        async with self._changing:
            check_printer(printer)
            if printer.name in self._printers:
                raise FleetError(f"there is a printer {printer.name!r} already: choose another name")
            row = Printer(
                printer.name,
                printer.uri,
                self._clock(),
                printer.info,
                printer.location,
                attributes or Attributes(),
            )

            def change(t: Transaction) -> None:
                t.printers.put(row)
                t.record(Event("printer-added", row.added, by, subject=printer.name))

            await self._write(change)

    async def learn(self, name: str, attributes: Attributes, by: str) -> None:
        """Keep what a printer told of itself."""
        self.printer(name)

        def change(t: Transaction) -> None:
            t.printers.put(replace(t.printers.get(name), attributes=attributes))
            t.record(Event("printer-probed", self._clock(), by, subject=name))

        await self._write(change)

    async def row(self, name: str) -> Printer:
        """A printer with what it last told of itself and the certificate it is held to."""
        self.printer(name)
        return await self._index.read(lambda t: t.printers.get(name))

    async def told(self, name: str) -> Attributes:
        """What a printer last told of itself; nothing where it was never asked."""
        return (await self.row(name)).attributes

    async def trust(self, name: str, certificate: str, by: str) -> None:
        """Hold a printer to this certificate from now on; empty: to the next one that it shows.

        Raises:
            FleetError: that is no SHA-256 fingerprint.
        """
        self.printer(name)
        try:
            digits = normal_fingerprint(certificate) if certificate else ""
        except LocalProtocolError as error:
            raise FleetError(str(error)) from error

        def change(t: Transaction) -> None:
            t.printers.pin(name, digits)
            payload: dict[str, Json] = {"certificate": digits}
            t.record(Event("printer-certificate-changed", self._clock(), by, subject=name, payload=payload))

        await self._write(change)

    async def remove_printer(self, name: str, by: str) -> None:
        """Take a printer away, if no queue delivers to it."""
        async with self._changing:
            self._check_ours(self.printer(name))
            users = [queue.name for queue in self._queues.values() if queue.printer == name]
            if users:
                raise FleetError(
                    f"queue {users[0]!r} delivers to printer {name!r}: change or remove that first"
                )

            def change(t: Transaction) -> None:
                t.printers.remove(name)
                t.record(Event("printer-removed", self._clock(), by, subject=name))

            await self._write(change)

    def _check_ours(self, settings: QueueSettings | PrinterSettings) -> None:
        if self.is_from_file(settings):
            raise FleetError(f"{settings.name!r} is in the configuration file: change it there and restart")

    async def _put_queue(self, queue: QueueSettings, kind: str, by: str) -> None:
        check_queue(queue)
        if queue.printer:
            self.printer(queue.printer)
        if queue.default and any(each.default for each in self._file_queues.values()):
            raise FleetError("the configuration file says which queue is the default: change it there")
        if self.default is not None and queue.name == self.default.name:
            queue = msgspec.structs.replace(queue, default=True)

        def change(t: Transaction) -> None:
            _store(t, queue, self._clock, from_file=False)
            if queue.default:
                _drop_other_defaults(t, queue.name)
            payload: dict[str, Json] = {
                "kind": queue.kind,
                "authentication": queue.authentication,
                "default": queue.default,
            }
            t.record(Event(kind, self._clock(), by, subject=queue.name, payload=payload))

        await self._write(change)

    async def _write(self, change: Callable[[Transaction], None]) -> None:
        await self._index.write(change)
        await self._read()

    async def _read(self) -> None:
        queues, printers = await self._index.read(lambda t: (t.queues.list_all(), t.printers.list_all()))
        self._queues = {row.name: _settings(row) for row in queues}
        self._printers = {
            row.name: PrinterSettings(name=row.name, uri=row.uri, info=row.info, location=row.location)
            for row in printers
        }

    def _follow_file(self, t: Transaction) -> None:
        """What the file says comes into the index; what it said before and says no longer goes out."""
        changed = False
        for row in t.printers.list_all():
            if row.from_file and row.name not in self._file_printers:
                t.printers.remove(row.name)
                changed = True
        for printer in self._file_printers.values():
            changed |= _store_printer(t, printer, self._clock)
        for queue_row in t.queues.list_all():
            if _stored(queue_row).from_file and queue_row.name not in self._file_queues:
                t.queues.remove(queue_row.name)
                changed = True
        for queue in self._file_queues.values():
            changed |= _store(t, queue, self._clock, from_file=True)
            if queue.default:
                _drop_other_defaults(t, queue.name)
        if not t.queues.list_all():
            changed |= _store(t, FIRST_QUEUE, self._clock, from_file=False)
        _check_printers(t)
        if changed:
            t.record(Event("configuration-read", self._clock(), BY_FILE))


def _check_printers(t: Transaction) -> None:
    printers = {row.name for row in t.printers.list_all()}
    for queue in t.queues.list_all():
        if queue.printer and queue.printer not in printers:
            raise FleetError(
                f"queue {queue.name!r} delivers to printer {queue.printer!r}, which is not there: "
                "add it to the configuration file"
            )


def _stored(row: Queue) -> _Stored:
    return msgspec.json.decode(row.settings or "{}", type=_Stored)


def _settings(row: Queue) -> QueueSettings:
    stored = _stored(row)
    kind: QueueKind = "direct" if row.kind == "direct" else "hold"
    return QueueSettings(
        name=row.name,
        kind=kind,
        printer=row.printer or "",
        authentication=stored.authentication,
        release=stored.release,
        info=stored.info,
        location=stored.location,
        default=stored.default,
    )


def _store(t: Transaction, queue: QueueSettings, clock: Clock, *, from_file: bool) -> bool:
    """Write a queue's settings into its row; say whether that changed anything."""
    stored = _Stored(
        authentication=queue.authentication,
        release=queue.release,
        info=queue.info,
        location=queue.location,
        default=queue.default,
        from_file=from_file,
    )
    try:
        before = t.queues.get(queue.name)
    except NotStoredError:
        before = Queue(queue.name, queue.kind, clock())
    settings = msgspec.json.encode(stored).decode()
    row = replace(before, kind=queue.kind, printer=queue.printer or None, settings=settings)
    if row == before:
        return False
    t.queues.put(replace(row, changed=clock()))
    return True


def _store_printer(t: Transaction, printer: PrinterSettings, clock: Clock) -> bool:
    try:
        before = t.printers.get(printer.name)
    except NotStoredError:
        before = Printer(printer.name, "", clock())
    row = replace(before, uri=printer.uri, info=printer.info, location=printer.location, from_file=True)
    if row.uri != before.uri:
        row = replace(row, attributes=Attributes())
    if row == before:
        return False
    t.printers.put(row)
    if row.uri != before.uri:
        t.printers.pin(printer.name, "")  # what is there now may show another certificate
    return True


def _drop_other_defaults(t: Transaction, name: str) -> None:
    for row in t.queues.list_all():
        stored = _stored(row)
        if row.name != name and stored.default:
            other = msgspec.json.encode(msgspec.structs.replace(stored, default=False)).decode()
            t.queues.put(replace(row, settings=other))
