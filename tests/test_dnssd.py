"""Real browsers find our queues: avahi-browse, ippfind and driverless, on another host than the daemon's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import pytest

import ipp
from tests.peers import wire
from tests.peers.bus import ServiceDiscovery
from tests.peers.daemon import Daemon, start_daemon
from tests.peers.dnssd import (
    Host,
    Service,
    browse,
    ippfind,
    list_driverless,
    make_driverless_ppd,
    start_responder,
)
from tests.peers.process import wait_until

pytestmark = pytest.mark.peer

ADDRESS = "10.77.0.1"
Desk: TypeAlias = "tuple[Host, ServiceDiscovery]"


@pytest.fixture(scope="module")
def daemon(two_hosts: tuple[Host, Host]) -> Iterator[Daemon]:
    serving, _ = two_hosts
    with start_daemon(host=serving) as daemon:
        daemon.add_queue("office", "--authentication", "basic", "--info", "Büro (2nd floor)")
        yield daemon


@pytest.fixture(scope="module")
def desk(two_hosts: tuple[Host, Host], daemon: Daemon) -> Iterator[Desk]:
    """The host that browses, after the daemon has started."""
    _, host = two_hosts
    with start_responder(host) as discovery:
        yield host, discovery


def find(daemon: Daemon, desk: Desk, service_type: str) -> list[Service]:
    host, discovery = desk
    return [
        entry for entry in browse(discovery, service_type, prefix=host.prefix) if entry.port == daemon.port
    ]


def paths_found(daemon: Daemon, desk: Desk, service_type: str = "_ipps._tcp") -> set[str]:
    return {entry.txt["rp"] for entry in find(daemon, desk, service_type)}


def ask_from(desk: Desk, daemon: Daemon, path: str) -> ipp.Group:
    """What a queue answers to a Get-Printer-Attributes that curl sends from the desk."""
    host, _ = desk
    request = wire.ask_for_everything(f"ipps://{ADDRESS}:{daemon.port}/{path}")
    body = daemon.folder / "tmp/request.ipp"
    body.write_bytes(request)
    answer = body.with_suffix(".answer")
    host.run(
        *("curl", "--silent", "--fail", "--insecure", "--header", "Content-Type: application/ipp"),
        *("--data-binary", f"@{body}", "--output", answer, f"https://{ADDRESS}:{daemon.port}/{path}"),
    )
    return ipp.decode(answer.read_bytes()).printer


@pytest.mark.parametrize("service_type", ["_ipp._tcp", "_ipps._tcp"])
@pytest.mark.parametrize("subtype", ["", "_print._sub.", "_universal._sub."])
def test_queues_are_found_under_every_type_and_subtype(
    daemon: Daemon, desk: Desk, service_type: str, subtype: str
) -> None:
    found = find(daemon, desk, subtype + service_type)
    assert {entry.address for entry in found} == {ADDRESS}
    queues = {entry.txt["rp"]: entry for entry in found}
    assert queues.pop("ipp/print").txt["air"] == "none"
    if service_type == "_ipps._tcp":  # a password is only taken by TLS
        office = queues.pop("ipp/print/office")
        assert (office.name, office.txt["air"]) == ("Büro (2nd floor)", "username,password")
    assert queues == {}


@pytest.mark.parametrize("path", ["ipp/print", "ipp/print/office"])
def test_what_is_announced_is_what_the_printer_answers(daemon: Daemon, desk: Desk, path: str) -> None:
    [entry] = [entry for entry in find(daemon, desk, "_ipps._tcp") if entry.txt["rp"] == path]
    told = ask_from(desk, daemon, path)
    assert entry.txt["txtvers"] == "1"
    assert f"urn:uuid:{entry.txt['UUID']}" == told.string("printer-uuid")
    assert entry.txt["ty"] == told.string("printer-make-and-model")
    assert tuple(entry.txt["URF"].split(",")) == told.strings("urf-supported")
    assert set(entry.txt["pdl"].split(",")) <= set(told.strings("document-format-supported"))
    assert "application/pdf" in entry.txt["pdl"].split(",")
    assert entry.name == told.string("printer-dns-sd-name")


def test_ippfind_lists_addresses(daemon: Daemon, desk: Desk) -> None:
    host, discovery = desk
    for service_type, scheme in (("_ipp._tcp,_universal", "ipp"), ("_ipps._tcp,_print", "ipps")):
        uris = ippfind(discovery, service_type, prefix=host.prefix)
        authorities = [f"{scheme}://{name}:{daemon.port}/ipp/print" for name in ("print.local", ADDRESS)]
        assert any(uri in authorities for uri in uris), uris


def test_driverless_lists_a_queue_and_makes_its_ppd(daemon: Daemon, desk: Desk) -> None:
    host, discovery = desk
    listed = list_driverless(discovery, prefix=host.prefix)
    assert any("B%C3%BCro%20(2nd%20floor)._ipps._tcp" in uri for uri in listed), listed
    for path in ("ipp/print", "ipp/print/office"):
        uri = f"ipps://{ADDRESS}:{daemon.port}/{path}"
        assert make_driverless_ppd(discovery, uri, prefix=host.prefix).startswith("*PPD-Adobe:")


def test_a_queue_is_announced_when_it_is_added_and_no_more_when_it_is_removed(
    daemon: Daemon, desk: Desk
) -> None:
    daemon.add_queue("late")
    wait_until(lambda: "ipp/print/late" in paths_found(daemon, desk), "the new queue")
    daemon.run("queues", "remove", "late")
    wait_until(lambda: "ipp/print/late" not in paths_found(daemon, desk), "the queue to go")
    assert paths_found(daemon, desk) == {"ipp/print", "ipp/print/office"}


def test_a_daemon_that_ends_takes_its_announcements_back(daemon: Daemon, desk: Desk) -> None:
    assert paths_found(daemon, desk)
    daemon.stop()
    # A record without a goodbye lives for more than an hour.
    wait_until(lambda: not paths_found(daemon, desk), "the queues to go")
    daemon.start()
    wait_until(lambda: len(paths_found(daemon, desk)) == 2, "the queues to come back")
