"""The queues as other machines find them: as they answer, at once, and no longer than they are served."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from ipp.advertiser import AdvertiserError
from server.admin import commands as c
from server.config import Discovery, QueueSettings
from tests.peers import dnssd as browsers
from tests.peers.bus import ServiceDiscovery
from tests.server.test_daemon import configure, running

SEEN_WITHIN_S = 15.0
ON_LOOPBACK = Discovery(interfaces=("127.0.0.1",))


async def until(
    discovery: ServiceDiscovery, kind: str, name: str, seen: Callable[[list[browsers.Service]], bool]
) -> list[browsers.Service]:
    """What avahi lists under a name, once it is as awaited."""
    deadline = time.monotonic() + SEEN_WITHIN_S
    while True:
        found = await asyncio.to_thread(browsers.browse, discovery, kind)
        found = [service for service in found if service.name == name]
        if seen(found):
            return found
        assert time.monotonic() < deadline, found


@pytest.mark.peer
async def test_a_queue_is_found_as_it_answers_and_no_longer_than_it_is_served(
    discovery: ServiceDiscovery, tmp_path: Path
) -> None:
    name = f"Hall {uuid4().hex[:8]}"
    async with running(configure(tmp_path, discovery=ON_LOOPBACK)) as daemon:
        await daemon.ask(c.AddQueue(queue=QueueSettings(name="second", info=name, location="2nd floor")))
        (found, *_) = await until(discovery, "_ipps._tcp", name, bool)
        assert found.port == daemon.port
        assert (found.txt["rp"], found.txt["note"]) == ("ipp/print/second", "2nd floor")
        async with daemon.client("/ipp/print/second") as client:
            told = await client.get_printer_attributes("printer-uuid", "printer-dns-sd-name")
        assert told.string("printer-uuid") == f"urn:uuid:{found.txt['UUID']}"
        assert told.string("printer-dns-sd-name") == name
        await until(discovery, "_universal._sub._ipp._tcp", name, bool)
        await daemon.ask(c.SetQueue(name="second", authentication="basic"))
        await until(
            discovery,
            "_ipps._tcp",
            name,
            lambda found: any(each.txt.get("air") == "username,password" for each in found),
        )
        await daemon.ask(c.RemoveQueue(name="second"))
        await until(discovery, "_ipps._tcp", name, lambda found: not found)


@pytest.mark.peer
async def test_a_name_that_is_taken_is_told_as_the_one_that_was_free(
    discovery: ServiceDiscovery, tmp_path: Path
) -> None:
    name = f"Hall {uuid4().hex[:8]}"
    first = configure(tmp_path / "a", discovery=ON_LOOPBACK)
    second = configure(tmp_path / "b", discovery=ON_LOOPBACK)
    async with running(first) as one, running(second) as other:
        await one.ask(c.AddQueue(queue=QueueSettings(name="hall", info=name)))
        await until(discovery, "_ipps._tcp", name, bool)
        await other.ask(c.AddQueue(queue=QueueSettings(name="hall", info=name)))
        await until(discovery, "_ipps._tcp", f"{name} (2)", bool)
        async with other.client("/ipp/print/hall") as client:
            told = await client.get_printer_attributes("printer-dns-sd-name")
        assert told.string("printer-dns-sd-name") == f"{name} (2)"


async def test_without_a_network_the_queues_are_served_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from server import announce as module

    class NoNetwork:
        def __init__(self, **_: object) -> None:
            raise AdvertiserError("no network address to advertise")

    monkeypatch.setattr(module, "Advertiser", NoNetwork)
    async with running(configure(tmp_path, discovery=Discovery())) as daemon:
        await daemon.print(daemon.client(user_name="ada"))
    assert "not announced on the local network: no network address" in caplog.text


async def test_a_defect_in_announcing_is_logged_and_ends_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from server import announce as module

    announcing = asyncio.Event()

    async def defective(*_: object) -> None:
        announcing.set()
        raise ZeroDivisionError

    monkeypatch.setattr(module, "_publish_all", defective)
    async with running(configure(tmp_path, discovery=ON_LOOPBACK)) as daemon:
        await announcing.wait()
        await daemon.print(daemon.client(user_name="ada"))
    assert "ZeroDivisionError" in caplog.text
