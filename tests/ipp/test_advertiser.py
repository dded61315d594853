"""Printers as real browsers find them: avahi-browse and ippfind, on this machine and from another host."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from zeroconf import ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from ipp.advertiser import Advertiser, AdvertiserError, services_of
from ipp.dnssd import HTTP, IPP, IPPS, LPD, SUBTYPES, Service, services, txt_record
from ipp.message import Attributes
from ipp.registry import attribute
from tests.ipp.asking import Desk
from tests.ipp.test_everywhere import HALL, whole_answer
from tests.peers import dnssd as browsers
from tests.peers.bus import ServiceDiscovery
from tests.peers.ippeveprinter import IppEvePrinter
from tests.peers.process import find_program

pytestmark = [pytest.mark.peer, pytest.mark.asyncio(loop_scope="module")]

LOOPBACK = ["127.0.0.1"]
SEEN_WITHIN_S = 10.0


def answer_of(host: str, *, location: str = "Hall", port: int = 8631) -> Attributes:
    answer = whole_answer(replace(HALL, location=location))
    uris = (f"ipp://{host}:{port}/ipp/print/hall", f"ipps://{host}:{port}/ipp/print/hall")
    answer.put(attribute("printer-uri-supported", *uris))
    answer.put(attribute("printer-more-info", f"https://{host}:{port}/hall"))
    return answer


def unique(label: str = "Hall") -> str:
    return f"{label} {uuid4().hex[:8]}"  # other tests may advertise at the same moment


async def browse(discovery: ServiceDiscovery, service_type: str, name: str) -> list[browsers.Service]:
    found = await asyncio.to_thread(browsers.browse, discovery, service_type)
    return [service for service in found if service.name == name]


async def until(
    discovery: ServiceDiscovery,
    service_type: str,
    name: str,
    seen: Callable[[list[browsers.Service]], bool],
) -> list[browsers.Service]:
    """What avahi lists under the name, once it is as awaited. A goodbye is remembered for a second."""
    deadline = time.monotonic() + SEEN_WITHIN_S
    while not seen(found := await browse(discovery, service_type, name)):
        assert time.monotonic() < deadline, found
    return found


class Watches:
    """What avahi lists, as it changes: one avahi-browse that goes on for each type asked about.

    It tells at once what comes and goes, but not when a service that it has shown changes: see `until`.
    """

    def __init__(self, discovery: ServiceDiscovery) -> None:
        self._environment = dict(discovery.environment)
        self._running: dict[str, tuple[asyncio.subprocess.Process, asyncio.Task[None]]] = {}
        self._shown: dict[tuple[str, str], browsers.Service] = {}
        self._changed = asyncio.Condition()
        self._starting = asyncio.Lock()

    async def appears(self, service_type: str, name: str) -> browsers.Service:
        """The service of that name, once it is listed."""
        await self._wait(service_type, name, there=True)
        return self._shown[service_type, name]

    async def vanishes(self, service_type: str, name: str) -> None:
        """Wait until the name is not listed. A goodbye is remembered for a second (RFC 6762 10.1)."""
        await self._wait(service_type, name, there=False)

    async def _wait(self, service_type: str, name: str, *, there: bool) -> None:
        async with self._starting:
            if service_type not in self._running:
                await self._start(service_type)
        async with self._changed, asyncio.timeout(SEEN_WITHIN_S):
            await self._changed.wait_for(lambda: ((service_type, name) in self._shown) == there)

    async def _start(self, service_type: str) -> None:
        browser = await asyncio.create_subprocess_exec(
            *(find_program("avahi-browse"), "--parsable", "--resolve", "--no-db-lookup", service_type),
            stdout=asyncio.subprocess.PIPE,
            env=self._environment,
        )
        assert browser.stdout is not None
        self._running[service_type] = (browser, asyncio.create_task(self._read(service_type, browser.stdout)))

    async def _read(self, service_type: str, lines: asyncio.StreamReader) -> None:
        async for line in lines:
            event, rest = line[:1], line[1:].decode()
            gone = event == b"-"
            # A line that tells of an end has no place behind the name.
            for service in browsers.read_browse_output(f"={rest.strip()};;;0;" if gone else f"={rest}"):
                async with self._changed:
                    if gone:
                        self._shown.pop((service_type, service.name), None)
                    else:
                        self._shown[service_type, service.name] = service
                    self._changed.notify_all()

    async def stop(self) -> None:
        for browser, reading in self._running.values():
            browser.kill()
            await browser.wait()
            await reading


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watches(discovery: ServiceDiscovery) -> AsyncIterator[Watches]:
    running = Watches(discovery)
    yield running
    await running.stop()


@pytest.fixture(scope="module")
def host() -> str:
    return f"pullprint-{uuid4().hex[:8]}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def advertiser(host: str) -> AsyncIterator[Advertiser]:
    async with Advertiser(host=host, interfaces=LOOPBACK) as running:
        yield running


async def test_avahi_finds_a_printer_under_every_type_and_subtype(
    watches: Watches, advertiser: Advertiser, host: str
) -> None:
    name, answer = unique("Café (2nd floor)"), answer_of(advertiser.host)
    assert await advertiser.publish("hall", name, services(answer)) == name
    ports = {LPD: 0, f"_printer._sub.{HTTP}": 8631}
    for service_type in (IPP, IPPS):
        ports |= dict.fromkeys((service_type, *(f"{sub}._sub.{service_type}" for sub in SUBTYPES)), 8631)
    every = await asyncio.gather(*(watches.appears(service_type, name) for service_type in ports))
    for service_type, found in zip(ports, every, strict=True):
        place = (f"{host}.local", "127.0.0.1", ports[service_type])
        assert (found.host, found.address, found.port) == place, service_type
        if service_type.endswith((IPP, IPPS)):
            assert dict(found.txt) == txt_record(answer)


async def test_ippfind_finds_a_printer_where_it_says_it_is(
    discovery: ServiceDiscovery, advertiser: Advertiser
) -> None:
    answer = answer_of(advertiser.host)
    await advertiser.publish("hall", unique(), services(answer))
    awaited, listed = set(answer.strings("printer-uri-supported")), set[str]()
    deadline = time.monotonic() + SEEN_WITHIN_S
    while not awaited <= listed:  # it ends after its time, however far it has come on a busy machine
        assert time.monotonic() < deadline, listed
        types = ("_ipp._tcp,_universal", "_ipps._tcp,_print")
        listed |= set(await asyncio.to_thread(browsers.ippfind, discovery, *types))


async def test_a_change_reaches_those_who_look_and_keeps_the_name(
    discovery: ServiceDiscovery, watches: Watches, advertiser: Advertiser
) -> None:
    name = unique()
    await advertiser.publish("hall", name, services(answer_of(advertiser.host)))
    await watches.appears(IPP, name)
    moved = answer_of(advertiser.host, location="Kitchen", port=8632)
    assert await advertiser.publish("hall", name, services(moved)) == name
    [found] = await until(discovery, IPP, name, lambda found: [one.port for one in found] == [8632])
    assert found.txt["note"] == "Kitchen"
    [subtype] = await browse(discovery, f"_universal._sub.{IPP}", name)
    assert subtype.txt["note"] == "Kitchen"


async def test_a_service_that_ends_is_gone_and_the_others_stay(
    watches: Watches, advertiser: Advertiser
) -> None:
    name, offered = unique(), services(answer_of(advertiser.host))
    await advertiser.publish("hall", name, offered)
    await watches.appears(IPPS, name)
    await advertiser.publish("hall", name, [service for service in offered if service.type != IPPS])
    await watches.vanishes(IPPS, name)
    await watches.appears(IPP, name)
    assert await advertiser.publish("hall", name, offered) == name
    await watches.appears(f"_print._sub.{IPPS}", name)


async def test_goodbye_is_said_on_leaving_and_on_withdrawing(watches: Watches, host: str) -> None:
    first, second = unique("First"), unique("Second")
    async with Advertiser(host=host, interfaces=LOOPBACK) as advertiser:
        offered = services(answer_of(advertiser.host))
        await advertiser.publish("first", first, offered)
        await advertiser.publish("second", second, offered)
        kinds = (IPP, f"_universal._sub.{IPPS}", LPD)
        seen = (watches.appears(kind, name) for kind in kinds for name in (first, second))
        await asyncio.gather(*seen)
        await advertiser.withdraw("first")
        await advertiser.withdraw("first")
        await watches.vanishes(IPP, first)
        await watches.appears(IPP, second)
        assert advertiser.names == {"second": second}
    await asyncio.gather(*(watches.vanishes(kind, second) for kind in kinds))


async def test_a_name_that_another_machine_has_gets_a_number(
    watches: Watches, advertiser: Advertiser, caplog: pytest.LogCaptureFixture
) -> None:
    name = unique()
    await advertiser.publish("hall", name, services(answer_of(advertiser.host)))
    async with Advertiser(host=f"{advertiser.host[:-6]}-other", interfaces=LOOPBACK) as other:
        offered = services(answer_of(other.host))
        assert await other.publish("theirs", name, offered) == f"{name} (2)"
        assert f"advertised as '{name} (2)'" in caplog.text
        found = await watches.appears(IPP, f"{name} (2)")
        assert found.host == other.host
        # It keeps that name while the printer changes, though the first may have become free.
        assert await other.publish("theirs", name, offered[:2]) == f"{name} (2)"


@pytest.mark.parametrize(("theirs", "number"), [("zzz", " (2)"), ("aaa", "")])
async def test_of_two_hosts_that_did_not_hear_each_other_exactly_one_yields(
    advertiser: Advertiser, theirs: str, number: str
) -> None:
    name, offered = unique(), services(answer_of(advertiser.host))
    await advertiser.publish("hall", name, offered)
    async with AsyncZeroconf(interfaces=LOOPBACK) as other:
        # Another responder, of the kind that announces without a probe.
        kind = f"{IPP}.local."
        info = ServiceInfo(kind, f"{name}.{kind}", 9100, server=f"{theirs}.local.", parsed_addresses=LOOPBACK)
        await (await other.async_register_service(info, cooperating_responders=True))
        deadline = time.monotonic() + SEEN_WITHIN_S
        while advertiser.names.get("hall") != f"{name}{number}":
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)  # nothing more happens
        assert advertiser.names["hall"] == f"{name}{number}"
    assert await advertiser.publish("hall", name, offered) == f"{name}{number}"


async def test_two_hosts_that_start_in_the_same_moment_end_with_two_names(host: str) -> None:
    name = unique()
    async with (
        Advertiser(host=f"{host}-one", interfaces=LOOPBACK) as one,
        Advertiser(host=f"{host}-two", interfaces=LOOPBACK) as two,
    ):
        await asyncio.gather(
            *(each.publish("hall", name, services(answer_of(each.host))) for each in (one, two))
        )
        deadline = time.monotonic() + SEEN_WITHIN_S
        while {each.names.get("hall") for each in (one, two)} != {name, f"{name} (2)"}:
            assert time.monotonic() < deadline, (one.names, two.names)
            await asyncio.sleep(0.05)


async def test_a_real_printer_keeps_its_name(
    shared_eve_printer: IppEvePrinter, advertiser: Advertiser
) -> None:
    offered = services(answer_of(advertiser.host))
    assert (
        await advertiser.publish("hall", shared_eve_printer.name, offered) == f"{shared_eve_printer.name} (2)"
    )


async def test_avahi_takes_another_name_than_ours(
    discovery: ServiceDiscovery, advertiser: Advertiser
) -> None:
    name = unique()
    await advertiser.publish("hall", name, services(answer_of(advertiser.host)))
    publisher = await asyncio.create_subprocess_exec(
        *(find_program("avahi-publish"), "--service", name, IPP, "9100"),
        stderr=asyncio.subprocess.PIPE,
        env=dict(discovery.environment),
    )
    try:
        assert publisher.stderr is not None
        told = await asyncio.wait_for(publisher.stderr.readline(), 10)
        assert b"collision" in told.lower()
        told = await asyncio.wait_for(publisher.stderr.readline(), 10)
        assert f"{name} #2".encode() in told
    finally:
        publisher.kill()
        await publisher.wait()
    assert advertiser.names["hall"] == name


async def test_queues_of_one_name_are_told_apart(advertiser: Advertiser) -> None:
    name, offered = unique(), services(answer_of(advertiser.host))
    names = await asyncio.gather(*(advertiser.publish(key, name, offered) for key in "abc"))
    assert names == [name, f"{name} (2)", f"{name} (3)"]
    assert await advertiser.publish("b", unique("Other"), offered) != names[1]
    assert await advertiser.publish("d", name.upper(), offered) == f"{name.upper()} (2)"


async def test_the_defended_name_is_respected_too(advertiser: Advertiser) -> None:
    name = unique()
    await advertiser.publish("lpd", name, [Service(LPD, 0)])
    async with Advertiser(host="elsewhere", interfaces=LOOPBACK) as other:
        taken = await other.publish("hall", name, services(answer_of(other.host)))
    assert taken == f"{name} (2)"


async def test_what_is_advertised_is_what_the_printer_tells_each_client(desk: Desk) -> None:
    offered = await services_of(desk.printer, "print.local:8631/ipp/print/hall")
    by_type = {service.type: service for service in offered}
    assert (by_type[IPP].port, by_type[IPPS].port, by_type[HTTP].port) == (8631, 8631, 8631)
    for kind, scheme in ((IPP, "http"), (IPPS, "https")):
        assert by_type[kind].txt["adminurl"].startswith(f"{scheme}://print.local:8631/")
        assert by_type[kind].txt["rp"] == "ipp/print/hall"
        assert by_type[kind].txt["UUID"] == str(desk.printer.attributes.string("printer-uuid")).removeprefix(
            "urn:uuid:"
        )


async def test_publishing_that_is_given_up_leaves_nothing_behind(
    watches: Watches, advertiser: Advertiser
) -> None:
    name, offered = unique(), services(answer_of(advertiser.host))
    given_up = asyncio.create_task(advertiser.publish("other", name, offered))
    await asyncio.sleep(0.3)  # it is asking whether the name is free
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert "other" not in advertiser.names
    assert await advertiser.publish("other", name, offered) == name
    await watches.appears(IPP, name)
    await advertiser.withdraw("other")


async def test_dots_in_a_name_do_not_end_it(watches: Watches, advertiser: Advertiser) -> None:
    name = await advertiser.publish("hall", unique("No. 5"), services(answer_of(advertiser.host)))
    assert name.startswith("No\N{ONE DOT LEADER} 5")
    await watches.appears(f"_print._sub.{IPP}", name)


async def test_a_name_too_long_is_cut(advertiser: Advertiser) -> None:
    name = await advertiser.publish("hall", "ü" * 40 + uuid4().hex, services(answer_of(advertiser.host)))
    assert name == "ü" * 31


async def test_a_host_name_answered_for_by_this_machine_is_left_to_its_responder(
    discovery: ServiceDiscovery,
    watches: Watches,
) -> None:
    if not discovery.host_name:
        pytest.skip("the machine's own responder does not tell its host name on loopback")
    async with Advertiser(host=discovery.host_name, interfaces=LOOPBACK) as advertiser:
        assert advertiser.host == discovery.host_name
        name = await advertiser.publish("hall", unique(), services(answer_of(advertiser.host)))
        found = await watches.appears(IPP, name)
        assert (found.host, found.address) == (discovery.host_name, "127.0.0.1")


async def test_a_host_name_of_another_machine_gets_a_number(discovery: ServiceDiscovery) -> None:
    if not discovery.host_name:
        pytest.skip("the machine's own responder does not tell its host name on loopback")
    async with Advertiser(
        host=discovery.host_name, addresses=["192.0.2.7"], interfaces=LOOPBACK
    ) as advertiser:
        assert advertiser.host == f"{discovery.host_name.removesuffix('.local')}-2.local"


async def test_a_host_name_of_the_dns_is_taken_as_it_is() -> None:
    async with Advertiser(host="Print.Example.COM.", interfaces=LOOPBACK) as advertiser:
        assert advertiser.host == "print.example.com"


async def test_a_machine_without_an_address_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ifaddr.get_adapters", list)  # a machine without a network cannot be had here
    with pytest.raises(AdvertiserError, match="no network address"):
        await Advertiser().__aenter__()


async def test_an_advertiser_is_used_within_its_context() -> None:
    with pytest.raises(AdvertiserError, match="async with"):
        await Advertiser(interfaces=LOOPBACK).publish("hall", "Hall", [Service(LPD, 0)])


ADVERTISE = """
import asyncio, json, sys
from ipp.advertiser import Advertiser
from ipp.dnssd import services
from tests.ipp.test_advertiser import answer_of

