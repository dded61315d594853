"""Printers and queues are kept as they were put, by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ipp import Attribute, Attributes, Tag
from server.errors import NotStoredError
from server.storage.fleet import Printer, Queue
from server.storage.index import Index
from tests.server.storage.conftest import NOW

ATTRIBUTES = Attributes([Attribute.of("printer-location", Tag.TEXT, "3rd floor")])
PRINTER = Printer("third", "ipps://user:secret@10.0.0.3/ipp/print", NOW, "Big one", "3rd floor", ATTRIBUTES)
QUEUE = Queue("park", "hold", NOW, None, True, False, True, ATTRIBUTES)


async def test_printers_are_put_replaced_listed_and_removed(index: Index) -> None:
    other = Printer("first", "socket://10.0.0.1", NOW)
    await index.write(lambda t: t.printers.put(PRINTER))
    await index.write(lambda t: t.printers.put(other))
    assert await index.read(lambda t: t.printers.list_all()) == [other, PRINTER]
    assert "secret" not in repr(PRINTER)
    moved = replace(PRINTER, location="cellar")
    await index.write(lambda t: t.printers.put(moved))
    assert await index.read(lambda t: t.printers.get("third")) == moved
    await index.write(lambda t: t.printers.remove("third"))
    with pytest.raises(NotStoredError, match="no printer third"):
        await index.read(lambda t: t.printers.get("third"))
    with pytest.raises(NotStoredError, match="no printer third"):
        await index.write(lambda t: t.printers.remove("third"))


async def test_a_pinned_certificate_stays_when_the_printer_is_put_again(index: Index) -> None:
    await index.write(lambda t: t.printers.put(PRINTER))
    await index.write(lambda t: t.printers.pin("third", "ab" * 32))
    await index.write(lambda t: t.printers.put(replace(PRINTER, info="Bigger one")))
    assert (await index.read(lambda t: t.printers.get("third"))).certificate == "ab" * 32
    await index.write(lambda t: t.printers.pin("third", ""))
    assert await index.read(lambda t: t.printers.get("third")) == replace(PRINTER, info="Bigger one")


async def test_queues_are_put_replaced_listed_and_removed(index: Index) -> None:
    direct = Queue("direct", "direct", NOW, "third", False, True)
    await index.write(lambda t: t.queues.put(QUEUE))
    await index.write(lambda t: t.queues.put(direct))
    assert await index.read(lambda t: t.queues.list_all()) == [direct, QUEUE]
    resumed = replace(QUEUE, paused=False)
    await index.write(lambda t: t.queues.put(resumed))
    assert await index.read(lambda t: t.queues.get("park")) == resumed
    await index.write(lambda t: t.queues.remove("park"))
    with pytest.raises(NotStoredError, match="no queue park"):
        await index.read(lambda t: t.queues.get("park"))
    with pytest.raises(NotStoredError, match="no queue park"):
        await index.write(lambda t: t.queues.remove("park"))
