"""The rig's browsers see a real printer, on this machine and from a second host."""

from __future__ import annotations

import pytest

from tests.peers.bus import ServiceDiscovery
from tests.peers.dnssd import (
    Host,
    browse,
    ippfind,
    list_driverless,
    make_driverless_ppd,
    read_browse_output,
    start_responder,
)
from tests.peers.ippeveprinter import IppEvePrinter, start_ippeveprinter

pytestmark = pytest.mark.peer


def test_names_and_txt_records_are_read_as_their_owner_wrote_them() -> None:
    line = (
        r"=;lo;IPv4;Caf\195\169\032\0402nd\041;_ipp._tcp;local;a.local;127.0.0.1;8501;"
        '"rp=ipp/print" "ty=An = Sign" "note="'
    )
    [service] = read_browse_output(f"+;lo;IPv4;x;_ipp._tcp;local\n{line}\n")
    assert service.name == "Café (2nd)"
    assert service.port == 8501
    assert service.txt == {"rp": "ipp/print", "ty": "An = Sign", "note": ""}


def test_avahi_lists_a_printer_under_its_type_and_subtype(
    discovery: ServiceDiscovery, shared_eve_printer: IppEvePrinter
) -> None:
    for service_type in ("_ipp._tcp", "_ipps._tcp", "_universal._sub._ipp._tcp", "_print._sub._ipps._tcp"):
        found = [
            service for service in browse(discovery, service_type) if service.name == shared_eve_printer.name
        ]
        assert {service.port for service in found} == {shared_eve_printer.port}, service_type
        assert {service.txt["rp"] for service in found} == {"ipp/print"}


def test_ippfind_and_driverless_list_a_printer(
    discovery: ServiceDiscovery, shared_eve_printer: IppEvePrinter
) -> None:
    assert any(f":{shared_eve_printer.port}/" in uri for uri in ippfind(discovery, "_ipp._tcp,_universal"))
    encoded = shared_eve_printer.name.replace(" ", "%20")
    assert any(encoded in uri for uri in list_driverless(discovery))
    assert make_driverless_ppd(discovery, shared_eve_printer.uri).startswith("*PPD-Adobe:")


def test_a_second_host_finds_a_printer_over_the_cable(two_hosts: tuple[Host, Host]) -> None:
    printing, desk = two_hosts
    with (
        start_responder(printing) as near,
        start_responder(desk) as far,
        start_ippeveprinter(near, prefix=printing.prefix) as printer,
    ):
        [found] = [
            entry for entry in browse(far, "_ipp._tcp", prefix=desk.prefix) if entry.name == printer.name
        ]
        assert (found.host, found.address, found.port) == ("print.local", printing.address, printer.port)


def test_hosts_are_apart_from_the_network_of_the_machine(two_hosts: tuple[Host, Host]) -> None:
    for host in two_hosts:
        assert host.run("hostname").strip() == host.name
        links = host.run("ip", "-brief", "link").split()
        assert {link.partition("@")[0] for link in links if link.startswith(("lo", "eth"))} == {"lo", "eth0"}
        assert host.run("ip", "route", "show", "default") == ""