async def main():
    async with Advertiser() as advertiser:
        name = await advertiser.publish("hall", "Hall", services(answer_of(advertiser.host)))
        print(json.dumps([advertiser.host, name]), flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            await advertiser.refresh()

asyncio.run(main())
"""


async def test_a_second_host_finds_the_printer_by_the_host_name_and_the_cable() -> None:
    await asyncio.to_thread(look_from_a_second_host)


def look_from_a_second_host() -> None:
    with browsers.start_hosts("print", "desk") as (printing, desk), browsers.start_responder(desk) as far:
        with subprocess.Popen(
            [*printing.prefix, sys.executable, "-c", ADVERTISE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        ) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            assert json.loads(child.stdout.readline()) == ["print.local", "Hall"]
            for service_type in (IPP, f"_universal._sub.{IPPS}"):
                [found] = browsers.browse(far, service_type, prefix=desk.prefix)
                assert (found.name, found.host, found.address) == ("Hall", "print.local", printing.address)
            # The machine gets another address.
            for change in (("delete", f"{printing.address}/24"), ("add", "10.77.0.9/24")):
                printing.run("ip", "address", *change, "dev", browsers.CABLE)
            printing.run("ip", "route", "replace", "224.0.0.0/4", "dev", browsers.CABLE)
            child.stdin.write(b"look again\n")
            child.stdin.flush()
            deadline = time.monotonic() + SEEN_WITHIN_S
            while {one.address for one in browsers.browse(far, IPP, prefix=desk.prefix)} != {"10.77.0.9"}:
                assert time.monotonic() < deadline
            listed = browsers.ippfind(far, "_ipps._tcp,_print", wait_s=6, prefix=desk.prefix)
            assert listed == ["ipps://print.local:8631/ipp/print/hall"]
            child.stdin.close()
            assert child.wait(10) == 0
        deadline = time.monotonic() + SEEN_WITHIN_S
        while browsers.browse(far, IPP, prefix=desk.prefix):
            assert time.monotonic() < deadline


async def test_the_example_advertises_until_it_is_interrupted(watches: Watches, host: str) -> None:
    name = unique("Example")
    example = await asyncio.create_subprocess_exec(
        *(sys.executable, "examples/advertise.py", name, "--port", "8633", "--location", "By the stairs"),
        *("--monochrome", "--host", f"{host}-example", "--interface", "127.0.0.1"),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert example.stdout is not None
    told = (await example.stdout.readline()).decode()
    assert told == f"{name} is at ipps://{host}-example.local:8633/ipp/print, Ctrl-C ends it\n"
    found = await watches.appears(f"_universal._sub.{IPPS}", name)
    await watches.appears(IPPS, name)
    assert (found.host, found.port) == (f"{host}-example.local", 8633)
    assert (found.txt["note"], found.txt["Color"], found.txt["rp"]) == ("By the stairs", "F", "ipp/print")
    example.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(example.wait(), 10) == 0
    await watches.vanishes(IPPS, name)
